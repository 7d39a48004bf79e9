//! Bringing what is on a server and what is designed together: as documents to be merged, or, where the two are the same, as what
//! should be there from now on.
//!
//! **Sync** reads a server's tables and views as DDL would be imported: column by column beside the design, and whoever asks merges
//! and applies. **Taking over** notes that what is there is what is designed, though no release of here made it: the next change is
//! computed from it, drift is told against it, and what was computed before is not executed any more. It is refused where
//! anything is different.

use muster_base::ServerId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    DatabaseDrift, ImportedDdl, SchemaError, comparison,
    drift::{self, Calm, DriftQuery, Seen},
    drift_told::{self, Looked},
    import, live, publish, server, store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    error::Error,
    in_tx,
};

/// How many different things an error names.
const NAMED: usize = 5;

/// Which design is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncRequest {
    /// The name of a `DatabaseSnapshot`; what it is called on the server, it says itself.
    #[schema(max_length = 128)]
    pub database: String,
}

/// What is on the server, as documents beside those that are there. Changes nothing.
pub(super) async fn sync(
    app: &App,
    caller: &Caller,
    id: ServerId,
    request: SyncRequest,
) -> Result<ImportedDdl, SchemaError> {
    caller.require(Operation::DesignWrite)?;
    let server = server::find_for(app, caller, Operation::ServerRead, id).await?;
    let latest = publish::latest(app, caller, &request.database).await?;
    if server.kind.dialect() != latest.values.dialect {
        let message = format!("the database is designed for {}", latest.values.dialect);
        return Err(SchemaError::invalid("database", message));
    }
    let real = latest.name_on(&server.label);
    let (server, real) = drift::reachable(app, caller, Operation::ServerRead, (id, Some(&real))).await?;
    let live = live::read(app, caller.org(), &server, &real).await?;
    let entry = Entry::done("database:sync", "server", id).detail(&real);
    in_tx!(app.db, |tx| {
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    let design = (latest.values.dialect, request.database.as_str());
    import::compare_with(app, caller, design, live.schema).await
}

/// What is there is what is designed: from now on that is what should be there.
pub(super) async fn take_over(
    app: &App,
    caller: &Caller,
    id: ServerId,
    request: SyncRequest,
) -> Result<DatabaseDrift, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let server = server::find_for(app, caller, Operation::ReleaseExecute, id).await?;
    let latest = publish::latest(app, caller, &request.database).await?;
    let real = latest.name_on(&server.label);
    let (server, real) = drift::reachable(app, caller, Operation::ReleaseExecute, (id, Some(&real))).await?;
    if server.kind.dialect() != latest.values.dialect {
        let message = format!("the database is designed for {}", latest.values.dialect);
        return Err(SchemaError::invalid("database", message));
    }
    let calm = Calm::before(app, (id, &real)).await?;
    let live = live::read(app, caller.org(), &server, &real).await?;
    let (design, schema, place, asides) = (latest.design, live.schema, live.place, live.asides);
    let (design, compared) = tokio::task::spawn_blocking(move || {
        let compared = comparison::compare(&design, &schema);
        drop(place);
        (design, compared)
    })
    .await
    .map_err(Error::internal)?;
    let compared = compared.map_err(SchemaError::Unread)?;
    if !compared.differences.is_empty() {
        let named = compared.differences.iter().map(|one| one.name.as_str());
        let mut named: Vec<&str> = named.collect();
        named.dedup();
        let more = named.len().saturating_sub(NAMED);
        named.truncate(NAMED);
        let names = named.join(", ");
        return Err(SchemaError::NotAsDesigned(match more {
            0 => names,
            more => format!("{names} and {more} more"),
        }));
    }
    let seen = Seen::of(live.version, Ok(compared)).with(asides);
    let looked = Looked {
        org: caller.org(),
        server: &server,
        database: &real,
    };
    let telling = drift_told::prepare(app, looked, &seen).await?;
    let now = app.clock.now();
    let by = caller.actor.name();
    in_tx!(app.db, |tx| {
        store::document::one_at_a_time(tx, caller.org()).await?;
        store::server::lock(tx, &app.db, id).await?;
        calm.still(tx).await?;
        store::state::take_over(tx, (id, &real), &design, now).await?;
        drift_told::keep(app, tx, looked, &seen, telling.as_ref(), (&by, now)).await?;
        let entry = Entry::done("database:takeOver", "server", id).detail(&real);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    app.notify.wake();
    let query = DriftQuery { database: Some(real) };
    drift::get(app, caller, id, &query).await
}
