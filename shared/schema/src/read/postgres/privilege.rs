//! What roles may do: not modelled, but brought into one form.
//!
//! A privilege's key is a role and an object; its definition is one `grant` of what the role may do beyond what is so
//! anyway, or one `revoke` of what it may not do although it is so anyway: everybody may execute a routine, and use
//! the schema `public`. A word with a column after it (`select (a)`) is that privilege on the column.
//!
//! Types, languages, databases, defaults for what comes later, and the right to pass privileges on are not read: a text
//! that has them is refused, and of a catalogue they are carried as objects of which no more is known.

use std::collections::BTreeSet;

use super::{Reader, routine::given_types};
use crate::{
    Unreadable,
    model::{Name, Opaque, OpaqueKey, OpaqueKind},
    read::Cursor,
    render::postgres as sql,
};

/// On what there are privileges.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A table or view, with its columns.
    Table(Name),
    Sequence(Name),
    Schema(String),
    /// A function or procedure, by the types of what its callers give.
    Routine(Name, String),
}

impl Target {
    /// All there are.
    fn words(&self) -> &'static [&'static str] {
        match self {
            Self::Table(_) => &[
                "delete",
                "insert",
                "references",
                "select",
                "trigger",
                "truncate",
                "update",
            ],
            Self::Sequence(_) => &["select", "update", "usage"],
            Self::Schema(_) => &["create", "usage"],
            Self::Routine(..) => &["execute"],
        }
    }

    /// What the role may do without having been told.
    fn standard(&self, role: &str) -> BTreeSet<String> {
        let word = match self {
            Self::Routine(..) if role == "public" => "execute",
            Self::Schema(name) if role == "public" && name == "public" => "usage",
            _ => return BTreeSet::new(),
        };
        BTreeSet::from([word.to_owned()])
    }

    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Table(name) => format!("table {}", sql::qualified(name)),
            Self::Sequence(name) => format!("sequence {}", sql::qualified(name)),
            Self::Schema(name) => format!("schema {}", sql::name(name)),
            Self::Routine(name, arguments) => format!("routine {}({arguments})", sql::qualified(name)),
        }
    }

    fn key(&self, role: &str) -> OpaqueKey {
        let (on, arguments) = match self {
            Self::Table(name) | Self::Sequence(name) => (name.clone(), None),
            Self::Schema(name) => (Name::new("", name.clone()), None),
            Self::Routine(name, arguments) => (name.clone(), Some(arguments.clone())),
        };
        OpaqueKey {
            kind: OpaqueKind::Privilege,
            on: Some(on),
            name: Name::new("", role),
            arguments,
        }
    }
}

/// A privilege's definition, taken apart.
pub(crate) struct Privilege {
    /// Whether it gives what is not so anyway, or takes what is.
    pub(crate) grants: bool,
    /// What it gives or takes.
    pub(crate) words: BTreeSet<String>,
    target: String,
    role: String,
}

impl Privilege {
    /// From a definition in the form in which it is kept.
    pub(crate) fn of(definition: &str) -> Option<Self> {
        let (grants, rest, end) = match definition.strip_prefix("grant ") {
            Some(rest) => (true, rest, " to "),
            None => (false, definition.strip_prefix("revoke ")?, " from "),
        };
        let (list, rest) = cut_at(rest, " on ")?;
        let (target, role) = cut_at(rest, end)?;
        let mut words = BTreeSet::new();
        let mut list = list;
        while let Some((word, rest)) = cut_at(list, ", ") {
            words.insert(word.to_owned());
            list = rest;
        }
        words.insert(list.to_owned());
        Some(Self {
            grants,
            words,
            target: target.to_owned(),
            role: role.to_owned(),
        })
    }

    /// The statement that gives these words, or takes them.
    pub(crate) fn sql(&self, grant: bool, words: &BTreeSet<String>) -> String {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        statement(grant, &words, &self.target, &self.role)
    }
}

fn statement(grant: bool, words: &[&str], target: &str, role: &str) -> String {
    let (verb, word) = if grant {
        ("grant", "to")
    } else {
        ("revoke", "from")
    };
    format!("{verb} {} on {target} {word} {role}", words.join(", "))
}

/// Before and after the first place outside of quotes.
fn cut_at<'a>(text: &'a str, at: &str) -> Option<(&'a str, &'a str)> {
    let mut quoted = false;
    for (place, c) in text.char_indices() {
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && text[place..].starts_with(at) {
            return Some((&text[..place], &text[place + at.len()..]));
        }
    }
    None
}

