//! DDL as documents, beside those that are there: nothing is changed, whoever asks merges and applies.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::DocumentId;
use muster_documents::{
    Kind, Spec, diff, export, import as documents_of,
    kind::{OwnValues, view::View},
    table::{Table, TableValues},
};
use muster_schema::{Dialect, Schema, read};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DocumentChange, DocumentFieldChange, SchemaError, ServerType, document::Stored,
    document_apply::table_values, error::field_error, store,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    error::Error,
};

/// DDL that is to become documents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportRequest {
    /// `MySQL` (also for MariaDB) or `Postgres`, in any case.
    pub dialect: ServerType,
    /// The name of the `DatabaseSnapshot` that it is for.
    pub database: String,
    /// `create table …` and what belongs to it.
    pub sql: String,
}

/// What DDL is as documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedDdl {
    /// Tables and views.
    pub documents: Vec<ImportedDocument>,
    /// What no document can say: it is left out whole, and why.
    pub not_carried: Vec<NotCarriedObject>,
}

/// A document as the DDL has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedDocument {
    /// `TableSnapshot` or `ViewSnapshot`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What applying it would do.
    pub change: DocumentChange,
    /// The revision that is there; null if there is none.
    #[schema(required)]
    pub revision: Option<i64>,
    /// What is different from what is there, field by field.
    pub changes: Vec<DocumentFieldChange>,
    /// The document; apply it, or merge it first.
    pub yaml: String,
}

/// Something that no document can say.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotCarriedObject {
    /// Which.
    pub object: String,
    /// Why.
    pub reason: String,
}

/// Reads DDL and compares it with the documents of the database.
pub(super) async fn import(
    app: &App,
    caller: &Caller,
    request: ImportRequest,
) -> Result<ImportedDdl, SchemaError> {
    caller.require(Operation::DesignWrite)?;
    if !caller.reaches(&Object::DatabaseName(&request.database)) {
        return Err(SchemaError::invalid(
            "database",
            "your permissions don't reach this database",
        ));
    }
    let dialect = request.dialect.dialect();
    let schema =
        read(dialect, &request.sql).map_err(|error| SchemaError::invalid("sql", error.to_string()))?;
    compare_with(app, caller, (dialect, &request.database), schema).await
}

/// A schema as documents of a database, beside those that are there.
pub(super) async fn compare_with(
    app: &App,
    caller: &Caller,
    (dialect, database): (Dialect, &str),
    schema: Schema,
) -> Result<ImportedDdl, SchemaError> {
    let filter = store::document::Filter {
        database: Some(database.to_owned()),
        limit: i64::MAX,
        ..store::document::Filter::default()
    };
    let there = store::document::list(&app.db, (caller.org(), caller.scope()), &filter).await?;
    check_database(&there, dialect)?;
    let (app, database) = (app.clone(), database.to_owned());
    // A database of thousands of tables takes a core for a while.
    tokio::task::spawn_blocking(move || beside(&app, &there, &database, &schema))
        .await
        .map_err(Error::internal)?
}

fn beside(app: &App, there: &[Stored], database: &str, schema: &Schema) -> Result<ImportedDdl, SchemaError> {
    let mut imported = documents_of(schema, database);
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, _) in &imported.tables {
        *names.entry(name).or_default() += 1;
    }
    let twice: BTreeSet<String> = names
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(name, _)| name.to_owned())
        .collect();
    imported.tables.retain(|(name, _)| !twice.contains(name));
    let mut documents = Vec::new();
    for (name, values) in imported.tables {
        let before = found(there, Kind::TableSnapshot, &name);
        let spec = table(app, before, (schema, &name), values)?;
        documents.push(compared(name, before, spec)?);
    }
    for (name, values) in imported.views {
        let before = found(there, Kind::ViewSnapshot, &name);
        let mut view = match before.map(|before| &before.spec) {
            Some(Spec::View(view)) => (**view).clone(),
            _ => View {
                forms: None,
                values: None,
                document: None,
                own: OwnValues::new(),
            },
        };
        view.values = Some(values);
        documents.push(compared(name, before, Spec::View(Box::new(view)))?);
    }
    let twice = twice.into_iter().map(|name| NotCarriedObject {
        object: format!("table {name}"),
        reason: "it is in several schemas of the database, and documents know tables by their names".into(),
    });
    let not_carried = imported.not_carried.into_iter().map(|left| NotCarriedObject {
        object: left.object,
        reason: left.reason,
    });
    Ok(ImportedDdl {
        documents,
        not_carried: not_carried.chain(twice).collect(),
    })
}

