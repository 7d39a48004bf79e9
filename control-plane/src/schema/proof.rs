//! Proof before approval: a published change is run on a scratch database beside its target, and what comes of it is compared
//! with what is designed, before anyone approves it.
//!
//! For each server of a ticket there is at most one proof, wanted by somebody ([`ask`]) or by the environment's policy when the
//! ticket was opened ([`ProofRule`]), and made by a task of whichever control plane takes it ([`proof_run`](super::proof_run)):
//!
//! | state | means |
//! |---|---|
//! | `wanted` | nobody has taken it yet |
//! | `running` | the agent is at it; taken anew if nothing is heard for [`STALE_MS`] |
//! | `proven` | from what was there the change makes exactly what is designed, and its way back makes it as it was |
//! | `notProven` | it does not; which statement failed, or what is different |
//! | `untried` | it could not be tried, and why: no right to make databases, a host that is away, a policy that says no, SQL that no design knows |
//!
//! A proof carries a **fingerprint** of what was tried: the statements, the way back, and what they start from. Where what is there has
//! moved since, the fingerprint is another one and the proof counts for nothing, here and on the page. A ticket's own SQL never changes;
//! one that corrects it is another ticket, without a proof.
//!
//! # Who
//! Whoever may propose or approve, and reaches the ticket and its servers. Everybody who reads the ticket sees what came of it.
//!
//! # What fails
//! A ticket that is decided (409), SQL that was proposed as text (409: there is no design to compare with), a proof that is running
//! (409). Where the policy says `required`, approving what is published and not proven (409); SQL as text is approved without.
//!
//! # Invariants
//! - No row of a target is read for it, and nothing of a target is changed.
//! - What nobody has approved runs nowhere but on a scratch database, and only where the host's own policy says so.

use muster_base::{ServerId, TicketId, UnixMs, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DriftDifference, SchemaError, TicketStatus, server, store, ticket};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    in_tx,
};

/// After so long without a word a proof is taken anew: its control plane was killed.
pub(super) const STALE_MS: i64 = 10 * UnixMs::MINUTE;

/// Whether an environment wants changes proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProofRule {
    /// Only where somebody asks for it.
    #[default]
    Off,
    /// What is published is proven by itself, for those who decide.
    Show,
    /// And nothing that is published is approved before it is proven on all of its servers.
    Required,
}

/// How a change stood the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProofState {
    /// It waits for its turn.
    Wanted,
    /// It is being tried.
    Running,
    /// It makes what is designed, and its way back what was there.
    Proven,
    /// It does not.
    NotProven,
    /// It could not be tried.
    Untried,
}

/// How the way back stood the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WayBackProof {
    /// There is none, or it did not come to it.
    #[default]
    Untried,
    /// All is as it was before.
    Same,
    /// It is not.
    Differs,
    /// A statement of it failed.
    Failed,
}

/// What came of trying a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProofOutcome {
    /// Why it is not proven, or could not be tried; empty if it is proven.
    pub why: String,
    /// The statement of the change that failed, from 0.
    #[schema(required)]
    pub statement: Option<u32>,
    /// How many things are not as designed.
    pub count: usize,
    /// The first of them.
    pub differences: Vec<DriftDifference>,
    /// Its way back.
    pub way_back: WayBackProof,
    /// What of the way back failed, or is different.
    pub way_back_why: String,
    /// What the server says of itself.
    pub server_version: String,
}

/// The proof of what is to run on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// How it stands.
    pub state: ProofState,
    /// Whether it is of what would run now: not if something else succeeded there since.
    pub current: bool,
    /// SHA-256 of what was tried: statements, way back, and what they start from; null until it was.
    #[schema(required)]
    pub fingerprint: Option<String>,
    /// When it was asked for.
    pub asked_at: UnixMs,
    /// By whom.
    pub asked_by: String,
    /// When it ended.
    #[schema(required)]
    pub ended_at: Option<UnixMs>,
    /// What came of it; null until it has ended.
    #[schema(required)]
    pub outcome: Option<ProofOutcome>,
}

/// Where a change is to be proven.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProveRequest {
    /// Id of one of the ticket's servers; all if left out.
    #[serde(default)]
    pub server: Option<ServerId>,
}

/// What will be proven.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proving {
    /// Ids of the servers; the ticket says what comes of it.
    pub servers: Vec<ServerId>,
}

macro_rules! words {
    ($of:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $of {
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(super) fn parse(text: &str) -> Result<Self, DbError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(DbError::Corrupt(format!("{}: {text}", stringify!($of)))),
                }
            }
        }
    };
}
words!(ProofRule { Off => "off", Show => "show", Required => "required" });
words!(ProofState {
    Wanted => "wanted",
    Running => "running",
    Proven => "proven",
    NotProven => "notProven",
    Untried => "untried",
});

