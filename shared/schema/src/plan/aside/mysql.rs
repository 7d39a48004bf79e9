//! Setting aside in MySQL and MariaDB. Names of foreign keys, and of MySQL's checks, are one space for a whole database, so
//! a table that is set aside leaves its own. A column is renamed by `change`, which every server knows.

use super::{
    Going, Setting, gone_from_sight,
    hard::{index_has, mentions},
    postgres::touches,
    without::{drop_column, drop_table},
};
use crate::{
    Risk,
    model::{Column, ForeignKey, Name},
    plan::{Lock, Reverse, Step},
    render::mysql::{check, column as definition, foreign_key, index, name as quoted, table_name},
};

impl Setting<'_> {
    /// Gives what drops it for good, and what brings its name back.
    pub(super) fn mysql_table(&mut self, name: &Name, now: &str) -> (String, Vec<String>) {
        self.mysql_foreign_keys(|on, key| on == name || key.references == *name);
        let checks = self
            .from
            .tables
            .get(name)
            .map(|of| of.checks.clone())
            .unwrap_or_default();
        if !checks.is_empty() {
            let at = format!("alter table {}", table_name(name));
            let drops: Vec<String> = checks
                .keys()
                .map(|own| format!("drop constraint {}", quoted(own)))
                .collect();
            let adds: Vec<String> = checks
                .iter()
                .map(|(own, of)| format!("add {}", check(own, of)))
                .collect();
            self.steps.push(
                Step::new(
                    "check",
                    name,
                    format!("{at} {}", drops.join(", ")),
                    Reverse::one(format!("{at} {}", adds.join(", "))),
                )
                .locking(Lock::Definition),
            );
        }
        let new = name.sibling(now);
        let rename = |a: &Name, b: &Name| format!("rename table {} to {}", table_name(a), table_name(b));
        let (risk, text) = gone_from_sight(&format!("table {name}"), now);
        self.steps.push(
            Step::new(
                "table set aside",
                name,
                rename(name, &new),
                Reverse::one(rename(&new, name)),
            )
            .because(risk, text)
            .locking(Lock::Everything),
        );
        drop_table(&mut self.from, name);
        (
            format!("drop table {}", table_name(&new)),
            vec![rename(&new, name)],
        )
    }

    pub(super) fn mysql_column(&mut self, going: &Going, column: &str, now: &str) -> (String, Vec<String>) {
        let table = &going.table;
        self.mysql_foreign_keys(|on, key| touches(on, key, table, column));
        let Some(of) = self.from.tables.get(table) else {
            return (String::new(), Vec::new());
        };
        let Some(own) = of.column(column) else {
            return (String::new(), Vec::new());
        };
        let mariadb = self.from.server.as_ref().or(self.to.server.as_ref());
        let mariadb = mariadb.is_some_and(crate::model::Server::is_mariadb);
        let again = Column {
            nullable: true,
            ..own.clone()
        };
        let mut clauses = Vec::new();
        let mut back = vec![format!(
            "change column {} {}",
            quoted(now),
            definition(&again, of, false)
        )];
        for (own, of) in of.indexes.iter().filter(|(_, index)| index_has(index, column)) {
            clauses.push(format!("drop index {}", quoted(own)));
            back.push(format!("add {}", index(own, of, mariadb)));
        }
        let checks = of.checks.iter();
        for (own, of) in checks.filter(|(_, of)| mentions(of.expression.as_str(), column)) {
            clauses.push(format!("drop constraint {}", quoted(own)));
            back.push(format!("add {}", check(own, of)));
        }
        let has_rules = !clauses.is_empty();
        let plain = Column {
            name: now.to_owned(),
            nullable: true,
            default: None,
            on_update: None,
            invisible: false,
            ..own.clone()
        };
        clauses.push(format!(
            "change column {} {}",
            quoted(column),
            definition(&plain, of, false)
        ));
        let after = format!("alter table {}", table_name(&going.after));
        let restore = back.first().map(|back| format!("{after} {back}"));
        let at = format!("alter table {}", table_name(table));
        let back = format!("{at} {}", back.join(", "));
        let reverse = if own.nullable {
            Reverse::one(back)
        } else {
            Reverse::losing(
                back,
                format!("that {table}.{column} may not be null: rows that came in since have no value in it"),
            )
        };
        let (risk, text) = gone_from_sight(&format!("column {column} of {table}"), now);
        let mut step = Step::new(
            "column set aside",
            format!("{table}.{column}"),
            format!("{at} {}", clauses.join(", ")),
            reverse,
        )
        .because(risk, text)
        .locking(Lock::Everything);
        if has_rules {
            step = step.because(Risk::Warning, "the keys, checks and indexes over it go");
        }
        self.steps.push(step);
        drop_column(&mut self.from, table, column);
        (
            format!("{after} drop column {}", quoted(now)),
            restore.into_iter().collect(),
        )
    }

    fn mysql_foreign_keys(&mut self, goes: impl Fn(&Name, &ForeignKey) -> bool) {
        let mut steps = Vec::new();
        for (on, of) in &mut self.from.tables {
            let all = std::mem::take(&mut of.foreign_keys);
            let (gone, stay) = all.into_iter().partition(|(_, key)| goes(on, key));
            of.foreign_keys = stay;
            steps.extend(gone.into_iter().map(|(own, key): (String, ForeignKey)| {
                let at = format!("alter table {}", table_name(on));
                Step::new(
                    "foreign key",
                    format!("{on}.{own}"),
                    format!("{at} drop foreign key {}", quoted(&own)),
                    Reverse::one(format!("{at} add {}", foreign_key(&own, &key))),
                )
                .because(
                    Risk::Warning,
                    format!("nothing checks {} of {on} any more", key.columns.join(", ")),
                )
                .locking(Lock::Definition)
            }));
        }
        self.steps.append(&mut steps);
    }
}