impl Reader {
    /// After `grant` or `revoke`.
    pub(super) fn privileges(&mut self, cursor: &mut Cursor<'_>, grant: bool) -> Result<(), Unreadable> {
        let all = cursor.take("all");
        let mut given: Vec<(String, Vec<String>)> = Vec::new();
        if all {
            cursor.take("privileges");
            if cursor.is_mark("(") {
                return Err(cursor.fail("ALL on columns is not read; say which privileges"));
            }
        } else {
            loop {
                let word = cursor.name()?;
                let columns = if cursor.is_mark("(") {
                    cursor.names()?
                } else {
                    Vec::new()
                };
                given.push((word, columns));
                if !cursor.take_mark(",") {
                    break;
                }
            }
        }
        if !cursor.is_word("on") {
            return Err(cursor.fail("who belongs to which role is no part of a schema"));
        }
        cursor.need("on")?;
        let targets = self.targets(cursor)?;
        cursor.need(if grant { "to" } else { "from" })?;
        let roles = roles_after(cursor)?;
        if cursor.is_word("with") {
            return Err(cursor.fail("WITH GRANT OPTION is not read"));
        }
        cursor.take("restrict");
        for target in &targets {
            let words = if all {
                target.words().iter().map(|word| (*word).to_owned()).collect()
            } else {
                words_of(cursor, target, &given)?
            };
            for role in &roles {
                let mut now = self.privileges_of(target, role);
                for word in &words {
                    if grant {
                        now.insert(word.clone());
                    } else {
                        // A privilege that is taken is taken on all columns too.
                        let on_columns = format!("{word} (");
                        now.retain(|has| has != word && !has.starts_with(&on_columns));
                    }
                }
                if !self.set_privileges(target, role, now) {
                    return Err(cursor.fail("what is taken here and given in its place is not read"));
                }
            }
        }
        Ok(())
    }

    fn targets(&self, cursor: &mut Cursor<'_>) -> Result<Vec<Target>, Unreadable> {
        const NOT_READ: &[&str] = &[
            "all",
            "type",
            "domain",
            "database",
            "language",
            "foreign",
            "large",
            "parameter",
            "tablespace",
        ];
        if cursor.is_one_of(NOT_READ) && !cursor.is_mark_ahead(1, ",") && !cursor.is_word_ahead(1, "to") {
            return Err(cursor.fail("privileges on this kind of object are not read"));
        }
        let kinds = ["schema", "sequence", "function", "procedure", "routine", "table"];
        let kind = kinds
            .into_iter()
            .find(|kind| cursor.take(kind))
            .unwrap_or("table");
        let mut found = Vec::new();
        loop {
            found.push(match kind {
                "schema" => {
                    let name = cursor.name()?;
                    if !self.schema.namespaces.contains_key(&name) {
                        return Err(cursor.fail(format!("there is no schema {name}")));
                    }
                    Target::Schema(name)
                }
                "sequence" => {
                    let name = self.object_name(cursor)?;
                    if !self.schema.sequences.contains_key(&name) {
                        return Err(cursor.fail(format!("there is no sequence {name}")));
                    }
                    Target::Sequence(name)
                }
                "table" => {
                    let name = self.object_name(cursor)?;
                    if self.schema.sequences.contains_key(&name) {
                        Target::Sequence(name)
                    } else if self.schema.tables.contains_key(&name) || self.schema.views.contains_key(&name)
                    {
                        Target::Table(name)
                    } else {
                        return Err(cursor.fail(format!("there is no table or view {name}")));
                    }
                }
                _ => self.routine_target(cursor)?,
            });
            if !cursor.take_mark(",") {
                return Ok(found);
            }
        }
    }

    fn routine_target(&self, cursor: &mut Cursor<'_>) -> Result<Target, Unreadable> {
        let name = self.object_name(cursor)?;
        let types = if cursor.is_mark("(") {
            Some(given_types(cursor)?)
        } else {
            None
        };
        let fits = |key: &&OpaqueKey| {
            matches!(key.kind, OpaqueKind::Function | OpaqueKind::Procedure)
                && key.name == name
                && (types.is_none() || key.arguments == types)
        };
        let mut all = self.schema.opaque.keys().filter(fits);
        match (all.next(), all.next()) {
            (Some(key), None) => Ok(Target::Routine(name, key.arguments.clone().unwrap_or_default())),
            (None, _) => Err(cursor.fail(format!("there is no routine {name} with these arguments"))),
            (Some(_), Some(_)) => Err(cursor.fail(format!("there is more than one routine {name}"))),
        }
    }

    /// What a role may do.
    fn privileges_of(&self, target: &Target, role: &str) -> BTreeSet<String> {
        let standard = target.standard(role);
        let found = self.schema.opaque.get(&target.key(role));
        match found.and_then(|opaque| Privilege::of(&opaque.definition)) {
            Some(privilege) if privilege.grants => &standard | &privilege.words,
            Some(privilege) => &standard - &privilege.words,
            None => standard,
        }
    }

    /// Says what a role may do, and nothing else. False where that takes something and gives something else.
    pub(crate) fn set_privileges(&mut self, target: &Target, role: &str, words: BTreeSet<String>) -> bool {
        let standard = target.standard(role);
        let key = target.key(role);
        let (more, less) = (&words - &standard, &standard - &words);
        let (grant, list) = match (more.is_empty(), less.is_empty()) {
            (true, true) => {
                self.schema.opaque.remove(&key);
                return true;
            }
            (false, true) => (true, more),
            (true, false) => (false, less),
            (false, false) => return false,
        };
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let definition = statement(grant, &list, &target.sql(), role);
        let opaque = Opaque {
            definition,
            comment: None,
        };
        self.schema.opaque.insert(key, opaque);
        true
    }
}

