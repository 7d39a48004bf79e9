//! `classify`, statement by statement.

use proptest::prelude::*;

use super::*;
use Dialect::{MySql, Postgres};

fn risk(dialect: Dialect, text: &str) -> Risk {
    classify(dialect, text).risk
}

#[test]
fn risks() {
    let cases = [
        (
            Risk::Safe,
            "create table t (id int primary key, at timestamp default current_timestamp)",
        ),
        (Risk::Safe, "alter table t add column note text"),
        (Risk::Safe, "insert into t (id, name) values (1, upper('a'))"),
        (Risk::Safe, "select count(*) from t where id > 3"),
        (Risk::Warning, "alter table t add column n int not null"),
        (Risk::Warning, "create index i on t (a)"),
        (Risk::Warning, "update t set a = 1 where id = 3"),
        (Risk::Warning, "delete from t where id = 3"),
        (Risk::Warning, "create or replace view v as select 1 as a"),
        (Risk::Warning, "drop view v"),
        (Risk::Warning, "grant select on t to bob"),
        (Risk::Warning, "alter table t rename column a to b"),
        (Risk::Destructive, "drop table t"),
        (Risk::Destructive, "truncate table t"),
        (Risk::Destructive, "alter table t add column a int, drop column b"),
        (Risk::Destructive, "update t set a = 1"),
        (Risk::Destructive, "delete from t where 1 = 1"),
        (Risk::Unknown, "frobnicate the table"),
        (Risk::Unknown, "select my_function(1)"),
        (Risk::Unknown, "call p()"),
        (Risk::Unknown, "insert into t values (my_function(1))"),
    ];
    for (wanted, text) in cases {
        for dialect in [MySql, Postgres] {
            let seen = classify(dialect, text);
            assert_eq!(seen.risk, wanted, "{dialect}: {text}: {:?}", seen.reasons);
            assert_eq!(seen.refused, None, "{text}");
            assert_eq!(seen.reasons.is_empty(), wanted == Risk::Safe, "{text}");
        }
    }
}

#[test]
fn risks_of_one_dialect() {
    let cases = [
        (Postgres, Risk::Safe, "create index concurrently i on t (a)"),
        (
            Postgres,
            Risk::Safe,
            "insert into t values (1) on conflict do nothing",
        ),
        (
            Postgres,
            Risk::Warning,
            "insert into t values (1) on conflict (id) do update set a = 1",
        ),
        (
            Postgres,
            Risk::Destructive,
            "with gone as (delete from t returning *) select * from gone",
        ),
        (Postgres, Risk::Destructive, "drop view v cascade"),
        (Postgres, Risk::Unknown, "do $$ begin perform 1; end $$"),
        (Postgres, Risk::Unknown, "select * from my_function()"),
        (Postgres, Risk::Unknown, "select public.upper('a')"),
        (
            Postgres,
            Risk::Safe,
            "alter type mood add value if not exists 'it''s' before 'sad'",
        ),
        (Postgres, Risk::Safe, "vacuum (analyze) t"),
        (Postgres, Risk::Safe, "set constraints all deferred"),
        (Postgres, Risk::Warning, "set search_path to app, public"),
        (
            Postgres,
            Risk::Warning,
            "select setval('s', (select max(id) from t))",
        ),
        (MySql, Risk::Warning, "replace into t values (1)"),
        (
            MySql,
            Risk::Warning,
            "insert into t values (1) on duplicate key update a = 2",
        ),
        (MySql, Risk::Destructive, "create or replace table t (id int)"),
        (MySql, Risk::Warning, "rename table a to b"),
        (MySql, Risk::Warning, "set foreign_key_checks = 0"),
        (
            MySql,
            Risk::Warning,
            "alter table t modify column a bigint not null",
        ),
    ];
    for (dialect, wanted, text) in cases {
        let seen = classify(dialect, text);
        assert_eq!(seen.risk, wanted, "{dialect}: {text}: {:?}", seen.reasons);
        assert_eq!(seen.refused, None, "{text}");
    }
}

