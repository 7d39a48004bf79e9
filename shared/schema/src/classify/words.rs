//! Recognisers over a statement's words, for what has to be known even where no parser reads it.

use sqlparser::ast::Statement;

use super::{Class, Classification, Effect, LEDGER, ObjectRef, Risk, StatementKind};
use crate::{
    Dialect,
    lex::{Kind, words},
};

/// A statement's tokens without gaps, words in upper case.
pub(super) struct Words {
    dialect: Dialect,
    tokens: Vec<(Kind, String)>,
}

impl Words {
    /// `None` if the text can't be cut into tokens, or holds what only a client or nobody acts on: then nothing that
    /// is known of its first words says what the rest does.
    pub(super) fn of(dialect: Dialect, text: &str) -> Option<Self> {
        // No server reads past a U+0000, whatever it stands in.
        if text.contains('\0') {
            return None;
        }
        let tokens = words(dialect, text).ok()?;
        let strange = |(kind, _): &(Kind, String)| matches!(kind, Kind::Symbol('\\'));
        (!tokens.iter().any(strange)).then_some(Self { dialect, tokens })
    }

    /// Whether another statement may follow the first.
    fn goes_on(&self) -> bool {
        let before_last = self.tokens.len().saturating_sub(1);
        let ends = |(kind, _): &(Kind, String)| matches!(kind, Kind::Symbol(';'));
        self.tokens[..before_last].iter().any(ends)
    }

    /// The word at a place, or nothing if something else stands there.
    fn word(&self, at: usize) -> &str {
        match self.tokens.get(at) {
            Some((Kind::Word, word)) => word,
            _ => "",
        }
    }

    fn starts(&self, wanted: &[&str]) -> bool {
        wanted.iter().enumerate().all(|(at, word)| self.word(at) == *word)
    }

    fn has(&self, wanted: &str) -> bool {
        self.tokens
            .iter()
            .any(|(kind, word)| *kind == Kind::Word && word == wanted)
    }

    /// Why the statement can't be part of any release.
    pub(super) fn refusal(&self) -> Option<String> {
        let (first, second) = (self.word(0), self.word(1));
        let control = "a release's transactions are begun and ended by the agent; leave this statement out";
        let session = "the agent's own session must stay as it is; leave this statement out";
        let why = match (self.dialect, first, second) {
            (_, "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE", _)
            | (_, "START" | "PREPARE" | "SET", "TRANSACTION")
            | (Dialect::Postgres, "END" | "ABORT", _)
            | (Dialect::MySql, "XA", _) => control,
            (_, "DISCARD" | "RESET", _) | (Dialect::MySql, "USE" | "LOCK" | "UNLOCK", _) => session,
            (Dialect::Postgres, "COPY", _) | (Dialect::MySql, "LOAD", _) => {
                "a release carries no files or data streams; write the rows as insert statements"
            }
            (Dialect::MySql, "SHUTDOWN" | "KILL" | "HANDLER" | "RESTART", _) => {
                "this manages the server and is not part of a database's release"
            }
            _ => return self.names_the_ledger(),
        };
        Some(format!("{first} can't be part of a release: {why}"))
    }

    fn names_the_ledger(&self) -> Option<String> {
        let named = self.tokens.iter().any(|(kind, token)| {
            matches!(kind, Kind::Word | Kind::QuotedName)
                && token.trim_matches(['"', '`']).eq_ignore_ascii_case(LEDGER)
        });
        named.then(|| format!("{LEDGER} is the agent's record of what was run; no release may touch it"))
    }

    /// A `SET` that the parser doesn't read may set anything, and is refused like those that it reads.
    pub(super) fn unread_set(&self, tree: Option<&Statement>) -> Option<String> {
        let read = matches!(tree, Some(Statement::Set(_))) || self.word(1) == "CONSTRAINTS";
        (self.word(0) == "SET" && !read).then(|| {
            "this SET can't be read, and the agent's own session must stay as it is; leave it out".to_owned()
        })
    }

    /// PostgreSQL refuses these in a transaction block.
    pub(super) fn outside_transactions(&self) -> bool {
        let concurrently = self.has("CONCURRENTLY");
        match (self.word(0), self.word(1)) {
            ("CREATE", "INDEX" | "UNIQUE") | ("DROP", "INDEX") | ("ALTER", "TABLE") => concurrently,
            ("REINDEX", what) => {
                concurrently
                    || self.has("DATABASE")
                    || self.has("SYSTEM")
                    || self.has("SCHEMA")
                    || what.is_empty()
            }
            ("VACUUM", _)
            | ("CREATE" | "DROP", "DATABASE" | "TABLESPACE" | "SUBSCRIPTION")
            | ("ALTER", "SYSTEM" | "SUBSCRIPTION") => true,
            ("ALTER", "DATABASE") => self.has("TABLESPACE"),
            ("ALTER", "TYPE") => self.has("ADD") && self.has("VALUE"),
            ("CLUSTER", _) => self.tokens.iter().filter(|(_, word)| word != "VERBOSE").count() == 1,
            _ => false,
        }
    }

