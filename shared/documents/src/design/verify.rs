//! A built schema, written as SQL and read back: what comes back is what a server would have, with the names and
//! indexes that it adds; and it must be what was built, so that no fragment of SQL was more than it claimed to be.

use muster_schema::{
    Schema, canonical,
    model::{Name, Table},
    read_rendered, render,
};

use super::DesignFault;

/// The schema as a server has it.
pub(super) fn through_sql(built: &Schema) -> Result<Schema, Vec<DesignFault>> {
    let whole = |message: String| {
        vec![DesignFault {
            object: String::new(),
            path: String::new(),
            message,
        }]
    };
    let statements = render(built).map_err(|refusal| whole(refusal.to_string()))?;
    let text = canonical(statements.iter().map(String::as_str));
    let back = read_rendered(built.dialect, &text)
        .map_err(|error| whole(format!("the design is not understood: {error}")))?;
    let mut faults = Vec::new();
    for (name, table) in &built.tables {
        let found = back.tables.get(name);
        if found.is_none_or(|found| !is_same(table, found)) {
            faults.push(fault(name, "an expression in it says more than it should"));
        }
    }
    for name in built.views.keys().filter(|name| !back.views.contains_key(name)) {
        faults.push(fault(name, "its query says more than it should"));
    }
    let same_number = built.tables.len() == back.tables.len()
        && built.views.len() == back.views.len()
        && built.sequences.len() == back.sequences.len();
    let nothing_else = back.opaque.is_empty()
        && back.enums.is_empty()
        && back.domains.is_empty()
        && back.composites.is_empty()
        && back.extensions.is_empty();
    if faults.is_empty() && !(same_number && nothing_else) {
        return Err(whole(
            "an expression in the design says more than it should".into(),
        ));
    }
    if faults.is_empty() { Ok(back) } else { Err(faults) }
}

fn fault(name: &Name, message: &str) -> DesignFault {
    DesignFault {
        object: name.name.clone(),
        path: String::new(),
        message: message.to_owned(),
    }
}

/// The same parts under the same names; a server may add indexes.
fn is_same(built: &Table, back: &Table) -> bool {
    let columns = built.columns.len() == back.columns.len()
        && built.columns.iter().zip(&back.columns).all(|(a, b)| {
            a.name == b.name
                && a.data_type == b.data_type
                && a.nullable == b.nullable
                && a.comment == b.comment
                && a.default.is_some() == b.default.is_some()
                && a.generated.is_some() == b.generated.is_some()
                && a.identity == b.identity
                && a.auto_increment == b.auto_increment
                && a.check.is_some() == b.check.is_some()
        });
    let keys = built.primary_key.as_ref().map(|key| &key.columns)
        == back.primary_key.as_ref().map(|key| &key.columns)
        && built.uniques.keys().eq(back.uniques.keys())
        && built.checks.keys().eq(back.checks.keys())
        && built.foreign_keys.keys().eq(back.foreign_keys.keys())
        && built.exclusions.keys().eq(back.exclusions.keys());
    let indexes = built.indexes.iter().all(|(name, index)| {
        back.indexes
            .get(name)
            .is_some_and(|other| other.parts.len() == index.parts.len() && other.unique == index.unique)
    });
    columns && keys && indexes && back.partition_by.is_none() && back.inherits.is_empty()
}
