use super::*;

fn found(dialect: Dialect, text: &str) -> Vec<String> {
    let findings = lint(dialect, text).unwrap();
    findings
        .iter()
        .map(|f| format!("{} {} {}", f.rule, f.severity, f.line))
        .collect()
}

#[test]
fn rules_are_sorted_and_named_once() {
    for rules in [trees::RULES, rules::RULES] {
        assert!(rules.is_sorted_by(|a, b| a.name < b.name));
    }
    let names: std::collections::BTreeSet<&str> = all().map(|rule| rule.name).collect();
    assert_eq!(names.len(), all().count());
}

#[test]
fn each_rule_finds_its_subject() {
    let cases = [
        ("drop table t", "drop-table error 1"),
        ("alter table t\n drop column a", "drop-column error 2"),
        ("truncate table t", "truncate error 1"),
        ("update t set a = 1", "dml-without-where error 1"),
        ("delete from t", "dml-without-where error 1"),
        (
            "alter table t\n add column a int not null",
            "not-null-without-default warning 2",
        ),
        ("create index i on t (a)", "index-not-concurrent warning 1"),
        ("alter table t rename to u", "rename warning 1"),
        ("alter table t rename column a to b", "rename warning 1"),
        (
            "alter table t alter column a type bigint",
            "column-type-change warning 1",
        ),
        (
            "alter table t alter column a set not null",
            "set-not-null warning 1",
        ),
        (
            "alter table t add constraint f foreign key (a) references u (id)",
            "foreign-key-checked warning 1",
        ),
        ("frobnicate", "unreadable warning 1"),
        ("commit", "refused error 1"),
    ];
    for (text, wanted) in cases {
        assert_eq!(found(Dialect::Postgres, text), [wanted], "{text}");
    }
}

#[test]
fn good_sql_has_no_findings() {
    let text = "create table t (id bigint primary key, a int not null);
        create index concurrently i on t (a);
        alter table t add column b int not null default 0;
        alter table t add constraint f foreign key (a) references u (id) not valid;
        update t set a = 1 where id = 2;";
    assert_eq!(found(Dialect::Postgres, text), Vec::<String>::new());
}

#[test]
fn a_table_of_the_same_text_has_no_rows_yet() {
    let made = "create table t (id bigint primary key, a int, c int);";
    let changes = "create index i on t (a);
        alter table t add constraint f foreign key (a) references u (id);
        alter table t add constraint c check (a > 0);
        alter table t add constraint k unique (c);
        alter table t add column b int not null;";
    let found = |between: &str| found(Dialect::Postgres, &format!("{made} {between} {changes}")).len();
    assert_eq!(found(""), 0);
    for between in [
        "insert into t values (1, 2);",
        "do $$ begin perform fill(); end $$;",
        "set search_path to other;",
        "alter table t rename to v; alter table w rename to t;",
        "drop table t; create table if not exists t (id bigint primary key, a int);",
    ] {
        assert!(found(between) >= 5, "{between}");
    }
    let other = "create table \"T\" (id bigint primary key, a int); create index i on t (a)";
    assert_eq!(
        self::found(Dialect::Postgres, other),
        ["index-not-concurrent warning 1"]
    );
}

#[test]
fn mysql_has_its_own_ways() {
    assert_eq!(
        found(Dialect::MySql, "create index i on t (a)"),
        Vec::<String>::new()
    );
    assert_eq!(found(Dialect::MySql, "rename table a to b"), ["rename warning 1"]);
    assert_eq!(
        found(Dialect::MySql, "alter table t\nmodify a bigint"),
        ["column-type-change warning 2"]
    );
}

#[test]
fn findings_print_as_one_line() {
    let finding = lint(Dialect::MySql, "select 1;\ndrop table t").unwrap().remove(0);
    assert_eq!(
        finding.to_string(),
        "drop-table error 2 DROP TABLE t loses its rows; rename it first and drop it once nobody missed it"
    );
}