/// What a change starts from: the release that last succeeded there, or when what is there was taken over.
pub(super) type Base = (Option<muster_base::ReleaseId>, Option<UnixMs>);

/// The fingerprint of what is tried. `sha256_of_sql` is of the statements.
pub(super) fn fingerprint(sha256_of_sql: &str, way_back: Option<&str>, base: Base) -> String {
    let base = match base {
        (Some(release), _) => format!("release {release}"),
        (None, Some(at)) => format!("taken over {}", at.0),
        (None, None) => "nothing".to_owned(),
    };
    let back = sha256(way_back.unwrap_or_default().as_bytes());
    sha256(format!("{sha256_of_sql}\n{back}\n{base}\n").as_bytes()).to_string()
}

/// Wants proofs of a ticket's servers.
pub(super) async fn ask(
    app: &App,
    caller: &Caller,
    id: TicketId,
    request: &ProveRequest,
) -> Result<Proving, SchemaError> {
    if !caller.operations().contains(Operation::ReleaseApprove) {
        caller.require(Operation::ReleasePropose)?;
    }
    let ticket = ticket::find(app, caller, id).await?;
    if ticket.status != TicketStatus::Pending {
        return Err(SchemaError::Decided(ticket.status.as_str()));
    }
    let mut servers = Vec::new();
    for asked in store::ticket::list_servers(&app.db, id).await? {
        if request.server.is_none_or(|wanted| wanted == asked.server) {
            server::find_for(app, caller, Operation::ReleaseRead, asked.server).await?;
            servers.push(asked.server);
        }
    }
    if servers.is_empty() {
        return Err(SchemaError::invalid(
            "server",
            "must be one of the ticket's servers",
        ));
    }
    if store::ticket::find_published(&app.db, id).await?.is_none() {
        return Err(SchemaError::NotProvable);
    }
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        let locked = store::ticket::lock(tx, &app.db, caller.org(), id).await?;
        match locked.map(|ticket| ticket.status) {
            Some(TicketStatus::Pending) => {}
            Some(other) => return Err(SchemaError::Decided(other.as_str())),
            None => return Err(SchemaError::NoTicket),
        }
        for server in &servers {
            if !store::proof::want(tx, (id, *server), &caller.actor.name(), now).await? {
                return Err(SchemaError::ProofRunning);
            }
        }
        let entry = Entry::done("release:prove", "ticket", id);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(Proving { servers })
}

/// Wants proofs of what was just published, if the environment does.
pub(super) async fn open(
    tx: &mut Tx,
    rule: ProofRule,
    ticket: TicketId,
    servers: impl Iterator<Item = ServerId>,
    now: UnixMs,
) -> Result<(), SchemaError> {
    if rule == ProofRule::Off {
        return Ok(());
    }
    for server in servers {
        store::proof::want(tx, (ticket, server), BY_POLICY, now).await?;
    }
    Ok(())
}

/// Who asks where the policy does.
const BY_POLICY: &str = "the environment's policy";

/// Whether a ticket may be approved, as far as proofs go: all of its servers' are there and of what would run now. SQL as text has
/// nothing to be compared with.
pub(super) async fn require(tx: &mut Tx, rule: ProofRule, ticket: TicketId) -> Result<(), SchemaError> {
    if rule != ProofRule::Required {
        return Ok(());
    }
    match store::proof::find_unproven(tx, ticket).await? {
        Some(label) => Err(SchemaError::NotProven(label)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;

    #[test]
    fn another_start_another_way_back_or_other_statements_are_another_fingerprint() {
        let clock = Clock::system();
        let (one, other) = (clock.new_id(), clock.new_id());
        let of = fingerprint("ab", Some("drop table t;\n"), (Some(one), Some(UnixMs(1))));
        // A release makes the same whenever it is executed again.
        assert_eq!(
            of,
            fingerprint("ab", Some("drop table t;\n"), (Some(one), Some(UnixMs(2))))
        );
        for different in [
            fingerprint("ac", Some("drop table t;\n"), (Some(one), Some(UnixMs(1)))),
            fingerprint("ab", None, (Some(one), Some(UnixMs(1)))),
            fingerprint("ab", Some("drop table t;\n"), (Some(other), Some(UnixMs(1)))),
            fingerprint("ab", Some("drop table t;\n"), (None, Some(UnixMs(1)))),
            fingerprint("ab", Some("drop table t;\n"), (None, None)),
        ] {
            assert_ne!(of, different);
        }
    }
}
