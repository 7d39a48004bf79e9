//! Revisions: listed, compared, restored; and what is deleted.

use muster_base::DocumentId;
use muster_documents::{Kind, Spec, diff as field_changes};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};

use super::{
    SchemaError,
    document::{self, DocumentDetail, DocumentUser, Revision, Stored},
    document_apply::{database_of, document_name_taken, operation, record},
    document_check::{database_exists, databases, flow_references, people_for, table_references},
    error::field_error,
    store::{self, document::What},
};
use crate::{
    access::{Caller, Operation, OrgPeople},
    app::App,
    db::{DbError, Tx},
    error::FieldError,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Which revisions to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The one before; the one before `to` if left out.
    pub from: Option<i64>,
    /// The one after; the latest if left out.
    pub to: Option<i64>,
}

/// What is different between two revisions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentDiff {
    /// The one before; 0 is nothing.
    pub from: i64,
    /// The one after.
    pub to: i64,
    /// Field by field.
    pub changes: Vec<DocumentFieldChange>,
}

/// A field that is different.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentFieldChange {
    /// For instance `columns[mail].dataType`.
    pub path: String,
    /// What it was; null if it was not there.
    #[schema(required, value_type = serde_json::Value)]
    pub before: Option<Json>,
    /// What it is; null if it is not there any more.
    #[schema(required, value_type = serde_json::Value)]
    pub after: Option<Json>,
}

/// Which revision to bring back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreRequest {
    /// One of the document's revisions.
    pub revision: i64,
}

pub(super) async fn revisions(
    app: &App,
    caller: &Caller,
    id: DocumentId,
    query: &PageQuery,
) -> Result<Page<Revision>, SchemaError> {
    document::find_for(app, caller, Operation::DesignRead, id).await?;
    let before = query.cursor::<i64>()?;
    let rows = store::document::list_revisions(&app.db, id, before, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.revision)))
}

pub(super) async fn diff(
    app: &App,
    caller: &Caller,
    id: DocumentId,
    query: DiffQuery,
) -> Result<DocumentDiff, SchemaError> {
    let found = document::find_for(app, caller, Operation::DesignRead, id).await?;
    let to = query.to.unwrap_or(found.revision);
    let from = query.from.unwrap_or(to.saturating_sub(1));
    let (old, new) = (said(app, id, from, "from").await?, said(app, id, to, "to").await?);
    let changes = field_changes(&old, &new)
        .into_iter()
        .map(|change| DocumentFieldChange {
            path: change.path,
            before: change.before,
            after: change.after,
        });
    Ok(DocumentDiff {
        from,
        to,
        changes: changes.collect(),
    })
}

/// What a revision says; revision 0 says nothing.
async fn said(app: &App, id: DocumentId, revision: i64, field: &str) -> Result<Json, SchemaError> {
    if revision == 0 {
        return Ok(Json::Object(serde_json::Map::new()));
    }
    let found = store::document::find_revision(&app.db, id, revision).await?;
    let (_, spec) = found.ok_or_else(|| SchemaError::invalid(field, "the document has no such revision"))?;
    let corrupt = || DbError::Corrupt(format!("document_revisions.spec of {id}, {revision}"));
    Ok(serde_json::from_str(&spec).map_err(|_| corrupt())?)
}

/// Makes what a revision says the latest one, as a new revision. Columns keep the ids that they had.
pub(super) async fn restore(
    app: &App,
    caller: &Caller,
    id: DocumentId,
    request: RestoreRequest,
) -> Result<DocumentDetail, SchemaError> {
    let found = document::find_for(app, caller, Operation::DesignWrite, id).await?;
    caller.require(operation(found.spec.kind()))?;
    if found.spec.kind() == Kind::Server {
        // Its address and password are not the document's alone.
        return Err(SchemaError::invalid(
            "revision",
            "a server is changed by applying its document",
        ));
    }
    let then = store::document::find_revision(&app.db, id, request.revision).await?;
    let (then, json) =
        then.ok_or_else(|| SchemaError::invalid("revision", "the document has no such revision"))?;
    let corrupt = || DbError::Corrupt(format!("document_revisions.spec of {id}, {}", then.revision));
    let spec = Spec::from_json(found.spec.kind(), &json).map_err(|_| corrupt())?;
    let written = restore_in(app, caller, id, (&then, &spec, &json)).await;
    written.map_err(|error| match error {
        SchemaError::Db(db) if document_name_taken(&db) => SchemaError::invalid(
            "revision",
            format!(
                "another document is called {} now: rename or delete that first",
                then.name
            ),
        ),
        other => other,
    })?;
    document::get(app, caller, id).await
}

async fn restore_in(
    app: &App,
    caller: &Caller,
    id: DocumentId,
    (then, spec, json): (&Revision, &Spec, &str),
) -> Result<(), SchemaError> {
    let people = people_for(app, caller, std::iter::once(spec)).await?;
    in_tx!(app.db, |tx| {
        store::document::one_at_a_time(tx, caller.org()).await?;
        let before = store::document::lock(tx, &app.db, caller.org(), id)
            .await?
            .ok_or(SchemaError::NoDocument)?;
        if before.json != json || before.name != then.name || before.label != then.label {
            let after = Stored {
                name: then.name.clone(),
                label: then.label.clone(),
                database: database_of(&then.name, spec),
                revision: before.revision + 1,
                spec: spec.clone(),
                json: json.to_owned(),
                updated_at: app.clock.now(),
                updated_by: caller.actor.name(),
                ..before.clone()
            };
            store::document::update(tx, caller.org(), &after).await?;
            store::document::add_revision(tx, caller, &after, What::Restored).await?;
            let wrong = references(app, tx, caller, (&before, &after), &people).await?;
            if !wrong.is_empty() {
                return Err(SchemaError::Invalid(wrong));
            }
            record(app, tx, caller, (Some(&before), &after)).await?;
        }
    });
    Ok(())
}

