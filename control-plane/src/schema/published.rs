//! Which version of a table or view is live where, and what its draft would change there.
//!
//! What is live in a database is the design that last succeeded there, or was taken over (`database_states`). The published
//! version of a table is the revision of its document that says just that: the newest one, if several do. What was taken
//! over as it was found, or comes from before what is kept, is no revision's.
//!
//! The console asks for it every few minutes, so it reads the document's own part of each design, and revisions from the
//! newest on until every database's is found.
//!
//! Who: `design:read` for the document, and `server:read` for where it is; only servers, environments and databases in reach
//! are told of.

use muster_base::{DocumentId, ReleaseId, ServerId, UnixMs};
use muster_documents::{Kind, Spec, diff as field_changes};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::{
    DocumentFieldChange, SchemaError,
    document::{self, Stored},
    store::{
        self,
        published::{Part, Record},
    },
};
use crate::{
    access::{Caller, Operation},
    app::App,
    error::Error,
};

/// Databases that are told of.
const MOST_PLACES: i64 = 100;
/// Revisions that are looked through for what is live.
const MOST_REVISIONS: i64 = 500;
/// And so many at a time: what is live is mostly among the newest.
const PAGE: i64 = 25;

/// Where a table or view is live.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedVersions {
    /// The document's latest revision, which is the draft.
    pub draft: i64,
    /// In the order of environments and servers; at most 100.
    pub items: Vec<PublishedVersion>,
}

/// What is live in one database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedVersion {
    /// The server.
    pub server_id: ServerId,
    /// Its label.
    pub label: String,
    /// Its environment.
    pub environment: String,
    /// What the database is called there.
    pub database: String,
    /// The release that made it what it is; null if it was taken over.
    #[schema(required)]
    pub release_id: Option<ReleaseId>,
    /// Its version.
    #[schema(required)]
    pub version: Option<String>,
    /// Since when.
    pub reached_at: UnixMs,
    /// The document's revision that is live; null if none says just that.
    #[schema(required)]
    pub revision: Option<i64>,
    /// What the draft would change, field by field; empty if it is live as it is.
    pub changes: Vec<DocumentFieldChange>,
}

/// Where the document is live.
pub(super) async fn versions(
    app: &App,
    caller: &Caller,
    id: DocumentId,
) -> Result<PublishedVersions, SchemaError> {
    caller.require(Operation::ServerRead)?;
    let found = document::find_for(app, caller, Operation::DesignRead, id).await?;
    let kind = found.spec.kind();
    if !matches!(kind, Kind::TableSnapshot | Kind::ViewSnapshot) {
        return Ok(PublishedVersions {
            draft: found.revision,
            items: Vec::new(),
        });
    }
    let places = store::published::list(&app.db, (caller.org(), caller.scope()), id, MOST_PLACES).await?;
    let mut live = Vec::with_capacity(places.len());
    for place in places {
        let shown = live_part(&place.part()?);
        live.push((place, shown));
    }
    let revisions = revisions(app, id, kind, &live).await?;
    let work = move || told(&found, live, &revisions);
    let told = tokio::task::spawn_blocking(work).await;
    Ok(told.map_err(Error::internal)?)
}

/// What is live in a database, with its place.
type Live = (Record, Json);

/// For each database the newest revision that says what is live there; those that are newest of all are read first, and
/// no more of them than needed.
async fn revisions(
    app: &App,
    id: DocumentId,
    kind: Kind,
    live: &[Live],
) -> Result<Vec<Option<i64>>, SchemaError> {
    let mut found: Vec<Option<i64>> = vec![None; live.len()];
    let (mut before, mut left) = (i64::MAX, MOST_REVISIONS);
    while left > 0 && found.contains(&None) {
        let page = store::published::list_revisions(&app.db, id, (before, PAGE.min(left))).await?;
        let Some((oldest, ..)) = page.last() else { break };
        before = *oldest;
        left -= PAGE;
        for (number, name, spec) in page {
            let said = Spec::from_json(kind, &spec)
                .ok()
                .and_then(|spec| part(&name, &spec));
            let Some(said) = said else { continue };
            for (revision, (_, live)) in found.iter_mut().zip(live) {
                if revision.is_none() && said == *live {
                    *revision = Some(number);
                }
            }
        }
    }
    Ok(found)
}

fn told(found: &Stored, live: Vec<Live>, revisions: &[Option<i64>]) -> PublishedVersions {
    let draft = part(&found.name, &found.spec);
    let mut items = Vec::with_capacity(live.len());
    for ((place, live), revision) in live.into_iter().zip(revisions) {
        let nothing = Json::Object(Map::new());
        let changes = field_changes(&live, draft.as_ref().unwrap_or(&nothing));
        items.push(PublishedVersion {
            server_id: place.server_id,
            label: place.label,
            environment: place.environment,
            database: place.database,
            release_id: place.release_id,
            version: place.version,
            reached_at: place.reached_at,
            revision: *revision,
            changes: changes
                .into_iter()
                .map(|change| DocumentFieldChange {
                    path: change.path,
                    before: change.before,
                    after: change.after,
                })
                .collect(),
        });
    }
    PublishedVersions {
        draft: found.revision,
        items,
    }
}

/// What a database can show of a document; none of a draft without values.
fn part(name: &str, spec: &Spec) -> Option<Json> {
    match spec {
        Spec::Table(table) => Some(shown(name, table.values.as_ref()?, table.sql_script.as_deref())),
        Spec::View(view) => Some(shown(name, view.values.as_ref()?, None)),
        Spec::Environment(_)
        | Spec::Server(_)
        | Spec::Database(_)
        | Spec::ApprovalFlow(_)
        | Spec::Project(_) => None,
    }
}

/// The same of what is live.
fn live_part(part: &Part) -> Json {
    match part {
        Part::Table(table) => shown(&table.name, &table.table, table.sql_script.as_deref()),
        Part::View(view) => shown(&view.name, &view.view, None),
    }
}

fn shown(name: &str, values: &impl Serialize, script: Option<&str>) -> Json {
    // What was read from JSON can be written as it.
    let mut json = serde_json::to_value(values).unwrap_or_default();
    if let Json::Object(fields) = &mut json {
        fields.insert("name".to_owned(), name.into());
        if let Some(script) = script {
            fields.insert("sqlScript".to_owned(), script.into());
        }
    }
    json
}