/// A rule, what it finds something in, what it finds nothing in.
const EXAMPLES: &[(&str, Dialect, &str, &str)] = &[
    (
        "assigned-twice",
        Dialect::Postgres,
        "update t set a = 1,\n a = 2 where id = 3",
        "update t set a = f(b = 1, b = 2), b = 2 where id = 3",
    ),
    (
        "char-padded",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a char(3))",
        "create table t (a text primary key)",
    ),
    (
        "charset",
        Dialect::MySql,
        "create table t (id bigint primary key) default charset = latin1",
        "create table t (id bigint primary key) default charset = utf8mb4",
    ),
    (
        "check-validated",
        Dialect::Postgres,
        "alter table t\n add constraint c check (a > 0)",
        "alter table t add constraint c check (a > 0) not valid",
    ),
    (
        "code-in-database",
        Dialect::MySql,
        "create trigger g before insert on t for each row set new.a = 1",
        "create table trigger_t (id bigint primary key)",
    ),
    (
        "column-comment",
        Dialect::Postgres,
        "create table t (id bigint primary key); comment on table t is 'x'",
        "create table t (id bigint primary key); comment on column t.id is 'x'",
    ),
    (
        "default-missing",
        Dialect::MySql,
        "create table t (id bigint primary key,\n a int not null)",
        "create table t (id bigint primary key, a int not null default 1, b int)",
    ),
    (
        "domain-constraint",
        Dialect::Postgres,
        "create domain d as text check (value <> '')",
        "create domain d as text",
    ),
    (
        "drop-cascade",
        Dialect::Postgres,
        "drop view v cascade",
        "drop view v",
    ),
    ("drop-database", Dialect::MySql, "drop schema d", "drop view v"),
    (
        "drop-not-null",
        Dialect::Postgres,
        "alter table t alter a drop not null",
        "alter table t alter a drop default",
    ),
    (
        "duplicate-index",
        Dialect::MySql,
        "create table t (id bigint primary key, a int, b int,\n index i (a), index j (a, b))",
        "create table t (id bigint primary key, a int, b int, index i (b), index j (a, b))",
    ),
    (
        "engine",
        Dialect::MySql,
        "create table t (id bigint primary key) engine = MyISAM",
        "create table t (id bigint primary key) engine = InnoDB",
    ),
    (
        "enum-column",
        Dialect::MySql,
        "create table t (id bigint primary key,\n a enum('x'))",
        "create table t (id bigint primary key, a int)",
    ),
    (
        "enum-value-unplaced",
        Dialect::Postgres,
        "alter type e add value 'x'",
        "alter type e add value 'x' before 'y'",
    ),
    (
        "foreign-key",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n constraint f foreign key (id) references t (id))",
        "create table t (id bigint primary key)",
    ),
    (
        "foreign-key-cascade",
        Dialect::MySql,
        "create table t (id bigint primary key, a bigint,\n constraint f foreign key (a) references t (id) on delete cascade)",
        "create table t (id bigint primary key, a bigint, constraint f foreign key (a) references t (id))",
    ),
    (
        "foreign-key-index",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a bigint references t (id))",
        "create table t (id bigint primary key, a bigint references t (id)); create index i on t (a)",
    ),
    (
        "identifier-too-long",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a23456789012345678901234567890123456789012345678901234567890123456789 int)",
        "create table t (id bigint primary key)",
    ),
    (
        "if-exists-missing",
        Dialect::Postgres,
        "drop view v",
        "drop view if exists v",
    ),
    (
        "index-column-twice",
        Dialect::Postgres,
        "create table t (id bigint primary key, a int); create index i on t (a, a)",
        "create table t (id bigint primary key, a int); create index i on t (a, id)",
    ),
    (
        "index-drop-not-concurrent",
        Dialect::Postgres,
        "drop index i",
        "drop index concurrently i",
    ),
    (
        "index-name",
        Dialect::MySql,
        "create table t (id bigint primary key, a int,\n index i (a))",
        "create table t (id bigint primary key, a int, index idx_a (a))",
    ),
    (
        "inexact-number",
        Dialect::MySql,
        "create table t (id bigint primary key,\n a float)",
        "create table t (id bigint primary key, a decimal(5,2))",
    ),
    (
        "insert-without-columns",
        Dialect::Postgres,
        "insert into public.t values (1)",
        "insert into t (a) values (1)",
    ),
    (
        "json-text",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a json)",
        "create table t (id bigint primary key, a jsonb)",
    ),
    (
        "like-from-the-start",
        Dialect::MySql,
        "delete from t where a like '%x'",
        "delete from t where a like 'x%'",
    ),
    (
        "many-indexes",
        Dialect::MySql,
        "create table t (id bigint primary key, a int, b int, c int, d int, e int, f int, g int, h int, i int, j int, k int, l int, m int, index(a), index(b), index(c), index(d), index(e), index(f), index(g), index(h), index(i), index(j), index(k), index(l), index(m))",
        "create table t (id bigint primary key, a int, index(a))",
    ),
    (
        "money-type",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a money)",
        "create table t (id bigint primary key, a numeric)",
    ),
    (
        "name-case",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n \"myName\" text)",
        "create table t (id bigint primary key, myname text)",
    ),
    (
        "null-equals",
        Dialect::Postgres,
        "delete from t where id = 1 and\n a = null",
        "update t set a = null where id = 1",
    ),
    (
        "nullable",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a text)",
        "create table t (id bigint primary key, a text not null)",
    ),
    (
        "partition-detached",
        Dialect::Postgres,
        "alter table t detach partition p",
        "alter table t detach partition p concurrently",
    ),
    (
        "partitioned",
        Dialect::Postgres,
        "create table t (id bigint primary key) partition by range (id)",
        "create table t (id bigint primary key)",
    ),
    (
        "primary-key-missing",
        Dialect::MySql,
        "create table t (a int)",
        "create table t (a bigint primary key)",
    ),
    (
        "primary-key-small",
        Dialect::Postgres,
        "create table t (\n id int generated always as identity primary key)",
        "create table t (id bigint generated always as identity primary key)",
    ),
    (
        "random-order",
        Dialect::MySql,
        "select a from t order by rand()",
        "select a from t order by a",
    ),
    (
        "reindex-not-concurrent",
        Dialect::Postgres,
        "reindex table t",
        "reindex table concurrently t",
    ),
    (
        "reserved-name",
        Dialect::MySql,
        "create table t (id bigint primary key,\n `select` int)",
        "create table t (id bigint primary key, a int)",
    ),
    (
        "select-star",
        Dialect::Postgres,
        "create view v as select * from t",
        "create view v as select a * b as c from t",
    ),
    (
        "serial-added",
        Dialect::Postgres,
        "alter table t\n add column n bigserial",
        "alter table t add column n bigint",
    ),
    (
        "serial-column",
        Dialect::Postgres,
        "create table t (id bigserial primary key)",
        "create table t (id bigint generated always as identity primary key)",
    ),
    (
        "table-comment",
        Dialect::MySql,
        "create table t (id bigint primary key)",
        "create table t (id bigint primary key) comment = 'x'",
    ),
    (
        "timestamp-without-zone",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a timestamp)",
        "create table t (id bigint primary key, a timestamptz)",
    ),
    (
        "truncate-cascade",
        Dialect::Postgres,
        "truncate t cascade",
        "truncate t",
    ),
    (
        "unique-built",
        Dialect::Postgres,
        "alter table t\n add constraint u unique (a)",
        "alter table t add constraint u unique using index i",
    ),
    (
        "varchar-length",
        Dialect::Postgres,
        "create table t (id bigint primary key,\n a varchar(9))",
        "create table t (id bigint primary key, a text)",
    ),
    (
        "volatile-default",
        Dialect::Postgres,
        "alter table t add column a uuid\n default gen_random_uuid()",
        "alter table t add column a timestamptz default now()",
    ),
    (
        "zero-date",
        Dialect::MySql,
        "create table t (id bigint primary key,\n a date default '0000-00-00')",
        "create table t (id bigint primary key, a date)",
    ),
];

