use super::*;
use crate::{Dialect, PlanOptions, plan, read};

const MYSQL_57: &str = "MySQL 5.7.44-log";
const MYSQL_8: &str = "8.0.40";
const MARIADB_10: &str = "5.5.5-10.11.14-MariaDB";
const MARIADB_102: &str = "MariaDB 10.2.44-MariaDB";

#[test]
fn a_server_is_known_by_its_words() {
    let of = |words| OnServer::read(words).unwrap();
    assert_eq!((of(MYSQL_8).mariadb, of(MYSQL_8).version), (false, (8, 0, 40)));
    assert_eq!(
        (of(MARIADB_10).mariadb, of(MARIADB_10).version),
        (true, (10, 11, 14))
    );
    assert_eq!(of(MYSQL_57).version, (5, 7, 44));
    assert_eq!(OnServer::read("somebody"), None);
}

/// What one change is carried out by on each of four servers.
fn planned(server: &str, from: &str, to: &str) -> Vec<String> {
    let side = |text: &str| read(Dialect::MySql, text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let options = PlanOptions {
        online: Some(server.to_owned()),
        ..PlanOptions::default()
    };
    let plan = plan(&side(from), &side(to), &options).unwrap();
    let steps = plan.steps.into_iter();
    steps.map(|step| step.sql).collect()
}

fn way(server: &str, from: &str, to: &str) -> String {
    let steps = planned(server, from, to);
    let [step] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    let at = step.find(", algorithm=").or_else(|| step.find(", lock="));
    at.map_or_else(String::new, |at| step[at + 2..].to_owned())
}

#[test]
fn each_change_goes_the_best_way_that_its_server_documents() {
    const T: &str = "create table t (id int not null primary key, a varchar(20), b int, e enum('x'), key k (b)) charset=latin1;";
    let t = |body: &str| format!("create table t ({body}) charset=latin1;");
    let base = "id int not null primary key, a varchar(20), b int, e enum('x'), key k (b)";
    let (instant, either, inplace, shared, copy) = (
        "algorithm=instant",
        "lock=none",
        "algorithm=inplace, lock=none",
        "algorithm=inplace, lock=shared",
        "algorithm=copy, lock=shared",
    );
    // To what, and the way on MySQL 5.7, MySQL 8.0, MariaDB 10.2, MariaDB 10.11.
    let cases = [
        (
            t("id int not null primary key, a varchar(20), b int, e enum('x'), c int, key k (b)"),
            [inplace, either, inplace, either],
        ),
        (
            t("id int not null primary key, c int, a varchar(20), b int, e enum('x'), key k (b)"),
            [inplace, either, inplace, either],
        ),
        (
            t("id int not null primary key, a varchar(20), b int, key k (b)"),
            [inplace, either, inplace, either],
        ),
        (
            t("id int not null primary key, b int, a varchar(20), e enum('x'), key k (b)"),
            [inplace, inplace, inplace, either],
        ),
        (
            t("id int not null primary key, a varchar(20), b int default 1, e enum('x'), key k (b)"),
            [inplace, instant, inplace, instant],
        ),
        (
            t("id int not null primary key, a varchar(20), b int not null, e enum('x'), key k (b)"),
            [inplace; 4],
        ),
        (
            t("id int not null primary key, a varchar(200), b int, e enum('x'), key k (b)"),
            [inplace; 4],
        ),
        (
            t("id int not null primary key, a varchar(300), b int, e enum('x'), key k (b)"),
            [copy; 4],
        ),
        (
            t("id int not null primary key, a varchar(20), b bigint, e enum('x'), key k (b)"),
            [copy; 4],
        ),
        (
            t("id int not null primary key, a varchar(20), b int, e enum('x', 'y'), key k (b)"),
            [inplace, instant, inplace, instant],
        ),
        (
            t("id int not null primary key, a varchar(20), b int, e enum('y', 'x'), key k (b)"),
            [copy; 4],
        ),
        (
            t("id int not null primary key, a varchar(20), b int, e enum('x'), key k (b), key l (a)"),
            [inplace; 4],
        ),
        (
            t(
                "id int not null primary key, a varchar(20), b int, e enum('x'), key k (b), fulltext key l (a)",
            ),
            [shared; 4],
        ),
        (
            t("id int not null primary key, a varchar(20), b int, e enum('x')"),
            [inplace; 4],
        ),
        (
            t("id int not null, a varchar(20), b int, e enum('x'), key k (b)"),
            [copy; 4],
        ),
        (
            t("id int not null, a varchar(20), b int not null, e enum('x'), primary key (id, b), key k (b)"),
            [inplace; 4],
        ),
        (t(&format!("{base}, constraint c check (b > 1)")), [copy; 4]),
        (
            t(
                "id int not null primary key, a varchar(20), b int, e enum('x'), s int as (b + 1) stored, key k (b)",
            ),
            [copy; 4],
        ),
        (
            t(
                "id int not null primary key, a varchar(20), b int, e enum('x'), s int as (b + 1) virtual, key k (b)",
            ),
            [inplace, instant, inplace, instant],
        ),
        (
            format!("create table t ({base}) charset=latin1 engine=MyISAM;"),
            [""; 4],
        ),
        (
            format!("create table t ({base}) charset=latin1 comment='x';"),
            [inplace; 4],
        ),
    ];
    for (to, wanted) in cases {
        for (server, wanted) in [MYSQL_57, MYSQL_8, MARIADB_102, MARIADB_10]
            .into_iter()
            .zip(wanted)
        {
            assert_eq!(way(server, T, &to), wanted, "{server}: {to}");
        }
    }
}

#[test]
fn a_statement_goes_as_its_weakest_change() {
    let from = "create table t (id int not null primary key, b int);";
    let to = "create table t (id int not null primary key, b bigint, c int);";
    assert_eq!(way(MYSQL_8, from, to), "algorithm=copy, lock=shared");
    let to = "create table t (id int not null primary key, b int, c int, key k (b));";
    assert_eq!(way(MYSQL_8, from, to), "algorithm=inplace, lock=none");
    let from = "create table t (id int not null primary key, b int) row_format=compressed;";
    let to = "create table t (id int not null primary key, b int, c int) row_format=compressed;";
    assert_eq!(way(MYSQL_8, from, to), "algorithm=inplace, lock=none");
}

#[test]
fn columns_are_added_also_when_a_table_has_no_version_of_its_rows_left() {
    // The server is told what must not happen, not how: it has 64 versions of a table's rows, and counts by itself.
    let from = "create table t (id int not null primary key, e enum('x'));";
    let to = "create table t (id int not null primary key, e enum('x', 'y'), c int);";
    for server in [MYSQL_8, MARIADB_10] {
        assert_eq!(way(server, from, to), "lock=none");
        assert_eq!(
            way(server, to, from),
            "algorithm=copy, lock=shared",
            "the enum gets shorter"
        );
    }
    let longer = "create table t (id int not null primary key, e enum('x', 'y'));";
    assert_eq!(
        way(MYSQL_8, from, longer),
        "algorithm=instant",
        "that takes no version"
    );
}

#[test]
fn foreign_keys_are_copied_knowingly_and_nothing_is_said_of_an_unknown_server() {
    let from = "create table a (id int not null primary key); create table b (a_id int, key k (a_id));";
    let to = "create table a (id int not null primary key);
              create table b (a_id int, key k (a_id), constraint f foreign key (a_id) references a (id));";
    assert!(planned(MYSQL_8, from, to)[0].ends_with("algorithm=copy, lock=shared"));
    assert!(planned(MYSQL_8, to, from)[0].ends_with("algorithm=inplace, lock=none"));
    assert!(!planned("somebody", from, to)[0].contains("algorithm"));
}

#[test]
fn what_servers_do_only_sometimes_is_left_to_them() {
    let t = |body: &str| format!("create table t (id int not null primary key, a varchar(20), b int{body});");
    for (from, to) in [
        // A virtual column comes alone.
        ("", ", v int as (b + 1) virtual, c int"),
        (", c int", ", v int as (b + 1) virtual"),
        // Each row would get another value.
        ("", ", c char(36) default (uuid())"),
        ("", ", c int default (b)"),
        // Not written anew in place.
        (", fulltext key f (a)", ", c int, fulltext key f (a)"),
        ("", ", fulltext key f (a), fulltext key g (a)"),
    ] {
        for server in [MYSQL_8, MARIADB_10] {
            assert_eq!(way(server, &t(from), &t(to)), "", "{server}: {from} to {to}");
        }
    }
    for (from, to) in [
        ("", ", c int default 1"),
        ("", ", c varchar(5) default 'x'"),
        ("", ", c decimal(5,2) default -1.50"),
        ("", ", c timestamp default current_timestamp"),
        (", fulltext key f (a)", ", c int default 1"),
    ] {
        let found = way(MARIADB_10, &t(from), &t(to));
        assert_eq!(found.is_empty(), !from.is_empty(), "{from} to {to}: {found}");
    }
}
