//! Applying documents: all of a text, or nothing of it.

use std::collections::BTreeMap;

use muster_base::DocumentId;
use muster_documents::{Document, Kind, Spec, parse, table::TableValues};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    SchemaError,
    document::Stored,
    document_check::{check_references, database_exists, environment, people_for},
    error::field_error,
    policy,
    server_apply::{self, Prepared},
    store::{self, document::What},
};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    error::{Error, FieldError},
    work,
};

/// Whether to only look.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ApplyQuery {
    /// Say what would be done, and do nothing.
    pub dry_run: Option<bool>,
}

/// What became of a text of documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedDocuments {
    /// One for each document, in the order in which they were applied.
    pub applied: Vec<AppliedDocument>,
}

/// What became of a document.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedDocument {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its latest revision; null for environments, which have none.
    #[schema(required)]
    pub revision: Option<i64>,
    /// What was done.
    pub change: DocumentChange,
    /// Whether it has a form and no values yet.
    pub draft: bool,
    /// The document; null for environments.
    #[schema(required)]
    pub id: Option<DocumentId>,
}

/// What was done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DocumentChange {
    /// It is new.
    Created,
    /// It has a new revision.
    Changed,
    /// It says what it said before.
    Unchanged,
}

/// Applies every document of the text, or says what is wrong with any of them.
pub(super) async fn apply(
    app: &App,
    caller: &Caller,
    text: &str,
    query: ApplyQuery,
) -> Result<AppliedDocuments, SchemaError> {
    caller.require(Operation::DesignWrite)?;
    let mut documents = read(text)?;
    documents.sort_by_key(|document| document.spec.kind());
    let mut servers = BTreeMap::new();
    let mut not_prepared = Vec::new();
    for document in &documents {
        let Spec::Server(server) = &document.spec else {
            continue;
        };
        match server_apply::prepare(app, caller, &document.name, server).await {
            Ok(prepared) => {
                servers.insert(document.name.clone(), prepared);
            }
            Err(SchemaError::Invalid(fields)) => {
                not_prepared.extend(fields.into_iter().map(|field| placed(document, field)));
            }
            Err(other) => return Err(other),
        }
    }
    let people = people_for(app, caller, documents.iter().map(|document| &document.spec)).await?;
    let write = async || -> Result<(AppliedDocuments, Vec<work::Order>), SchemaError> {
        let mut transaction = app.db.begin().await?;
        let tx = &mut transaction;
        store::document::one_at_a_time(tx, caller.org()).await?;
        let (mut applied, mut wrong) = (Vec::with_capacity(documents.len()), not_prepared);
        for document in &documents {
            let is_server = document.spec.kind() == Kind::Server;
            let prepared = is_server.then(|| servers.remove(&document.name)).flatten();
            match one(app, tx, caller, document.clone(), prepared).await {
                Ok(done) => applied.push(done),
                // What is wrong with one doesn't keep the others from being looked at.
                Err(SchemaError::Invalid(fields)) => {
                    wrong.extend(fields.into_iter().map(|field| placed(document, field)));
                }
                Err(other) => return Err(other),
            }
        }
        if wrong.is_empty() {
            check_references(app, tx, caller, &documents, &people, &mut wrong).await?;
        }
        let taken_back = if wrong.is_empty() {
            let all = (documents.as_slice(), applied.as_mut_slice());
            policies(app, tx, caller, all, &mut wrong).await?
        } else {
            Vec::new()
        };
        if !wrong.is_empty() {
            return Err(SchemaError::Invalid(wrong));
        }
        if !query.dry_run.unwrap_or(false) {
            transaction.commit().await?;
            return Ok((AppliedDocuments { applied }, taken_back));
        }
        Ok((AppliedDocuments { applied }, Vec::new()))
    };
    let (applied, taken_back) = write().await.map_err(|error| match error {
        SchemaError::Db(db) if is_name_taken(&db) => SchemaError::DocumentMoved,
        other => other,
    })?;
    for order in &taken_back {
        work::told(app, order);
    }
    Ok(applied)
}

