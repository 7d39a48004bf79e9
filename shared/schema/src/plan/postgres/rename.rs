//! Renames, which come only from what `to` says of them.
//!
//! After a rename the server's own definitions say the new name, so `from` is changed in the same way before anything
//! is compared.

use super::{Phase, Work};
use crate::{
    Dialect, Risk, Schema,
    model::{Column, Expression, IndexPart, Indexed, Name, Table},
    plan::{Lock, Reverse, Step},
    read::{Tok, token::tokens},
    render::postgres::{name as quoted, qualified},
};

const RENAMED: &str = "programs that still say the old name fail from that moment on";

impl Work<'_> {
    pub(super) fn renames(&mut self) {
        for (new, table) in &self.to.tables {
            if let Some(old) = &table.renamed_from
                && old != new
            {
                self.rename_table(old, new);
            }
        }
        for (new, found) in &self.to.enums {
            if let Some(old) = &found.renamed_from
                && !self.from.enums.contains_key(new)
                && let Some(values) = self.from.enums.remove(old)
            {
                let step = rename("type", &qualified(old), new, &qualified(new), old);
                self.add(Phase::Rename, step);
                self.from.enums.insert(new.clone(), values);
                rename_type(&mut self.from, old, new);
            }
        }
        for (name, table) in &self.to.tables {
            for column in &table.columns {
                if let Some(old) = &column.renamed_from
                    && *old != column.name
                {
                    self.rename_column(name, table, old, column);
                }
            }
            for (new, index) in &table.indexes {
                if let Some(old) = &index.renamed_from
                    && let Some(own) = self.from.tables.get_mut(name)
                    && !own.indexes.contains_key(new)
                    && let Some(found) = own.indexes.remove(old)
                {
                    own.indexes.insert(new.clone(), found);
                    let (old, new) = (name.sibling(old), name.sibling(new));
                    let step = rename("index", &qualified(&old), &new, &qualified(&new), &old);
                    self.add(Phase::Rename, step);
                }
            }
        }
    }

    fn rename_table(&mut self, old: &Name, new: &Name) {
        if !self.from.tables.contains_key(old) {
            return;
        }
        if self.from.tables.contains_key(new) {
            if self.to.tables.contains_key(old) {
                return;
            }
            self.refuse(format!("table {old} can't be renamed to {new}: both are there"));
            return;
        }
        if self.to.tables.contains_key(old) {
            self.refuse(format!(
                "table {new} is said to be renamed from {old}, which is to stay"
            ));
            return;
        }
        let step = rename("table", &qualified(old), new, &qualified(new), old)
            .because(Risk::Warning, RENAMED)
            .locking(Lock::Everything);
        self.add(Phase::Rename, step);
        let Some(table) = self.from.tables.remove(old) else {
            return;
        };
        self.from.tables.insert(new.clone(), table);
        let from = &mut self.from;
        for table in from.tables.values_mut() {
            for key in table.foreign_keys.values_mut() {
                if key.references == *old {
                    key.references = new.clone();
                }
            }
            for part in table.partition_of.iter_mut().filter(|part| part.parent == *old) {
                part.parent = new.clone();
            }
            for parent in table.inherits.iter_mut().filter(|parent| *parent == old) {
                *parent = new.clone();
            }
        }
        for sequence in from.sequences.values_mut() {
            if let Some((table, _)) = &mut sequence.owned_by
                && table == old
            {
                *table = new.clone();
            }
        }
        let opaque = std::mem::take(&mut from.opaque);
        for (mut key, value) in opaque {
            let touches = key.on.as_ref() == Some(old);
            if touches {
                key.on = Some(new.clone());
            }
            from.opaque.insert(key, value);
        }
        self.rebuild_views_over(new, old);
    }

    /// The server's text of a view changes with what it is over: it is made anew.
    fn rebuild_views_over(&mut self, new: &Name, old: &Name) {
        let over: Vec<Name> = self
            .from
            .views
            .iter()
            .filter(|(_, view)| super::order::mentioned(view.query.as_str()).contains(&old.name))
            .map(|(name, _)| name.clone())
            .collect();
        let _ = new;
        self.rebuilt.extend(over);
    }

    fn rename_column(&mut self, name: &Name, table: &Table, old: &str, column: &Column) {
        let new = &column.name;
        let Some(own) = self.from.tables.get(name) else {
            return;
        };
        if own.column(old).is_none() {
            return;
        }
        if table.column(old).is_some() {
            self.refuse(format!(
                "column {old} of {name} can't be renamed to {new}: {old} is to stay"
            ));
            return;
        }
        if own.column(new).is_some() {
            self.refuse(format!(
                "column {old} of {name} can't be renamed to {new}: both are there"
            ));
            return;
        }
        let at = qualified(name);
        let sql = |a: &str, b: &str| format!("alter table {at} rename column {} to {}", quoted(a), quoted(b));
        let step = Step::new(
            "column",
            format!("{name}.{new}"),
            sql(old, new),
            Reverse::one(sql(new, old)),
        )
        .because(Risk::Warning, RENAMED)
        .locking(Lock::Everything);
        self.add(Phase::Rename, step);
        rename_in_schema(&mut self.from, name, old, new);
        let over: Vec<Name> = self
            .from
            .views
            .iter()
            .filter(|(_, view)| super::order::mentioned(view.query.as_str()).contains(old))
            .map(|(name, _)| name.clone())
            .collect();
        self.rebuilt.extend(over);
    }
}

