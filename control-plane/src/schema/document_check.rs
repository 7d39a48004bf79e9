//! What documents refer to, and documents of environments.

use std::collections::BTreeSet;

use muster_documents::{
    Document, Kind, Spec,
    kind::{environment::EnvironmentType, flow::ApprovalFlow, project::Project},
};

use super::{
    SchemaError,
    document_apply::{AppliedDocument, DocumentChange, placed, table_values},
    error::field_error,
    flow, store,
};
use crate::{
    access::{Caller, OrgPeople, org_people},
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

/// What documents name is there once everything is applied, and what others name still is.
pub(super) async fn check_references(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    documents: &[Document],
    people: &OrgPeople,
    wrong: &mut Vec<FieldError>,
) -> Result<(), SchemaError> {
    let mut touched = BTreeSet::new();
    for document in documents {
        let found = match &document.spec {
            Spec::Table(table) => {
                touched.extend(table.values.as_ref().map(|values| values.database.as_str()));
                continue;
            }
            Spec::Project(project) => databases(app, tx, caller, project).await?,
            Spec::ApprovalFlow(flow) => flow_references(tx, caller, flow, people).await?,
            Spec::Environment(_) | Spec::Server(_) | Spec::Database(_) | Spec::View(_) => continue,
        };
        wrong.extend(found.into_iter().map(|field| placed(document, field)));
    }
    for database in touched {
        for (table, field) in table_references(tx, caller, database).await? {
            let in_text = documents.iter().find(|document| {
                document.name == table
                    && matches!(&document.spec, Spec::Table(of)
                        if of.values.as_ref().is_some_and(|values| values.database == database))
            });
            wrong.push(match in_text {
                Some(document) => placed(document, field),
                None => field_error(
                    format!("{table}.{}", field.field),
                    format!("{}: change {table} in the same text", field.message),
                ),
            });
        }
    }
    Ok(())
}

/// The references of a database's tables that lead nowhere, each with its table.
pub(super) async fn table_references(
    tx: &mut Tx,
    caller: &Caller,
    database: &str,
) -> Result<Vec<(String, FieldError)>, SchemaError> {
    let there = store::document::list_in(tx, caller.org(), database).await?;
    let columns: BTreeSet<(&str, &str)> = there
        .iter()
        .filter_map(|table| Some((table.name.as_str(), table_values(table)?)))
        .flat_map(|(name, values)| {
            values
                .columns
                .iter()
                .map(move |column| (name, column.name.as_str()))
        })
        .collect();
    let mut wrong = Vec::new();
    for table in &there {
        let own = table_values(table).into_iter().flat_map(|values| &values.columns);
        for column in own {
            let Some(reference) = &column.reference else {
                continue;
            };
            let (to, its) = (reference.table.as_str(), reference.column.as_str());
            if !columns.contains(&(to, its)) {
                let path = format!("spec.columns.{}.reference", column.name);
                let message = format!("{database} has no table {to} with a column {its}");
                wrong.push((table.name.clone(), field_error(path, message)));
            }
        }
    }
    Ok(wrong)
}

/// A project's databases are there, and stay until the transaction ends.
pub(super) async fn databases(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    project: &Project,
) -> Result<Vec<FieldError>, SchemaError> {
    let mut wrong = Vec::new();
    for (nth, name) in project.databases.iter().enumerate() {
        let wanted = (Kind::DatabaseSnapshot, Some(name.as_str()), name.as_str());
        let found = store::document::lock_named(tx, &app.db, caller.org(), wanted).await?;
        if !found.is_some_and(|found| found.is_reached_by(caller)) {
            let message = format!("there is no DatabaseSnapshot {name}: apply it first, or in the same text");
            wrong.push(field_error(format!("spec.databases[{nth}]"), message));
        }
    }
    Ok(wrong)
}

/// Whom flows among these may name: read before a transaction begins, which must not wait for another connection.
pub(super) async fn people_for(
    app: &App,
    caller: &Caller,
    mut specs: impl Iterator<Item = &Spec>,
) -> Result<OrgPeople, SchemaError> {
    if specs.any(|spec| spec.kind() == Kind::ApprovalFlow) {
        Ok(org_people(app, caller.org()).await.map_err(Error::from)?)
    } else {
        Ok(OrgPeople::default())
    }
}

/// A flow's environments are there, and whom its steps name.
pub(super) async fn flow_references(
    tx: &mut Tx,
    caller: &Caller,
    flow: &ApprovalFlow,
    people: &OrgPeople,
) -> Result<Vec<FieldError>, SchemaError> {
    let mut named: Vec<(String, &String)> = Vec::new();
    for (nth, name) in flow.environments.iter().enumerate() {
        named.push((format!("spec.environments[{nth}]"), name));
    }
    for (step, of) in flow.steps.iter().enumerate() {
        for (nth, name) in of.environments.iter().enumerate() {
            named.push((format!("spec.steps[{step}].environments[{nth}]"), name));
        }
    }
    let mut wrong = Vec::new();
    for (field, name) in named {
        if !fleet::environment_known(tx, caller.org(), name).await? {
            let message = format!("there is no environment {name}: apply it first, or in the same text");
            wrong.push(field_error(field, message));
        }
    }
    let unknown = flow::unknown_people(flow, people);
    wrong.extend(
        unknown
            .into_iter()
            .map(|(field, message)| field_error(field, message)),
    );
    Ok(wrong)
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
