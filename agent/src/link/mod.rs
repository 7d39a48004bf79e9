//! The way to the control plane: one QUIC connection, kept up for as long as the agent runs. The only room that
//! knows quinn.
//!
//! - **connect**: address from the join, certificates on both ends, full-jitter back-off between attempts.
//! - **control**: `Hello` → `Welcome`, then acknowledgements, settings, renewals.
//! - **reports**: asks the [`ReportSource`] for batches and sends them; at most [`MAX_UNACKNOWLEDGED`] are on their
//!   way. Nothing is forgotten before its acknowledgement: a new session begins with what the last one left open.
//! - **orders** and **tails**: streams that the control plane opens are handed to the rooms that serve them through
//!   [`Ports`]; each has a stream of its own, so nothing waits behind anything else.
//!
//! Fails how: whatever ends a session, the link comes back by itself. Only `Goodbye::Revoked` (the host was removed)
//! ends it for good, since no later attempt can succeed.

mod ports;

pub use ports::{
    IncomingOrder, IncomingTail, MAX_UNACKNOWLEDGED, NoReports, OrderRequest, Ports, ReportSource,
};
