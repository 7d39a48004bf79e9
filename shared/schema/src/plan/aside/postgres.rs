//! Setting aside in PostgreSQL. Names of indexes, and so of keys, and of sequences share one space with tables, so those of
//! a table that is set aside are renamed too: the old ones are free for what comes after.

use super::{
    Going, Setting, gone_from_sight,
    hard::{index_has, mentions, part_has},
    without::{drop_column, drop_table},
};
use crate::{
    Risk,
    model::{ForeignKey, Name},
    plan::{Lock, Reverse, Step},
    render::postgres::{
        check, column_default, comment, create_index, exclusion, foreign_key, key, name as quoted, qualified,
    },
};

impl Setting<'_> {
    /// Gives what drops it for good, and what brings its names back.
    pub(super) fn postgres_table(&mut self, name: &Name, now: &str) -> (String, Vec<String>) {
        self.postgres_foreign_keys(|on, key| on == name || key.references == *name);
        let owned: Vec<Name> = self
            .from
            .sequences
            .iter()
            .filter(|(_, of)| of.owned_by.as_ref().is_some_and(|(owner, _)| owner == name))
            .map(|(own, _)| own.clone())
            .collect();
        let mut restore = Vec::new();
        for own in owned {
            restore.push(self.rename("sequence", &own));
        }
        let Some(of) = self.from.tables.get(name).cloned() else {
            return (String::new(), Vec::new());
        };
        let keys = of.primary_key.iter().map(|key| &key.name);
        let mine = keys
            .chain(of.uniques.keys())
            .chain(of.exclusions.keys())
            .chain(of.indexes.keys());
        for own in mine {
            restore.push(self.rename("index", &name.sibling(own.clone())));
        }
        let (old, new) = (qualified(name), qualified(&name.sibling(now)));
        let back = format!("alter table {new} rename to {}", quoted(&name.name));
        restore.push(back.clone());
        restore.reverse();
        let (risk, text) = gone_from_sight(&format!("table {name}"), now);
        self.steps.push(
            Step::new(
                "table set aside",
                name,
                format!("alter table {old} rename to {}", quoted(now)),
                Reverse::one(back),
            )
            .because(risk, text)
            .locking(Lock::Everything),
        );
        drop_table(&mut self.from, name);
        (format!("drop table {new}"), restore)
    }

    /// An index or a sequence of a table that goes with it. Gives what brings its name back.
    fn rename(&mut self, kind: &str, own: &Name) -> String {
        let new = self.name_for(&own.name);
        let (old, now) = (qualified(own), qualified(&own.sibling(new.as_str())));
        // Sequences too: PostgreSQL takes `alter table` for them, and everybody can read it.
        let word = if kind == "index" { "index" } else { "table" };
        let back = format!("alter {word} {now} rename to {}", quoted(&own.name));
        self.steps.push(
            Step::new(
                kind,
                own,
                format!("alter {word} {old} rename to {}", quoted(&new)),
                Reverse::one(back.clone()),
            )
            .locking(Lock::Everything),
        );
        back
    }

    pub(super) fn postgres_column(
        &mut self,
        going: &Going,
        column: &str,
        now: &str,
    ) -> (String, Vec<String>) {
        let table = &going.table;
        self.postgres_foreign_keys(|on, key| touches(on, key, table, column));
        self.postgres_rules(table, column);
        let Some(own) = self
            .from
            .tables
            .get(table)
            .and_then(|of| of.column(column))
            .cloned()
        else {
            return (String::new(), Vec::new());
        };
        let after = format!("alter table {}", qualified(&going.after));
        let mut restore = vec![format!(
            "{after} rename column {} to {}",
            quoted(now),
            quoted(column)
        )];
        let at = format!("alter table {}", qualified(table));
        let object = format!("{table}.{column}");
        let of = quoted(column);
        if let Some(default) = &own.default {
            let set = format!("alter column {of} set default {}", column_default(default));
            restore.push(format!("{after} {set}"));
            let back = Reverse::one(format!("{at} {set}"));
            let sql = format!("{at} alter column {of} drop default");
            self.steps
                .push(Step::new("column", &object, sql, back).locking(Lock::Everything));
        }
        if !own.nullable {
            let back = Reverse::Lossy(
                Vec::new(),
                format!("that {object} may not be null: rows that came in since have no value in it"),
            );
            self.steps.push(
                Step::new(
                    "column",
                    &object,
                    format!("{at} alter column {of} drop not null"),
                    back,
                )
                .locking(Lock::Everything),
            );
        }
        let rename = |a: &str, b: &str| format!("{at} rename column {} to {}", quoted(a), quoted(b));
        let (risk, text) = gone_from_sight(&format!("column {column} of {table}"), now);
        self.steps.push(
            Step::new(
                "column set aside",
                &object,
                rename(column, now),
                Reverse::one(rename(now, column)),
            )
            .because(risk, text)
            .locking(Lock::Everything),
        );
        drop_column(&mut self.from, table, column);
        (format!("{after} drop column {}", quoted(now)), restore)
    }

    fn postgres_foreign_keys(&mut self, goes: impl Fn(&Name, &ForeignKey) -> bool) {
        let mut steps = Vec::new();
        for (on, of) in &mut self.from.tables {
            let all = std::mem::take(&mut of.foreign_keys);
            let (gone, stay) = all.into_iter().partition(|(_, key)| goes(on, key));
            of.foreign_keys = stay;
            steps.extend(gone.into_iter().map(|(own, key): (String, ForeignKey)| {
                dropped(
                    on,
                    &own,
                    "foreign key",
                    &foreign_key(&key),
                    key.comment.as_deref(),
                )
                .because(
                    Risk::Warning,
                    format!("nothing checks {} of {on} any more", key.columns.join(", ")),
                )
            }));
        }
        self.steps.append(&mut steps);
    }

    /// Keys, checks and indexes over a column.
    fn postgres_rules(&mut self, table: &Name, column: &str) {
        let Some(of) = self.from.tables.get(table) else {
            return;
        };
        let mut rules: Vec<(&String, String, Option<&str>)> = Vec::new();
        for (own, rule) in &of.uniques {
            let is_over = rule.columns.iter().any(|part| part_has(part, column))
                || rule.include.iter().any(|other| other == column);
            if is_over {
                rules.push((own, key(rule, false), rule.comment.as_deref()));
            }
        }
        for (own, rule) in &of.exclusions {
            let sql = exclusion(rule);
            if mentions(&sql, column) {
                rules.push((own, sql, rule.comment.as_deref()));
            }
        }
        for (own, rule) in &of.checks {
            if mentions(rule.expression.as_str(), column) {
                rules.push((own, check(rule), rule.comment.as_deref()));
            }
        }
        let mut steps: Vec<Step> = rules
            .into_iter()
            .map(|(own, sql, said)| {
                dropped(table, own, "constraint", &sql, said)
                    .because(Risk::Warning, "what the constraint kept out may come in")
            })
            .collect();
        for (own, index) in of.indexes.iter().filter(|(_, index)| index_has(index, column)) {
            let at = table.sibling(own.clone());
            let mut back = vec![create_index(own, table, index, false)];
            let said = index.comment.as_deref();
            back.extend(said.map(|said| comment("index", &qualified(&at), Some(said))));
            steps.push(
                Step::new(
                    "index",
                    &at,
                    format!("drop index {}", qualified(&at)),
                    Reverse::Sql(back),
                )
                .because(Risk::Warning, "queries that used the index become slow")
                .locking(Lock::Everything),
            );
        }
        self.steps.append(&mut steps);
    }
}

fn dropped(on: &Name, own: &str, kind: &str, sql: &str, said: Option<&str>) -> Step {
    let at = qualified(on);
    let mut back = vec![format!("alter table {at} add constraint {} {sql}", quoted(own))];
    let place = format!("{} on {at}", quoted(own));
    back.extend(said.map(|said| comment("constraint", &place, Some(said))));
    Step::new(
        kind,
        format!("{on}.{own}"),
        format!("alter table {at} drop constraint {}", quoted(own)),
        Reverse::Sql(back),
    )
    .locking(Lock::Everything)
}

/// Whether a foreign key is over the column, here or there.
pub(super) fn touches(on: &Name, key: &ForeignKey, table: &Name, column: &str) -> bool {
    let has = |columns: &[String]| columns.iter().any(|other| other == column);
    (on == table && has(&key.columns)) || (key.references == *table && has(&key.referenced))
}
