//! Columns.

use super::{Phase, Work, compare};
use crate::{
    Risk,
    model::{Column, Name, Table},
    normalise::postgres::Scope,
    plan::{Lock, Reverse, Step},
    render::postgres::{
        column as definition, column_default, data_type, identity, name as quoted, qualified,
    },
};

/// Whether the column can't be changed into what it is to be, but is dropped and added: what it is generated from.
pub(super) fn is_remade(old: &Column, new: &Column, scope: &Scope<'_>) -> bool {
    match (&old.generated, &new.generated) {
        (Some(old), Some(new)) => {
            old.stored != new.stored || !compare::expressions(&old.expression, &new.expression, scope)
        }
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

impl Work<'_> {
    /// Whether the column's type or collation changes, or is made anew under its name.
    pub(super) fn is_retyped(&self, old: &Column, new: &Column) -> bool {
        !compare::types(&old.data_type, &new.data_type)
            || !compare::collations(old.collation.as_ref(), new.collation.as_ref())
            || self.uses_retyped(&new.data_type)
                && !self
                    .to
                    .composites
                    .keys()
                    .any(|name| name.name == new.data_type.name)
    }

    pub(super) fn columns(&mut self, name: &Name, old: &Table, new: &Table) {
        if new.partition_of.is_some() {
            return;
        }
        for column in &new.columns {
            match old.column(&column.name) {
                None => self.add_column(name, column),
                Some(was)
                    if is_remade(was, column, &self.scope(name))
                        || (was.generated.is_some()
                            && column.generated.is_some()
                            && self.is_moving(name, &column.name)) =>
                {
                    self.drop_column(name, was, true);
                    self.add_column(name, column);
                }
                Some(was) => self.alter_column(name, was, column),
            }
        }
        for column in &old.columns {
            if new.column(&column.name).is_none() {
                self.drop_column(name, column, false);
            }
        }
    }

    fn add_column(&mut self, name: &Name, column: &Column) {
        let at = qualified(name);
        let sql = format!("alter table {at} add column {}", definition(column));
        let back = Reverse::losing(
            format!("alter table {at} drop column {}", quoted(&column.name)),
            "the values in it",
        );
        let mut step =
            Step::new("column", format!("{name}.{}", column.name), sql, back).locking(Lock::Everything);
        let is_filled = column.default.is_some() || column.generated.is_some() || column.identity.is_some();
        if !column.nullable && !is_filled {
            step = step.because(
                Risk::Warning,
                "fails where the table has rows: the column has no default and may not be null",
            );
        }
        if column
            .generated
            .as_ref()
            .is_some_and(|generated| generated.stored)
            || column.identity.is_some()
        {
            step = step.because(Risk::Warning, "writes the whole table anew");
        }
        let rank = if column.generated.is_some() { 9 } else { 8 };
        let item = self.make(rank, name, step);
        item.provides.clear();
        item.and_provides(&[&name.name, &column.name]);
        self.column_extras(name, None, column);
    }

    fn drop_column(&mut self, name: &Name, column: &Column, again: bool) {
        let at = qualified(name);
        let sql = format!("alter table {at} drop column {}", quoted(&column.name));
        let is_filled = column.default.is_some() || column.generated.is_some() || column.identity.is_some();
        let lost = if column.nullable || is_filled {
            "its values"
        } else {
            "its values; and where the table has rows it can't come back as it was: it has no default and may not be null"
        };
        let back = Reverse::Lossy(self.column_again(name, column), lost.to_owned());
        let mut step =
            Step::new("column", format!("{name}.{}", column.name), sql, back).locking(Lock::Everything);
        step = if column.generated.is_some() {
            step.because(Risk::Warning, "its values are computed, and gone with it")
        } else {
            step.because(
                Risk::Destructive,
                format!("column {} of {name} and its values are gone", column.name),
            )
        };
        if again {
            self.add(Phase::RenamePart, step);
        } else {
            self.remove(Phase::DropPart, step);
        }
    }

    /// What is said of a column beside its definition.
    pub(super) fn column_extras(&mut self, name: &Name, old: Option<&Column>, column: &Column) {
        let on = format!("{}.{}", qualified(name), quoted(&column.name));
        let before = old.and_then(|old| old.comment.as_ref());
        self.comment("column", &on, before, column.comment.as_ref());
        let before = old.and_then(|old| old.storage.as_deref());
        if before != column.storage.as_deref() {
            let sql = |storage: Option<&str>| {
                let storage = storage.unwrap_or("extended");
                format!(
                    "alter table {} alter column {} set storage {storage}",
                    qualified(name),
                    quoted(&column.name)
                )
            };
            let step = Step::new(
                "column",
                &on,
                sql(column.storage.as_deref()),
                Reverse::one(sql(before)),
            );
            self.make(10, name, step).provides.clear();
        }
    }

    fn alter_column(&mut self, name: &Name, old: &Column, new: &Column) {
        let at = format!(
            "alter table {} alter column {}",
            qualified(name),
            quoted(&new.name)
        );
        let object = format!("{name}.{}", new.name);
        let step = |sql: String, back: String| {
            Step::new(
                "column",
                &object,
                format!("{at} {sql}"),
                Reverse::one(format!("{at} {back}")),
            )
            .locking(Lock::Everything)
        };
        let retyped = self.is_retyped(old, new);
        let default_differs = !compare::defaults(
            old.default.as_ref(),
            new.default.as_ref(),
            &new.data_type,
            &Scope::bare(self.to),
        );
        // A default may not fit the new type: it goes first and comes again.
        let said = compare::said(old.default.as_ref());
        if said.is_some() && (compare::said(new.default.as_ref()).is_none() || retyped) {
            let was = old.default.as_ref().map(column_default).unwrap_or_default();
            let step = step("drop default".to_owned(), format!("set default {was}"));
            self.add(Phase::RenamePart, step);
        }
        if old.identity.is_some() && new.identity.is_none() {
            let was = old
                .identity
                .as_ref()
                .map(|of| identity(of, &old.data_type.name))
                .unwrap_or_default();
            let step = step("drop identity".to_owned(), format!("add {was}"))
                .because(Risk::Warning, "the number that it had come to is gone");
            self.add(Phase::RenamePart, step);
        }
        if old.generated.is_some() && new.generated.is_none() {
            let mut step = step("drop expression".to_owned(), String::new());
            step.reverse =
                Reverse::None("a column can't be made generated again; plan the way back anew".to_owned());
            self.add(Phase::RenamePart, step);
        }
        if retyped {
            self.retype_column(name, old, new);
        }
        if old.nullable && !new.nullable {
            let step = step("set not null".to_owned(), "drop not null".to_owned()).because(
                Risk::Warning,
                "reads the whole table while it is locked, and fails if a value is null",
            );
            self.make(9, name, step).provides.clear();
        }
        if let Some(default) = compare::said(new.default.as_ref())
            && (default_differs || retyped)
        {
            let back = match &old.default {
                Some(was) if !retyped => format!("set default {}", column_default(was)),
                _ => "drop default".to_owned(),
            };
            let step = step(format!("set default {}", column_default(default)), back);
            self.make(9, name, step).provides.clear();
        }
        self.alter_identity(name, old, new);
        if !old.nullable && new.nullable {
            let step = step("drop not null".to_owned(), "set not null".to_owned());
            self.add(Phase::DropPart, step);
        }
        self.column_extras(name, Some(old), new);
    }

    fn alter_identity(&mut self, name: &Name, old: &Column, new: &Column) {
        let Some(now) = &new.identity else { return };
        let at = format!(
            "alter table {} alter column {}",
            qualified(name),
            quoted(&new.name)
        );
        let (sql, back) = match &old.identity {
            None => (
                format!("{at} add {}", identity(now, &new.data_type.name)),
                format!("{at} drop identity"),
            ),
            Some(was) if was != now => {
                let set = |from: &crate::model::Identity, to: &crate::model::Identity| {
                    let mut sql = at.clone();
                    if from.always != to.always {
                        sql.push_str(if to.always {
                            " set generated always"
                        } else {
                            " set generated by default"
                        });
                    }
                    if from.options != to.options {
                        sql.push_str(&set_each(&to.options));
                    }
                    sql
                };
                let restart = if was.options.start < now.options.min || was.options.start > now.options.max {
                    " restart"
                } else {
                    ""
                };
                let back = if now.options.start < was.options.min || now.options.start > was.options.max {
                    " restart"
                } else {
                    ""
                };
                (set(was, now) + restart, set(now, was) + back)
            }
            Some(_) => return,
        };
        let step = Step::new("column", format!("{name}.{}", new.name), sql, Reverse::one(back))
            .locking(Lock::Everything);
        self.make(10, name, step).provides.clear();
    }

    fn retype_column(&mut self, name: &Name, old: &Column, new: &Column) {
        let column = quoted(&new.name);
        let at = format!("alter table {} alter column {column} type", qualified(name));
        let through = |of: &Column| {
            // One enumeration is another's only by its text.
            let is_own = |name: &Name| {
                of.data_type.namespace.as_ref() == Some(&name.namespace) && of.data_type.name == name.name
            };
            let enums = self.from.enums.keys().chain(self.to.enums.keys());
            let own = self.retyped.iter().chain(enums).any(is_own);
            match (own, of.data_type.array) {
                (true, false) => format!("{column}::text::{}", data_type(&of.data_type)),
                (true, true) => format!("{column}::text[]::{}", data_type(&of.data_type)),
                (false, _) => format!("{column}::{}", data_type(&of.data_type)),
            }
        };
        let sql = |of: &Column| {
            let collation = of.collation.as_ref().map_or_else(String::new, |collation| {
                format!(" collate {}", qualified(collation))
            });
            format!(
                "{at} {}{collation} using {}",
                data_type(&of.data_type),
                through(of)
            )
        };
        let back = Reverse::Lossy(vec![sql(old)], "what the conversion cut or rounded".to_owned());
        let risk = type_risk(old, new);
        let mut step =
            Step::new("column", format!("{name}.{}", new.name), sql(new), back).locking(Lock::Everything);
        for (risk, text) in risk {
            step = step.because(risk, text);
        }
        let item = self.make(8, name, step);
        item.provides.clear();
        item.and_provides(&[&name.name, &new.name]);
    }
}

/// `set increment by … set minvalue …`
fn set_each(of: &crate::model::SequenceOptions) -> String {
    format!(
        " set increment by {} set minvalue {} set maxvalue {} set start with {} set cache {} set {}",
        of.increment,
        of.min,
        of.max,
        of.start,
        of.cache,
        if of.cycle { "cycle" } else { "no cycle" }
    )
}

/// What a change of type risks.
fn type_risk(old: &Column, new: &Column) -> Vec<(Risk, String)> {
    if is_wider(old, new) {
        return Vec::new();
    }
    if holds_every_value(old, new) {
        return vec![(
            Risk::Warning,
            format!(
                "changes the type of {} from {} to {}, which holds every value: writes the whole table anew while it is \
                 locked",
                new.name, old.data_type, new.data_type
            ),
        )];
    }
    vec![(
        Risk::Warning,
        format!(
            "changes the type of {} from {} to {}: writes the whole table anew while it is locked, and fails if a value \
             doesn't fit",
            new.name, old.data_type, new.data_type
        ),
    )]
}

/// Whether every value fits, though it is written anew.
fn holds_every_value(old: &Column, new: &Column) -> bool {
    const NUMBERS: &[&str] = &["smallint", "integer", "bigint"];
    let (was, now) = (&old.data_type, &new.data_type);
    let place = |name: &str| NUMBERS.iter().position(|own| *own == name);
    let is_whole = place(&was.name);
    !was.array
        && !now.array
        && match now.name.as_str() {
            "text" => true,
            "numeric" => is_whole.is_some() && now.arguments.is_empty(),
            other => matches!((is_whole, place(other)), (Some(was), Some(now)) if was < now),
        }
}

/// Whether every value fits, and none is written anew.
fn is_wider(old: &Column, new: &Column) -> bool {
    let (was, now) = (&old.data_type, &new.data_type);
    if was.array || now.array {
        return false;
    }
    let length =
        |of: &crate::model::DataType| of.arguments.first().and_then(|length| length.parse::<u64>().ok());
    match (was.name.as_str(), now.name.as_str()) {
        ("character varying", "text") => true,
        ("numeric", "numeric") => {
            let part = |of: &crate::model::DataType, at: usize| {
                of.arguments
                    .get(at)
                    .map_or(Some(0), |text| text.parse::<i64>().ok())
            };
            now.arguments.is_empty()
                || (!was.arguments.is_empty()
                    && part(was, 1).is_some()
                    && part(was, 1) == part(now, 1)
                    && part(now, 0) >= part(was, 0))
        }
        ("character varying", "character varying") => match (length(was), length(now)) {
            (Some(was), Some(now)) => now >= was,
            (_, None) => true,
            (None, Some(_)) => false,
        },
        _ => false,
    }
}
