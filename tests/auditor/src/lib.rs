//! What is true after something was killed. An auditor that asks nobody who was there: it reads the databases, the
//! container engine and the journals by itself, with SQL of its own, and shares no code with the programs but the
//! formats of stored bytes.
//!
//! | module | audits |
//! |---|---|
//! | [`points`] | nothing: it says at which named point a program dies, and hears what programs tell |
//! | [`database`] | nothing: it is how the control plane's tables are read |
//! | [`orders`] | a deployment or execution, its work order, and what the host's journals say of it |
//! | [`rollouts`] | a rollout: its hosts, their orders, and what is said of each |
//! | [`tickets`] | a ticket that was approved: its votes, and the release that they made |
//! | [`containers`] | which containers there are on the host |
//! | [`files`] | that a file has its bytes, and that each object of the storage is known |
//! | [`readings`] | that each sample and rollup is there once |
//! | [`log`] | that the audit log's chain holds |

pub mod containers;
pub mod database;
pub mod files;
pub mod log;
pub mod orders;
pub mod points;
pub mod readings;
pub mod rollouts;
pub mod tickets;

pub use containers::Containers;
pub use database::Database;
pub use points::Points;
