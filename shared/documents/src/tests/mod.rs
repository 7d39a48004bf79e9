//! Documents from text to plan.

mod design;
mod export;
mod flow;
mod import;
mod seed;
mod text;

use uuid::Uuid;

use crate::{Design, DesignTable, Document, Spec, parse, table::TableValues};

/// One table's document, which must be good.
pub(crate) fn table(text: &str) -> (String, TableValues, Option<String>) {
    let mut documents = parse(text).unwrap_or_else(|faults| panic!("{faults:?}"));
    let document: Document = documents.remove(0);
    let Spec::Table(table) = document.spec else {
        panic!("not a table")
    };
    (document.name, table.values.unwrap(), table.sql_script)
}

/// A design of these tables; the nth has the id n.
fn design(dialect: muster_schema::Dialect, texts: &[&str]) -> Design {
    let tables = texts.iter().enumerate().map(|(nth, text)| {
        let (name, mut values, sql_script) = table(text);
        let mut next = 1_000 * (nth as u128 + 1);
        values
            .settle_ids(None, || {
                next += 1;
                Uuid::from_u128(next)
            })
            .unwrap();
        DesignTable {
            id: Uuid::from_u128(nth as u128 + 1),
            name,
            table: values,
            sql_script,
        }
    });
    Design {
        dialect,
        tables: tables.collect(),
        views: Vec::new(),
    }
}

/// What is wrong with a text: lines, paths and words.
fn faults(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}
