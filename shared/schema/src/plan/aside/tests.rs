//! What is set aside, and what can't be; that it works is shown on real servers.

use std::collections::BTreeSet;

use super::*;
use crate::{Reverse, classify, plan as planned, read};

fn schema(dialect: Dialect, text: &str) -> Schema {
    read(dialect, text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn aside(taken: &[&str]) -> PlanOptions {
    let taken: BTreeSet<String> = taken.iter().map(|name| (*name).to_owned()).collect();
    PlanOptions {
        aside: Some(Aside::new("261130", taken).unwrap()),
        ..PlanOptions::default()
    }
}

fn between(dialect: Dialect, from: &str, to: &str) -> Plan {
    let plan = planned(&schema(dialect, from), &schema(dialect, to), &aside(&[])).unwrap();
    for step in &plan.steps {
        let seen = classify(dialect, &step.sql);
        assert!(
            seen.risk <= step.risk.max(Risk::Warning),
            "{:?} {}",
            seen,
            step.sql
        );
    }
    plan
}

fn sql(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.sql.as_str()).collect()
}

fn back(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().rev();
    steps
        .flat_map(|step| match &step.reverse {
            Reverse::Sql(all) | Reverse::Lossy(all, _) => all.clone(),
            Reverse::None(why) => panic!("{why}"),
        })
        .collect()
}

const PG: &str = "create table org (id bigint primary key);
    create table t (id bigserial primary key, org_id bigint not null references org (id),
        mail varchar(80) not null default '' unique, age int check (age > 0), note text);
    create index t_by_mail on t (mail);
    create table u (id bigint primary key, mail varchar(80) references t (mail));";

#[test]
fn a_column_goes_aside_with_nothing_on_it_that_stops_inserts() {
    let to = "create table org (id bigint primary key);
        create table t (id bigserial primary key, org_id bigint not null references org (id),
            age int check (age > 0), note text);
        create table u (id bigint primary key, mail varchar(80));";
    let plan = between(Dialect::Postgres, PG, to);
    assert_eq!(
        sql(&plan),
        [
            "alter table public.u drop constraint u_mail_fkey",
            "alter table public.t drop constraint t_mail_key",
            "drop index public.t_by_mail",
            "alter table public.t alter column mail drop default",
            "alter table public.t alter column mail drop not null",
            "alter table public.t rename column mail to zz_aside_261130_mail",
        ]
    );
    assert_eq!(plan.risk(), Risk::Warning);
    let last = plan.steps.last().unwrap();
    assert_eq!(last.object.kind, "column set aside");
    assert!(
        last.reasons[0]
            .text
            .contains("is set aside as zz_aside_261130_mail")
    );
    assert_eq!(
        plan.set_aside,
        [SetAside {
            table: Name::new("public", "t"),
            column: Some("mail".into()),
            now: "zz_aside_261130_mail".into(),
            drop: "alter table public.t drop column zz_aside_261130_mail".into(),
            restore: vec![
                "alter table public.t rename column zz_aside_261130_mail to mail".into(),
                "alter table public.t alter column mail set default ''".into(),
            ],
        }]
    );
    assert_eq!(
        back(&plan)[..3],
        [
            "alter table public.t rename column zz_aside_261130_mail to mail",
            "alter table public.t alter column mail set default ''",
            "create index t_by_mail on public.t (mail)",
        ],
        "{:?}",
        back(&plan)
    );
    assert!(back(&plan)[4].contains("add constraint u_mail_fkey foreign key"));
}

#[test]
fn a_table_goes_aside_and_frees_its_names() {
    let to = "create table org (id bigint primary key);
        create table u (id bigint primary key, mail varchar(80));";
    let plan = between(Dialect::Postgres, PG, to);
    assert_eq!(
        sql(&plan),
        [
            "alter table public.t drop constraint t_org_id_fkey",
            "alter table public.u drop constraint u_mail_fkey",
            "alter table public.t_id_seq rename to zz_aside_261130_t_id_seq",
            "alter index public.t_pkey rename to zz_aside_261130_t_pkey",
            "alter index public.t_mail_key rename to zz_aside_261130_t_mail_key",
            "alter index public.t_by_mail rename to zz_aside_261130_t_by_mail",
            "alter table public.t rename to zz_aside_261130_t",
        ]
    );
    assert_eq!(back(&plan)[0], "alter table public.zz_aside_261130_t rename to t");
    assert_eq!(
        back(&plan)[1],
        "alter index public.zz_aside_261130_t_by_mail rename to t_by_mail"
    );
    let one = &plan.set_aside[0];
    assert_eq!(one.now, "zz_aside_261130_t");
    assert_eq!(one.drop, "drop table public.zz_aside_261130_t");
    assert_eq!(one.restore.len(), 5);
    assert_eq!(one.restore[0], "alter table public.zz_aside_261130_t rename to t");
    assert!(plan.steps.iter().all(|step| step.risk <= Risk::Warning));
}

#[test]
fn mysql_does_it_in_few_statements() {
    let from = "create table org (id bigint primary key);
        create table t (id bigint primary key, mail varchar(80) not null default 'x', age int,
            org_id bigint not null, unique key t_mail (mail),
            constraint t_org foreign key (org_id) references org (id),
            constraint t_mail_long check (char_length(mail) > 3));
        create table old (id bigint primary key, org_id bigint,
            constraint old_org foreign key (org_id) references org (id));";
    let to = "create table org (id bigint primary key);
        create table t (id bigint primary key, age int);";
    let plan = between(Dialect::MySql, from, to);
    let all: Vec<String> = sql(&plan).iter().map(|sql| sql.replace('`', "")).collect();
    assert_eq!(
        all[..3],
        [
            "alter table old drop foreign key old_org",
            "rename table old to zz_aside_261130_old",
            "alter table t drop index t_mail, drop constraint t_mail_long, \
             change column mail zz_aside_261130_mail varchar(80)",
        ],
        "{all:#?}"
    );
    assert_eq!(all[3], "alter table t drop foreign key t_org");
    assert!(
        all[4].contains("change column org_id zz_aside_261130_org_id bigint"),
        "{all:#?}"
    );
    assert_eq!(all.len(), 5);
    assert_eq!(plan.risk(), Risk::Warning);
    let back: Vec<String> = back(&plan).iter().map(|sql| sql.replace('`', "")).collect();
    assert!(
        back[2].starts_with(
            "alter table t change column zz_aside_261130_mail mail varchar(80) default 'x', add unique key"
        ),
        "{back:#?}"
    );
    assert_eq!(back[3], "rename table zz_aside_261130_old to old");
    assert_eq!(plan.set_aside.len(), 3);
}

#[test]
fn what_can_t_be_set_aside_is_dropped_and_says_why() {
    let cases: &[(Dialect, &str, &str, &str)] = &[
        (
            Dialect::Postgres,
            "create table t (id int, a int, primary key (id, a))",
            "create table t (id int primary key)",
            "a part of the primary key",
        ),
        (
            Dialect::Postgres,
            "create table t (id int primary key, a int); create view v as select a from t",
            "create table t (id int primary key)",
            "the view public.v",
        ),
        (
            Dialect::Postgres,
            "create table t (id int primary key, a int) partition by range (id)",
            "create table t (id int primary key) partition by range (id)",
            "partitioned",
        ),
        (
            Dialect::Postgres,
            "create type mood as enum ('a'); create table t (id int primary key, a mood)",
            "create table t (id int primary key)",
            "the type public.mood changes or goes",
        ),
        (
            Dialect::Postgres,
            "create table t (id int primary key); create view v as select id from t",
            "create table u (id int primary key)",
            "the view public.v uses it",
        ),
        (
            Dialect::MySql,
            "create table t (id int primary key, a int, b int, org int, key x (org, a),
                constraint f foreign key (org) references t (id))",
            "create table t (id int primary key, b int, org int, key y (org),
                constraint f foreign key (org) references t (id))",
            "a foreign key needs the index x",
        ),
    ];
    for (dialect, from, to, why) in cases {
        let plan = planned(&schema(*dialect, from), &schema(*dialect, to), &aside(&[])).unwrap();
        let straight = planned(
            &schema(*dialect, from),
            &schema(*dialect, to),
            &PlanOptions::default(),
        )
        .unwrap();
        assert_eq!(sql(&plan), sql(&straight));
        assert_eq!(plan.risk(), straight.risk());
        assert!(plan.set_aside.is_empty());
        let said = plan.steps.iter().flat_map(|step| &step.reasons);
        let said: Vec<&str> = said.map(|reason| reason.text.as_str()).collect();
        assert!(
            said.iter()
                .any(|text| text.contains(why) && text.contains("not set aside")),
            "{why}: {said:#?}"
        );
    }
}

