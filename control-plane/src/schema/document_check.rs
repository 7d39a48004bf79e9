//! What documents refer to, and documents of environments.

use muster_documents::{Document, Kind, Spec, kind::environment::EnvironmentType};

use super::{
    SchemaError,
    document_apply::{AppliedDocument, DocumentChange, placed, table_values},
    error::field_error,
    store,
};
use crate::{
    access::Caller,
    app::App,
    db::Tx,
    error::{Error, FieldError},
    fleet::{self, EnvironmentApplied, EnvironmentDocument},
};

/// A table or view stands in a database that is there.
pub(super) async fn database_exists(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    database: Option<&str>,
) -> Result<(), SchemaError> {
    let Some(name) = database else { return Ok(()) };
    let wanted = (Kind::DatabaseSnapshot, Some(name), name);
    match store::document::lock_named(tx, &app.db, caller.org(), wanted).await? {
        Some(_) => Ok(()),
        None => Err(SchemaError::invalid(
            "spec.database",
            format!("there is no DatabaseSnapshot {name}: apply it first, or in the same text"),
        )),
    }
}

/// References are to tables and columns that are there once everything is applied.
pub(super) async fn check_references(
    tx: &mut Tx,
    caller: &Caller,
    documents: &[Document],
    wrong: &mut Vec<FieldError>,
) -> Result<(), SchemaError> {
    for document in documents {
        let Spec::Table(table) = &document.spec else {
            continue;
        };
        let Some(values) = &table.values else { continue };
        if values.columns.iter().all(|column| column.reference.is_none()) {
            continue;
        }
        let there = store::document::list_in(tx, caller.org(), &values.database).await?;
        for column in &values.columns {
            let Some(reference) = &column.reference else {
                continue;
            };
            let table = there
                .iter()
                .find(|table| table.name == reference.table)
                .and_then(table_values);
            let found =
                table.is_some_and(|table| table.columns.iter().any(|other| other.name == reference.column));
            if !found {
                let path = format!("spec.columns.{}.reference", column.name);
                let message = format!(
                    "{} has no table {} with a column {}",
                    values.database, reference.table, reference.column
                );
                wrong.push(placed(document, field_error(path, message)));
            }
        }
    }
    Ok(())
}

/// Makes an environment as its document says.
pub(super) async fn environment(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    document: &Document,
    spec: &muster_documents::kind::environment::Environment,
) -> Result<AppliedDocument, SchemaError> {
    let kind = |of: EnvironmentType| match of {
        EnvironmentType::Development => fleet::EnvironmentType::Development,
        EnvironmentType::Testing => fleet::EnvironmentType::Testing,
        EnvironmentType::Staging => fleet::EnvironmentType::Staging,
        EnvironmentType::Production => fleet::EnvironmentType::Production,
    };
    let wanted = EnvironmentDocument {
        name: document.name.clone(),
        label: spec.label.clone().or_else(|| document.label.clone()),
        kind: spec.kind.map(kind),
        order: spec.order,
    };
    let usual = kind(EnvironmentType::of_name(&document.name));
    let applied = fleet::apply_environment(app, tx, caller, wanted, usual)
        .await
        .map_err(Error::from)?;
    Ok(AppliedDocument {
        kind: Kind::Environment.to_string(),
        name: document.name.clone(),
        revision: None,
        change: match applied {
            EnvironmentApplied::Created(_) => DocumentChange::Created,
            EnvironmentApplied::Changed(_) => DocumentChange::Changed,
            EnvironmentApplied::Unchanged(_) => DocumentChange::Unchanged,
        },
        draft: false,
        id: None,
    })
}