/// What a document names is there, and what others name of it.
async fn references(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (before, after): (&Stored, &Stored),
    people: &OrgPeople,
) -> Result<Vec<FieldError>, SchemaError> {
    if matches!(after.spec, Spec::Table(_) | Spec::View(_)) {
        database_exists(app, tx, caller, after.database.as_deref()).await?;
    }
    match &after.spec {
        Spec::Table(_) => {
            // As a draft it may have left the database where others name it.
            let Some(database) = after.database.as_ref().or(before.database.as_ref()) else {
                return Ok(Vec::new());
            };
            let found = table_references(tx, caller, database).await?;
            let placed = |(table, field): (String, FieldError)| {
                field_error(format!("{table}.{}", field.field), field.message)
            };
            Ok(found.into_iter().map(placed).collect())
        }
        Spec::Project(project) => databases(app, tx, caller, project).await,
        Spec::ApprovalFlow(flow) => flow_references(tx, caller, flow, people).await,
        Spec::Environment(_) | Spec::Server(_) | Spec::Database(_) | Spec::View(_) => Ok(Vec::new()),
    }
}

/// Deletes a document that nothing needs. Its revisions stay.
pub(super) async fn delete(app: &App, caller: &Caller, id: DocumentId) -> Result<(), SchemaError> {
    let found = document::find_for(app, caller, Operation::DesignWrite, id).await?;
    caller.require(operation(found.spec.kind()))?;
    if found.spec.kind() == Kind::Server
        && let Some(server) = store::server::find_named(&app.db, caller.org(), &found.name).await?
    {
        let first = format!("the server {}, which is deleted first", server.label);
        return Err(SchemaError::DocumentInUse(first));
    }
    in_tx!(app.db, |tx| {
        store::document::one_at_a_time(tx, caller.org()).await?;
        let before = store::document::lock(tx, &app.db, caller.org(), id)
            .await?
            .ok_or(SchemaError::NoDocument)?;
        let users = users(tx, caller, &before).await?;
        if !users.is_empty() {
            return Err(SchemaError::DocumentInUse(users.join(", ")));
        }
        let after = Stored {
            revision: before.revision + 1,
            updated_at: app.clock.now(),
            updated_by: caller.actor.name(),
            ..before.clone()
        };
        store::document::add_revision(tx, caller, &after, What::Deleted).await?;
        store::document::set_deleted(tx, caller.org(), id, after.updated_at).await?;
        record(app, tx, caller, (Some(&before), &after)).await?;
    });
    Ok(())
}

/// What needs it, in words.
async fn users(tx: &mut Tx, caller: &Caller, of: &Stored) -> Result<Vec<String>, SchemaError> {
    if of.spec.kind() == Kind::ApprovalFlow {
        let policies = store::policy::list_in_force(tx, caller.org()).await?;
        let needs = policies
            .iter()
            .filter(|policy| policy.flows.named().any(|(_, name)| *name == of.name));
        return Ok(needs
            .map(|policy| format!("the policy of {}", policy.environment))
            .collect());
    }
    if of.spec.kind() == Kind::Project {
        let hooks = store::git_hook::count(tx, of.id).await?;
        let needs = (hooks > 0).then(|| "its Git hooks".to_owned());
        return Ok(needs.into_iter().collect());
    }
    let Some(database) = of.database.as_deref() else {
        return Ok(Vec::new());
    };
    let mut others = store::document::list_in(tx, caller.org(), database).await?;
    others.extend(store::document::list_projects(tx, caller.org()).await?);
    let needs = others.iter().filter(|other| needs(other, of));
    Ok(needs
        .map(|other| format!("{} {}", other.spec.kind(), other.name))
        .collect())
}

/// The documents in the caller's reach that need it.
pub(super) async fn used_by(
    app: &App,
    caller: &Caller,
    of: &Stored,
) -> Result<Vec<DocumentUser>, SchemaError> {
    let Some(database) = of.database.clone() else {
        return Ok(Vec::new());
    };
    let whose = (caller.org(), caller.scope());
    let inside = store::document::Filter {
        database: Some(database),
        limit: i64::MAX,
        ..store::document::Filter::default()
    };
    let mut others = store::document::list(&app.db, whose, &inside).await?;
    if of.spec.kind() == Kind::DatabaseSnapshot {
        let projects = store::document::Filter {
            kind: Some(Kind::Project),
            database: None,
            ..inside
        };
        others.extend(store::document::list(&app.db, whose, &projects).await?);
    }
    let needs = others.iter().filter(|other| needs(other, of));
    Ok(needs
        .map(|other| DocumentUser {
            id: other.id,
            kind: other.spec.kind().to_string(),
            name: other.name.clone(),
        })
        .collect())
}

/// Whether the one would be wrong without the other.
fn needs(one: &Stored, other: &Stored) -> bool {
    match (&one.spec, &other.spec) {
        (Spec::Project(project), Spec::Database(_)) => project.databases.contains(&other.name),
        (Spec::Table(_) | Spec::View(_), Spec::Database(_)) => one.database == other.database,
        (Spec::Table(table), Spec::Table(_)) => {
            let columns = table.values.iter().flat_map(|values| &values.columns);
            let mut references = columns.filter_map(|column| column.reference.as_ref());
            one.id != other.id
                && one.database == other.database
                && references.any(|reference| reference.table == other.name)
        }
        _ => false,
    }
}
