//! Drift: what is really on a server beside what should be there, on demand and every day.
//!
//! What should be there is the design that last succeeded there, or was taken over ([`take_over`](super::take_over)). The
//! latest comparison of each database is kept ([`store::drift`]), with the time since which it is as it is. Looked at by
//! itself are databases of which it is known what should be there and whose agent is connected here, those first that were not for
//! longest; one whose agent is away is looked at when it is back. They are looked at one after the other, and a host that says
//! nothing is asked once in a round, so that the others have their turn. What is seen while a release runs there does not count.
//! Who hears of what is found: [`drift_told`]. Nobody hears of a database that can't be read; it is said in the
//! list once it lasts for two days.
//!
//! | state | means |
//! |---|---|
//! | `inStep` | what is there is what should be |
//! | `drifted` | somebody changed something by hand |
//! | `unclear` | something there is not understood, or nothing was released or taken over: nothing can be said |
//! | `unreached` | it could never be read, and why; what was seen before stays as it was, and `detail` says that it is old |

use std::{collections::BTreeMap, time::Duration};

use muster_base::{HostId, OrgId, ReleaseId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use tracing::warn;
use utoipa::{IntoParams, ToSchema};

use super::{
    NotCarriedObject, RiskLevel, SchemaError, Server,
    comparison::{self, Compared, DriftDifference},
    drift_told::{self, Looked},
    live, server,
    set_aside_seen::SeenAside,
    store::{self, drift::Due},
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    error::Error,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// How often a database is looked at by itself.
pub(super) const EVERY_MS: i64 = UnixMs::DAY;
/// What could not be read for as long is said.
pub(super) const LONG_AWAY_MS: i64 = 2 * UnixMs::DAY;
/// How often it is asked which are due, and how many are looked at then.
const LOOK_EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 50;
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
    /// That it could not be looked at for more than two days; null if it could, or nothing is known of what should be there.
    #[schema(required)]
    pub unreached: Option<DriftUnreached>,
}

/// That a database could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftUnreached {
    /// Since when.
    pub since: UnixMs,
    /// Why not; null: nobody could ask, because its agent was away or something was executed there.
    #[schema(required)]
    pub why: Option<String>,
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
    let whose = (caller.org(), caller.scope(), app.clock.now());
    let rows = store::drift::list(&app.db, whose, after, query.fetch()).await?;
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
    caller.require(Operation::DesignRead)?;
    let database = query.database.as_deref();
    let (server, database) = reachable(app, caller, Operation::ReleasePropose, (id, database)).await?;
    // Somebody waits: of what goes wrong they are told, and what was seen before stays.
    let calm = Calm::before(app, (id, &database)).await?;
    let seen = look(app, caller.org(), &server, &database).await?;
    let (by, now) = (caller.actor.name(), app.clock.now());
    let looked = Looked {
        org: caller.org(),
        server: &server,
        database: &database,
    };
    let telling = drift_told::prepare(app, looked, &seen).await?;
    in_tx!(app.db, |tx| {
        calm.still(tx).await?;
        drift_told::keep(app, tx, looked, &seen, telling.as_ref(), (&by, now)).await?;
        let entry = Entry::done("database:check", "server", id).detail(&database);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    app.notify.wake();
    found(app, caller.org(), &server, &database).await
}

/// That nothing is executed on a database while it is looked at: what is seen then is half a release.
pub(super) struct Calm<'a> {
    place: (ServerId, &'a str),
    ended: i64,
}

impl<'a> Calm<'a> {
    /// Before it is read. Busy if something is executed there.
    pub(super) async fn before(app: &App, place: (ServerId, &'a str)) -> Result<Self, SchemaError> {
        let ended = in_tx!(app.db, |tx| {
            if store::execution::is_under_way(tx, place).await? {
                return Err(SchemaError::DatabaseBusy);
            }
            store::execution::ended(tx, place).await?
        });
        Ok(Self { place, ended })
    }

    /// Afterwards. Busy if something is, or was meanwhile.
    pub(super) async fn still(&self, tx: &mut Tx) -> Result<(), SchemaError> {
        let under_way = store::execution::is_under_way(tx, self.place).await?;
        if under_way || store::execution::ended(tx, self.place).await? != self.ended {
            return Err(SchemaError::DatabaseBusy);
        }
        Ok(())
    }
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
    let row = store::drift::find(&app.db, org, (server.id, database), app.clock.now()).await?;
    row.ok_or(SchemaError::NoServer)
}

/// What a look has come to.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) state: DriftState,
    pub(super) detail: String,
    pub(super) version: String,
    pub(super) compared: Compared,
    /// What was set aside, where it is.
    pub(super) asides: Vec<SeenAside>,
}

impl Seen {
    /// That it could not be read.
    pub(super) fn unreached(why: &str) -> Self {
        Self {
            state: DriftState::Unreached,
            ..Self::unclear(String::new(), why)
        }
    }

    fn unclear(version: String, why: &str) -> Self {
        Self {
            state: DriftState::Unclear,
            detail: why.chars().take(MAX_DETAIL).collect(),
            version,
            compared: Compared::default(),
            asides: Vec::new(),
        }
    }

    /// And this of what was set aside.
    pub(super) fn with(self, asides: Vec<SeenAside>) -> Self {
        Self { asides, ..self }
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
                asides: Vec::new(),
            },
            Err(why) => Self::unclear(version, &why),
        }
    }
}

