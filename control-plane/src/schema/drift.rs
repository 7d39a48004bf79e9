//! Drift: what is really on a server beside what should be there, on demand and every day.
//!
//! What should be there is the design that last succeeded there, or was taken over ([`take_over`](super::take_over)). The
//! latest comparison of each database is kept ([`store::drift`]), with the time since which it is as it is. Looked at by
//! schedule are databases of which it is known what should be there, those first that were not for longest; one whose agent is
//! away is looked at when it is back.
//!
//! | state | means |
//! |---|---|
//! | `inStep` | what is there is what should be |
//! | `drifted` | somebody changed something by hand |
//! | `unclear` | something there is not understood, or nothing was released or taken over: nothing can be said |
//! | `unreached` | it could not be read, and why; what was seen before is gone with it |

use std::time::Duration;

use muster_base::{OrgId, ReleaseId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tracing::warn;
use utoipa::{IntoParams, ToSchema};

use super::{
    NotCarriedObject, RiskLevel, SchemaError, Server,
    comparison::{self, Compared, DriftDifference},
    live, server,
    store::{self, drift::Due},
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    error::Error,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// How often a database is looked at by itself.
pub(super) const EVERY_MS: i64 = UnixMs::DAY;
/// Databases in one run of the job, and how long it may take.
const BATCH: i64 = 200;
const LONGEST: Duration = Duration::from_mins(10);
const BY_SCHEDULE: &str = "schedule";
const MAX_DETAIL: usize = 2_000;

/// Where a database stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DriftState {
    /// What is there is what should be.
    InStep,
    /// Somebody changed something by hand.
    Drifted,
    /// It can't be said: something is not understood, or nothing is known of what should be there.
    Unclear,
    /// It could not be read.
    Unreached,
}

impl DriftState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "inStep",
            Self::Drifted => "drifted",
            Self::Unclear => "unclear",
            Self::Unreached => "unreached",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::InStep, Self::Drifted, Self::Unclear, Self::Unreached]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A database of a server, and how it compared when it was last looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseDrift {
    /// The server.
    pub server_id: ServerId,
    /// Its label.
    pub label: String,
    /// Its environment.
    pub environment: String,
    /// What the database is called there.
    pub database: String,
    /// Version of the release that last succeeded there; null if none did, or what was there was taken over.
    #[schema(required)]
    pub version: Option<String>,
    /// That release.
    #[schema(required)]
    pub release_id: Option<ReleaseId>,
    /// Since when it should be as it should; null if nothing is known of that.
    #[schema(required)]
    pub expected_since: Option<UnixMs>,
    /// How it compared; null if it was never looked at.
    #[schema(required)]
    pub look: Option<DriftLook>,
}

/// What was seen when a database was looked at.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftLook {
    /// Where it stands.
    pub state: DriftState,
    /// Why nothing can be said; empty otherwise.
    pub detail: String,
    /// When it was looked at.
    pub checked_at: UnixMs,
    /// Since when it stands so.
    pub since: UnixMs,
    /// Who asked: a person, or `schedule`.
    pub asked_by: String,
    /// What the server said of itself.
    pub server_version: String,
    /// How many things are different.
    pub count: usize,
    /// What is different; lists leave it out.
    pub differences: Vec<DriftDifference>,
    /// What designs can't say, and so was not compared; lists leave it out.
    pub not_compared: Vec<NotCarriedObject>,
    /// SQL that would make it as it should be: propose it if that is what is wanted. Lists leave it out.
    pub back_sql: String,
    /// How dangerous that would be; null if nothing is different.
    #[schema(required)]
    pub back_risk: Option<RiskLevel>,
}

/// Which database of a server.
#[derive(Debug, Clone, Default, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DriftQuery {
    /// What it is called there. The first one of the server's if left out.
    #[param(max_length = 64)]
    #[schema(max_length = 64)]
    pub database: Option<String>,
}

/// Databases of servers, and how they last compared.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<DatabaseDrift>, SchemaError> {
    caller.require(Operation::ServerRead)?;
    caller.require(Operation::DesignRead)?;
    let after = query.cursor::<(ServerId, String)>()?;
    let rows = store::drift::list(&app.db, (caller.org(), caller.scope()), after, query.fetch()).await?;
    Ok(query.page(rows, |one| Cursor::of(&(one.server_id, &one.database))))
}

/// One of them, as it was last looked at.
pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: ServerId,
    query: &DriftQuery,
) -> Result<DatabaseDrift, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let database = query.database.as_deref();
    let (server, database) = reachable(app, caller, Operation::ServerRead, (id, database)).await?;
    found(app, caller.org(), &server, &database).await
}

