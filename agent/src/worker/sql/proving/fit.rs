//! Which statements may run on a scratch database that nobody has approved.
//!
//! PostgreSQL's databases can't reach one another. In MySQL any statement can name another database of the server, so one that names
//! any that the user sees is not run: what the user does not see they can't change either.

use muster_schema::{Class, Dialect, Risk, StatementKind, classify};

/// Why a statement is not run; none if it is. `others`: the databases beside the scratch one (MySQL).
pub(super) fn unfit(dialect: Dialect, sql: &str, others: &[String]) -> Option<String> {
    let seen = classify(dialect, sql);
    if let Some(why) = seen.refused {
        return Some(format!("can't be tried: {why}"));
    }
    if seen.class == Class::Data {
        return Some(
            "changes rows, and a scratch database has none: what that does can't be proven".to_owned(),
        );
    }
    // Holding a constraint against the rows is looking after what is there.
    let validates = seen.class == Class::Maintenance && seen.kind == StatementKind::AlterTable;
    if !(seen.class == Class::Definition || validates) || seen.risk == Risk::Unknown {
        return Some(
            "is no change of definitions that can be read here, and is not run without an approval"
                .to_owned(),
        );
    }
    if matches!(
        seen.kind,
        StatementKind::CreateRoutine
            | StatementKind::DropRoutine
            | StatementKind::CreateTrigger
            | StatementKind::DropTrigger
            | StatementKind::CreateDatabase
            | StatementKind::DropDatabase
            | StatementKind::CreateExtension
            | StatementKind::DropExtension
            | StatementKind::Permission
    ) {
        return Some(
            "is about code, extensions, databases or permissions, which are not tried on a scratch database"
                .to_owned(),
        );
    }
    if dialect == Dialect::MySql {
        let named = qualifiers(sql);
        let other = others
            .iter()
            .find(|other| named.iter().any(|name| name.eq_ignore_ascii_case(other)))?;
        return Some(format!(
            "names the database {other}, and nothing but the scratch database may be touched"
        ));
    }
    None
}

/// Every name that is followed by a dot. Strings and comments are passed over; what executable comments hold is refused before.
fn qualifiers(sql: &str) -> Vec<String> {
    let chars: Vec<char> = sql.chars().collect();
    let (mut names, mut at) = (Vec::new(), 0);
    let mut last: Option<String> = None;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match c {
            '\'' | '"' => {
                // In MySQL's ANSI mode these would be names; then what they hold counts as one.
                let (text, after) = quoted(&chars, at, c);
                last = Some(text);
                at = after;
            }
            '`' => {
                let (text, after) = quoted(&chars, at, c);
                last = Some(text);
                at = after;
            }
            '#' => at = line_end(&chars, at),
            '-' if next == Some('-') => at = line_end(&chars, at),
            '/' if next == Some('*') => {
                at += 2;
                while at < chars.len() && !(chars[at] == '*' && chars.get(at + 1) == Some(&'/')) {
                    at += 1;
                }
                at += 2;
            }
            '.' => {
                names.extend(last.take());
                at += 1;
            }
            c if c.is_whitespace() => at += 1,
            c if c.is_alphanumeric() || matches!(c, '_' | '$') => {
                let from = at;
                while chars
                    .get(at)
                    .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$'))
                {
                    at += 1;
                }
                last = Some(chars[from..at].iter().collect());
            }
            _ => {
                last = None;
                at += 1;
            }
        }
    }
    names
}

/// What stands in quotes, and where it goes on.
fn quoted(chars: &[char], from: usize, quote: char) -> (String, usize) {
    let (mut text, mut at) = (String::new(), from + 1);
    while let Some(&c) = chars.get(at) {
        if c == '\\' && quote != '`' {
            at += 2;
        } else if c == quote && chars.get(at + 1) == Some(&quote) {
            text.push(quote);
            at += 2;
        } else if c == quote {
            return (text, at + 1);
        } else {
            text.push(c);
            at += 1;
        }
    }
    (text, at)
}

fn line_end(chars: &[char], mut at: usize) -> usize {
    while chars.get(at).is_some_and(|c| *c != '\n') {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_definitions_that_can_be_read_are_tried() {
        let none: &[String] = &[];
        for sql in [
            "create table t (id int primary key)",
            "alter table t add column n int default 1",
            "create index i on t (n)",
            "drop table t",
            "create view v as select id from t",
        ] {
            for dialect in [Dialect::Postgres, Dialect::MySql] {
                assert_eq!(unfit(dialect, sql, none), None, "{sql}");
            }
        }
        assert_eq!(
            unfit(Dialect::Postgres, "alter table t validate constraint c", none),
            None
        );
        for sql in [
            "insert into t values (1)",
            "delete from t",
            "drop database shop",
            "grant all on t to public",
            "select 1",
            "do $$ begin end $$",
            "alter system set fsync = off",
            "create extension dblink",
            "copy t to program 'sh'",
            "commit",
        ] {
            assert!(unfit(Dialect::Postgres, sql, none).is_some(), "{sql}");
        }
    }

    #[test]
    fn no_other_database_of_the_server_is_named() {
        let others = ["shop".to_owned(), "Payroll".to_owned()];
        for sql in [
            "drop table shop.orders",
            "drop table `shop` . `orders`",
            "alter table t rename to payroll.t",
            "create table t like /* x */ shop /* y */ .u",
            "create view v as select * from `PAYROLL`.`people`",
            "alter table t add constraint c foreign key (a) references shop.u (id)",
        ] {
            assert!(unfit(Dialect::MySql, sql, &others).is_some(), "{sql}");
        }
        for sql in [
            "alter table shop add column n int comment 'shop.orders'",
            "create view v as select t.id from t",
            "create table t (a decimal(5, 2) default 1.5)",
        ] {
            assert_eq!(unfit(Dialect::MySql, sql, &others), None, "{sql}");
        }
        assert_eq!(qualifiers("a.b, 'x'.c -- d.e"), ["a", "x"]);
    }
}
