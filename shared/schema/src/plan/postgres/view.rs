//! Views.

use std::collections::BTreeSet;

use super::{Phase, Work, compare, order::mentioned};
use crate::{
    Risk,
    model::{Name, View},
    plan::{Reverse, Step},
    render::postgres::{create_view, name as quoted, qualified},
};

impl Work<'_> {
    /// Views that change, and those over them or over what moves.
    pub(super) fn find_rebuilt(&mut self) {
        for (name, old) in &self.from.views {
            let changes = match self.to.views.get(name) {
                None => self.options.drops,
                Some(new) => !compare::views((old, &self.from), (new, self.to)),
            };
            let words = mentioned(old.query.as_str());
            let shaken = self
                .moving
                .iter()
                .any(|(table, columns)| words.contains(&table.name) && !words.is_disjoint(columns));
            if changes || shaken {
                self.rebuilt.insert(name.clone());
            }
        }
        loop {
            let names: BTreeSet<String> = self.rebuilt.iter().map(|name| name.name.clone()).collect();
            let over = self
                .from
                .views
                .iter()
                .filter(|(_, view)| !mentioned(view.query.as_str()).is_disjoint(&names));
            let more: Vec<Name> = over
                .map(|(name, _)| name.clone())
                .filter(|name| !self.rebuilt.contains(name))
                .collect();
            if more.is_empty() {
                break;
            }
            self.rebuilt.extend(more);
        }
        // What stands on a view goes with it.
        let lost = self
            .from
            .opaque
            .keys()
            .filter(|key| key.on.as_ref().is_some_and(|on| self.rebuilt.contains(on)));
        let lost: Vec<_> = lost.cloned().collect();
        self.lost.extend(lost);
    }

    pub(super) fn views(&mut self) {
        let gone: Vec<(Name, View)> = self
            .from
            .views
            .iter()
            .filter(|(name, _)| self.rebuilt.contains(*name))
            .map(|(name, view)| (name.clone(), view.clone()))
            .collect();
        for (name, view) in in_order(&gone).into_iter().rev() {
            self.drop_view(name, view);
        }
        let to = self.to;
        for (name, new) in &to.views {
            if !to.namespaces.contains_key(&name.namespace) {
                self.refuse(format!(
                    "view {name} is in schema {}, which is not there",
                    name.namespace
                ));
                continue;
            }
            let kept = self
                .from
                .views
                .get(name)
                .filter(|_| !self.rebuilt.contains(name))
                .cloned();
            let kind = kind(new);
            if kept.is_none() {
                let drop = Reverse::one(format!("drop {kind} {}", qualified(name)));
                let step = Step::new(kind, name, create_view(name, new, false), drop);
                self.make(20, name, step);
            }
            let before = kept.as_ref().and_then(|view| view.comment.as_ref());
            self.comment(kind, &qualified(name), before, new.comment.as_ref());
            let no_comments = std::collections::BTreeMap::new();
            let was = kept.as_ref().map_or(&no_comments, |view| &view.column_comments);
            let columns: BTreeSet<&String> = was.keys().chain(new.column_comments.keys()).collect();
            for column in columns {
                let on = format!("{}.{}", qualified(name), quoted(column));
                self.comment("column", &on, was.get(column), new.column_comments.get(column));
            }
            let none = std::collections::BTreeMap::new();
            let indexes = kept.as_ref().map_or(&none, |view| &view.indexes);
            self.indexes(name, indexes, &new.indexes);
        }
    }

    fn drop_view(&mut self, name: &Name, view: &View) {
        let kind = kind(view);
        let mut step = Step::new(
            kind,
            name,
            format!("drop {kind} {}", qualified(name)),
            Reverse::Sql(self.view_again(name, view)),
        );
        if view.materialized {
            step = step.because(Risk::Warning, "its rows are computed again when it comes back");
        }
        if self.to.views.contains_key(name) {
            self.add(Phase::DropView, step);
        } else {
            self.remove(Phase::DropView, step);
        }
    }
}

pub(super) fn kind(view: &View) -> &'static str {
    if view.materialized {
        "materialized view"
    } else {
        "view"
    }
}

/// Views after those that they are over.
fn in_order(views: &[(Name, View)]) -> Vec<(&Name, &View)> {
    let mut left: Vec<&(Name, View)> = views.iter().collect();
    let mut out = Vec::new();
    while !left.is_empty() {
        let names: BTreeSet<String> = left.iter().map(|(name, _)| name.name.clone()).collect();
        let free = |(name, view): &(Name, View)| {
            mentioned(view.query.as_str())
                .intersection(&names)
                .all(|other| *other == name.name)
        };
        let at = left.iter().position(|view| free(view)).unwrap_or(0);
        let (name, view) = left.remove(at);
        out.push((name, view));
    }
    out
}
