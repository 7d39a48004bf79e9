//! A release's signature: that what is executed is what was approved, whoever wrote to the database since.
//!
//! The last approval makes the release and signs, with the key that signs work orders, what it is: project, version,
//! environment, database; for each server the SQL, its statements, its way back, what is there afterwards and what it was
//! computed against; and who approved. It is checked when somebody asks for an execution ([`require`], so that they are
//! told) and of every order right before that is signed ([`refusal`]), where the order's own statements are compared, too: an order
//! that waits is a row like any other. What is executed is taken from the rows that were checked.
//!
//! Everything is signed as it is stored, texts by their SHA-256, so that a version which writes or reads them otherwise does
//! not break what older ones signed. Not signed is what comes later and changes nothing: counts of rows, trials, executions.
//!
//! ```text
//! org 16 · release 16 · ticket 16 · made i64 · text project · version · environment · database · risk · published? · proposed
//! number of servers u32, each: server 16 · text database · sql · sha256 · risk · statements · way back? · not taken back
//!                              · set aside? · design? · base release 16? · base reached i64?
//! number of approvals u32, each: text person · name · step i64 · text comment · when i64
//! and, if somebody vouched for it: 1 · text person · name · when i64 · text reason
//! ```
//! Integers are big-endian, a text is its SHA-256, what may be missing is 0, or 1 and itself.
//!
//! # What fails
//! A release from before there were signatures has none, and neither has one whose signature somebody took off: both are
//! refused, since they can't be told apart; the super administrator may vouch for one ([`super::vouching`]). Retired keys go on counting ([`muster_identity::record`]); a key that somebody wrote into
//! the table does not. Another control plane may have signed with a key that this one has not heard of for a second: the keys
//! are read again before anything is refused for that.

use muster_base::{ExecutionId, OrgId, ReleaseId, ServerId, UnixMs, sha256};
use muster_identity::record;
use muster_protocol::latest::{GuardedSql, OrderPayload, SqlSpec};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    ProposedStatement, Release, SchemaError, ServerSql,
    approval::Yes,
    order, store,
    store::release_seal::{Papers, Target},
    vouching::{self, ReleaseVoucher},
};
use crate::{
    app::App,
    db::{DbError, Tx},
    error::Error,
    fleet::FleetKeys,
    work::{self, Order},
};

/// Whether a release is what was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReleaseSignatureState {
    /// It is.
    Holds,
    /// It has no signature: it was made before there were any, or somebody took it off.
    Missing,
    /// It was changed in the database since.
    Broken,
    /// It is signed by a key that never was this installation's.
    Stranger,
}

impl ReleaseSignatureState {
    const fn why(self) -> &'static str {
        match self {
            Self::Holds => "is what was approved",
            Self::Missing => {
                "has no signature: it was made before releases were signed, or somebody took it off in the database (the \
                 super administrator may vouch for it on its page)"
            }
            Self::Broken => "is not what was approved: somebody changed it in the database since",
            Self::Stranger => "is signed by a key that never was this installation's",
        }
    }
}

/// A release's signature.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseSignature {
    /// Whether it holds; only then is the release executed.
    pub state: ReleaseSignatureState,
    /// The key that it names, hexadecimal; null without a signature.
    #[schema(required)]
    pub key_id: Option<String>,
    /// SHA-256 over all that a signature covers, hexadecimal: what one vouches for.
    pub digest: String,
    /// Whether the super administrator may vouch for it: it has no signature, and nothing older was signed by its approval.
    pub may_be_vouched: bool,
    /// Who vouched for it, if its approval did not sign it.
    #[schema(required)]
    pub voucher: Option<ReleaseVoucher>,
}

/// What was approved, checked.
pub(super) struct Approved(Papers);

/// Signs a release that was made in this transaction.
pub(super) async fn sign(
    tx: &mut Tx,
    keys: &FleetKeys,
    (org, release): (OrgId, ReleaseId),
) -> Result<(), DbError> {
    let papers = store::release_seal::find_in(tx, (org, release)).await?;
    let papers = papers.ok_or_else(|| DbError::Corrupt("releases: none where one was made".to_owned()))?;
    let (key, signature) = record::sign(&keys.signer, &body(&papers));
    store::release_seal::set(tx, release, (&key, &signature)).await
}

