//! The local policy file: what this host never does, whoever asks.
