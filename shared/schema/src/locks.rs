//! Which lock a statement takes on what is there, by the server's own name.
//!
//! PostgreSQL's are from its documents (Explicit Locking, and each statement's page). MySQL and MariaDB take a lock on the definition that
//! they say in `algorithm` and `lock`, if the statement says them; otherwise how much they lock is theirs to choose, and nothing is
//! told here.

use serde::{Deserialize, Serialize};

use crate::{Classification, Dialect, Lock, StatementKind};

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What others can't do meanwhile.
    pub blocks: Lock,
    /// The server's name for it, for instance `ACCESS EXCLUSIVE`.
    pub name: String,
}

/// The strongest lock that a statement takes; nothing where that isn't known. `seen` is what it is classified as.
pub fn lock_of(dialect: Dialect, sql: &str, seen: &Classification) -> Option<Taken> {
    let words = words(sql);
    let (blocks, name) = match dialect {
        Dialect::Postgres => postgres(&words, seen.kind)?,
        Dialect::MySql => return mysql(&words, seen.kind),
    };
    Some(Taken {
        blocks,
        name: name.to_owned(),
    })
}

type Mode = (Lock, &'static str);

const ACCESS_SHARE: Mode = (Lock::None, "ACCESS SHARE");
const ROW_EXCLUSIVE: Mode = (Lock::None, "ROW EXCLUSIVE");
const SHARE_UPDATE: Mode = (Lock::Definition, "SHARE UPDATE EXCLUSIVE");
const SHARE: Mode = (Lock::Writes, "SHARE");
const SHARE_ROW: Mode = (Lock::Writes, "SHARE ROW EXCLUSIVE");
const EXCLUSIVE: Mode = (Lock::Writes, "EXCLUSIVE");
const ACCESS_EXCLUSIVE: Mode = (Lock::Everything, "ACCESS EXCLUSIVE");

fn postgres(words: &[String], kind: StatementKind) -> Option<Mode> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let concurrently = has("concurrently");
    let mode = match kind {
        StatementKind::CreateIndex | StatementKind::DropIndex | StatementKind::Reindex if concurrently => {
            SHARE_UPDATE
        }
        StatementKind::CreateIndex | StatementKind::Reindex => SHARE,
        StatementKind::DropIndex
        | StatementKind::DropTable
        | StatementKind::DropView
        | StatementKind::DropSequence
        | StatementKind::DropTrigger
        | StatementKind::AlterView
        | StatementKind::RenameTable
        | StatementKind::Truncate => ACCESS_EXCLUSIVE,
        StatementKind::CreateView if has("replace") => ACCESS_EXCLUSIVE,
        StatementKind::Vacuum if has("full") => ACCESS_EXCLUSIVE,
        // The table that a new one refers to gets triggers.
        StatementKind::CreateTable if has("references") => SHARE_ROW,
        StatementKind::CreateTrigger => SHARE_ROW,
        StatementKind::AlterTable => alter(words),
        StatementKind::Comment | StatementKind::Analyze | StatementKind::Vacuum => SHARE_UPDATE,
        StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge => {
            ROW_EXCLUSIVE
        }
        StatementKind::Select => ACCESS_SHARE,
        _ => match (word(0), word(1)) {
            ("refresh", "materialized") if concurrently => EXCLUSIVE,
            ("refresh", "materialized") => ACCESS_EXCLUSIVE,
            ("alter", "index") => SHARE_UPDATE,
            ("alter", "sequence") => SHARE_ROW,
            _ => return None,
        },
    };
    Some(mode)
}

/// The strongest of what an `alter table` does.
fn alter(words: &[String]) -> Mode {
    // `alter table [if exists] [only] name`, where a name may have dots in it.
    let mut rest = words.get(2..).unwrap_or_default();
    while let [first, more @ ..] = rest
        && matches!(first.as_str(), "if" | "exists" | "only")
    {
        rest = more;
    }
    rest = rest.get(1..).unwrap_or_default();
    let action = |words: &[String]| {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        match (word(0), word(1)) {
            ("validate", "constraint") | ("attach", "partition") | ("cluster", _) => SHARE_UPDATE,
            ("detach", "partition") if has("concurrently") => SHARE_UPDATE,
            ("alter", _) if has("statistics") => SHARE_UPDATE,
            ("add", _) if has("foreign") && has("references") => SHARE_ROW,
            ("enable" | "disable", "trigger") => SHARE_ROW,
            _ => ACCESS_EXCLUSIVE,
        }
    };
    let actions = rest.split(|word| word == ",").map(action);
    actions
        .max_by_key(|(blocks, _)| *blocks)
        .unwrap_or(ACCESS_EXCLUSIVE)
}

/// Whether a statement of MySQL says that a table is to be changed in place and in no other way.
pub fn is_in_place(sql: &str) -> bool {
    value(&words(sql), "algorithm").is_some_and(|way| way == "INPLACE")
}

/// What an option is set to, in capitals.
fn value(words: &[String], option: &str) -> Option<String> {
    let at = words.iter().rposition(|word| word == option)?;
    let value = words
        .get(at + 1)
        .filter(|word| *word != "=")
        .or_else(|| words.get(at + 2))?;
    Some(value.to_ascii_uppercase())
}

