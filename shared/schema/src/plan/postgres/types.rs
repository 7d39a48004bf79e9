//! Namespaces, extensions, enumerations, domains and composite types.

use super::{Phase, Work, again, compare};
use crate::{
    Risk,
    model::{DataType, Domain, EnumType, Name},
    normalise::postgres::Scope,
    plan::{Lock, Reverse, Step},
    render::postgres::{
        check, create_composite, create_domain, create_enum, create_extension, data_type, name as quoted,
        qualified, string,
    },
};

impl Work<'_> {
    pub(super) fn namespaces(&mut self) {
        let to = self.to;
        for (name, namespace) in &to.namespaces {
            let at = quoted(name);
            let has = self.from.namespaces.get(name).cloned();
            if has.is_none() {
                let step = Step::new(
                    "schema",
                    name,
                    format!("create schema {at}"),
                    Reverse::one(format!("drop schema {at}")),
                );
                self.add(Phase::Make, step).provides.push(vec![name.clone()]);
            }
            let before = has.and_then(|has| has.comment);
            self.comment("schema", &at, before.as_ref(), namespace.comment.as_ref());
        }
        for name in self.from.namespaces.keys().cloned().collect::<Vec<_>>() {
            if !to.namespaces.contains_key(&name) {
                let at = quoted(&name);
                let step = Step::new(
                    "schema",
                    &name,
                    format!("drop schema {at}"),
                    Reverse::one(format!("create schema {at}")),
                );
                self.remove(
                    Phase::DropNamespace,
                    step.because(Risk::Warning, "fails if something is still in it"),
                );
            }
        }
        for (name, extension) in &to.extensions {
            let drop = format!("drop extension {}", quoted(name));
            match self.from.extensions.get(name) {
                None => {
                    let step = Step::new(
                        "extension",
                        name,
                        create_extension(name, extension),
                        Reverse::one(drop),
                    );
                    self.add(Phase::Make, step).rank = 1;
                }
                Some(has) => {
                    if let (Some(new), Some(old)) = (&extension.namespace, &has.namespace)
                        && new != old
                    {
                        let sql =
                            |to: &str| format!("alter extension {} set schema {}", quoted(name), quoted(to));
                        let step = Step::new("extension", name, sql(new), Reverse::one(sql(old)));
                        self.add(Phase::Make, step);
                    }
                }
            }
        }
        for (name, extension) in self.from.extensions.clone() {
            if !to.extensions.contains_key(&name) {
                let sql = format!("drop extension {}", quoted(&name));
                let back = Reverse::one(create_extension(&name, &extension));
                let step = Step::new("extension", &name, sql, back);
                self.remove(
                    Phase::DropNamespace,
                    step.because(Risk::Warning, "fails if something still uses it"),
                );
            }
        }
    }

    /// Types that can't be changed in place: a value is gone or has moved, or the type under a domain is another.
    pub(super) fn find_retyped(&mut self) {
        for (name, new) in &self.to.enums {
            if self
                .from
                .enums
                .get(name)
                .is_some_and(|old| !is_subsequence(&old.values, &new.values))
            {
                self.retyped.insert(name.clone());
            }
        }
        for (name, new) in &self.to.domains {
            let Some(old) = self.from.domains.get(name) else {
                continue;
            };
            let same = compare::types(&old.data_type, &new.data_type)
                && compare::collations(old.collation.as_ref(), new.collation.as_ref());
            if !same || self.uses_retyped(&new.data_type) {
                self.retyped.insert(name.clone());
            }
        }
        for (name, new) in &self.to.composites {
            let Some(old) = self.from.composites.get(name) else {
                continue;
            };
            let same = old.attributes.len() == new.attributes.len()
                && old
                    .attributes
                    .iter()
                    .zip(&new.attributes)
                    .all(|(a, b)| a.0 == b.0 && compare::types(&a.1, &b.1));
            if !same {
                self.retyped.insert(name.clone());
            }
        }
    }

    /// Whether the type is one that is made anew.
    pub(super) fn uses_retyped(&self, of: &DataType) -> bool {
        self.retyped
            .iter()
            .any(|name| of.name == name.name && of.namespace.as_ref() == Some(&name.namespace))
    }

    pub(super) fn types(&mut self) {
        self.enums();
        self.domains();
        self.composites();
    }

    fn enums(&mut self) {
        let to = self.to;
        for (name, new) in &to.enums {
            let drop = format!("drop type {}", qualified(name));
            match self.from.enums.get(name).cloned() {
                None => {
                    let step = Step::new("type", name, create_enum(name, new), Reverse::one(drop));
                    self.make(3, name, step);
                }
                Some(_) if self.retyped.contains(name) => {
                    self.retype(
                        name,
                        &create_enum(name, new),
                        "a value that goes must not be in use",
                    );
                }
                Some(old) => self.add_values(name, &old, new),
            }
            let before = self.from.enums.get(name).and_then(|old| old.comment.clone());
            let before = before.filter(|_| !self.retyped.contains(name));
            self.comment("type", &qualified(name), before.as_ref(), new.comment.as_ref());
        }
        for (name, old) in self.from.enums.clone() {
            if !to.enums.contains_key(&name) {
                let sql = format!("drop type {}", qualified(&name));
                let step = Step::new("type", &name, sql, Reverse::Sql(again::enumeration(&name, &old)));
                self.remove_object(&name, 4, step);
            }
        }
    }

    /// Values that came between those that were there.
    fn add_values(&mut self, name: &Name, old: &EnumType, new: &EnumType) {
        let mut next = old.values.iter().peekable();
        for (at, value) in new.values.iter().enumerate() {
            if next.next_if(|old| *old == value).is_some() {
                continue;
            }
            let place = match (
                next.peek(),
                at.checked_sub(1).and_then(|before| new.values.get(before)),
            ) {
                (None, _) => String::new(),
                (Some(_), Some(before)) => format!(" after {}", string(before)),
                (Some(first), None) => format!(" before {}", string(first)),
            };
            let sql = format!(
                "alter type {} add value {}{place}",
                qualified(name),
                string(value)
            );
            let back = Reverse::None(
                "PostgreSQL can't take a value out of an enumeration; plan the way back anew".to_owned(),
            );
            let mut step = Step::new("type", name, sql, back);
            // A transaction that adds a value can't use it.
            step.transactional = false;
            let item = self.make(3, name, step);
            item.provides.clear();
            item.provides.push(vec![name.name.clone(), value.clone()]);
        }
    }

    /// Puts the type aside, makes it anew, and takes the old one away when its columns have been changed.
    fn retype(&mut self, name: &Name, create: &str, why: &str) {
        let aside = name.sibling(crate::read::postgres::truncated(&format!("{}__old", name.name)));
        let kind = if self.to.domains.contains_key(name) {
            "domain"
        } else {
            "type"
        };
        let sql = format!(
            "alter {kind} {} rename to {}",
            qualified(name),
            quoted(&aside.name)
        );
        let back = Reverse::one(format!(
            "alter {kind} {} rename to {}",
            qualified(&aside),
            quoted(&name.name)
        ));
        let step = Step::new("type", name, sql, back);
        self.add(Phase::RenamePart, step);
        let drop = format!("drop {kind} {}", qualified(name));
        let step = Step::new("type", name, create, Reverse::one(drop)).because(Risk::Warning, why);
        self.make(3, name, step);
        let back = Reverse::None("the old form of the type is gone; plan the way back anew".to_owned());
        let step = Step::new("type", &aside, format!("drop {kind} {}", qualified(&aside)), back);
        self.add(Phase::Drop, step);
        for (routine, opaque) in &self.from.opaque {
            let is_routine = matches!(
                routine.kind,
                crate::model::OpaqueKind::Function | crate::model::OpaqueKind::Procedure
            );
            if is_routine && super::order::mentioned(&opaque.definition).contains(&name.name) {
                self.refused.push(format!(
                    "type {name} is made anew, and {routine} uses it; drop the routine first"
                ));
            }
        }
    }

    fn domains(&mut self) {
        let to = self.to;
        for (name, new) in &to.domains {
            match self.from.domains.get(name).cloned() {
                None => {
                    let drop = Reverse::one(format!("drop domain {}", qualified(name)));
                    let step = Step::new("domain", name, create_domain(name, new), drop);
                    self.make(3, name, step);
                    self.domain_comments(name, None, new);
                }
                Some(_) if self.retyped.contains(name) => {
                    self.retype(name, &create_domain(name, new), "values that don't fit refuse it");
                    self.domain_comments(name, None, new);
                }
                Some(old) => {
                    self.alter_domain(name, &old, new);
                    self.domain_comments(name, Some(&old), new);
                }
            }
        }
        for (name, old) in self.from.domains.clone() {
            if !to.domains.contains_key(&name) {
                let sql = format!("drop domain {}", qualified(&name));
                let step = Step::new("domain", &name, sql, Reverse::Sql(again::domain(&name, &old)));
                self.remove_object(&name, 4, step);
            }
        }
    }

    fn domain_comments(&mut self, name: &Name, old: Option<&Domain>, new: &Domain) {
        let before = old.and_then(|old| old.comment.as_ref());
        self.comment("domain", &qualified(name), before, new.comment.as_ref());
        for (own, check) in &new.checks {
            let on = format!("{} on domain {}", quoted(own), qualified(name));
            let before = old
                .and_then(|old| old.checks.get(own))
                .and_then(|check| check.comment.as_ref());
            self.comment("constraint", &on, before, check.comment.as_ref());
        }
    }

    fn alter_domain(&mut self, name: &Name, old: &Domain, new: &Domain) {
        let at = qualified(name);
        let alter = |what: &str| format!("alter domain {at} {what}");
        let scope = Scope::domain(self.to, &new.data_type);
        if !compare::domain_defaults(old.default.as_ref(), new.default.as_ref(), &new.data_type, &scope) {
            let sql = |of: &Domain| match &of.default {
                Some(value) => alter(&format!("set default {value}")),
                None => alter("drop default"),
            };
            let step = Step::new("domain", name, sql(new), Reverse::one(sql(old)));
            self.make(4, name, step).provides.clear();
        }
        if old.nullable != new.nullable {
            let sql = |of: &Domain| {
                alter(if of.nullable {
                    "drop not null"
                } else {
                    "set not null"
                })
            };
            let mut step = Step::new("domain", name, sql(new), Reverse::one(sql(old)));
            if !new.nullable {
                step = step.because(
                    Risk::Warning,
                    "reads every table that uses the domain, and fails if a value is null",
                );
            }
            self.make(4, name, step).provides.clear();
        }
        for (own, constraint) in &old.checks {
            if new
                .checks
                .get(own)
                .is_none_or(|new| !compare::checks(constraint, new, &scope))
            {
                let sql = alter(&format!("drop constraint {}", quoted(own)));
                let on = format!("{} on domain {at}", quoted(own));
                let mut back = vec![alter(&format!(
                    "add constraint {} {}",
                    quoted(own),
                    check(constraint)
                ))];
                back.extend(again::commented("constraint", &on, constraint.comment.as_ref()));
                let back = Reverse::Sql(back);
                let step = Step::new("domain", name, sql, back);
                if new.checks.contains_key(own) {
                    self.add(Phase::DropConstraint, step);
                } else {
                    self.remove(Phase::DropConstraint, step);
                }
            }
        }
        for (own, constraint) in &new.checks {
            if old
                .checks
                .get(own)
                .is_none_or(|old| !compare::checks(old, constraint, &scope))
            {
                let sql = alter(&format!("add constraint {} {}", quoted(own), check(constraint)));
                let back = Reverse::one(alter(&format!("drop constraint {}", quoted(own))));
                let step = Step::new("domain", name, sql, back).because(
                    Risk::Warning,
                    "reads every table that uses the domain, and fails if a value doesn't keep it",
                );
                self.make(4, name, step).provides.clear();
            }
        }
    }

    fn composites(&mut self) {
        let to = self.to;
        for (name, new) in &to.composites {
            let create = create_composite(name, new);
            match self.from.composites.get(name).cloned() {
                None => {
                    let drop = Reverse::one(format!("drop type {}", qualified(name)));
                    let step = Step::new("type", name, create, drop);
                    self.make(3, name, step);
                }
                Some(old) if self.retyped.contains(name) => self.alter_composite(name, &old, new),
                Some(_) => {}
            }
            let before = self.from.composites.get(name).and_then(|old| old.comment.clone());
            self.comment("type", &qualified(name), before.as_ref(), new.comment.as_ref());
        }
        for (name, old) in self.from.composites.clone() {
            if !to.composites.contains_key(&name) {
                let sql = format!("drop type {}", qualified(&name));
                let step = Step::new("type", &name, sql, Reverse::Sql(again::composite(&name, &old)));
                self.remove_object(&name, 4, step);
            }
        }
    }

    /// Attributes one by one, which the server allows where no column has the type.
    fn alter_composite(&mut self, name: &Name, old: &crate::model::Composite, new: &crate::model::Composite) {
        let columns = self.from.tables.values().flat_map(|table| &table.columns);
        let is_used = columns.into_iter().any(|column| {
            column.data_type.name == name.name && column.data_type.namespace.as_ref() == Some(&name.namespace)
        });
        let kept: Vec<&String> = old
            .attributes
            .iter()
            .map(|(own, _)| own)
            .filter(|own| new.attributes.iter().any(|(other, _)| other == *own))
            .collect();
        let begins = new
            .attributes
            .iter()
            .map(|(own, _)| own)
            .zip(&kept)
            .all(|(a, b)| a == *b);
        if is_used || !begins {
            self.refuse(format!("the attributes of type {name} change, which can't be done while columns have it or in the middle"));
            return;
        }
        let at = qualified(name);
        let alter = |what: String| format!("alter type {at} {what}");
        for (own, of) in &old.attributes {
            let (sql, back) = match new.attributes.iter().find(|(other, _)| other == own) {
                None => (
                    format!("drop attribute {}", quoted(own)),
                    format!("add attribute {} {}", quoted(own), data_type(of)),
                ),
                Some((_, now)) if !compare::types(of, now) => (
                    format!("alter attribute {} type {}", quoted(own), data_type(now)),
                    format!("alter attribute {} type {}", quoted(own), data_type(of)),
                ),
                Some(_) => continue,
            };
            let step =
                Step::new("type", name, alter(sql), Reverse::one(alter(back))).locking(Lock::Definition);
            self.make(4, name, step).provides.clear();
        }
        for (own, of) in &new.attributes {
            if !old.attributes.iter().any(|(other, _)| other == own) {
                let sql = alter(format!("add attribute {} {}", quoted(own), data_type(of)));
                let step = Step::new(
                    "type",
                    name,
                    sql,
                    Reverse::one(alter(format!("drop attribute {}", quoted(own)))),
                );
                self.make(4, name, step).provides.clear();
            }
        }
    }
}

fn is_subsequence(part: &[String], whole: &[String]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|value| rest.any(|other| other == value))
}
