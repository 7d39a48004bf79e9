//! Writing and reading the log.

use muster_base::{AuditId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Archive, PLATFORM, chain,
    reach::Reach,
    reader::{ReadError, Reader},
    store,
    verify::{Chain, walk},
};
use crate::{
    access::{Caller, Identity, Operation},
    app::App,
    db::{Db, DbError, Tx},
    error::Error,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Rows read at a time.
const BATCH: i64 = 1_000;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuditOutcome)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was allowed and did not work.
    Failed,
}

impl Outcome {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct Entry {
    operation: String,
    object_kind: &'static str,
    object_id: String,
    outcome: Outcome,
    before: Option<String>,
    after: Option<String>,
    detail: String,
}

impl Entry {
    /// `operation` (`host:write`, `auth:login`…) was done on the object.
    pub fn done(operation: impl ToString, object_kind: &'static str, object_id: impl ToString) -> Self {
        Self::new(
            Outcome::Done,
            operation.to_string(),
            object_kind,
            object_id.to_string(),
        )
    }

    /// It was refused.
    pub fn refused(operation: impl ToString, object_kind: &'static str, object_id: impl ToString) -> Self {
        Self::new(
            Outcome::Refused,
            operation.to_string(),
            object_kind,
            object_id.to_string(),
        )
    }

    /// It was tried and failed.
    pub fn failed(operation: impl ToString, object_kind: &'static str, object_id: impl ToString) -> Self {
        Self::new(
            Outcome::Failed,
            operation.to_string(),
            object_kind,
            object_id.to_string(),
        )
    }

    fn new(outcome: Outcome, operation: String, object_kind: &'static str, object_id: String) -> Self {
        Self {
            operation,
            object_kind,
            object_id,
            outcome,
            before: None,
            after: None,
            detail: String::new(),
        }
    }

    /// The object as it was. Must hold no secret.
    #[must_use]
    pub fn before(mut self, object: &impl Serialize) -> Self {
        self.before = serde_json::to_string(object).ok();
        self
    }

    /// The object as it is now. Must hold no secret.
    #[must_use]
    pub fn after(mut self, object: &impl Serialize) -> Self {
        self.after = serde_json::to_string(object).ok();
        self
    }

    /// A sentence for people. Must hold no secret.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// A row of the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// Id of the row.
    pub id: AuditId,
    /// Number within its scope, without gaps.
    pub seq: i64,
    /// When.
    pub at: UnixMs,
    /// `superAdmin`, `user`, `apiKey`, `webhook`, `gitHook`, `agent` or `system`.
    pub actor_kind: String,
    /// Id within that kind.
    pub actor_id: String,
    /// Name at that time.
    pub actor_name: String,
    /// From where.
    pub ip: Option<String>,
    /// For instance `host:delete`.
    pub operation: String,
    /// For instance `host`.
    pub object_kind: String,
    /// Its id.
    pub object_id: String,
    /// `done`, `refused` or `failed`.
    pub outcome: String,
    /// The object before, as JSON text.
    pub before: Option<String>,
    /// The object after, as JSON text.
    pub after: Option<String>,
    /// A sentence.
    pub detail: String,
    /// Chain hash, hexadecimal.
    pub hash: String,
    #[serde(skip)]
    pub(super) scope: String,
}

/// Writes a row in the change's own transaction. `org` is `None` for what is above orgs.
pub async fn record(
    app: &App,
    tx: &mut Tx,
    who: &Identity,
    org: Option<OrgId>,
    entry: Entry,
) -> Result<(), DbError> {
    let scope = org.map_or_else(|| PLATFORM.to_owned(), |org| org.to_string());
    let (seq, previous) = store::next(tx, &scope).await?;
    let mut row = AuditRow {
        id: app.clock.new_id(),
        seq,
        at: app.clock.now(),
        actor_kind: who.actor.kind().to_owned(),
        actor_id: who.actor.id(),
        actor_name: who.actor.name(),
        ip: who.ip.map(|ip| ip.to_string()),
        operation: entry.operation,
        object_kind: entry.object_kind.to_owned(),
        object_id: entry.object_id,
        outcome: entry.outcome.as_str().to_owned(),
        before: entry.before,
        after: entry.after,
        detail: entry.detail,
        hash: String::new(),
        scope,
    };
    let hash = chain::hash(&previous, &row);
    row.hash = hex::encode(hash);
    store::insert(tx, org, &row, &hash).await
}

/// Writes down an attempt that was refused, in a transaction of its own. A failure to write is logged.
pub async fn record_refusal(app: &App, who: &Identity, org: Option<OrgId>, entry: Entry) {
    let write = async || -> Result<(), DbError> {
        in_tx!(app.db, |tx| record(app, tx, who, org, entry).await?);
        Ok(())
    };
    if let Err(error) = write().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "could not write an audit row"
        );
    }
}

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuditScope)]
pub enum Scope {
    /// The chosen org's.
    #[default]
    Org,
    /// What is above orgs: users, sign-ins. Super administrator only.
    Platform,
}