fn mysql(words: &[String], kind: StatementKind) -> Option<Taken> {
    if matches!(
        kind,
        StatementKind::Insert | StatementKind::Update | StatementKind::Delete
    ) {
        return Some(Taken {
            blocks: Lock::None,
            name: "row locks".to_owned(),
        });
    }
    let (algorithm, lock) = (value(words, "algorithm"), value(words, "lock"));
    let blocks = match (algorithm.as_deref(), lock.as_deref()) {
        (_, Some("NONE")) | (Some("INSTANT"), _) => Lock::Definition,
        (_, Some("SHARED")) => Lock::Writes,
        (_, Some("EXCLUSIVE")) => Lock::Everything,
        _ => return None,
    };
    let told = [("ALGORITHM", algorithm), ("LOCK", lock)];
    let told = told
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    Some(Taken {
        blocks,
        name: told.collect::<Vec<_>>().join(", "),
    })
}

/// Words in lower case, with commas and `=` outside of brackets; a quoted name is one, and so is one with dots; strings, comments and
/// what stands in brackets are left out, but for `references`.
fn words(sql: &str) -> Vec<String> {
    let chars: Vec<char> = sql.chars().collect();
    let (mut words, mut at, mut depth) = (Vec::<String>::new(), 0, 0_u32);
    let mut dotted = false;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let mut push = |word: String, depth: u32, dotted: &mut bool| {
            if !std::mem::take(dotted) && (depth == 0 || word == "references") {
                words.push(word);
            }
        };
        match c {
            '\'' | '"' | '`' => {
                let mut to = at + 1;
                while chars.get(to).is_some_and(|of| *of != c) {
                    to += 1;
                }
                if c != '\'' {
                    push("\"\"".to_owned(), depth, &mut dotted);
                }
                at = to + 1;
            }
            '-' if next == Some('-') => {
                while chars.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            '/' if next == Some('*') => {
                while at < chars.len() && !(chars[at] == '*' && chars.get(at + 1) == Some(&'/')) {
                    at += 1;
                }
                at += 2;
            }
            '(' => {
                depth += 1;
                at += 1;
            }
            ')' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            '.' => {
                dotted = true;
                at += 1;
            }
            ',' | '=' => {
                push(c.to_string(), depth, &mut dotted);
                at += 1;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let from = at;
                while chars
                    .get(at)
                    .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
                {
                    at += 1;
                }
                push(
                    chars[from..at].iter().collect::<String>().to_lowercase(),
                    depth,
                    &mut dotted,
                );
            }
            _ => at += 1,
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify;

    fn of(dialect: Dialect, sql: &str) -> String {
        let taken = lock_of(dialect, sql, &classify(dialect, sql));
        taken.map_or_else(|| "unknown".to_owned(), |taken| taken.name)
    }

    #[test]
    fn postgres_locks_as_its_documents_say() {
        for (sql, name) in [
            ("create index i on t (a)", "SHARE"),
            (
                "create unique index concurrently i on t (a)",
                "SHARE UPDATE EXCLUSIVE",
            ),
            ("drop index concurrently i", "SHARE UPDATE EXCLUSIVE"),
            ("drop index i", "ACCESS EXCLUSIVE"),
            ("drop table t", "ACCESS EXCLUSIVE"),
            (
                "alter table public.t add column c int default 1",
                "ACCESS EXCLUSIVE",
            ),
            (
                "alter table only \"public\".\"t\" validate constraint c",
                "SHARE UPDATE EXCLUSIVE",
            ),
            (
                "alter table t add constraint f foreign key (a) references u (id) not valid",
                "SHARE ROW EXCLUSIVE",
            ),
            (
                "alter table t validate constraint c, drop column d",
                "ACCESS EXCLUSIVE",
            ),
            ("create table t (a int references u (id))", "SHARE ROW EXCLUSIVE"),
            ("create table t (a int)", "unknown"),
            ("comment on table t is 'references'", "SHARE UPDATE EXCLUSIVE"),
            ("update t set a = 1 where b = 2", "ROW EXCLUSIVE"),
            ("select 1", "ACCESS SHARE"),
            ("do $$ begin end $$", "unknown"),
        ] {
            assert_eq!(of(Dialect::Postgres, sql), name, "{sql}");
        }
    }

    #[test]
    fn mysql_locks_as_the_statement_says() {
        for (sql, name) in [
            (
                "alter table t add column c int, algorithm=instant",
                "ALGORITHM=INSTANT",
            ),
            (
                "alter table t add index k (a), algorithm = inplace, lock = none",
                "ALGORITHM=INPLACE, LOCK=NONE",
            ),
            (
                "alter table t modify column a bigint, algorithm=copy, lock=shared",
                "ALGORITHM=COPY, LOCK=SHARED",
            ),
            ("alter table t drop column c, lock=none", "LOCK=NONE"),
            ("alter table t modify column a bigint", "unknown"),
            ("delete from t where a = 1", "row locks"),
        ] {
            assert_eq!(of(Dialect::MySql, sql), name, "{sql}");
        }
        assert!(is_in_place(
            "alter table t modify a int not null, ALGORITHM = inplace, lock=none"
        ));
        assert!(!is_in_place(
            "alter table t add c text comment 'algorithm=inplace', lock=none"
        ));
        let copied = "alter table t modify column a bigint, algorithm=copy, lock=shared";
        let taken = lock_of(Dialect::MySql, copied, &classify(Dialect::MySql, copied));
        assert_eq!(taken.map(|taken| taken.blocks), Some(Lock::Writes));
    }
}