/// The words, each known for the object; on columns, for each column by itself.
fn words_of(
    cursor: &Cursor<'_>,
    target: &Target,
    given: &[(String, Vec<String>)],
) -> Result<BTreeSet<String>, Unreadable> {
    let mut words = BTreeSet::new();
    for (word, columns) in given {
        let is_known = target.words().contains(&word.as_str());
        let on_columns = matches!(target, Target::Table(_))
            && matches!(word.as_str(), "select" | "insert" | "update" | "references");
        if !is_known || !(columns.is_empty() || on_columns) {
            return Err(cursor.fail(format!("there is no privilege {word} on {}", target.sql())));
        }
        if columns.is_empty() {
            words.insert(word.clone());
        }
        words.extend(columns.iter().map(|column| on_column(word, column)));
    }
    Ok(words)
}

/// A privilege on one column.
pub(crate) fn on_column(word: &str, column: &str) -> String {
    format!("{word} ({})", sql::name(column))
}

/// Roles, as SQL.
pub(super) fn roles_after(cursor: &mut Cursor<'_>) -> Result<BTreeSet<String>, Unreadable> {
    let mut roles = BTreeSet::new();
    loop {
        cursor.take("group");
        let is_word = cursor.is_one_of(&["public", "current_user", "session_user", "current_role"]);
        let name = cursor.name()?;
        roles.insert(if is_word { name } else { sql::name(&name) });
        if !cursor.take_mark(",") {
            return Ok(roles);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, PlanOptions, plan, read};

    const OBJECTS: &str = "create schema app; create table t (a int, \"b on, c\" int); create sequence s;
        create function f(int) returns int language sql as 'select 1';";

    fn sql(from: &str, to: &str) -> Vec<String> {
        let read = |text: &str| read(Dialect::Postgres, &format!("{OBJECTS} {text}")).expect(text);
        let plan = plan(&read(from), &read(to), &PlanOptions::default()).expect(to);
        plan.steps.into_iter().map(|step| step.sql).collect()
    }

    #[test]
    fn each_kind_of_object_has_its_privileges() {
        for (text, made, unmade) in [
            (
                "grant select, insert on t to joe;",
                "grant insert, select on table public.t to joe",
                "revoke insert, select on table public.t from joe",
            ),
            (
                "grant select (a, \"b on, c\"), update (a) on t to joe;",
                "grant select (\"b on, c\"), select (a), update (a) on table public.t to joe",
                "revoke select (\"b on, c\"), select (a), update (a) on table public.t from joe",
            ),
            (
                "grant usage on sequence s to joe;",
                "grant usage on sequence public.s to joe",
                "revoke usage on sequence public.s from joe",
            ),
            (
                "grant all on schema app to joe;",
                "grant create, usage on schema app to joe",
                "revoke create, usage on schema app from joe",
            ),
            (
                "revoke usage on schema public from public;",
                "revoke usage on schema public from public",
                "grant usage on schema public to public",
            ),
            (
                "revoke all on function f(int) from public;",
                "revoke execute on routine public.f(integer) from public",
                "grant execute on routine public.f(integer) to public",
            ),
            (
                "grant execute on function f to joe;",
                "grant execute on routine public.f(integer) to joe",
                "revoke execute on routine public.f(integer) from joe",
            ),
        ] {
            assert_eq!(sql("", text), [made]);
            assert_eq!(sql(text, ""), [unmade]);
            assert!(sql(text, text).is_empty());
        }
    }

    #[test]
    fn what_is_so_anyway_is_no_difference() {
        let anyway = "grant execute on function f(int) to public; grant usage on schema public to public;
            grant select on t to joe; revoke select on t from joe; grant select (a) on t to ann; revoke select on t from ann;";
        assert!(sql("", anyway).is_empty());
    }

    #[test]
    fn a_privilege_on_columns_survives_that_on_the_table() {
        assert_eq!(
            sql(
                "grant select on t to joe; grant select (a) on t to joe;",
                "grant select (a) on t to joe;"
            ),
            [
                "revoke select on table public.t from joe",
                "grant select (a) on table public.t to joe"
            ]
        );
    }

    #[test]
    fn what_is_not_read_is_refused() {
        for text in [
            "grant usage on type x to joe;",
            "grant select on all tables in schema public to joe;",
            "grant connect on database d to joe;",
            "grant select on t to joe with grant option;",
            "grant boss to joe;",
            "grant all (a) on t to joe;",
            "grant execute on t to joe;",
            "grant execute on function g(int) to joe;",
            "grant usage on schema nowhere to joe;",
        ] {
            assert!(
                read(Dialect::Postgres, &format!("{OBJECTS} {text}")).is_err(),
                "{text}"
            );
        }
    }
}
