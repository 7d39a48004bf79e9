//! A fleet in one process: many simulated agents that join, connect, report and answer orders as real ones do.
//!
//! Real are the QUIC connections, the certificates (each host joins at the real door with a real token), the frames, the
//! timing (samples at round times, bounded numbers of reports on their way, full-jitter back-off), and the checks of
//! an order's signature. Simulated are the readings ([`Readings`]) and the spool, which is memory here, and nothing is
//! ever really done.
//!
//! The agent's own link is not used: it keeps a status file, reads the machine's facts and has a socket for
//! each host, which is right for one host and too much for thousands. What both have in common is `shared/`.
//!
//! An agent may be one of an older release ([`SimulatedFleet::join_as`]): it offers what that release offered, writes as that
//! wrote, and takes nothing that that could not read.
//!
//! Fifty hosts share a socket and with it an address of the loopback network, as hosts behind one router do.
//!
//! The auditor ([`audit()`]) keeps its own [`Books`]: they are written where samples are taken and where acknowledgements
//! arrive, know nothing of batches and retries, and are compared with what the API answers.
//!
//! [`BadPeers`] are the opposite: whoever means no good, at both of a control plane's ports.

mod agent;
mod audit;
mod bad;
mod books;
mod fleet;
mod gate;
mod join;
mod memory;
mod orders;
mod readings;
mod release;
mod session;

pub use audit::{Audit, audit};
pub use bad::{BadPeers, Deeds};
pub use books::{Books, Taken};
pub use fleet::{Options, SimulatedFleet};
pub use orders::{Deed, Did, Started};
pub use readings::Readings;
