use crate::{Dialect, PlanOptions, Risk, Schema, plan, read, render};

fn schema(text: &str) -> Schema {
    read(Dialect::Postgres, text).unwrap()
}

fn sql(from: &str, to: &str) -> Vec<String> {
    let plan = plan(&schema(from), &schema(to), &PlanOptions::default()).unwrap();
    plan.steps.into_iter().map(|step| step.sql).collect()
}

/// A text for each thing that is modelled.
const TEXTS: &[&str] = &[
    "create table t (id bigserial primary key, name varchar(10) not null default 'x', n numeric(10, 2));",
    "create schema app; create table app.\"T x\" (\"A\" int unique, b int check (b > 0), c text collate \"C\");",
    "create type mood as enum ('a', 'it''s'); create table t (m mood default 'a', ms mood[]);",
    "create domain email as text not null check (value ~ '@'); create table t (e email);",
    "create type pair as (a int, b text); create table t (p pair);",
    "create table a (id int primary key); create table b (a_id int references a on delete cascade deferrable);",
    "create table t (id int generated always as identity (start with 5 increment by 2), twice int generated always as (1 + 1) stored);",
    "create table t (a int, b text); create unique index on t (lower(b), a desc nulls last) where a > 0;",
    "create table t (a int, b tsrange, exclude using gist (b with &&) where (a > 0));",
    "create table t (a int) partition by range (a); create table t1 partition of t for values from (1) to (minvalue);",
    "create table t (a int); create view v as select a from t; create materialized view m as select a from v with no data; create index on m (a);",
    "create sequence s as smallint increment by -1 cycle; create table t (a int default nextval('s'));",
    "create table t (a int); comment on table t is 'it''s'; comment on column t.a is 'x'; alter table t enable row level security;",
    "create function f(a int, b text default 'x') returns int language sql immutable as $$ select 1 $$;",
    "create table t (a int); create function f() returns trigger language plpgsql as 'begin return new; end'; \
     create trigger g before insert or update of a on t for each row when (new.a > 0) execute function f();",
    "create table t (a int); create policy p on t for select to public using (a > 0); grant select, insert on t to joe;",
    "create extension pgcrypto; create unlogged table t (a int) with (fillfactor = 70);",
    "create table p (a int); create table c (b int) inherits (p);",
];

#[test]
fn nothing_is_to_be_done_where_nothing_differs() {
    for text in TEXTS {
        let plan = plan(&schema(text), &schema(text), &PlanOptions::default()).unwrap();
        assert!(plan.is_empty(), "{text}\n{}", plan.sql());
    }
}

#[test]
fn what_is_rendered_is_read_as_the_same() {
    for text in TEXTS {
        let schema = schema(text);
        let rendered = render(&schema).unwrap().join(";\n");
        let again = read(Dialect::Postgres, &rendered).unwrap_or_else(|error| panic!("{error}\n{rendered}"));
        assert_eq!(again, schema, "{rendered}");
    }
}

#[test]
fn everything_can_be_taken_away_and_each_step_has_a_way_back() {
    for text in TEXTS {
        let plan = plan(
            &schema(text),
            &Schema::empty(Dialect::Postgres),
            &PlanOptions::default(),
        )
        .unwrap();
        assert!(!plan.is_empty(), "{text}");
        for step in &plan.steps {
            assert!(
                !matches!(&step.reverse, crate::Reverse::Sql(back) if back.is_empty()),
                "{}",
                step.sql
            );
        }
    }
}

#[test]
fn what_goes_is_withheld_without_leave() {
    let options = PlanOptions {
        drops: false,
        ..PlanOptions::default()
    };
    for text in TEXTS {
        let plan = plan(&schema(text), &Schema::empty(Dialect::Postgres), &options).unwrap();
        assert_eq!(plan.steps, [], "{text}");
        assert!(!plan.is_empty(), "{text}");
    }
}

#[test]
fn schemas_survive_json() {
    for text in TEXTS {
        let schema = schema(text);
        let json = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema, "{json}");
    }
}

#[test]
fn renames_come_from_annotations_only() {
    assert_eq!(
        sql(
            "create table t (a int);",
            "create table t (b int -- @renamed from=a\n);"
        ),
        ["alter table public.t rename column a to b"]
    );
    let without = sql("create table t (a int);", "create table t (b int);");
    assert_eq!(
        without,
        [
            "alter table public.t add column b integer",
            "alter table public.t drop column a"
        ]
    );
    let both = plan(
        &schema("create table t (a int, b int);"),
        &schema("create table t (a int, b int -- @renamed from=a\n);"),
        &PlanOptions::default(),
    );
    assert!(both.is_err());
}

#[test]
fn views_make_way_for_columns() {
    assert_eq!(
        sql(
            "create table t (a int); create view v as select a from t;",
            "create table t (a bigint); create view v as select a from t;",
        ),
        [
            "drop view public.v",
            "alter table public.t alter column a type bigint using a::bigint",
            "create view public.v as select a from t",
        ]
    );
}

