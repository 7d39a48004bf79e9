//! Indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Phase, Work, again, compare};
use crate::{
    Risk,
    model::{Index, Name},
    plan::{Lock, Reverse, Step},
    render::postgres::{create_index, qualified},
};

type Indexes = BTreeMap<String, Index>;

impl Work<'_> {
    /// The indexes of a table or materialised view.
    pub(super) fn indexes(&mut self, on: &Name, old: &Indexes, new: &Indexes) {
        let moving = self.moving.get(on).cloned().unwrap_or_default();
        let scope = self.scope(on);
        let mut kept: BTreeSet<&String> = BTreeSet::new();
        for (own, index) in old {
            // The server keeps an index over a changed column, but not what its expressions say.
            let has_expression = index.condition.is_some()
                || index
                    .parts
                    .iter()
                    .any(|part| part.column_name().is_none() || part.operator_class.is_some());
            let is_shaken = has_expression
                && !super::order::mentioned(&create_index(own, on, index, false)).is_disjoint(&moving);
            if !is_shaken
                && new
                    .get(own)
                    .is_some_and(|now| compare::indexes(index, now, &scope))
            {
                kept.insert(own);
            }
        }
        for (own, index) in old {
            if !kept.contains(own) {
                self.drop_index(on, own, index, new.contains_key(own));
            }
        }
        for (own, index) in new {
            if !kept.contains(own) {
                self.create_index(on, own, index);
            }
            let at = qualified(&on.sibling(own));
            let before = old
                .get(own)
                .filter(|_| kept.contains(own))
                .and_then(|index| index.comment.as_ref());
            self.comment("index", &at, before, index.comment.as_ref());
        }
    }

    fn create_index(&mut self, on: &Name, own: &str, index: &Index) {
        let is_new = !self.from.tables.contains_key(on) && !self.from.views.contains_key(on);
        let is_partitioned = self
            .to
            .tables
            .get(on)
            .is_some_and(|table| table.partition_by.is_some());
        let concurrently = self.options.concurrently && !is_new && !is_partitioned;
        let at = qualified(&on.sibling(own));
        let how = if concurrently { "concurrently " } else { "" };
        let back = Reverse::one(format!("drop index {how}{at}"));
        let mut step = Step::new(
            "index",
            on.sibling(own),
            create_index(own, on, index, concurrently),
            back,
        );
        step.transactional = !concurrently;
        if !is_new && !concurrently {
            step = step
                .because(Risk::Warning, "writing waits while the index is built")
                .locking(Lock::Writes);
        }
        if index.unique && !is_new {
            step = step.because(Risk::Warning, "fails if two rows are the same");
        }
        let is_view = self.to.views.contains_key(on);
        self.make(if is_view { 21 } else { 12 }, on, step)
            .provides
            .clear();
    }

    fn drop_index(&mut self, on: &Name, own: &str, index: &Index, again: bool) {
        let concurrently = self.options.concurrently;
        let how = if concurrently { "concurrently " } else { "" };
        let sql = format!("drop index {how}{}", qualified(&on.sibling(own)));
        let back = Reverse::Sql(again::index(own, on, index, concurrently));
        let mut step = Step::new("index", on.sibling(own), sql, back)
            .because(Risk::Warning, "queries that used the index become slow")
            .locking(if concurrently {
                Lock::Definition
            } else {
                Lock::Everything
            });
        step.transactional = !concurrently;
        if again {
            self.add(Phase::DropIndex, step);
        } else {
            self.remove(Phase::DropIndex, step);
        }
    }
}
