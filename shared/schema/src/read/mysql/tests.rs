//! What texts are read, and which are refused.

use crate::{
    Dialect, Schema, Unreadable,
    model::{Name, Table},
    read,
};

fn schema(text: &str) -> Schema {
    read(Dialect::MySql, text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn table(text: &str) -> Table {
    let schema = schema(text);
    schema.tables.get(&Name::new("", "t")).cloned().unwrap()
}

#[test]
fn a_dump_is_read_as_the_server_gave_it_out() {
    let schema = schema(
        "-- MySQL dump 10.13\n\
         /*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n\
         /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\n\
         DROP TABLE IF EXISTS `t`;\n\
         CREATE TABLE `t` (\n  `id` int(10) unsigned NOT NULL AUTO_INCREMENT COMMENT 'it''s',\n  `d` date NOT NULL,\n\
           PRIMARY KEY (`id`,`d`)\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci\n\
         /*!50100 PARTITION BY RANGE (year(`d`))\n(PARTITION p0 VALUES LESS THAN (2024) ENGINE = InnoDB) */;",
    );
    let table = schema.tables.values().next().unwrap();
    assert_eq!(table.columns[0].comment.as_deref(), Some("it's"));
    assert!(table.columns[0].auto_increment);
    assert!(table.options.is_empty(), "how far it counted is data");
    assert_eq!(table.partition_by.as_ref().map(|by| by.partitions.len()), Some(1));
}

#[test]
fn what_nobody_names_is_named_as_the_server_does() {
    let table = table(
        "create table u (id int primary key);
         create table t (a int, b int, unique (a), key (a, b), key (A), check (a > 0),
             foreign key (b) references u (id), constraint named foreign key (a, b) references u (id, id))",
    );
    let names = |keys: Vec<&String>| keys.into_iter().cloned().collect::<Vec<_>>();
    // The index `a` serves neither key over (b), and `a_2` serves `named`.
    assert_eq!(names(table.indexes.keys().collect()), ["a", "a_2", "a_3", "b"]);
    assert_eq!(names(table.checks.keys().collect()), ["t_chk_1"]);
    assert_eq!(names(table.foreign_keys.keys().collect()), ["named", "t_ibfk_1"]);
    assert!(!table.unnamed.contains("named"));
}

#[test]
fn changes_are_followed() {
    let table = table(
        "create index late on t (a);
         create table t (a int, b int, c varchar(3));
         alter table t add column d int first, modify a bigint not null, change b e int after c, drop index late,
             add unique key u (e), comment = 'x';",
    );
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(columns, ["d", "a", "c", "e"]);
    assert_eq!(table.columns[1].data_type.name, "bigint");
    assert_eq!(table.comment.as_deref(), Some("x"));
}

#[test]
fn renames_are_annotations() {
    let table = table(
        "create table t ( -- @renamed from=old_t\n  a int, -- @renamed from=\"old a\"\n  key k (a) -- @renamed from=old_k\n);",
    );
    assert_eq!(table.renamed_from, Some(Name::new("", "old_t")));
    assert_eq!(table.columns[0].renamed_from.as_deref(), Some("old a"));
    assert_eq!(table.indexes["k"].renamed_from.as_deref(), Some("old_k"));
}

#[test]
fn what_is_not_understood_is_refused_by_line() {
    for (line, text) in [
        (2, "create table t (a int);\ninsert into t values (1);"),
        (1, "create table t (a int) data directory = '/x';"),
        (1, "create table t (a int references u (id));"),
        (2, "create table t (\n  a int srid 4326\n);"),
        (1, "create table t like u;"),
        (1, "create table t (a int) select 1;"),
        (1, "create table d.t (a int);"),
        (1, "create view v as select * from t;"),
        (1, "create function f() returns int return 1;"),
        (1, "set sql_mode = 'ANSI_QUOTES';"),
        (
            1,
            "create table t (a int) partition by range (a) (partition p values less than (to_days('2024-01-01')));",
        ),
        (1, "create table t (a int, a int);"),
        (1, "create table t (a int) engine = innodb, b;"),
        (1, "alter table t add column a int;"),
        (1, "create index i on t (a);"),
        (1, "create temporary table t (a int);"),
    ] {
        match read(Dialect::MySql, text) {
            Err(Unreadable::Statement { line: found, .. }) => assert_eq!(found, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}
