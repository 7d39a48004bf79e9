//! Muster's agent. Two processes, because one faces the network and the other holds the keys to the house:
//!
//! - the **resident** (`muster-agent run`) is small, unprivileged and always there: it collects ([`collect`]), adds up
//!   ([`rollup`]), keeps ([`spool`]) and reports ([`link`]), and hands work orders over ([`orders`]);
//! - the **worker** (`muster-worker`) is started for one order, trusts nothing of the resident, carries the order
//!   out ([`worker`]) within the local [`policy`], and exits;
//! - the **front** (`muster-front`) is there while services are handed over on this host, and stands before them ([`front`]).
//!
//! The agent listens on no port of its own (the ports that the front listens on are the services'), and has no shell for
//! anyone.

pub mod cloud;
pub mod collect;
pub mod config;
pub mod doctor;
pub mod facts;
pub mod front;
pub mod identity;
pub mod link;
pub mod orders;
pub mod policy;
pub mod resident;
pub mod rollup;
pub mod said;
pub mod spool;
pub mod status;
pub mod supervise;
pub mod tail;
pub mod worker;
