//! What isn't modelled: made, replaced and dropped as its definition says.

use std::collections::BTreeSet;

use super::{Phase, Work, compare, order::mentioned};
use crate::{
    Risk,
    model::{Opaque, OpaqueKey, OpaqueKind},
    normalise::postgres::Scope,
    plan::{Lock, Reverse, Step},
    read::postgres::{Privilege, on_column},
    render::postgres::{name as quoted, qualified},
};

impl<'a> Work<'a> {
    /// What neither this library nor its plans know: a plan that would have to touch it is refused.
    pub(super) fn unknown(&mut self) {
        for key in self.from.opaque.keys().chain(self.to.opaque.keys()) {
            let differs = self.from.opaque.get(key) != self.to.opaque.get(key);
            if key.kind == OpaqueKind::Other
                && differs
                && (self.options.drops || self.to.opaque.contains_key(key))
            {
                self.refused
                    .push(format!("{} is of a kind that is not modelled", key.name));
            }
        }
    }

    /// Routines that can't be replaced in place, and what hangs on them.
    pub(super) fn find_lost(&mut self) {
        let mut lost: Vec<OpaqueKey> = Vec::new();
        for (key, old) in &self.from.opaque {
            let Some(new) = self.to.opaque.get(key) else {
                continue;
            };
            if is_routine(key)
                && !compare::code(old, new, &Scope::bare(self.to))
                && head(&old.definition) != head(&new.definition)
            {
                lost.push(key.clone());
            }
        }
        let words = |key: &OpaqueKey| key.name.name.clone();
        for routine in lost.clone() {
            let name = words(&routine);
            for (key, opaque) in &self.from.opaque {
                let hangs = if key.kind == OpaqueKind::Privilege {
                    is_of(key, &routine)
                } else {
                    !is_routine(key)
                        && key.kind != OpaqueKind::Other
                        && mentioned(&opaque.definition).contains(&name)
                };
                if hangs {
                    lost.push(key.clone());
                }
            }
            for (view, of) in &self.from.views {
                if mentioned(of.query.as_str()).contains(&name) {
                    self.rebuilt.insert(view.clone());
                }
            }
        }
        for (key, opaque) in &self.from.opaque {
            let Some(moving) = key.on.as_ref().and_then(|on| self.moving.get(on)) else {
                continue;
            };
            if key.kind != OpaqueKind::Privilege && !mentioned(&opaque.definition).is_disjoint(moving) {
                lost.push(key.clone());
            }
        }
        self.lost.extend(lost);
    }

    pub(super) fn opaque(&mut self) {
        let to = self.to;
        for (key, old) in self.from.opaque.clone() {
            if key.kind == OpaqueKind::Other {
                continue;
            }
            let is_lost = self.lost.contains(&key);
            match to.opaque.get(&key) {
                None => self.drop_code(&key, &old, false),
                Some(new) if is_lost => {
                    self.drop_code(&key, &old, true);
                    self.make_code(&key, new);
                }
                Some(new) if !compare::code(&old, new, &self.scope_of(&key)) => {
                    self.change_code(&key, &old, new);
                }
                Some(new) => self.keep_on_columns(&key, new),
            }
        }
        for (key, new) in &to.opaque {
            let old = self.from.opaque.get(key).cloned();
            if old.is_none() && key.kind != OpaqueKind::Other {
                self.make_code(key, new);
            }
            let before = old
                .filter(|_| !self.lost.contains(key))
                .and_then(|old| old.comment);
            self.comment(
                key.kind.words(),
                &address(key),
                before.as_ref(),
                new.comment.as_ref(),
            );
        }
    }

    fn make_code(&mut self, key: &OpaqueKey, of: &Opaque) {
        let rank = match key.kind {
            OpaqueKind::Function | OpaqueKind::Procedure => 15,
            OpaqueKind::Trigger => 22,
            OpaqueKind::Policy => 23,
            _ => 24,
        };
        let step = Step::new(
            key.kind.words(),
            key,
            of.definition.clone(),
            Reverse::one(drop_sql(key, of)),
        );
        let item = self.make(rank, &key.name.clone(), step);
        if !is_routine(key) {
            item.provides.clear();
        }
    }

    fn drop_code(&mut self, key: &OpaqueKey, of: &Opaque, again: bool) {
        if key.kind == OpaqueKind::Privilege && self.options.drops && self.goes(key) {
            return;
        }
        let risk = match key.kind {
            OpaqueKind::Policy => "changes which rows people see",
            OpaqueKind::Privilege => "changes who may do what",
            OpaqueKind::Trigger => "changes what happens by itself when rows change",
            _ => "what calls it fails from that moment on",
        };
        let step = Step::new(
            key.kind.words(),
            key,
            drop_sql(key, of),
            Reverse::Sql(self.code_again(key, of, &address(key))),
        )
        .because(Risk::Warning, risk)
        .locking(if key.on.is_some() {
            Lock::Everything
        } else {
            Lock::None
        });
        match (again, is_routine(key)) {
            (true, true) => {
                self.add(Phase::RenamePart, step);
            }
            (true, false) => {
                self.add(Phase::DropCode, step);
            }
            (false, true) => {
                self.remove_object(&key.name, 1, step);
            }
            (false, false) => {
                self.remove(Phase::DropCode, step);
            }
        }
    }

