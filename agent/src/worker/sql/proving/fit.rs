//! Which statements may run on a scratch database that nobody has approved: definitions that can be read, and that only define
//! ([`bare_definition`]). A table's script comes here as its author wrote it, so this is what keeps it from the server.
//!
//! PostgreSQL's databases can't reach one another. In MySQL any statement can name another database of the server, so one that names
//! any that the user sees is not run: what the user does not see they can't change either.

use muster_schema::{Class, Dialect, Risk, StatementKind, bare_definition, classify};

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
    let named = match bare_definition(dialect, sql) {
        Ok(named) => named,
        Err(why) => return Some(format!("{why}, which is not tried on a scratch database")),
    };
    if dialect == Dialect::MySql {
        let named: Vec<String> = named.iter().map(|name| name.to_lowercase()).collect();
        let other = others
            .iter()
            .find(|other| named.contains(&other.to_lowercase()))?;
        return Some(format!(
            "names the database {other}, and nothing but the scratch database may be touched"
        ));
    }
    None
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
            "create table t as select * from v",
            "create materialized view m as select 1",
            "comment on database shop is 'x'",
        ] {
            assert!(unfit(Dialect::Postgres, sql, none).is_some(), "{sql}");
        }
    }

    #[test]
    fn no_other_database_of_the_server_is_named() {
        let others = ["shop".to_owned(), "Payroll".to_owned()];
        for sql in [
            "drop table shop.orders",
            "alter table t add column d int default (1--1), rename to shop.evil",
            "create schema beside",
            "create table t select * from v",
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
    }
}