/// How the signature of these papers stands.
pub(super) async fn signature(app: &App, papers: &Papers) -> Result<ReleaseSignature, SchemaError> {
    let state = judged(app, papers).await?;
    let head = &papers.head;
    let missing = state == ReleaseSignatureState::Missing;
    let voucher = match (&head.vouched_by, head.vouched_at) {
        (Some(_), Some(at)) if !missing => Some(ReleaseVoucher {
            name: head.vouched_name.clone().unwrap_or_default(),
            at,
            reason: head.vouched_reason.clone().unwrap_or_default(),
        }),
        _ => None,
    };
    Ok(ReleaseSignature {
        state,
        key_id: head.signed_by.as_ref().map(hex::encode),
        digest: digest(papers),
        may_be_vouched: missing && vouching::is_from_before(app, head.created_at).await?,
        voucher,
    })
}

/// SHA-256 over all that a signature covers, but for who vouched.
pub(super) fn digest(papers: &Papers) -> String {
    sha256(&approved_body(papers)).to_string()
}

/// Signs these papers, in which somebody vouches: key and signature.
pub(super) fn signed(keys: &FleetKeys, papers: &Papers) -> (Vec<u8>, Vec<u8>) {
    let (key, signature) = record::sign(&keys.signer, &body(papers));
    (key.to_vec(), signature)
}

/// The release as it was approved; refused if it is not what was signed.
pub(super) async fn require(app: &App, (org, release): (OrgId, ReleaseId)) -> Result<Approved, SchemaError> {
    let papers = store::release_seal::find(&app.db, (org, release)).await?;
    let papers = papers.ok_or(SchemaError::NoRelease)?;
    match judged(app, &papers).await? {
        ReleaseSignatureState::Holds => Ok(Approved(papers)),
        state => Err(SchemaError::NotSigned {
            version: papers.head.version,
            why: state.why(),
        }),
    }
}

pub(super) async fn judged(app: &App, papers: &Papers) -> Result<ReleaseSignatureState, SchemaError> {
    let (Some(key), Some(signature)) = (&papers.head.signed_by, &papers.head.signature) else {
        return Ok(ReleaseSignatureState::Missing);
    };
    let mut keys = app.fleet_keys().await.map_err(Error::from)?;
    if keys.key_of_record(key).is_none() {
        app.reload_fleet_keys().await.map_err(Error::from)?;
        keys = app.fleet_keys().await.map_err(Error::from)?;
    }
    Ok(match keys.key_of_record(key) {
        None => ReleaseSignatureState::Stranger,
        Some(key) if record::is_signed(key, &body(papers), signature) => ReleaseSignatureState::Holds,
        Some(_) => ReleaseSignatureState::Broken,
    })
}

/// Why an order must not be signed: what it would execute is not what was approved.
pub(super) async fn refusal(app: &App, order: &Order) -> Result<Option<String>, DbError> {
    let payload = work::payload(app, order.id).await.map_err(|error| match error {
        work::WorkError::Db(error) => error,
        other => DbError::Corrupt(other.to_string()),
    })?;
    let (spec, guards) = match muster_protocol::decode::<OrderPayload>(&payload) {
        Ok(OrderPayload::Sql(spec)) => (*spec, Vec::new()),
        Ok(OrderPayload::GuardedSql(held)) => {
            let GuardedSql { spec, guards } = *held;
            (spec, guards)
        }
        Ok(_) | Err(_) => return Ok(Some(refused("the order"))),
    };
    let approved = match require(app, (order.org, spec.release)).await {
        Ok(approved) => approved,
        Err(SchemaError::Db(error)) => return Err(error),
        Err(SchemaError::Refused(error)) => return Err(DbError::Corrupt(error.to_string())),
        Err(error) => return Ok(Some(format!("{error}; nothing was executed"))),
    };
    let execution = ExecutionId::from_uuid(order.subject_id);
    let server = store::execution::server_of(&app.db, execution).await?;
    let target = server.and_then(|server| approved.target(server));
    let same = match target {
        Some(target) => is_same(&spec, target)? && guards == order::guards(&statements(target)?),
        None => false,
    };
    Ok((!same).then(|| refused("what this order would execute")))
}

fn refused(what: &str) -> String {
    format!(
        "{what} is not what was approved: somebody changed it in the database since; nothing was executed"
    )
}