#[test]
fn what_is_computed_goes_as_ever() {
    let from = "create table t (id int primary key, a int, b int generated always as (a + 1) stored)";
    let to = "create table t (id int primary key, a int)";
    let (from, to) = (schema(Dialect::Postgres, from), schema(Dialect::Postgres, to));
    let plan = planned(&from, &to, &aside(&[])).unwrap();
    assert_eq!(sql(&plan), ["alter table public.t drop column b"]);
    assert_eq!(plan.risk(), Risk::Warning);
}

#[test]
fn names_fit_and_never_collide() {
    let long = "a".repeat(63);
    let from = format!(
        "create table t (id int primary key, {long} int, {}b int)",
        "a".repeat(62)
    );
    let to = "create table t (id int primary key)";
    for dialect in [Dialect::Postgres, Dialect::MySql] {
        let plan = between(dialect, &from, to);
        let names: BTreeSet<&String> = plan.set_aside.iter().map(|of| &of.now).collect();
        assert_eq!(names.len(), 2);
        let most = if dialect == Dialect::Postgres { 63 } else { 64 };
        assert!(names.iter().all(|name| name.len() == most), "{names:?}");
    }
    let taken = aside(&["zz_aside_261130_a"]);
    let from = schema(Dialect::MySql, "create table t (id int primary key, a int)");
    let plan = planned(&from, &schema(Dialect::MySql, to), &taken).unwrap();
    assert_eq!(plan.set_aside[0].now, "zz_aside_261130_a_2");
    for wrong in ["", "a_b", "A", "123456789012345678901"] {
        assert!(Aside::new(wrong, BTreeSet::new()).is_err());
    }
}

