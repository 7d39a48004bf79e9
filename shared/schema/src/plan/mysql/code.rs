//! Views, triggers, events and routines.

use std::collections::BTreeSet;

use super::{Planner, tables::Changes};
use crate::{
    Lock, Reverse, Risk, Schema, Step,
    model::{Name, Opaque, OpaqueKey, OpaqueKind, View},
    normalise::mysql::same_query,
    read::mysql::{canonical, same_name},
    render::mysql::{create_view, name as quoted, table_name},
};

impl Planner {
    /// Drops what goes, and triggers and events that change.
    pub(super) fn drop_code(&mut self) {
        let objects: Vec<(OpaqueKey, Opaque)> = self
            .from
            .opaque
            .iter()
            .map(|(key, of)| (key.clone(), of.clone()))
            .collect();
        for (key, old) in objects {
            let Some(drop) = drop_sql(&key) else {
                // It is there, and a text can't say that it is to be: the plan leaves it alone, and says so.
                if !self.to.opaque.contains_key(&key) {
                    self.withhold(
                        key.kind.words(),
                        key.name.to_string(),
                        format!("drop {} {}", key.kind.words(), table_name(&key.name)),
                    );
                }
                continue;
            };
            let new = self.to.opaque.get(&key);
            if new.is_some_and(|new| same_opaque(&old, new)) {
                continue;
            }
            let changes = new.is_some();
            let step = Step::new(key.kind.words(), &key.name, drop, Reverse::one(old.definition));
            if changes {
                self.steps.push(step.because(
                    Risk::Warning,
                    format!("for a moment there is no {} {}", key.kind.words(), key.name),
                ));
            } else {
                self.drops(step.because(Risk::Warning, format!("{} {} goes", key.kind.words(), key.name)));
            }
        }
        let mut gone: Vec<Name> = views_in_order(&self.from)
            .into_iter()
            .filter(|name| !self.to.views.contains_key(name))
            .collect();
        gone.reverse();
        for name in gone {
            let Some(view) = self.from.views.get(&name) else {
                continue;
            };
            let back = Reverse::one(create_view(&name, view, false));
            let step = Step::new("view", &name, format!("drop view {}", table_name(&name)), back)
                .because(Risk::Warning, format!("what reads view {name} fails"));
            self.drops(step);
        }
    }

    /// Makes what comes or changes.
    pub(super) fn create_code(&mut self, changes: &Changes) {
        for name in views_in_order(&self.to) {
            let Some(new) = self.to.views.get(&name) else {
                continue;
            };
            match self.from.views.get(&name) {
                None => {
                    let back = Reverse::one(format!("drop view {}", table_name(&name)));
                    self.steps
                        .push(Step::new("view", &name, create_view(&name, new, false), back));
                }
                Some(old) => match same_view(old, new) {
                    Some(true) => {}
                    Some(false) => {
                        let back = Reverse::one(create_view(&name, old, true));
                        let step = Step::new("view", &name, create_view(&name, new, true), back).because(
                            Risk::Warning,
                            format!("what reads view {name} may get other columns or rows"),
                        );
                        self.steps.push(step);
                    }
                    None => self.refused.push(format!(
                        "view {name}: its query is not understood, so whether it changes can't be said"
                    )),
                },
            }
        }
        let objects: Vec<(OpaqueKey, Opaque)> = self
            .to
            .opaque
            .iter()
            .map(|(key, of)| (key.clone(), of.clone()))
            .collect();
        for (key, new) in objects {
            if self
                .from
                .opaque
                .get(&key)
                .is_some_and(|old| same_opaque(old, &new))
            {
                self.mentions(&key, &new, changes);
                continue;
            }
            let Some(drop) = drop_sql(&key) else { continue };
            let step = Step::new(key.kind.words(), &key.name, new.definition, Reverse::one(drop));
            let step = if key.kind == OpaqueKind::Trigger {
                step.locking(Lock::Definition)
            } else {
                step
            };
            self.steps.push(step);
        }
    }

    /// A trigger that stays must not name a column that goes.
    fn mentions(&mut self, key: &OpaqueKey, trigger: &Opaque, changes: &Changes) {
        let Some(on) = &key.on else { return };
        let Some((from, to)) = self.from.tables.get(on).zip(self.to.tables.get(on)) else {
            return;
        };
        if !changes.alters.contains_key(on) {
            return;
        }
        let Some((words, _)) = canonical(&trigger.definition, &trigger.definition) else {
            return;
        };
        for column in from
            .columns
            .iter()
            .filter(|column| to.column(&column.name).is_none())
        {
            let is_named = words.iter().any(|tok| match tok {
                crate::read::Tok::Word(word) | crate::read::Tok::Quoted(word) => {
                    same_name(word, &column.name)
                }
                _ => false,
            });
            if is_named {
                self.refused
                    .push(format!("{key} names the column {}, which is to go", column.name));
            }
        }
    }
}

/// How a plan drops it; nothing for what it never touches.
fn drop_sql(key: &OpaqueKey) -> Option<String> {
    match key.kind {
        OpaqueKind::Trigger => Some(format!("drop trigger {}", quoted(&key.name.name))),
        OpaqueKind::Event => Some(format!("drop event {}", quoted(&key.name.name))),
        _ => None,
    }
}

fn same_opaque(old: &Opaque, new: &Opaque) -> bool {
    canonical(&old.definition, &new.definition).is_some_and(|(old, new)| old == new)
}

/// Whether two views are the same; nothing if that can't be said.
fn same_view(old: &View, new: &View) -> Option<bool> {
    let options = |of: &View, with_definer: bool| {
        let mut options = of.options.clone();
        if !with_definer {
            options.remove("definer");
        }
        options
    };
    let both = old.options.contains_key("definer") && new.options.contains_key("definer");
    if options(old, both) != options(new, both) {
        return Some(false);
    }
    same_query((&old.query, &old.columns), (&new.query, &new.columns))
}

/// The views of a schema, each after those that it reads.
pub(crate) fn views_in_order(schema: &Schema) -> Vec<Name> {
    let mut waiting: BTreeSet<&Name> = schema.views.keys().collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let reads = |name: &Name, other: &Name| {
            name != other
                && schema.views.get(name).is_some_and(|view| {
                    let words = canonical(view.query.as_str(), "");
                    words.is_some_and(|(words, _)| {
                        words.iter().any(|tok| {
                            matches!(tok, crate::read::Tok::Word(word) | crate::read::Tok::Quoted(word) if *word == other.name)
                        })
                    })
                })
        };
        let free = waiting
            .iter()
            .copied()
            .find(|name| !waiting.iter().any(|other| reads(name, other)));
        let Some(next) = free.or_else(|| waiting.iter().next().copied()) else {
            break;
        };
        waiting.remove(next);
        order.push(next.clone());
    }
    order
}
