//! The worker: carries out one order with the privileges it takes, and exits.
pub mod deploy;
pub mod docker;
pub mod events;
pub mod lane;
pub mod secrets;
pub mod wire;