/// Sets the policies that documents of environments hold, once the flows that they may name are there. Orders that are taken back
/// are to be told of after the commit.
async fn policies(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (documents, applied): (&[Document], &mut [AppliedDocument]),
    wrong: &mut Vec<FieldError>,
) -> Result<Vec<work::Order>, SchemaError> {
    let mut taken_back = Vec::new();
    for (document, done) in documents.iter().zip(applied) {
        let Spec::Environment(spec) = &document.spec else {
            continue;
        };
        let Some(said) = &spec.policy else { continue };
        match policy::apply(app, tx, caller, &document.name, said).await {
            Ok(policy) => {
                if policy.changed && done.change == DocumentChange::Unchanged {
                    done.change = DocumentChange::Changed;
                }
                taken_back.extend(policy.taken_back);
            }
            Err(SchemaError::Invalid(fields)) => {
                wrong.extend(fields.into_iter().map(|field| placed(document, field)));
            }
            Err(other) => return Err(other),
        }
    }
    Ok(taken_back)
}

/// The documents of a text, or every fault with its line.
pub(super) fn read(text: &str) -> Result<Vec<Document>, SchemaError> {
    parse(text).map_err(|faults| {
        let fault = |fault: muster_documents::Fault| {
            let message = match fault.line {
                0 => fault.message,
                line => format!("line {line}: {}", fault.message),
            };
            field_error(fault.path, message)
        };
        SchemaError::Invalid(faults.into_iter().map(fault).collect())
    })
}

fn is_name_taken(error: &DbError) -> bool {
    document_name_taken(error)
        || error.violates_index("db_servers_label", "db_servers", &["org_id", "label"])
        || error.violates_unique("environments", &["org_id", "name"])
}

pub(super) fn document_name_taken(error: &DbError) -> bool {
    let inside = ["org_id", "kind", "database", "name"];
    error.violates_index("documents_name", "documents", &inside)
        || error.violates_index("documents_name_alone", "documents", &["org_id", "kind", "name"])
}

/// The fault of a document among others.
pub(super) fn placed(document: &Document, field: FieldError) -> FieldError {
    let what = format!(
        "line {}: {} {}",
        document.line,
        document.spec.kind(),
        document.name
    );
    field_error(field.field, format!("{what}: {}", field.message))
}

async fn one(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    document: Document,
    prepared: Option<Prepared>,
) -> Result<AppliedDocument, SchemaError> {
    if let Spec::Environment(spec) = &document.spec {
        return environment(app, tx, caller, &document, spec).await;
    }
    let kind = document.spec.kind();
    let database = database_of(&document.name, &document.spec);
    let before = find(app, tx, caller, &document).await?;
    let reach = |name: &Option<String>| {
        name.as_deref()
            .is_none_or(|name| caller.reaches(&Object::DatabaseName(name)))
    };
    let old_database = before
        .as_ref()
        .map(|before| before.database.clone())
        .unwrap_or_default();
    if !reach(&database) || !reach(&old_database) {
        return Err(SchemaError::invalid(
            "spec.database",
            "your permissions don't reach this database",
        ));
    }
    caller.require(operation(kind))?;
    if kind == Kind::Server {
        caller.require_all(Operation::ServerWrite, ObjectKind::Servers)?;
    }
    if let Some(revision) = document.revision {
        let latest = before.as_ref().map_or(0, |before| before.revision);
        if revision != latest {
            return Err(SchemaError::Stale {
                what: format!("{kind} {}", document.name),
                latest,
            });
        }
    }
    let mut spec = document.spec.clone();
    settle(app, &mut spec, before.as_ref())?;
    if kind == Kind::TableSnapshot || kind == Kind::ViewSnapshot {
        database_exists(app, tx, caller, database.as_deref()).await?;
    }
    let server_changed = match prepared {
        Some(prepared) => server_apply::write(app, tx, caller, prepared).await?,
        None => false,
    };
    let json = spec.to_json().map_err(Error::internal)?;
    let now = app.clock.now();
    let change = match &before {
        None => DocumentChange::Created,
        Some(before) => {
            let same = before.json == json && before.name == document.name && before.label == document.label;
            if same && !server_changed {
                DocumentChange::Unchanged
            } else {
                DocumentChange::Changed
            }
        }
    };
    let after = Stored {
        id: before
            .as_ref()
            .map_or_else(|| app.clock.new_id(), |before| before.id),
        name: document.name,
        label: document.label,
        database,
        revision: before.as_ref().map_or(1, |before| {
            before.revision + i64::from(change != DocumentChange::Unchanged)
        }),
        spec,
        json,
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        updated_at: now,
        updated_by: caller.actor.name(),
    };
    write(app, tx, caller, (before.as_ref(), &after), change).await?;
    Ok(AppliedDocument {
        kind: kind.to_string(),
        name: after.name,
        revision: Some(after.revision),
        change,
        draft: after.spec.is_draft(),
        id: Some(after.id),
    })
}