#[test]
fn what_is_not_one_statement_is_unknown_whatever_it_begins_with() {
    let cases = [
        (Postgres, "vacuum t; drop table u"),
        (Postgres, "reindex table concurrently t; drop table u"),
        (Postgres, "analyze t; drop table u"),
        (Postgres, "set constraints all deferred; drop table u"),
        (Postgres, "analyze t \\g"),
        (Postgres, "analyze t\0"),
        (Postgres, "select 1 /* \0 */"),
        (Postgres, "vacuum t $x$ never closed"),
        (MySql, "analyze table t; drop table u"),
        (MySql, "optimize table t /*! ; drop table u */"),
        (MySql, "select 1 /*!50000 , sleep(9) */"),
        (MySql, "insert into t values (1) /*M! ; */"),
        (MySql, "select 1 'never closed"),
        (MySql, ""),
        (Postgres, "-- nothing"),
    ];
    for (dialect, text) in cases {
        assert_eq!(risk(dialect, text), Risk::Unknown, "{dialect}: {text}");
    }
    assert_eq!(
        risk(Postgres, "vacuum t;"),
        Risk::Safe,
        "its own end is no other statement"
    );
}

#[test]
fn a_statement_about_everything_is_answered_in_time_and_not_below_its_risk() {
    use std::fmt::Write as _;
    let mut drops = "alter table t add column z int".to_owned();
    for n in 0..15_000 {
        write!(drops, ", drop column c{n}").unwrap();
    }
    let seen = classify(Postgres, &drops);
    assert_eq!(seen.risk, Risk::Destructive);
    assert!(seen.reasons.len() <= 201, "{}", seen.reasons.len());
    let names: Vec<String> = (0..20_000).map(|n| format!("t{n}")).collect();
    let seen = classify(Postgres, &format!("drop table {}", names.join(", ")));
    assert_eq!(seen.risk, Risk::Unknown, "more than can be looked up");
    assert!(seen.objects.len() <= 1_000);
}

#[test]
fn what_would_break_the_agent_s_own_work_is_refused() {
    let cases = [
        (Postgres, "begin"),
        (Postgres, "commit"),
        (Postgres, "end"),
        (Postgres, "rollback to savepoint a"),
        (Postgres, "start transaction isolation level serializable"),
        (Postgres, "prepare transaction 'x'"),
        (Postgres, "set role admin"),
        (Postgres, "set lock_timeout = 0"),
        (Postgres, "set session authorization bob"),
        (Postgres, "set standard_conforming_strings = off"),
        (Postgres, "set session characteristics as transaction read only"),
        (Postgres, "set \"lock_timeout\" to 0"),
        (Postgres, "reset all"),
        (Postgres, "discard all"),
        (Postgres, "copy t from stdin"),
        (Postgres, "select pg_advisory_unlock_all()"),
        (Postgres, "select set_config('lock_timeout', '0', false)"),
        (Postgres, "delete from public.\"muster_release_ledger\""),
        (MySql, "use other"),
        (MySql, "lock tables t write"),
        (MySql, "set names gbk"),
        (MySql, "set sql_mode = 'ANSI_QUOTES'"),
        (MySql, "set @@session.autocommit = 1"),
        (MySql, "set global foreign_key_checks = 0"),
        (MySql, "load data infile 'x' into table t"),
        (MySql, "select release_all_locks()"),
        (MySql, "xa start 'a'"),
        (MySql, "drop table `muster_release_ledger`"),
    ];
    for (dialect, text) in cases {
        let seen = classify(dialect, text);
        assert!(seen.refused.is_some(), "{dialect}: {text}");
        assert_eq!(seen.risk, Risk::Unknown, "{text}");
    }
}

#[test]
fn what_postgres_can_t_do_in_a_transaction() {
    for text in [
        "create unique index concurrently i on t (a)",
        "drop index concurrently if exists i",
        "reindex table concurrently t",
        "reindex database d",
        "vacuum full t",
        "alter type mood add value 'ok'",
        "create database d",
        "drop database d",
        "alter system set work_mem = '1MB'",
        "create subscription s connection 'x' publication p",
        "alter table t detach partition p concurrently",
        "cluster",
    ] {
        assert!(!classify(Postgres, text).transactional, "{text}");
    }
    for text in [
        "create index i on t (a)",
        "drop table t",
        "alter type mood rename to m",
        "cluster t using i",
    ] {
        assert!(classify(Postgres, text).transactional, "{text}");
    }
}

