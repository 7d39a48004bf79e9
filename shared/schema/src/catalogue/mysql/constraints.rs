//! Foreign keys and checks.

use super::{Assembly, Row};
use crate::{
    Unreadable,
    model::{Action, Check, Deferral, ForeignKey, Name},
};

impl Assembly<'_> {
    pub(super) fn foreign_keys(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("foreign keys")? {
            let row = Row(row);
            let name = row.table(0)?;
            let key_name = row.text(1)?;
            if row.text(3)? != self.database {
                return Err(Unreadable::of(
                    key_name,
                    "a foreign key to another database is not modelled",
                ));
            }
            let Some(table) = self.schema.tables.get_mut(&name) else {
                continue;
            };
            let fresh = ForeignKey {
                columns: Vec::new(),
                references: Name::new("", row.text(4)?),
                referenced: Vec::new(),
                on_delete: action(row.text(7)?),
                on_update: action(row.text(6)?),
                on_delete_columns: Vec::new(),
                match_full: false,
                deferral: Deferral::NotDeferrable,
                validated: true,
                comment: None,
            };
            let key = table.foreign_keys.entry(key_name.to_owned()).or_insert(fresh);
            key.columns.push(row.text(2)?.to_owned());
            key.referenced.push(row.text(5)?.to_owned());
        }
        Ok(())
    }

    pub(super) fn checks(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("checks")? {
            let row = Row(row);
            let name = row.table(0)?;
            let expression = self.expression(row.text(3)?);
            let Some(table) = self.schema.tables.get_mut(&name) else {
                continue;
            };
            if row.get(2) == Some("Column") {
                if let Some(column) = table.column_mut(row.text(1)?) {
                    column.check = Some(expression);
                }
                continue;
            }
            table.checks.insert(
                row.text(1)?.to_owned(),
                Check {
                    expression,
                    no_inherit: false,
                    validated: true,
                    enforced: row.get(4) != Some("NO"),
                    comment: None,
                },
            );
        }
        Ok(())
    }
}

/// To InnoDB `no action` is `restrict`.
fn action(rule: &str) -> Action {
    match rule {
        "CASCADE" => Action::Cascade,
        "SET NULL" => Action::SetNull,
        "SET DEFAULT" => Action::SetDefault,
        _ => Action::Restrict,
    }
}
