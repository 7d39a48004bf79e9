//! Sequences.

use super::{Phase, Work};
use crate::{
    Risk,
    model::{ColumnDefault, Name, Sequence, SequenceOptions},
    plan::{Reverse, Step},
    render::postgres::{create_sequence, owned_by, qualified},
};

impl Work<'_> {
    pub(super) fn sequences(&mut self) {
        self.rename_owned();
        let to = self.to;
        for (name, new) in &to.sequences {
            let at = qualified(name);
            let old = self.from.sequences.get(name).cloned();
            match &old {
                None => {
                    let drop = Reverse::one(format!("drop sequence {at}"));
                    let step = Step::new("sequence", name, create_sequence(name, new), drop);
                    self.make(5, name, step);
                }
                Some(old) => self.alter_sequence(name, old, new),
            }
            let before = old.as_ref().and_then(|old| old.owned_by.as_ref());
            if before != new.owned_by.as_ref() {
                let sql =
                    |of: Option<&(Name, String)>| format!("alter sequence {at} owned by {}", owned_by(of));
                let step = Step::new(
                    "sequence",
                    name,
                    sql(new.owned_by.as_ref()),
                    Reverse::one(sql(before)),
                );
                self.add(Phase::Comment, step);
            }
            let before = old.and_then(|old| old.comment);
            self.comment("sequence", &at, before.as_ref(), new.comment.as_ref());
        }
        for (name, old) in self.from.sequences.clone() {
            if to.sequences.contains_key(&name) || self.goes_with_owner(&old) {
                continue;
            }
            let step = Step::new(
                "sequence",
                &name,
                format!("drop sequence {}", qualified(&name)),
                Reverse::Lossy(
                    self.sequence_again(&name, &old),
                    "the number that it had come to".to_owned(),
                ),
            );
            self.remove_object(
                &name,
                2,
                step.because(Risk::Destructive, "the number that it had come to is gone"),
            );
        }
    }

    /// A sequence goes when its table or column goes.
    fn goes_with_owner(&self, of: &Sequence) -> bool {
        let Some((table, column)) = &of.owned_by else {
            return false;
        };
        let gone = self
            .to
            .tables
            .get(table)
            .is_none_or(|table| table.column(column).is_none());
        gone && self.options.drops
    }

    /// The sequence of a column that was renamed keeps its name; the column's new one would have another.
    fn rename_owned(&mut self) {
        let to = self.to;
        for (new, sequence) in &to.sequences {
            if self.from.sequences.contains_key(new) || sequence.owned_by.is_none() {
                continue;
            }
            let found = self.from.sequences.iter().find(|(old, has)| {
                has.owned_by == sequence.owned_by
                    && !to.sequences.contains_key(old)
                    && old.namespace == new.namespace
            });
            let Some(old) = found.map(|(old, _)| old.clone()) else {
                continue;
            };
            let rename = |from: &Name, to: &Name| {
                format!(
                    "alter sequence {} rename to {}",
                    qualified(from),
                    crate::render::postgres::name(&to.name)
                )
            };
            let step = Step::new(
                "sequence",
                new,
                rename(&old, new),
                Reverse::one(rename(new, &old)),
            );
            self.add(Phase::Rename, step);
            if let Some(has) = self.from.sequences.remove(&old) {
                self.from.sequences.insert(new.clone(), has);
            }
            for column in self.from.tables.values_mut().flat_map(|table| &mut table.columns) {
                if column.default == Some(ColumnDefault::Next(old.clone())) {
                    column.default = Some(ColumnDefault::Next(new.clone()));
                }
            }
        }
    }

    fn alter_sequence(&mut self, name: &Name, old: &Sequence, new: &Sequence) {
        if (&old.data_type, old.options) == (&new.data_type, new.options) {
            return;
        }
        let sql = |from: &Sequence, to: &Sequence| {
            let of_type = if from.data_type == to.data_type {
                String::new()
            } else {
                format!(" as {}", to.data_type)
            };
            format!(
                "alter sequence {}{of_type}{}",
                qualified(name),
                all_options(&to.options)
            )
        };
        let step = Step::new("sequence", name, sql(old, new), Reverse::one(sql(new, old)));
        self.make(5, name, step).provides.clear();
    }
}

/// Every option, because what isn't said stays as it was.
pub(super) fn all_options(of: &SequenceOptions) -> String {
    format!(
        " increment by {} minvalue {} maxvalue {} start with {} cache {}{}",
        of.increment,
        of.min,
        of.max,
        of.start,
        of.cache,
        if of.cycle { " cycle" } else { " no cycle" }
    )
}
