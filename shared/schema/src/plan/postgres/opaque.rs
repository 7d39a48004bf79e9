//! What isn't modelled: made, replaced and dropped as its definition says.

use super::{Phase, Work, compare, order::mentioned};
use crate::{
    Risk,
    model::{Name, Opaque, OpaqueKey, OpaqueKind},
    plan::{Lock, Reverse, Step},
    read::postgres::privilege_words,
    render::postgres::{name as quoted, qualified},
};

impl Work<'_> {
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
            if is_routine(key) && !compare::code(old, new) && head(&old.definition) != head(&new.definition) {
                lost.push(key.clone());
            }
        }
        let words = |key: &OpaqueKey| key.name.name.clone();
        for routine in lost.clone() {
            let name = words(&routine);
            for (key, opaque) in &self.from.opaque {
                if !is_routine(key)
                    && key.kind != OpaqueKind::Other
                    && mentioned(&opaque.definition).contains(&name)
                {
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
                Some(new) if !compare::code(&old, new) => self.change_code(&key, &old, new),
                Some(_) => {}
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
        if key.kind == OpaqueKind::Privilege && self.options.drops && self.goes(key.on.as_ref()) {
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
            Reverse::one(of.definition.clone()),
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

    /// Whether the table or view itself goes, or goes and comes again.
    fn goes(&self, on: Option<&Name>) -> bool {
        on.is_some_and(|on| {
            let there = self.to.tables.contains_key(on) || self.to.views.contains_key(on);
            !there || self.rebuilt.contains(on)
        })
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
        let (was, now) = (privilege_words(&old.definition), privilege_words(&new.definition));
        let on = key.on.as_ref().map(qualified).unwrap_or_default();
        let sql = |words: Vec<&String>, grant: bool| {
            let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
            let (verb, word) = if grant {
                ("grant", "to")
            } else {
                ("revoke", "from")
            };
            format!(
                "{verb} {} on table {on} {word} {}",
                words.join(", "),
                key.name.name
            )
        };
        let gone: Vec<&String> = was.difference(&now).collect();
        if !gone.is_empty() {
            let step = Step::new(
                "privilege",
                key,
                sql(gone.clone(), false),
                Reverse::one(sql(gone, true)),
            )
            .because(Risk::Warning, "changes who may do what");
            self.remove(Phase::DropCode, step);
        }
        let more: Vec<&String> = now.difference(&was).collect();
        if !more.is_empty() {
            let step = Step::new(
                "privilege",
                key,
                sql(more.clone(), true),
                Reverse::one(sql(more, false)),
            )
            .because(Risk::Warning, "changes who may do what");
            self.make(24, &key.name.clone(), step).provides.clear();
        }
    }
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
    if key.kind == OpaqueKind::Privilege {
        let words: Vec<String> = privilege_words(&of.definition).into_iter().collect();
        let on = key.on.as_ref().map(qualified).unwrap_or_default();
        return format!("revoke {} on table {on} from {}", words.join(", "), key.name.name);
    }
    format!("drop {} {}", key.kind.words(), address(key))
}
