//! A database's tables and their references, for a diagram.

use muster_base::DocumentId;
use muster_documents::{
    Kind, Spec,
    table::{Column, TableValues},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    SchemaError,
    document::Stored,
    store::{self, document::Filter},
};
use crate::{
    access::{Caller, Operation},
    app::App,
};

/// Of which database.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiagramQuery {
    /// The name of a `DatabaseSnapshot`.
    pub database: String,
}

/// A database's tables.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagram {
    /// Those that are no drafts, oldest first.
    pub tables: Vec<DiagramTable>,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagramTable {
    /// Id of its document.
    pub id: DocumentId,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub comment: Option<String>,
    /// In their order.
    pub columns: Vec<DiagramColumn>,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagramColumn {
    /// Its name.
    pub name: String,
    /// With its length.
    pub data_type: String,
    /// Whether it is (a part of) the primary key.
    pub primary_key: bool,
    /// Whether it must have a value.
    pub not_null: bool,
    /// The column that its values are of.
    #[schema(required)]
    pub reference: Option<DiagramReference>,
}

/// A reference.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagramReference {
    /// The name of the table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// Whether the database holds to it, or it is only documentation.
    pub enforced: bool,
}

pub(super) async fn diagram(
    app: &App,
    caller: &Caller,
    query: &DiagramQuery,
) -> Result<Diagram, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let filter = Filter {
        kind: Some(Kind::TableSnapshot),
        database: Some(query.database.clone()),
        limit: i64::MAX,
        ..Filter::default()
    };
    let rows = store::document::list(&app.db, (caller.org(), caller.scope()), &filter).await?;
    Ok(Diagram {
        tables: rows.into_iter().filter_map(table).collect(),
    })
}

fn table(of: Stored) -> Option<DiagramTable> {
    let Spec::Table(table) = of.spec else { return None };
    let values = table.values?;
    let keys = primary_key(&values);
    let columns = values.columns.into_iter();
    Some(DiagramTable {
        id: of.id,
        name: of.name,
        comment: values.comment,
        columns: columns.map(|of| column(of, &keys)).collect(),
    })
}

fn primary_key(values: &TableValues) -> Vec<String> {
    let keys = values.keys.iter().filter(|key| key.primary_key);
    keys.flat_map(|key| key.columns.clone()).collect()
}

fn column(of: Column, keys: &[String]) -> DiagramColumn {
    let primary_key = of.primary_key || keys.contains(&of.name);
    DiagramColumn {
        name: of.name,
        data_type: of.data_type,
        primary_key,
        not_null: of.not_null || primary_key,
        reference: of.reference.map(|reference| DiagramReference {
            table: reference.table,
            column: reference.column,
            enforced: reference.enforced,
        }),
    }
}
