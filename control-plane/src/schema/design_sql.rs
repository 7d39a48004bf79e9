//! A table as SQL while it is being edited: what makes it, and what makes it of the one that is kept.

use muster_base::DocumentId;
use muster_documents::{Design, DesignTable, Spec, change, table::TableValues};
use muster_schema::PlanOptions;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    LintFinding, RiskLevel, SchemaError, document_apply,
    publish::{self, no_change},
    reading,
};
use crate::{
    access::{Caller, Operation},
    app::App,
};

/// A table's document as SQL.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DesignSql {
    /// What makes the table.
    pub create: String,
    /// What makes it of the one that is kept; empty if they are the same or none is kept.
    pub change: String,
    /// The highest risk in `change`.
    pub risk: RiskLevel,
    /// Why.
    pub reasons: Vec<String>,
    /// What lint finds in `create`, with its lines.
    pub findings: Vec<LintFinding>,
}

/// Reads one table's document, and keeps nothing of it. The tables that it refers to are there, nothing else.
pub(super) async fn design_sql(app: &App, caller: &Caller, text: &str) -> Result<DesignSql, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let documents = document_apply::read(text)?;
    let one_table = || SchemaError::invalid("kind", "must be one TableSnapshot that is no draft");
    let [document] = <[_; 1]>::try_from(documents).map_err(|_| one_table())?;
    let Spec::Table(table) = document.spec else {
        return Err(one_table());
    };
    let sql_script = table.sql_script;
    let mut values = table.values.ok_or_else(one_table)?;
    let latest = publish::latest(app, caller, &values.database).await?.design;
    let named = |name: &str| latest.tables.iter().find(|table| table.name == name);
    let old = named(&document.name).or_else(|| document.renamed_from.as_deref().and_then(named));
    let mint = || *app.clock.new_id::<DocumentId>().as_uuid();
    values
        .settle_ids(old.map(|old| &old.table), mint)
        .map_err(|fault| SchemaError::invalid("spec.columns", fault.to_string()))?;
    let edited = DesignTable {
        id: old.map_or_else(mint, |old| old.id),
        name: document.name,
        table: values,
        sql_script,
    };
    let around = neighbours(&latest, old, &edited);
    let options = PlanOptions::default();
    let to = with(&around, Some(&edited));
    let made = change(Some(&around), &to, &options).map_err(no_change)?;
    let create = made.sql();
    let changed = match old {
        Some(old) => Some(change(Some(&with(&around, Some(old))), &to, &options).map_err(no_change)?),
        None => None,
    };
    let steps = changed.iter().flat_map(|changed| &changed.plan.steps);
    let mut reasons: Vec<String> = Vec::new();
    for reason in steps.clone().flat_map(|step| &step.reasons) {
        if !reasons.contains(&reason.text) {
            reasons.push(reason.text.clone());
        }
    }
    let read = reading::read(latest.dialect, &create, &muster_schema::Settings::default())
        .map_err(SchemaError::Invalid)?;
    Ok(DesignSql {
        risk: steps
            .map(|step| step.risk.into())
            .max()
            .unwrap_or(RiskLevel::Safe),
        reasons,
        change: changed.map(|changed| changed.sql()).unwrap_or_default(),
        findings: read.findings,
        create,
    })
}

/// The tables that the old or the new one refers to, without their own references: enough for those to be made.
fn neighbours(latest: &Design, old: Option<&DesignTable>, new: &DesignTable) -> Design {
    let refers = |table: &TableValues, to: &str| {
        let mut references = table
            .columns
            .iter()
            .filter_map(|column| column.reference.as_ref());
        references.any(|reference| reference.enforced && reference.table == to)
    };
    let is_needed = |table: &&DesignTable| {
        let referred =
            refers(&new.table, &table.name) || old.is_some_and(|old| refers(&old.table, &table.name));
        referred && table.id != new.id
    };
    let mut design = Design::empty(latest.dialect);
    design.tables = latest.tables.iter().filter(is_needed).cloned().collect();
    for table in &mut design.tables {
        table.sql_script = None;
        for column in &mut table.table.columns {
            column.reference = None;
        }
    }
    design
}

fn with(around: &Design, table: Option<&DesignTable>) -> Design {
    let mut design = around.clone();
    design.tables.extend(table.cloned());
    design
}
