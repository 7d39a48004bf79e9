//! The agents' door: QUIC endpoint, sessions, who is connected, streams. The only room that knows quinn.
//!
//! One UDP port serves two protocols, told apart by ALPN. `muster-join/1` is for hosts-to-be: the server shows its
//! certificate, the client a join token. `muster/1` is for hosts: certificates on both ends, verified on each handshake
//! (chain, role, name, revocation).
//!
//! States of a session: *handshake* → *hello* (the host is looked up, versions are agreed) → *open* → *ended*. A host
//! has one session at most: a newer one takes the older one's place in the registry, and the older one is told
//! `Replaced`. Entries are removed by session id, so an old session's clean-up can't remove a newer one.
//!
//! Presence is derived from the sessions: `online`; `degraded` when connected but silent for three sample intervals;
//! `offline` without a session. The idle timeout is 10 s, so a host that is gone is known within 15 s.
//!
//! Fails how: an agent that breaks the protocol is told `ProtocolError` and cut off; garbage from strangers costs a
//! handshake at most, of which a bounded number are under way. When the database is slow, reports are not read, and
//! QUIC's flow control holds the agents back. Nothing is acknowledged before it is committed.
//!
//! A third protocol, `muster-peer/1`, is for control planes on the same database: a tail of a host that is connected elsewhere
//! goes through the one that has it ([`open_tail`]), with certificates that say *control plane* on both ends.
//!
//! An agent may open one more stream, to ask for the bytes of a file that an order puts onto its host ([`crate::files`]).
//!
//! Tables: none. Everything here is in memory and made anew by the agents coming back. What the registry knows of hosts that are
//! connected to other control planes on the same database, [`crate::peers`] reads for it; orders go to hosts here only.
//!
//! Invariants
//! - A removed host has no session: [`Links::revoke`] bars it first and cuts it off then, and each new session asks
//!   both the bar and the database after its handshake.
//! - An order's stream that is dropped before [`OrderStream::settle`] is reset, so that an agent never mistakes it
//!   for stored.

mod bytes;
mod door;
mod error;
mod joining;
mod peer;
mod registry;
mod reports;
mod seats;
mod session;
mod streams;
#[cfg(test)]
pub(crate) mod tests;
mod transport;

use muster_base::HostId;
use muster_protocol::latest::TailRequest;

pub(crate) use self::{
    door::look_for_removed,
    registry::{Elsewhere, Here},
};
pub use self::{
    door::start,
    error::LinkError,
    registry::{LinkEvent, Links, Presence, Status},
    streams::{OrderStream, TailStream},
};
use crate::app::App;

/// Asks the host for live data, until the stream is dropped; through another control plane if that one has the host.
pub async fn open_tail(app: &App, host: HostId, request: TailRequest) -> Result<TailStream, LinkError> {
    match app.links.open_tail(host, request.clone()).await {
        Err(LinkError::Offline(_)) => match app.links.elsewhere_of(host) {
            Some(elsewhere) => Box::pin(peer::open_tail(app, host, elsewhere.plane, request)).await,
            None => Err(LinkError::Offline(host)),
        },
        opened => opened,
    }
}