    /// Statements that are plain by their words and that the parser doesn't read, or reads without what matters.
    pub(super) fn recognise(&self) -> Option<Classification> {
        if self.goes_on() {
            return None;
        }
        if self.dialect == Dialect::Postgres {
            match (self.word(0), self.word(1)) {
                ("SET", "CONSTRAINTS") => {
                    return Some(Classification::of(StatementKind::Set, Class::Session));
                }
                ("VACUUM", _) => return Some(self.vacuum()),
                ("REINDEX", _) => return Some(self.reindex()),
                ("ANALYZE", _) => {
                    return Some(Classification::of(StatementKind::Analyze, Class::Maintenance));
                }
                ("DROP", "INDEX") => return self.drop_index(),
                ("ALTER", "TYPE") => return self.add_value(),
                ("REFRESH", "MATERIALIZED") => {
                    let mut seen = Classification::of(StatementKind::Other, Class::Maintenance);
                    seen.because(
                        Risk::Warning,
                        "computes the whole view again and locks it meanwhile",
                    );
                    return Some(seen);
                }
                _ => {}
            }
        } else if self.starts(&["ANALYZE"]) || self.starts(&["OPTIMIZE"]) {
            let says_where = usize::from(matches!(self.word(1), "NO_WRITE_TO_BINLOG" | "LOCAL"));
            if !matches!(self.word(1 + says_where), "TABLE" | "TABLES") {
                let mut seen = Classification::of(StatementKind::Other, Class::Unknown);
                seen.because(
                    Risk::Unknown,
                    "MariaDB's ANALYZE runs the statement that follows it",
                );
                return Some(seen);
            }
            let mut seen = Classification::of(StatementKind::Analyze, Class::Maintenance);
            if self.word(0) == "OPTIMIZE" {
                seen.because(Risk::Warning, "copies the whole table");
            }
            return Some(seen);
        }
        None
    }

    fn vacuum(&self) -> Classification {
        let mut seen = Classification::of(StatementKind::Vacuum, Class::Maintenance);
        if self.has("FULL") {
            seen.because(
                Risk::Warning,
                "VACUUM FULL writes the table anew and locks everybody out meanwhile",
            );
        }
        seen
    }

    fn reindex(&self) -> Classification {
        let mut seen = Classification::of(StatementKind::Reindex, Class::Maintenance);
        if !self.has("CONCURRENTLY") {
            seen.because(Risk::Warning, "REINDEX blocks writes to the table while it runs");
        }
        seen
    }

    /// `DROP INDEX [CONCURRENTLY] [IF EXISTS] name, … [CASCADE | RESTRICT]`
    fn drop_index(&self) -> Option<Classification> {
        let mut at = 2;
        let concurrently = self.word(at) == "CONCURRENTLY";
        at += usize::from(concurrently);
        if self.word(at) == "IF" && self.word(at + 1) == "EXISTS" {
            at += 2;
        }
        let mut seen = Classification::of(StatementKind::DropIndex, Class::Definition);
        loop {
            let (index, next) = self.name(at)?;
            seen.effects.push(Effect::Index {
                table: None,
                index: index.clone(),
                present: false,
            });
            seen.because(
                Risk::Warning,
                format!("queries that used index {index} become slow, and a rule it enforced ends"),
            );
            at = next;
            match self.tokens.get(at) {
                Some((Kind::Symbol(','), _)) => at += 1,
                Some((Kind::Word, word)) if word == "CASCADE" && self.tokens.len() == at + 1 => {
                    seen.because(Risk::Destructive, "CASCADE drops everything that depends on it");
                    return Some(seen);
                }
                Some((Kind::Word, word)) if word == "RESTRICT" && self.tokens.len() == at + 1 => {
                    return Some(seen);
                }
                Some(_) => return None,
                None => return Some(seen),
            }
        }
    }

    /// `ALTER TYPE name ADD VALUE [IF NOT EXISTS] 'value' [BEFORE | AFTER 'other']`
    fn add_value(&self) -> Option<Classification> {
        let (name, mut at) = self.name(2)?;
        if !(self.word(at) == "ADD" && self.word(at + 1) == "VALUE") {
            return None;
        }
        at += 2;
        if self.word(at) == "IF" && self.word(at + 1) == "NOT" && self.word(at + 2) == "EXISTS" {
            at += 3;
        }
        let value = self.string(at)?;
        let placed = matches!(self.word(at + 1), "BEFORE" | "AFTER") && self.string(at + 2).is_some();
        if self.tokens.len() != at + if placed { 3 } else { 1 } {
            return None;
        }
        let mut seen = Classification::of(StatementKind::AlterType, Class::Definition);
        seen.touch(name.clone());
        seen.effects.push(Effect::EnumValue { name, value });
        Some(seen)
    }

    /// A plain string's value.
    fn string(&self, at: usize) -> Option<String> {
        match self.tokens.get(at) {
            Some((Kind::String, text)) if text.starts_with('\'') && text.len() >= 2 => {
                Some(text[1..text.len() - 1].replace("''", "'"))
            }
            _ => None,
        }
    }

    /// A name with or without its schema, and the place after it.
    fn name(&self, at: usize) -> Option<(ObjectRef, usize)> {
        let first = self.part(at)?;
        if !matches!(self.tokens.get(at + 1), Some((Kind::Symbol('.'), _))) {
            let schema = None;
            return Some((ObjectRef { schema, name: first }, at + 1));
        }
        let name = self.part(at + 2)?;
        let schema = Some(first);
        Some((ObjectRef { schema, name }, at + 3))
    }

    fn part(&self, at: usize) -> Option<String> {
        match self.tokens.get(at)? {
            (Kind::Word, word) => Some(word.to_lowercase()),
            (Kind::QuotedName, text) => Some(text[1..text.len() - 1].replace("\"\"", "\"")),
            _ => None,
        }
    }
}