#[test]
fn only_rows_changes_are_transactional_in_mysql() {
    assert!(classify(MySql, "update t set a = 1 where id = 1").transactional);
    assert!(!classify(MySql, "create table t (id int)").transactional);
    assert!(!classify(MySql, "call p()").transactional);
}

#[test]
fn objects_are_named_as_the_server_names_them() {
    let names = |dialect, text| {
        let seen = classify(dialect, text);
        seen.objects.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Postgres, "alter table App.\"T1\" add column a int"),
        ["app.T1"]
    );
    assert_eq!(names(MySql, "alter table `App`.T1 add column a int"), ["App.T1"]);
    assert_eq!(names(MySql, "rename table a to b, c to d"), ["a", "b", "c", "d"]);
    assert_eq!(
        names(
            MySql,
            "update a join b on a.id = b.id set a.x = b.x where b.y = 1"
        ),
        ["a", "b"]
    );
    assert_eq!(
        names(MySql, "delete from a where id in (select id from b)"),
        ["a", "b"]
    );
    assert_eq!(names(MySql, "insert into a select * from b"), ["a", "b"]);
}

#[test]
fn effects_say_what_will_hold() {
    let t = || ObjectRef {
        schema: None,
        name: "t".into(),
    };
    let column = |column: &str, present| Effect::Column {
        table: t(),
        column: column.into(),
        present,
    };
    let effects = |text| classify(MySql, text).effects;
    assert_eq!(
        effects("create table t (id int)"),
        [Effect::Relation {
            name: t(),
            present: true
        }]
    );
    assert_eq!(
        effects("drop table if exists t"),
        [Effect::Relation {
            name: t(),
            present: false
        }]
    );
    assert_eq!(
        effects("alter table t add column a int, drop column b"),
        [column("a", true), column("b", false)]
    );
    assert_eq!(
        effects("alter table t change a b int"),
        [column("a", false), column("b", true)]
    );
    let index = |present| Effect::Index {
        table: Some(t()),
        index: ObjectRef {
            schema: None,
            name: "i".into(),
        },
        present,
    };
    assert_eq!(effects("create index i on t (a)"), [index(true)]);
    assert_eq!(effects("drop index i on t"), [index(false)]);
    let value = Effect::EnumValue {
        name: ObjectRef {
            schema: Some("app".into()),
            name: "mood".into(),
        },
        value: "it's".into(),
    };
    assert_eq!(
        classify(Postgres, "alter type app.mood add value 'it''s'").effects,
        [value]
    );
}

#[test]
fn deep_nesting_is_unknown_and_not_a_crash() {
    let text = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    assert_eq!(risk(Postgres, &text), Risk::Unknown);
    let text = format!("select {} true", "not ".repeat(20_000));
    assert_eq!(risk(Postgres, &text), Risk::Unknown);
}

proptest! {
    #[test]
    fn garbage_is_never_safe_by_accident_and_never_a_crash(text in "\\PC{0,80}") {
        for dialect in [MySql, Postgres] {
            let seen = classify(dialect, &text);
            prop_assert_eq!(seen.reasons.is_empty(), seen.risk == Risk::Safe);
        }
    }

    #[test]
    fn sql_like_garbage_is_no_crash(words in prop::collection::vec(prop::sample::select(vec![
        "select", "drop", "table", "index", "alter", "type", "add", "value", "column", "create", "from", "where",
        "concurrently", "if", "exists", "t", "a.b", "'x'", "(", ")", ",", "1", "=", "set", "default", "not", "null",
        "with", "as", "update", "delete", "insert", "into", "values", "cascade", ".", "::", "$1", "[", "]",
    ]), 0..20)) {
        for dialect in [MySql, Postgres] {
            classify(dialect, &words.join(" "));
        }
    }
}
