//! Plans for PostgreSQL.
//!
//! Renames come first, so that everything after them says the new names. Then what is in the way goes (triggers,
//! views, foreign keys, constraints, indexes), what is new comes in the order of what needs what, what stays is
//! changed, and last goes what nothing needs any more. Each step is put into a [`Phase`]; within the phases that
//! make things, a step comes after those that make what it names.
//!
//! What can't be changed while something looks at it is dropped and made anew: views over a column whose type
//! changes, checks and expression indexes that name it, foreign keys on both of its sides.

mod again;
mod column;
mod compare;
mod constraint;
mod index;
mod opaque;
mod order;
mod rename;
mod sequence;
mod table;
mod types;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use super::{Plan, PlanOptions, Refusal, Step, Withheld};
use crate::{
    Schema,
    model::{Name, OpaqueKey},
    normalise::postgres::Scope,
};

/// When a step runs, among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Rename,
    DropCode,
    DropView,
    DropForeignKey,
    DropConstraint,
    DropIndex,
    RenamePart,
    Make,
    Comment,
    DropPart,
    Drop,
    DropNamespace,
}

/// A step, and what its place depends on.
struct Item {
    phase: Phase,
    step: Step,
    /// The words that together name what it makes, each alternative by itself.
    provides: Vec<Vec<String>>,
    /// Within [`Phase::Make`]: what comes first where nothing else decides.
    rank: u8,
    /// More words that it depends on than its statement shows.
    needs: BTreeSet<String>,
}

/// What is known while a plan is made.
struct Work<'a> {
    /// The schema as it is after the renames.
    from: Schema,
    to: &'a Schema,
    options: PlanOptions,
    items: Vec<Item>,
    withheld: Vec<Withheld>,
    refused: Vec<String>,
    /// Columns whose type changes, is made anew, or that go, by their table.
    moving: BTreeMap<Name, BTreeSet<String>>,
    /// Views that are dropped and, if `to` has them, made again.
    rebuilt: BTreeSet<Name>,
    /// Types that are made anew under their name.
    retyped: BTreeSet<Name>,
    /// Opaque objects that go with what they stand on and must come again.
    lost: BTreeSet<OpaqueKey>,
}

/// The way from one schema to another.
pub(super) fn plan(from: &Schema, to: &Schema, options: PlanOptions) -> Result<Plan, Refusal> {
    let mut work = Work {
        from: from.clone(),
        to,
        options,
        items: Vec::new(),
        withheld: Vec::new(),
        refused: Vec::new(),
        moving: BTreeMap::new(),
        rebuilt: BTreeSet::new(),
        retyped: BTreeSet::new(),
        lost: BTreeSet::new(),
    };
    work.renames();
    work.unknown();
    work.find_retyped();
    work.find_moving();
    work.find_lost();
    work.find_rebuilt();
    work.namespaces();
    work.types();
    work.sequences();
    work.tables();
    work.views();
    work.opaque();
    if !work.refused.is_empty() {
        return Err(Refusal {
            reasons: work.refused,
        });
    }
    Ok(Plan {
        steps: order::ordered(work.items),
        withheld: work.withheld,
        set_aside: Vec::new(),
    })
}

impl<'a> Work<'a> {
    /// Adds a step.
    fn add(&mut self, phase: Phase, step: Step) -> &mut Item {
        self.items.push(Item {
            phase,
            step,
            provides: Vec::new(),
            rank: 0,
            needs: BTreeSet::new(),
        });
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    /// Adds a step that makes an object.
    fn make(&mut self, rank: u8, at: &Name, step: Step) -> &mut Item {
        let item = self.add(Phase::Make, step);
        item.rank = rank;
        item.provides.push(vec![at.name.clone()]);
        item
    }

    /// Adds a step that takes away what `to` doesn't hold, or withholds it. Says whether it was added.
    fn remove(&mut self, phase: Phase, step: Step) -> bool {
        if self.options.drops {
            self.add(phase, step);
        } else {
            self.withheld.push(Withheld {
                object: step.object,
                sql: step.sql,
            });
        }
        self.options.drops
    }

    /// Takes away an object of its own; what depends on it by its definition goes before it.
    fn remove_object(&mut self, name: &Name, rank: u8, step: Step) {
        if self.remove(Phase::Drop, step)
            && let Some(item) = self.items.last_mut()
        {
            item.provides.push(vec![name.name.clone()]);
            item.rank = rank;
        }
    }

    /// What is known of the types in a table's expressions.
    fn scope(&self, table: &Name) -> Scope<'a> {
        Scope::table(self.to, table)
    }

    fn refuse(&mut self, reason: impl Into<String>) {
        self.refused.push(reason.into());
    }

    /// Whether the column's type changes, or it goes.
    fn is_moving(&self, table: &Name, column: &str) -> bool {
        self.moving
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }

    /// A comment where it differs.
    fn comment(&mut self, kind: &str, on: &str, from: Option<&String>, to: Option<&String>) {
        if from == to {
            return;
        }
        let sql =
            |text: Option<&String>| crate::render::postgres::comment(kind, on, text.map(String::as_str));
        let step = Step::new(
            "comment",
            format!("{kind} {on}"),
            sql(to),
            super::Reverse::one(sql(from)),
        );
        self.add(Phase::Comment, step);
    }
}

impl Item {
    /// Also makes what these words together name.
    fn and_provides(&mut self, words: &[&str]) -> &mut Self {
        self.provides
            .push(words.iter().map(|&word| word.to_owned()).collect());
        self
    }
}

#[cfg(test)]
mod tests;
