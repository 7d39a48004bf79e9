//! What would come out otherwise than it is written, or can't be said without knowing the server.

use super::{
    Planner,
    same::{same_check, same_expressions},
};

impl Planner {
    /// Finds all of it.
    pub(super) fn refuse(&mut self, server_is_known: bool) {
        self.refuse_keys_that_no_engine_keeps();
        if !server_is_known {
            self.refuse_names_that_only_a_server_knows();
        }
    }

    /// Other engines pass over foreign keys in silence.
    fn refuse_keys_that_no_engine_keeps(&mut self) {
        for (name, table) in &self.to.tables {
            let engine = table.engine.as_deref().unwrap_or_default();
            if engine != "InnoDB" && !table.foreign_keys.is_empty() {
                self.refused.push(format!(
                    "table {name}: {engine} keeps no foreign keys; leave them out, or choose InnoDB"
                ));
            }
        }
    }

    /// MySQL and MariaDB call a check that nobody named differently, and MariaDB keeps a column's check with the column.
    fn refuse_names_that_only_a_server_knows(&mut self) {
        for (name, to) in &self.to.tables {
            let Some(from) = self.from.tables.get(name) else {
                continue;
            };
            let unnamed = from
                .unnamed
                .iter()
                .filter_map(|name| Some((name, from.checks.get(name)?)));
            let mut gone = unnamed
                .filter(|(name, old)| !to.checks.get(*name).is_some_and(|new| same_check(old, new)))
                .map(|(_, old)| old.expression.to_string());
            let of_column = from.columns.iter().find_map(|column| {
                let old = column.check.as_ref()?;
                let new = to.column(&column.name).and_then(|column| column.check.as_ref());
                (to.column(&column.name).is_some() && !same_expressions(Some(old), new))
                    .then(|| old.to_string())
            });
            if let Some(check) = gone.next().or(of_column) {
                self.refused.push(format!(
                    "table {name}: the check {check} has no name and changes; what the server calls it can't be said \
                     from a file: compare with the database, or name the check"
                ));
            }
        }
    }
}
