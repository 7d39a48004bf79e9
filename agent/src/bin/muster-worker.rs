//! `muster-worker`: carries out one work order, and exits.
fn main() {}