async fn look(app: &App, org: OrgId, server: &Server, database: &str) -> Result<Seen, SchemaError> {
    let state = store::state::find(&app.db, server.id, database).await?;
    let live = live::read(app, org, server, database).await?;
    let asides = live.asides;
    let Some(state) = state else {
        let why = "nothing was released here or taken over, so nothing is known of what should be there";
        return Ok(Seen::unclear(live.version, why).with(asides));
    };
    tokio::task::spawn_blocking(move || {
        let compared = comparison::compare(&state.design, &live.schema);
        drop(live.place);
        Seen::of(live.version, compared).with(asides)
    })
    .await
    .map_err(|error| Error::internal(error).into())
}

/// Starts the task that looks at databases by itself.
pub(super) fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("schema.drift", async move {
        let stopping = task.tasks.stopping();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            let looked = stopping.run_until_cancelled(run(&task)).await;
            if let Some(Err(error)) = looked {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "databases could not be looked at; trying again"
                );
            }
        }
    });
}

/// Looks at those that are due, of the hosts that are connected here.
pub(super) async fn run(app: &App) -> Result<(), DbError> {
    let hosts = app.links.online();
    let before = app.clock.now().plus_ms(-EVERY_MS);
    // Whoever said nothing is not waited for again.
    let mut silent = BTreeMap::new();
    for due in store::drift::due(&app.db, &hosts, before, BATCH).await? {
        if let Err(error) = look_at(app, &due, &mut silent).await {
            warn!(
                server.id = %due.server.id,
                error = &error as &dyn std::error::Error,
                "a database could not be looked at"
            );
        }
    }
    Ok(())
}

async fn look_at(app: &App, due: &Due, silent: &mut BTreeMap<HostId, String>) -> Result<(), SchemaError> {
    if let Some(why) = silent.get(&due.server.host_id) {
        return note(app, due, None, &Seen::unreached(why)).await;
    }
    let looked = match Calm::before(app, (due.server.id, due.database.as_str())).await {
        Ok(calm) => look(app, due.org, &due.server, &due.database)
            .await
            .map(|seen| (calm, seen)),
        Err(error) => Err(error),
    };
    match looked {
        Ok((calm, seen)) => note(app, due, Some(&calm), &seen).await,
        // It comes again in a minute.
        Err(SchemaError::DatabaseBusy | SchemaError::Reading) => Ok(()),
        Err(error) => {
            let why = match &error {
                SchemaError::Db(_) | SchemaError::Refused(_) => "it could not be looked at here".to_owned(),
                other => other.to_string(),
            };
            let seen = Seen::unreached(&why);
            if matches!(error, SchemaError::NoAnswer | SchemaError::Away(_)) {
                silent.insert(due.server.host_id, why);
            }
            note(app, due, None, &seen).await
        }
    }
}

/// Keeps what was seen, and tells of it.
async fn note(app: &App, due: &Due, calm: Option<&Calm<'_>>, seen: &Seen) -> Result<(), SchemaError> {
    if seen.state == DriftState::Drifted {
        warn!(server.id = %due.server.id, "a database is not as it should be");
    }
    let looked = Looked {
        org: due.org,
        server: &due.server,
        database: &due.database,
    };
    let telling = drift_told::prepare(app, looked, seen).await?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        if let Some(calm) = calm
            && calm.still(tx).await.is_err()
        {
            return Ok(());
        }
        drift_told::keep(app, tx, looked, seen, telling.as_ref(), (BY_SCHEDULE, now)).await?;
    });
    app.notify.wake();
    Ok(())
}
