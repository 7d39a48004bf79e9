//! Containers that are there: all of the fleet's in one list, starting and stopping them, reading their logs.
//!
//! What the hosts' engines said of them last is [`crate::telemetry`]'s; this room has no tables of its own. What is done
//! with one is a work order like any other ([`crate::work`]): signed, sent to its host, journalled there, done once, and the
//! host's own policy file (`containers.actions`) has the last word.
//!
//! # An action's way
//! asked for → an order, with an audit row, in one transaction → the host: look, stop, start, settle → done, or failed with
//! what state the container is in; an audit row says so. It is for now, not for later: an order that has not reached its
//! host's turn within [`ORDER_LASTS_MS`] expires, and nothing is done.
//!
//! # A log's way
//! asked for → a wish to read, signed like an order but with no number, since it changes nothing → a stream to the host's
//! agent → its worker checks the wish and the policy (`containers.logs`) → lines, as they come, to whoever asked. Nothing is
//! stored here. A slow reader holds up the host's worker; the stream ends when the reader goes, when the permission does
//! (within a second), or after a quarter of an hour, with a word that more is to be had after the last line.
//!
//! # Who
//! `container:operate` and `containerLog:read`, each on the host; of a container that Muster deployed also on its application
//! in its environment. One that belongs to no application is out of reach for whoever is narrowed to applications. The list
//! needs `telemetry:read` on the host, and says of each container what else the caller may.
//!
//! # What fails, and what happens then
//! - The host is not connected, or its agent is too old to know of this: refused before an order is made.
//! - A deployment of the container's application in its environment is under way: refused; it holds the place. What comes
//!   between is held apart on the host, where one order at a time works on the engine.
//! - The container is gone: not found; if it goes after that, the order fails and says so.
//! - The host's policy forbids it: the order says which rule, and what its administrator would write.

mod action;
mod api;
mod error;
mod list;
mod log;
mod order;
mod target;
#[cfg(test)]
pub(crate) mod tests;

pub use self::{api::router, error::ContainersError, order::register};

use muster_base::UnixMs;

/// An action that does not begin within this time is not done any more: nobody waits for it.
const ORDER_LASTS_MS: i64 = 2 * UnixMs::MINUTE;