#[test]
fn renames_are_no_drops() {
    let from = "create table t (id int primary key, a int, c int)";
    let to = "create table u ( -- @renamed from=t\n id int primary key,\n b int -- @renamed from=a\n)";
    let plan = between(Dialect::Postgres, from, to);
    assert_eq!(plan.set_aside.len(), 1, "{:?}", sql(&plan));
    let one = &plan.set_aside[0];
    assert_eq!((one.table.name.as_str(), one.column.as_deref()), ("u", Some("c")));
    assert_eq!(
        sql(&plan)[0],
        "alter table public.t rename column c to zz_aside_261130_c"
    );
}

#[test]
fn what_was_set_aside_is_taken_out_exactly() {
    let to = "create table org (id bigint primary key);
        create table u (id bigint primary key, mail varchar(80));";
    let there = "create table org (id bigint primary key);
        create table u (id bigint primary key, mail varchar(80), zz_aside_1_x text);
        create index u_by_x on u (zz_aside_1_x);
        create table zz_aside_1_t (id bigserial primary key);
        create table zz_aside_2_t (id bigint primary key);";
    let these = [
        SetAside {
            table: Name::new("public", "t"),
            column: None,
            now: "zz_aside_1_t".into(),
            drop: String::new(),
            restore: Vec::new(),
        },
        SetAside {
            table: Name::new("public", "u"),
            column: Some("x".into()),
            now: "zz_aside_1_x".into(),
            drop: String::new(),
            restore: Vec::new(),
        },
    ];
    let left = without(schema(Dialect::Postgres, there), &these);
    let plan = planned(&left, &schema(Dialect::Postgres, to), &PlanOptions::default()).unwrap();
    assert_eq!(sql(&plan), ["drop table public.zz_aside_2_t"]);
}

fn kept(table: &str, column: Option<&str>, now: &str) -> SetAside {
    SetAside {
        table: Name::new("", table),
        column: column.map(str::to_owned),
        now: now.into(),
        drop: String::new(),
        restore: Vec::new(),
    }
}

#[test]
fn a_server_that_keeps_lower_case_has_what_was_set_aside() {
    let text = "create table orders (id int primary key, `zz_aside_1_Note` text);
        create table zz_aside_1_old (id int primary key);";
    let these = [
        kept("Orders", Some("Note"), "zz_aside_1_Note"),
        kept("Old", None, "zz_aside_1_Old"),
    ];
    let mut there = schema(Dialect::MySql, text);
    // On any other those would be two names.
    assert_eq!(without(there.clone(), &these).tables.len(), 2);
    assert_eq!(whereabouts(&there, &these[1]), None);
    there.server = Some(crate::model::Server {
        lower_case_names: true,
        ..crate::model::Server::default()
    });
    let left = without(there.clone(), &these);
    assert_eq!(left.tables.len(), 1);
    assert_eq!(left.tables[&Name::new("", "orders")].columns.len(), 1);
    assert_eq!(
        whereabouts(&there, &these[1]),
        Some(Name::new("", "zz_aside_1_old"))
    );
}

#[test]
fn a_column_is_followed_to_the_table_that_has_it() {
    let these = [
        kept("t", Some("note"), "zz_aside_1_note"),
        kept("t", Some("age"), "zz_aside_1_age"),
        kept("old", None, "zz_aside_1_old"),
    ];
    let there = schema(
        Dialect::MySql,
        "create table u (id int primary key, zz_aside_1_note text); create table zz_aside_1_old (id int);",
    );
    let found: Vec<_> = these.iter().map(|of| whereabouts(&there, of)).collect();
    let at = |name: &str| Some(Name::new("", name));
    assert_eq!(found, [at("u"), None, at("zz_aside_1_old")]);

    let (from, to) = (Name::new("public", "T"), Name::new("app", "u"));
    let sql = "alter table public.\"T\" rename column zz_aside_1_x to x;\n\
        alter table public.\"T\" alter column x set default 'alter table public.\"T\"; ';\n";
    let moved = at_table(Dialect::Postgres, sql, (&from, &to)).unwrap();
    assert_eq!(
        moved,
        "alter table app.u rename column zz_aside_1_x to x;\n\
        alter table app.u alter column x set default 'alter table public.\"T\"; ';\n"
    );
    assert_eq!(
        at_table(Dialect::Postgres, "drop table public.\"T\";\n", (&from, &to)),
        None
    );
    let (from, to) = (Name::new("", "t"), Name::new("", "u`"));
    let sql = "alter table `t` drop column `zz_aside_1_x`;\n";
    assert_eq!(
        at_table(Dialect::MySql, sql, (&from, &to)).unwrap(),
        "alter table `u``` drop column `zz_aside_1_x`;\n"
    );
}