fn is_same(spec: &SqlSpec, target: &Target) -> Result<bool, DbError> {
    Ok(spec.target.database == target.database
        && sha256(target.sql.as_bytes()).0 == spec.sql_sha256
        && spec.statements == order::statements(&statements(target)?))
}

pub(super) fn statements(target: &Target) -> Result<Vec<ProposedStatement>, DbError> {
    serde_json::from_str(&target.statements)
        .map_err(|error| DbError::Corrupt(format!("ticket_servers.statements: {error}")))
}

impl Approved {
    fn target(&self, server: ServerId) -> Option<&Target> {
        self.0.targets.iter().find(|target| target.server_id == server)
    }

    /// Puts what was checked in the place of what was read before.
    pub(super) fn put(&self, release: &mut Release, sql: &mut ServerSql) -> Result<(), SchemaError> {
        let head = &self.0.head;
        let target = self
            .target(sql.server)
            .ok_or_else(|| SchemaError::invalid("server", "the release is not approved for this server"))?;
        release.ticket_id = head.ticket_id;
        release.project.clone_from(&head.project);
        release.version.clone_from(&head.version);
        release.environment.clone_from(&head.environment);
        release.database.clone_from(&head.database);
        sql.database.clone_from(&target.database);
        sql.sql.clone_from(&target.sql);
        sql.sha256.clone_from(&target.sql_sha256);
        sql.statements = statements(target)?;
        Ok(())
    }

    /// Who approved it, oldest first.
    pub(super) fn yeses(&self) -> Vec<Yes> {
        let approvers = self.0.approvers.iter();
        approvers
            .map(|yes| Yes {
                person: yes.person.clone(),
                name: yes.name.clone(),
                step: yes.step,
                comment: yes.comment.clone(),
                at: yes.at,
                counted: true,
            })
            .collect()
    }
}

/// What is signed.
fn body(papers: &Papers) -> Vec<u8> {
    let mut bytes = Bytes(approved_body(papers));
    let head = &papers.head;
    if let (Some(person), Some(at)) = (&head.vouched_by, head.vouched_at) {
        bytes.0.push(1);
        bytes.text(person);
        bytes.text(head.vouched_name.as_deref().unwrap_or_default());
        bytes.number(at.0);
        bytes.text(head.vouched_reason.as_deref().unwrap_or_default());
    }
    bytes.0
}

/// What was approved, as bytes.
fn approved_body(papers: &Papers) -> Vec<u8> {
    let mut bytes = Bytes::default();
    let head = &papers.head;
    bytes.id(head.org_id.as_uuid());
    bytes.id(head.id.as_uuid());
    bytes.id(head.ticket_id.as_uuid());
    bytes.number(head.created_at.0);
    for text in [
        &head.project,
        &head.version,
        &head.environment,
        &head.database,
        &head.risk,
    ] {
        bytes.text(text);
    }
    bytes.maybe(head.published.as_deref(), Bytes::text);
    bytes.text(&head.proposed);
    bytes.count(papers.targets.len());
    for target in &papers.targets {
        bytes.id(target.server_id.as_uuid());
        for text in [
            &target.database,
            &target.sql,
            &target.sql_sha256,
            &target.risk,
            &target.statements,
        ] {
            bytes.text(text);
        }
        bytes.maybe(target.rollback_sql.as_deref(), Bytes::text);
        bytes.text(&target.not_taken_back);
        bytes.maybe(target.set_aside.as_deref(), Bytes::text);
        bytes.maybe(target.design.as_deref(), Bytes::text);
        bytes.maybe(target.base_release_id, |bytes, id| bytes.id(id.as_uuid()));
        bytes.maybe(target.base_reached_at, |bytes, at: UnixMs| bytes.number(at.0));
    }
    bytes.count(papers.approvers.len());
    for yes in &papers.approvers {
        bytes.text(&yes.person);
        bytes.text(&yes.name);
        bytes.number(yes.step);
        bytes.text(&yes.comment);
        bytes.number(yes.at.0);
    }
    bytes.0
}

/// Writes what is signed.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn id(&mut self, id: &Uuid) {
        self.0.extend(id.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.0.extend(number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        self.0
            .extend(u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.extend(sha256(text.as_bytes()).0);
    }

    fn maybe<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}