/// Looks at a database now.
pub(super) async fn check(
    app: &App,
    caller: &Caller,
    id: ServerId,
    query: &DriftQuery,
) -> Result<DatabaseDrift, SchemaError> {
    let database = query.database.as_deref();
    let (server, database) = reachable(app, caller, Operation::ReleasePropose, (id, database)).await?;
    // Somebody waits: of what goes wrong they are told, and what was seen before stays.
    let seen = look(app, caller.org(), &server, &database).await?;
    let (by, now) = (caller.actor.name(), app.clock.now());
    in_tx!(app.db, |tx| {
        store::drift::set(tx, (id, &database), &seen, (&by, now)).await?;
        let entry = Entry::done("database:check", "server", id).detail(&database);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    found(app, caller.org(), &server, &database).await
}

/// The server and a database of it, if both are in the caller's reach.
pub(super) async fn reachable(
    app: &App,
    caller: &Caller,
    operation: Operation,
    (id, database): (ServerId, Option<&str>),
) -> Result<(Server, String), SchemaError> {
    let server = server::find_for(app, caller, operation, id).await?;
    let wanted = database.or_else(|| server.databases.first().map(String::as_str));
    let database = server.databases.iter().find(|name| Some(name.as_str()) == wanted);
    let database = database
        .cloned()
        .ok_or_else(|| SchemaError::invalid("database", "is not one of the server's databases"))?;
    let object = Object::Database {
        name: &database,
        environment: &server.environment,
        servers: &[id],
    };
    if !caller.reaches(&object) {
        return Err(SchemaError::invalid(
            "database",
            "your permissions don't reach this database",
        ));
    }
    Ok((server, database))
}

async fn found(app: &App, org: OrgId, server: &Server, database: &str) -> Result<DatabaseDrift, SchemaError> {
    let row = store::drift::find(&app.db, org, (server.id, database)).await?;
    row.ok_or(SchemaError::NoServer)
}

/// What a look has come to.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) state: DriftState,
    pub(super) detail: String,
    pub(super) version: String,
    pub(super) compared: Compared,
}

impl Seen {
    fn unclear(version: String, why: &str) -> Self {
        Self {
            state: DriftState::Unclear,
            detail: why.chars().take(MAX_DETAIL).collect(),
            version,
            compared: Compared::default(),
        }
    }

    pub(super) fn of(version: String, compared: Result<Compared, String>) -> Self {
        match compared {
            Ok(compared) => Self {
                state: if compared.differences.is_empty() {
                    DriftState::InStep
                } else {
                    DriftState::Drifted
                },
                detail: String::new(),
                version,
                compared,
            },
            Err(why) => Self::unclear(version, &why),
        }
    }
}

async fn look(app: &App, org: OrgId, server: &Server, database: &str) -> Result<Seen, SchemaError> {
    let state = store::state::find(&app.db, server.id, database).await?;
    let live = live::read(app, org, server, database).await?;
    let Some(state) = state else {
        let why = "nothing was released here or taken over, so nothing is known of what should be there";
        return Ok(Seen::unclear(live.version, why));
    };
    let (schema, version) = (live.schema, live.version);
    let compared = tokio::task::spawn_blocking(move || comparison::compare(&state.design, &schema))
        .await
        .map_err(Error::internal)?;
    Ok(Seen::of(version, compared))
}

/// Looks at those whose turn it is.
pub(super) async fn run(app: &App) -> Result<(), SchemaError> {
    let before = app.clock.now().plus_ms(-EVERY_MS);
    let due = store::drift::due(&app.db, before, BATCH).await?;
    // What is left comes in the next hour.
    match timeout(LONGEST, look_at(app, due)).await {
        Ok(done) => done,
        Err(_) => Ok(()),
    }
}

async fn look_at(app: &App, due: Vec<Due>) -> Result<(), SchemaError> {
    for Due {
        org,
        server,
        database,
    } in due
    {
        if app.links.version_of(server.host_id).is_none() {
            continue;
        }
        let seen = match look(app, org, &server, &database).await {
            Ok(seen) => seen,
            Err(SchemaError::Db(error)) => return Err(error.into()),
            Err(error) => Seen {
                state: DriftState::Unreached,
                detail: error.to_string().chars().take(MAX_DETAIL).collect(),
                version: String::new(),
                compared: Compared::default(),
            },
        };
        if seen.state == DriftState::Drifted {
            warn!(server.id = %server.id, "a database is not as it should be");
        }
        let now = app.clock.now();
        in_tx!(app.db, |tx| {
            store::drift::set(tx, (server.id, &database), &seen, (BY_SCHEDULE, now)).await?;
        });
    }
    Ok(())
}
