//! Views, triggers, events and routines.

use std::collections::BTreeMap;

use super::{Assembly, Row};
use crate::{
    Dialect, Unreadable,
    model::{Expression, Name, Opaque, OpaqueKey, OpaqueKind, Options, View},
    read::{
        Cursor,
        mysql::{EventHead, event_of, every, trigger_of},
    },
    render::quoted_string,
};

impl Assembly<'_> {
    pub(super) fn views(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("views")? {
            let row = Row(row);
            let name = row.table(0)?;
            let definition = row.text(1)?;
            if definition.is_empty() {
                return Err(Unreadable::of(
                    name,
                    "the user may not see this view's query (SHOW VIEW)",
                ));
            }
            let mut options = Options::default();
            let mut option = |name: &str, value: Option<&str>, usual: &str| {
                if let Some(value) = value
                    .map(str::to_ascii_lowercase)
                    .filter(|value| !value.is_empty() && value != usual)
                {
                    options.insert(name.to_owned(), value);
                }
            };
            option("check_option", row.get(2), "none");
            option("security", row.get(4), "definer");
            option("algorithm", row.get(5), "undefined");
            if let Some(definer) = row.some(3) {
                options.insert("definer".to_owned(), definer.to_owned());
            }
            let view = View {
                query: Expression::new(self.unqualified(definition)?),
                materialized: false,
                columns: Vec::new(),
                options,
                populated: true,
                indexes: BTreeMap::new(),
                comment: None,
                column_comments: BTreeMap::new(),
            };
            self.schema.views.insert(name, view);
        }
        Ok(())
    }

    /// The query without its own database's name, which the server puts before everything.
    fn unqualified(&self, query: &str) -> Result<String, Unreadable> {
        let cursor = Cursor::new(Dialect::MySql, query, 1)?;
        Ok(cursor.without_qualifier(&self.database))
    }

    pub(super) fn triggers(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("triggers")? {
            let row = Row(row);
            let (timing, event) = (
                row.text(3)?.to_ascii_lowercase(),
                row.text(4)?.to_ascii_lowercase(),
            );
            let name = Name::new("", row.text(0)?);
            let (key, opaque) = trigger_of(
                &name,
                &row.table(1)?,
                row.some(2),
                (&timing, &event),
                row.text(5)?,
            );
            self.schema.opaque.insert(key, opaque);
        }
        Ok(())
    }

    pub(super) fn events(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("events")? {
            let row = Row(row);
            let moment = |column| {
                row.get(column)
                    .map(|moment| quoted_string(Dialect::MySql, moment))
            };
            let schedule = match (row.get(4), row.get(5), moment(3)) {
                (Some(value), Some(field), _) => every(value, &field.to_ascii_lowercase()),
                (_, _, Some(at)) => format!("at {at}"),
                _ => return Err(Unreadable::of(row.text(0)?, "an event without a schedule")),
            };
            let head = EventHead {
                schedule,
                starts: moment(6),
                ends: moment(7),
                preserve: row.text(9)? == "PRESERVE",
                status: match row.text(8)? {
                    "ENABLED" => "enable",
                    "DISABLED" => "disable",
                    _ => "disable on slave",
                }
                .to_owned(),
                comment: row.some(10).map(str::to_owned),
            };
            let (key, opaque) = event_of(&Name::new("", row.text(0)?), row.some(1), &head, row.text(11)?);
            self.schema.opaque.insert(key, opaque);
        }
        Ok(())
    }

    /// Routines are known to be there, no more: a plan never touches them.
    pub(super) fn routines(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("routines")? {
            let row = Row(row);
            let kind = if row.text(1)? == "FUNCTION" {
                OpaqueKind::Function
            } else {
                OpaqueKind::Procedure
            };
            let key = OpaqueKey {
                kind,
                on: None,
                name: Name::new("", row.text(0)?),
                arguments: None,
            };
            self.schema.opaque.insert(
                key,
                Opaque {
                    definition: String::new(),
                    comment: None,
                },
            );
        }
        Ok(())
    }
}