    /// What is known of the types in the definition.
    fn scope_of(&self, key: &OpaqueKey) -> Scope<'a> {
        key.on
            .as_ref()
            .map_or_else(|| Scope::bare(self.to), |on| self.scope(on))
    }

    /// Whether what the privilege is on goes, or goes and comes again.
    fn goes(&self, key: &OpaqueKey) -> bool {
        let Some(on) = &key.on else { return false };
        if key.arguments.is_some() {
            return !self.to.opaque.keys().any(|of| is_of(key, of))
                || self.lost.iter().any(|of| is_of(key, of));
        }
        if on.namespace.is_empty() {
            return !self.to.namespaces.contains_key(&on.name);
        }
        let there = self.to.tables.contains_key(on)
            || self.to.views.contains_key(on)
            || self.to.sequences.contains_key(on);
        !there || self.rebuilt.contains(on)
    }

    fn change_code(&mut self, key: &OpaqueKey, old: &Opaque, new: &Opaque) {
        if is_routine(key) {
            let step = Step::new(
                key.kind.words(),
                key,
                new.definition.clone(),
                Reverse::one(old.definition.clone()),
            )
            .because(Risk::Warning, "changes what its callers get");
            self.make(15, &key.name.clone(), step);
            return;
        }
        if key.kind == OpaqueKind::Privilege {
            self.change_privilege(key, old, new);
            return;
        }
        self.drop_code(key, old, true);
        self.make_code(key, new);
    }

    fn change_privilege(&mut self, key: &OpaqueKey, old: &Opaque, new: &Opaque) {
        let (Some(was), Some(now)) = (Privilege::of(&old.definition), Privilege::of(&new.definition)) else {
            self.refuse(format!("{key} is not understood"));
            return;
        };
        let none = BTreeSet::new();
        let given = |of: &Privilege| if of.grants { of.words.clone() } else { none.clone() };
        let taken = |of: &Privilege| if of.grants { none.clone() } else { of.words.clone() };
        let gone = &(&given(&was) - &given(&now)) | &(&taken(&now) - &taken(&was));
        let mut more = &(&given(&now) - &given(&was)) | &(&taken(&was) - &taken(&now));
        // What is taken of a table is taken of its columns too.
        let falls = |word: &String| gone.iter().any(|gone| word.starts_with(&format!("{gone} (")));
        more.extend(given(&now).into_iter().filter(|word| falls(word)));
        if !gone.is_empty() {
            let step = Step::new(
                "privilege",
                key,
                was.sql(false, &gone),
                Reverse::one(was.sql(true, &gone)),
            )
            .because(Risk::Warning, "changes who may do what");
            self.remove(Phase::DropCode, step);
        }
        if !more.is_empty() {
            let back = &more - &given(&was);
            let back = if back.is_empty() {
                Reverse::Sql(Vec::new())
            } else {
                Reverse::one(was.sql(false, &back))
            };
            let step = Step::new("privilege", key, was.sql(true, &more), back)
                .because(Risk::Warning, "changes who may do what");
            self.make(24, &key.name.clone(), step).provides.clear();
        }
    }

    /// A privilege on a column goes with it, also where the column is made anew.
    fn keep_on_columns(&mut self, key: &OpaqueKey, of: &Opaque) {
        let Some(on) = key.on.as_ref().filter(|_| key.kind == OpaqueKind::Privilege) else {
            return;
        };
        let (Some(privilege), Some(old), Some(new)) = (
            Privilege::of(&of.definition),
            self.from.tables.get(on),
            self.to.tables.get(on),
        ) else {
            return;
        };
        let scope = self.scope(on);
        let remade = |name: &str| {
            old.column(name)
                .zip(new.column(name))
                .is_some_and(|(old, new)| super::column::is_remade(old, new, &scope))
        };
        let columns = old.columns.iter().map(|column| column.name.as_str());
        let lost: BTreeSet<String> = columns
            .filter(|name| remade(name))
            .flat_map(|name| ["select", "insert", "update", "references"].map(|word| on_column(word, name)))
            .filter(|word| privilege.words.contains(word))
            .collect();
        if !lost.is_empty() {
            let step = Step::new(
                "privilege",
                key,
                privilege.sql(true, &lost),
                Reverse::Sql(Vec::new()),
            );
            self.make(24, &key.name.clone(), step).provides.clear();
        }
    }
}

/// Whether the privilege is on the routine.
pub(super) fn is_of(privilege: &OpaqueKey, routine: &OpaqueKey) -> bool {
    is_routine(routine)
        && privilege.kind == OpaqueKind::Privilege
        && privilege.on.as_ref() == Some(&routine.name)
        && privilege.arguments == routine.arguments
}

fn is_routine(key: &OpaqueKey) -> bool {
    matches!(key.kind, OpaqueKind::Function | OpaqueKind::Procedure)
}

/// A routine's head: what `create or replace` can't change.
fn head(definition: &str) -> &str {
    definition
        .split_once(" language ")
        .map_or(definition, |(head, _)| head)
}

/// How `drop` and `comment on` name it.
fn address(key: &OpaqueKey) -> String {
    match (&key.on, &key.arguments) {
        (Some(on), _) => format!("{} on {}", quoted(&key.name.name), qualified(on)),
        (None, Some(arguments)) => format!("{}({arguments})", qualified(&key.name)),
        (None, None) => qualified(&key.name),
    }
}

fn drop_sql(key: &OpaqueKey, of: &Opaque) -> String {
    match Privilege::of(&of.definition) {
        Some(privilege) if key.kind == OpaqueKind::Privilege => {
            privilege.sql(!privilege.grants, &privilege.words)
        }
        _ => format!("drop {} {}", key.kind.words(), address(key)),
    }
}