impl Scope {
    fn key(self, caller: &Caller) -> Result<String, Error> {
        match self {
            Self::Org => caller
                .require(Operation::AuditRead)
                .map(|()| caller.org().to_string()),
            Self::Platform => caller.require_super_admin().map(|()| PLATFORM.to_owned()),
        }
    }
}

/// Which rows; nothing: all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Id of who did it, within its kind.
    pub actor: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// Kind of the object.
    pub object_kind: Option<String>,
    /// Id of the object.
    pub object_id: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// At this time or later.
    pub from: Option<UnixMs>,
    /// Before this time.
    pub to: Option<UnixMs>,
    /// Only what somebody who is narrowed sees; filled in by the use-cases.
    pub(super) reach: Option<Reach>,
}

impl Filter {
    async fn seen_by(&self, app: &App, caller: &Caller) -> Result<Self, Error> {
        Ok(Self {
            reach: Reach::of(app, caller).await?,
            ..self.clone()
        })
    }
}

/// The log's rows that pass the filter, newest first: those that are in the table.
pub async fn list(
    app: &App,
    caller: &Caller,
    (scope, filter): (Scope, &Filter),
    query: &PageQuery,
) -> Result<Page<AuditRow>, Error> {
    let scope = scope.key(caller)?;
    let filter = &filter.seen_by(app, caller).await?;
    let before = query.cursor::<i64>()?.unwrap_or(i64::MAX);
    let rows = store::list(&app.db, &scope, filter, before, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.seq)))
}

/// The log's rows after number `after` that pass the filter, oldest first, for an export in pieces; the archived ones,
/// too.
pub async fn list_from(
    app: &App,
    caller: &Caller,
    (scope, filter): (Scope, &Filter),
    after: i64,
) -> Result<Vec<AuditRow>, Error> {
    let scope = scope.key(caller)?;
    let filter = &filter.seen_by(app, caller).await?;
    let archive = Archive::of(app);
    let reader = Reader {
        db: &app.db,
        archive: &archive,
        scope: &scope,
    };
    reader.next(filter, after, BATCH).await.map_err(|error| match error {
        ReadError::File(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a part of the audit log can't be read"
            );
            Error::conflict(
                "archive-unreadable",
                "a file of the log's archive can't be read: who runs Muster finds in its own log which, and why",
            )
        }
        ReadError::Db(error) => error.into(),
    })
}

/// Checks the chain of a log.
pub async fn verify(app: &App, caller: &Caller, scope: Scope) -> Result<Chain, Error> {
    let scope = scope.key(caller)?;
    Ok(walk(&app.db, &Archive::of(app), &scope).await?)
}

/// Checks the chain of every log there is, for whoever has the database itself.
pub async fn verify_all(db: &Db, archive: &Archive) -> Result<Vec<(String, Chain)>, DbError> {
    let mut checked = Vec::new();
    for scope in store::scopes(db).await? {
        let chain = walk(db, archive, &scope).await?;
        checked.push((scope, chain));
    }
    Ok(checked)
}