/// Writes what has changed, its revision and the audit row.
pub(super) async fn write(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (before, after): (Option<&Stored>, &Stored),
    change: DocumentChange,
) -> Result<(), SchemaError> {
    let what = match change {
        DocumentChange::Unchanged => return Ok(()),
        DocumentChange::Created => {
            store::document::insert(tx, caller.org(), after).await?;
            What::Created
        }
        DocumentChange::Changed => {
            store::document::update(tx, caller.org(), after).await?;
            What::Changed
        }
    };
    store::document::add_revision(tx, caller, after, what).await?;
    record(app, tx, caller, (before, after)).await
}

/// The audit row of a new revision.
pub(super) async fn record(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (before, after): (Option<&Stored>, &Stored),
) -> Result<(), SchemaError> {
    let kind = after.spec.kind();
    let mut entry = Entry::done(operation(kind), "document", after.id)
        .after(&after.spec)
        .detail(format!("{kind} {}, revision {}", after.name, after.revision));
    if let Some(before) = before {
        entry = entry.before(&before.spec);
    }
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    Ok(())
}

/// What it takes to write a document of this kind.
pub(super) const fn operation(kind: Kind) -> Operation {
    match kind {
        Kind::Environment => Operation::EnvironmentWrite,
        Kind::Server => Operation::ServerWrite,
        Kind::ApprovalFlow => Operation::FlowWrite,
        Kind::DatabaseSnapshot | Kind::TableSnapshot | Kind::ViewSnapshot | Kind::Project => {
            Operation::DesignWrite
        }
    }
}

/// The document as it is now; under its old name if it says that it was renamed.
async fn find(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    document: &Document,
) -> Result<Option<Stored>, SchemaError> {
    let (org, kind) = (caller.org(), document.spec.kind());
    let database = database_of(&document.name, &document.spec);
    let database = database.as_deref();
    let mut found = store::document::lock_named(tx, &app.db, org, (kind, database, &document.name)).await?;
    if found.is_none() && kind != Kind::DatabaseSnapshot && database.is_some() {
        // A draft that is filled in.
        found = store::document::lock_named(tx, &app.db, org, (kind, None, &document.name)).await?;
    }
    let Some(old) = document
        .renamed_from
        .as_ref()
        .filter(|old| **old != document.name)
    else {
        return Ok(found);
    };
    // Databases and servers are what others refer to by name.
    if !matches!(kind, Kind::TableSnapshot | Kind::ViewSnapshot) {
        return Err(SchemaError::invalid(
            "metadata.renamedFrom",
            "only tables and views can be renamed",
        ));
    }
    let renamed = store::document::lock_named(tx, &app.db, org, (kind, database, old)).await?;
    match (found, renamed) {
        // Applied once more.
        (Some(found), None) => Ok(Some(found)),
        (None, Some(renamed)) => Ok(Some(renamed)),
        (Some(_), Some(_)) => {
            let message = format!("both {} and {old} are there: delete one", document.name);
            Err(SchemaError::invalid("metadata.renamedFrom", message))
        }
        (None, None) => Err(SchemaError::invalid(
            "metadata.renamedFrom",
            format!("there is no {kind} {old}"),
        )),
    }
}

/// The name of the database's document that a document is of.
pub(super) fn database_of(name: &str, spec: &Spec) -> Option<String> {
    match spec {
        Spec::Database(_) => Some(name.to_owned()),
        Spec::Table(table) => table.values.as_ref().map(|values| values.database.clone()),
        Spec::View(view) => view.values.as_ref().map(|values| values.database.clone()),
        Spec::Environment(_) | Spec::Server(_) | Spec::ApprovalFlow(_) | Spec::Project(_) => None,
    }
}

/// Gives the columns of a table their ids.
fn settle(app: &App, spec: &mut Spec, before: Option<&Stored>) -> Result<(), SchemaError> {
    let Spec::Table(table) = spec else { return Ok(()) };
    let Some(values) = &mut table.values else {
        return Ok(());
    };
    let old = before.and_then(table_values);
    let mint = || *app.clock.new_id::<DocumentId>().as_uuid();
    values
        .settle_ids(old, mint)
        .map_err(|fault| SchemaError::invalid("spec.columns", fault.to_string()))
}

/// A table's values; none of a draft or another kind.
pub(super) fn table_values(of: &Stored) -> Option<&TableValues> {
    match &of.spec {
        Spec::Table(table) => table.values.as_ref(),
        _ => None,
    }
}