/// `alter … rename to`, and back.
fn rename(kind: &str, old: &str, new: &Name, new_qualified: &str, old_name: &Name) -> Step {
    Step::new(
        kind,
        new,
        format!("alter {kind} {old} rename to {}", quoted(&new.name)),
        Reverse::one(format!(
            "alter {kind} {new_qualified} rename to {}",
            quoted(&old_name.name)
        )),
    )
}

fn rename_type(schema: &mut Schema, old: &Name, new: &Name) {
    for column in schema.tables.values_mut().flat_map(|table| &mut table.columns) {
        if column.data_type.namespace.as_ref() == Some(&old.namespace) && column.data_type.name == old.name {
            column.data_type.name.clone_from(&new.name);
        }
    }
}

/// The column's new name wherever the schema names it.
fn rename_in_schema(schema: &mut Schema, at: &Name, old: &str, new: &str) {
    let swap = |name: &mut String| {
        if name == old {
            new.clone_into(name);
        }
    };
    for (name, table) in &mut schema.tables {
        for key in table.foreign_keys.values_mut() {
            if name == at {
                key.columns.iter_mut().for_each(swap);
                key.on_delete_columns.iter_mut().for_each(swap);
            }
            if key.references == *at {
                key.referenced.iter_mut().for_each(swap);
            }
        }
    }
    for sequence in schema.sequences.values_mut() {
        if let Some((table, column)) = &mut sequence.owned_by
            && table == at
        {
            swap(column);
        }
    }
    let Some(table) = schema.tables.get_mut(at) else {
        return;
    };
    let parts = |parts: &mut Vec<IndexPart>| {
        for part in parts {
            match &mut part.on {
                Indexed::Column(name) => swap(name),
                Indexed::Expression(text) => *text = renamed_in(text, old, new),
            }
        }
    };
    for column in &mut table.columns {
        swap(&mut column.name);
        if let Some(generated) = &mut column.generated {
            generated.expression = renamed_in(&generated.expression, old, new);
        }
    }
    for key in table.primary_key.iter_mut().chain(table.uniques.values_mut()) {
        parts(&mut key.columns);
        key.include.iter_mut().for_each(swap);
    }
    for check in table.checks.values_mut() {
        check.expression = renamed_in(&check.expression, old, new);
    }
    for index in table.indexes.values_mut() {
        parts(&mut index.parts);
        index.include.iter_mut().for_each(swap);
        if let Some(condition) = &mut index.condition {
            *condition = renamed_in(condition, old, new);
        }
    }
    for exclusion in table.exclusions.values_mut() {
        for (part, _) in &mut exclusion.parts {
            match &mut part.on {
                Indexed::Column(name) => swap(name),
                Indexed::Expression(text) => *text = renamed_in(text, old, new),
            }
        }
        if let Some(condition) = &mut exclusion.condition {
            *condition = renamed_in(condition, old, new);
        }
    }
    if let Some(by) = &mut table.partition_by {
        parts(&mut by.parts);
    }
}

/// The expression with the name replaced wherever it stands as one.
fn renamed_in(text: &Expression, old: &str, new: &str) -> Expression {
    let sql = text.as_str();
    let Ok((tokens, _)) = tokens(Dialect::Postgres, sql) else {
        return text.clone();
    };
    let mut out = String::new();
    let mut copied = 0;
    for (at, token) in tokens.iter().enumerate() {
        let is_name = match &token.tok {
            Tok::Word(word) => word.to_ascii_lowercase() == old,
            Tok::Quoted(name) => name == old,
            _ => false,
        };
        let is_call =
            matches!(tokens.get(at + 1).map(|next| &next.tok), Some(Tok::Mark(mark)) if mark == "(");
        if is_name && !is_call {
            out.push_str(&sql[copied..token.start]);
            out.push_str(&quoted(new));
            copied = token.end;
        }
    }
    out.push_str(&sql[copied..]);
    Expression::new(out)
}