#[test]
fn each_rule_by_itself_finds_its_subject_and_no_other() {
    let shown: Vec<&str> = EXAMPLES.iter().map(|(rule, ..)| *rule).collect();
    let known: Vec<&str> = rules::RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(shown, known, "each rule has an example");
    for (rule, dialect, bad, good) in EXAMPLES {
        let mut settings = Settings::default();
        for other in all().filter(|other| !NEEDED.contains(&other.name)) {
            let setting = if other.name == *rule {
                Setting::Error
            } else {
                Setting::Off
            };
            settings.set(other.name, setting).unwrap();
        }
        let found = |text: &str| -> Vec<(String, u32)> {
            let findings = lint_with(*dialect, text, &settings).unwrap();
            let own = findings.into_iter().filter(|finding| finding.rule == *rule);
            own.map(|finding| (finding.message, finding.line)).collect()
        };
        let line = 1 + u32::try_from(bad.matches('\n').count()).unwrap();
        let bad_found = found(bad);
        assert!(!bad_found.is_empty(), "{rule} finds nothing in {bad}");
        assert_eq!(bad_found.last().unwrap().1, line, "{rule}: {bad_found:?}");
        assert_eq!(found(good), [], "{rule}: {good}");
    }
}

#[test]
fn an_environment_sets_what_it_wants() {
    let mut settings = Settings::default();
    settings.set("drop-table", Setting::Info).unwrap();
    settings.set("rename", Setting::Off).unwrap();
    settings.set("table-comment", Setting::Error).unwrap();
    let text = "drop table a; alter table t rename to u; create table c (id bigint primary key)";
    let found: Vec<String> = lint_with(Dialect::Postgres, text, &settings)
        .unwrap()
        .iter()
        .map(|finding| format!("{} {}", finding.rule, finding.severity))
        .collect();
    assert_eq!(found, ["drop-table info", "table-comment error"]);
    assert_eq!(
        settings.set("nonsense", Setting::Off),
        Err(SettingError::Rule("nonsense".to_owned()))
    );
    assert_eq!(
        settings.set("unreadable", Setting::Off),
        Err(SettingError::Needed("unreadable".to_owned()))
    );
    assert_eq!(
        "loud".parse::<Setting>(),
        Err(SettingError::Setting("loud".to_owned()))
    );
    let data = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&data).unwrap(), settings);
}