fn check_database(there: &[Stored], dialect: Dialect) -> Result<(), SchemaError> {
    let database = there.iter().find_map(|document| match &document.spec {
        Spec::Database(database) => Some(database),
        _ => None,
    });
    let Some(database) = database else {
        return Err(SchemaError::invalid(
            "database",
            "there is no such DatabaseSnapshot: apply it first",
        ));
    };
    match &database.values {
        Some(values) if values.dialect != dialect => {
            let message = format!("the database is designed for {}", values.dialect);
            Err(SchemaError::Invalid(vec![field_error("dialect", message)]))
        }
        _ => Ok(()),
    }
}

fn found<'a>(there: &'a [Stored], kind: Kind, name: &str) -> Option<&'a Stored> {
    there
        .iter()
        .find(|document| document.spec.kind() == kind && document.name == name)
}

/// The table's document with what the DDL says; what DDL can't say stays as it is.
fn table(
    app: &App,
    before: Option<&Stored>,
    (schema, name): (&Schema, &str),
    mut values: TableValues,
) -> Result<Spec, SchemaError> {
    let mut table = match before.map(|before| &before.spec) {
        Some(Spec::Table(table)) => (**table).clone(),
        _ => Table {
            forms: None,
            values: None,
            document: None,
            sql_script: None,
            own: OwnValues::new(),
        },
    };
    let old = before.and_then(table_values);
    if let Some(old) = old {
        values.spell_like(old, schema.dialect, name);
        values.settle_on(old, schema);
    }
    for column in &mut values.columns {
        let Some(old) = old.and_then(|old| old.columns.iter().find(|other| other.name == column.name)) else {
            continue;
        };
        column.own.clone_from(&old.own);
        if column.reference.is_none() {
            column.reference = old.reference.clone().filter(|reference| !reference.enforced);
        }
    }
    let mint = || *app.clock.new_id::<DocumentId>().as_uuid();
    values
        .settle_ids(old, mint)
        .map_err(|fault| SchemaError::invalid("sql", fault.to_string()))?;
    table.values = Some(values);
    Ok(Spec::Table(Box::new(table)))
}

fn compared(name: String, before: Option<&Stored>, spec: Spec) -> Result<ImportedDocument, SchemaError> {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).map_err(Error::internal);
    let new = json(&spec.to_json().map_err(Error::internal)?)?;
    let old = match before {
        Some(before) => before.spec_json()?,
        None => serde_json::Value::Object(serde_json::Map::new()),
    };
    let changes: Vec<DocumentFieldChange> = diff(&old, &new)
        .into_iter()
        .map(|change| DocumentFieldChange {
            path: change.path,
            before: change.before,
            after: change.after,
        })
        .collect();
    let label = before.and_then(|before| before.label.as_deref());
    Ok(ImportedDocument {
        kind: spec.kind().to_string(),
        yaml: export(&name, label, &spec).map_err(Error::internal)?,
        name,
        change: match before {
            None => DocumentChange::Created,
            Some(_) if changes.is_empty() => DocumentChange::Unchanged,
            Some(_) => DocumentChange::Changed,
        },
        revision: before.map(|before| before.revision),
        changes,
    })
}
