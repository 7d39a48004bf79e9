//! The agents' door: QUIC endpoint, sessions, who is connected, streams. The only room that knows quinn.
