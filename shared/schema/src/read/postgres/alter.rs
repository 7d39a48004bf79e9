//! `alter …`, as far as it adds to what a text makes.

use super::{
    Reader,
    column::{column_parts, default},
    constraint::table_constraint,
    table,
};
use crate::{
    Unreadable,
    model::{Name, PartitionOf},
    read::Cursor,
};

impl Reader {
    /// After `alter`.
    pub(super) fn alter(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        if cursor.take("sequence") {
            return self.alter_sequence(cursor);
        }
        cursor
            .need("table")
            .map_err(|_| cursor.fail("this ALTER is not read; write what it comes to"))?;
        cursor.take_words(&["if", "exists"]);
        cursor.take("only");
        let name = self.object_name(cursor)?;
        if !self.schema.tables.contains_key(&name) {
            return Err(cursor.fail(format!("{name} is altered, which the text doesn't make")));
        }
        self.alter_one(cursor, &name)?;
        while cursor.take_mark(",") {
            self.alter_one(cursor, &name)?;
        }
        Ok(())
    }

    fn alter_one(&mut self, cursor: &mut Cursor<'_>, name: &Name) -> Result<(), Unreadable> {
        if cursor.take("add") {
            if super::constraint::begins(cursor) {
                let constraint = table_constraint(cursor)?;
                return self.add_constraints(cursor, name, vec![constraint]);
            }
            cursor.take("column");
            cursor.take_words(&["if", "not", "exists"]);
            let mut parts = column_parts(cursor)?;
            if parts.serial {
                self.add_serial(name, &mut parts.column);
            }
            if let Some(table) = self.schema.tables.get_mut(name) {
                table.columns.push(parts.column);
            }
            return self.add_constraints(cursor, name, parts.constraints);
        }
        if cursor.take_words(&["attach", "partition"]) {
            let child = self.object_name(cursor)?;
            let bounds = table::bounds(cursor)?;
            let Some(table) = self.schema.tables.get_mut(&child) else {
                return Err(cursor.fail(format!("there is no table {child}")));
            };
            table.partition_of = Some(PartitionOf {
                parent: name.clone(),
                bounds,
            });
            table.columns.clear();
            return Ok(());
        }
        for (words, is_forced, value) in [
            (&["enable", "row", "level", "security"][..], false, true),
            (&["disable", "row", "level", "security"], false, false),
            (&["force", "row", "level", "security"], true, true),
            (&["no", "force", "row", "level", "security"], true, false),
        ] {
            if cursor.take_words(words) {
                if let Some(table) = self.schema.tables.get_mut(name) {
                    let flag = if is_forced {
                        &mut table.row_security_forced
                    } else {
                        &mut table.row_security
                    };
                    *flag = value;
                }
                return Ok(());
            }
        }
        if cursor.take("alter") {
            cursor.take("column");
            let column = cursor.name()?;
            return self.alter_column(cursor, name, &column);
        }
        Err(cursor.fail("this change is not read; write what it comes to"))
    }

    fn alter_column(&mut self, cursor: &mut Cursor<'_>, name: &Name, column: &str) -> Result<(), Unreadable> {
        let missing = cursor.fail(format!("there is no column {column}"));
        let Some(column) = self
            .schema
            .tables
            .get_mut(name)
            .and_then(|table| table.column_mut(column))
        else {
            return Err(missing);
        };
        if cursor.take_words(&["set", "default"]) {
            column.default = default(cursor)?;
        } else if cursor.take_words(&["drop", "default"]) {
            column.default = None;
        } else if cursor.take_words(&["set", "not", "null"]) {
            column.nullable = false;
        } else if cursor.take_words(&["drop", "not", "null"]) {
            column.nullable = true;
        } else if cursor.take_words(&["set", "storage"]) {
            column.storage = Some(cursor.name()?).filter(|storage| storage != "default");
        } else {
            return Err(cursor.fail("this change is not read; write what it comes to"));
        }
        Ok(())
    }
}