#[test]
fn things_come_after_what_they_need() {
    let steps = sql(
        "",
        "create view v as select f(a) from t; create table t (a mood check (f(a) > 0)); \
         create function f(m mood) returns int language sql immutable as 'select 1'; create type mood as enum ('x');",
    );
    let at = |word: &str| steps.iter().position(|sql| sql.contains(word)).unwrap();
    assert!(at("create type") < at("function"));
    assert!(at("function") < at("create table"));
    assert!(at("create table") < at("create view"));
}

#[test]
fn risks_have_reasons() {
    let risk = |from: &str, to: &str| {
        plan(&schema(from), &schema(to), &PlanOptions::default())
            .unwrap()
            .risk()
    };
    assert_eq!(risk("", "create table t (a int);"), Risk::Safe);
    assert_eq!(
        risk("create table t (a varchar(3));", "create table t (a varchar(5));"),
        Risk::Safe
    );
    assert_eq!(
        risk("create table t (a int);", "create table t (a smallint);"),
        Risk::Warning
    );
    assert_eq!(
        risk("create table t (a int, b int);", "create table t (a int);"),
        Risk::Destructive
    );
    assert_eq!(risk("create table t (a int);", ""), Risk::Destructive);
}

#[test]
fn a_change_of_type_says_whether_values_may_not_fit() {
    let reasons = |from: &str, to: &str| {
        let of = |data_type: &str| schema(&format!("create table t (a {data_type});"));
        let plan = plan(&of(from), &of(to), &PlanOptions::default()).unwrap();
        let reasons = plan.steps.into_iter().flat_map(|step| step.reasons);
        reasons.map(|reason| reason.text).collect::<Vec<_>>().join("; ")
    };
    for (from, to) in [
        ("varchar(3)", "text"),
        ("numeric(8,2)", "numeric(9,2)"),
        ("varchar(3)", "varchar(4)"),
    ] {
        assert_eq!(reasons(from, to), "", "{from} to {to}");
    }
    for (from, to) in [("int", "bigint"), ("int", "numeric"), ("date", "text")] {
        assert!(reasons(from, to).contains("holds every value"), "{from} to {to}");
    }
    for (from, to) in [
        ("bigint", "int"),
        ("text", "varchar(3)"),
        ("numeric(9,2)", "numeric(9,1)"),
        ("numeric(9,2)", "numeric(8,2)"),
        ("numeric", "numeric(8,2)"),
        ("text", "int"),
    ] {
        assert!(
            reasons(from, to).contains("fails if a value doesn't fit"),
            "{from} to {to}"
        );
    }
}

#[test]
fn what_is_not_understood_is_refused_by_line() {
    for (text, line) in [
        (
            "create table t (a int);\ncreate foreign table f (a int) server s;",
            "line 2",
        ),
        ("create table t (\n  a int,\n  like b\n);", "line 3"),
        ("drop table t;", "line 1"),
        ("create table t (a int) tablespace x;", "line 1"),
        ("alter table t owner to joe;", "line 1"),
        ("create function f() returns int language sql return 1;", "line 1"),
    ] {
        let error = read(Dialect::Postgres, text).unwrap_err().to_string();
        assert!(error.starts_with(line), "{text}: {error}");
    }
}

#[test]
fn what_can_not_be_had_is_refused() {
    for (from, to) in [
        (
            "create table t (a int);",
            "create table t (a int) partition by range (a);",
        ),
        ("", "create table app.t (a int);"),
        (
            "create table t (p int); create table c () inherits (t);",
            "create table t (p int); create table c (p int);",
        ),
    ] {
        assert!(
            plan(&schema(from), &schema(to), &PlanOptions::default()).is_err(),
            "{to}"
        );
    }
}

#[test]
fn constraints_are_held_against_the_rows_by_themselves_where_that_is_wanted() {
    let from = schema(
        "create table org (id int primary key);
         create table t (a int, org_id int);
         create table p (a int, org_id int) partition by range (a);",
    );
    let to = schema(
        "create table org (id int primary key);
         create table t (a int, org_id int, constraint few check (a < 9),
             constraint of_org foreign key (org_id) references org (id));
         create table p (a int, org_id int, constraint p_org foreign key (org_id) references org (id))
             partition by range (a);
         create table fresh (a int constraint small check (a < 9));",
    );
    let options = PlanOptions {
        validate_apart: true,
        ..PlanOptions::default()
    };
    let plan = plan(&from, &to, &options).unwrap();
    let steps: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (step.sql.as_str(), step.transactional))
        .collect();
    let has = |sql: &str, transactional: bool| {
        let found = steps.contains(&(sql, transactional));
        assert!(found, "{sql}: {steps:#?}");
    };
    has(
        "alter table public.t add constraint few check (a < 9) not valid",
        true,
    );
    has(
        "alter table public.t add constraint of_org foreign key (org_id) references public.org (id) not valid",
        true,
    );
    has(
        "alter table public.p add constraint p_org foreign key (org_id) references public.org (id)",
        true,
    );
    let last: Vec<_> = steps.iter().rev().take(2).map(|(sql, _)| *sql).collect();
    for own in ["few", "of_org"] {
        let sql = format!("alter table public.t validate constraint {own}");
        has(&sql, false);
        assert!(last.contains(&sql.as_str()), "{steps:#?}");
    }
    assert!(
        !steps
            .iter()
            .any(|(sql, _)| sql.contains("small") && sql.contains("not valid")),
        "a table without rows: {steps:#?}"
    );
}
