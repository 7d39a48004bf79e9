//! How MySQL and MariaDB carry out what one `alter table` does (InnoDB): at once (`instant`), in place, or by copying the table.
//!
//! From what the two servers document: MySQL 8.0's "Online DDL Operations", MariaDB's "InnoDB Online DDL Operations with the
//! INSTANT, NOCOPY, INPLACE and COPY alter algorithms". Left to itself a server takes the best way that it has and copies silently where
//! it has no other; a statement that names its way fails there instead. So a plan that names it locks as little as is known to be
//! possible, and says before it runs where a table is copied.
//!
//! One statement goes as its weakest change goes. What the documents leave open is given the weaker way. A statement whose changes are not all
//! known here, and a table of another engine, get no way: the server chooses, as without this.

use std::collections::BTreeMap;

use super::{
    columns::{self, Moves},
    same::{same_check, same_column, same_expressions, same_index, same_key},
};
use crate::{
    Lock,
    model::{Column, DataType, Index, Table},
};

/// What changes in a table, as the servers' documents cut it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Change {
    AddColumnLast,
    AddColumnBetween,
    AddCountedColumn,
    AddVirtualColumn,
    AddStoredColumn,
    DropColumn,
    DropVirtualColumn,
    DropStoredColumn,
    RenameColumn,
    MoveColumn,
    DefaultOfColumn,
    CommentOfColumn,
    ColumnMayBeNull,
    ColumnMayNotBeNull,
    LongerVarchar,
    LongerEnum,
    TypeOfColumn,
    AddIndex,
    AddFulltext,
    AddSpatial,
    DropIndex,
    RenameIndex,
    AddPrimaryKey,
    DropPrimaryKey,
    OtherPrimaryKey,
    AddCheck,
    DropCheck,
    AddForeignKey,
    DropForeignKey,
    DefaultCharset,
    CommentOfTable,
    RowFormat,
    Engine,
}

/// A server's way, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Only the definition changes.
    Instant,
    /// In place, while others read and write.
    InPlace,
    /// In place, while others read.
    InPlaceShared,
    /// The table is copied, while others read.
    Copy,
}

impl Way {
    /// What stands at the statement's end. With `instant` MySQL takes no other lock than the default one.
    pub(super) const fn clause(self) -> &'static str {
        match self {
            Self::Instant => "algorithm=instant",
            Self::InPlace => "algorithm=inplace, lock=none",
            Self::InPlaceShared => "algorithm=inplace, lock=shared",
            Self::Copy => "algorithm=copy, lock=shared",
        }
    }

    pub(super) const fn lock(self) -> Lock {
        match self {
            Self::Instant | Self::InPlace => Lock::Definition,
            Self::InPlaceShared | Self::Copy => Lock::Writes,
        }
    }
}

/// A server, by its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnServer {
    mariadb: bool,
    version: (u32, u32, u32),
}

impl OnServer {
    /// From its own words: `8.0.40`, `10.11.14-MariaDB`, `MariaDB 11.4.2-MariaDB-log`; nothing if there is no version in them.
    pub(super) fn read(words: &str) -> Option<Self> {
        let mariadb = words.contains("MariaDB");
        // What MariaDB once told clients of MySQL.
        let words = words.replace("5.5.5-", "");
        let from = words.find(|c: char| c.is_ascii_digit())?;
        let number = words[from..]
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .next()?;
        let mut parts = number.split('.').map(str::parse);
        let mut part = || parts.next().and_then(Result::ok);
        Some(Self {
            mariadb,
            version: (part()?, part()?, part().unwrap_or(0)),
        })
    }

    const fn since(self, major: u32, minor: u32, patch: u32) -> bool {
        let (a, b, c) = self.version;
        a > major || (a == major && (b > minor || (b == minor && c >= patch)))
    }

    /// The best of a change that is known to be possible.
    pub(super) const fn way(self, change: Change) -> Way {
        match change {
            Change::AddColumnLast
            | Change::DefaultOfColumn
            | Change::LongerEnum
            | Change::AddVirtualColumn
            | Change::DropVirtualColumn => self.instant_since((8, 0, 12), (10, 3, 2)),
            Change::AddColumnBetween | Change::DropColumn => self.instant_since((8, 0, 29), (10, 4, 0)),
            Change::RenameColumn => self.instant_since((8, 0, 28), (10, 4, 0)),
            // MySQL writes the table anew for it.
            Change::MoveColumn if self.mariadb => self.instant_since((99, 0, 0), (10, 4, 0)),
            Change::MoveColumn
            | Change::LongerVarchar
            | Change::CommentOfColumn
            | Change::ColumnMayBeNull
            | Change::ColumnMayNotBeNull
            | Change::DropStoredColumn
            | Change::AddIndex
            | Change::DropIndex
            | Change::RenameIndex
            | Change::AddPrimaryKey
            | Change::OtherPrimaryKey
            | Change::DropCheck
            | Change::DropForeignKey
            | Change::DefaultCharset
            | Change::CommentOfTable
            | Change::RowFormat => Way::InPlace,
            Change::AddCountedColumn | Change::AddFulltext | Change::AddSpatial => Way::InPlaceShared,
            // Foreign keys come in place only while nobody checks them.
            Change::AddStoredColumn
            | Change::TypeOfColumn
            | Change::DropPrimaryKey
            | Change::AddCheck
            | Change::AddForeignKey
            | Change::Engine => Way::Copy,
        }
    }

    const fn instant_since(self, mysql: (u32, u32, u32), mariadb: (u32, u32, u32)) -> Way {
        let (major, minor, patch) = if self.mariadb { mariadb } else { mysql };
        if self.since(major, minor, patch) {
            Way::Instant
        } else {
            Way::InPlace
        }
    }

    /// The way of a whole statement; none if nothing is known of it.
    pub(super) fn of(self, changes: &[Change], (from, to): (&Table, &Table)) -> Option<Way> {
        let innodb = |table: &Table| {
            table
                .engine
                .as_deref()
                .is_none_or(|engine| engine.eq_ignore_ascii_case("innodb"))
        };
        // From another engine the table is copied either way.
        if !innodb(to) || (!innodb(from) && !changes.contains(&Change::Engine)) {
            return None;
        }
        let way = changes.iter().map(|change| self.way(*change)).max()?;
        let compressed = |table: &Table| {
            let format = table.options.get("row_format");
            format.is_some_and(|format| format.eq_ignore_ascii_case("compressed"))
        };
        let fulltext = |table: &Table| table.indexes.values().any(|index| index.method == "fulltext");
        let of_columns = changes.iter().any(|change| {
            matches!(
                change,
                Change::AddColumnLast | Change::AddColumnBetween | Change::DropColumn | Change::MoveColumn
            )
        });
        if way == Way::Instant && of_columns && (compressed(to) || fulltext(from)) {
            return Some(Way::InPlace);
        }
        Some(way)
    }
}

/// What changes between two settled tables; `renames` are new names of columns to old ones, and `from` has the new ones.
pub(super) fn changes(
    (from, to): (&Table, &Table),
    renames: &BTreeMap<String, String>,
    drops: bool,
) -> Vec<Change> {
    let mut all = Vec::new();
    of_columns((from, to), renames, drops, &mut all);
    of_indexes(from, to, drops, &mut all);
    match (&from.primary_key, &to.primary_key) {
        (None, Some(_)) => all.push(Change::AddPrimaryKey),
        (Some(_), None) => all.push(Change::DropPrimaryKey),
        (Some(old), Some(new)) if !same_key(old, new) => all.push(Change::OtherPrimaryKey),
        (Some(_), Some(_)) | (None, None) => {}
    }
    for (name, old) in &from.checks {
        if !to.checks.get(name).is_some_and(|new| same_check(old, new))
            && (drops || to.checks.contains_key(name))
        {
            all.push(Change::DropCheck);
        }
    }
    for (name, new) in &to.checks {
        if !from.checks.get(name).is_some_and(|old| same_check(old, new)) {
            all.push(Change::AddCheck);
        }
    }
    if from.engine != to.engine {
        all.push(Change::Engine);
    }
    if from.collation != to.collation || from.charset != to.charset {
        all.push(Change::DefaultCharset);
    }
    if from.options != to.options {
        all.push(Change::RowFormat);
    }
    if from.comment != to.comment {
        all.push(Change::CommentOfTable);
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn of_columns(
    (from, to): (&Table, &Table),
    renames: &BTreeMap<String, String>,
    drops: bool,
    all: &mut Vec<Change>,
) {
    let remade = columns::remade(from, to);
    let is_remade = |name: &str| remade.iter().any(|other| other == name);
    for old in &from.columns {
        if is_remade(&old.name) || (to.column(&old.name).is_none() && drops) {
            all.push(match &old.generated {
                Some(generated) if generated.stored => Change::DropStoredColumn,
                Some(_) => Change::DropVirtualColumn,
                None => Change::DropColumn,
            });
        }
    }
    let kept: Vec<&str> = from
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| !is_remade(name) && (to.column(name).is_some() || !drops))
        .collect();
    let wanted: Vec<&str> = to.columns.iter().map(|column| column.name.as_str()).collect();
    let moves = Moves::between(&kept, &wanted);
    let is_new = |column: &Column| from.column(&column.name).is_none() || is_remade(&column.name);
    for (at, new) in to.columns.iter().enumerate() {
        if is_new(new) {
            let last = to.columns[at..].iter().all(is_new) && kept.iter().all(|name| wanted.contains(name));
            all.push(match &new.generated {
                Some(generated) if generated.stored => Change::AddStoredColumn,
                Some(_) => Change::AddVirtualColumn,
                None if new.auto_increment => Change::AddCountedColumn,
                None if last => Change::AddColumnLast,
                None => Change::AddColumnBetween,
            });
            continue;
        }
        if renames.contains_key(&new.name) {
            all.push(Change::RenameColumn);
        }
        if moves.moves(&new.name) {
            all.push(Change::MoveColumn);
        }
        if let Some(old) = from.column(&new.name).filter(|old| !same_column(old, new)) {
            of_column(old, new, to, all);
        }
    }
}

fn of_column(old: &Column, new: &Column, table: &Table, all: &mut Vec<Change>) {
    let before = all.len();
    if old.data_type != new.data_type {
        all.push(retyped(old, new, table));
    }
    if old.collation != new.collation
        || old.charset != new.charset
        || old.auto_increment != new.auto_increment
    {
        all.push(Change::TypeOfColumn);
    }
    match (old.nullable, new.nullable) {
        (true, false) => all.push(Change::ColumnMayNotBeNull),
        (false, true) => all.push(Change::ColumnMayBeNull),
        (true, true) | (false, false) => {}
    }
    if !same_expressions(old.check.as_ref(), new.check.as_ref()) {
        all.push(Change::AddCheck);
    }
    if old.default != new.default || !same_expressions(old.on_update.as_ref(), new.on_update.as_ref()) {
        all.push(Change::DefaultOfColumn);
    }
    if old.comment != new.comment || old.invisible != new.invisible || all.len() == before {
        all.push(Change::CommentOfColumn);
    }
}

fn retyped(old: &Column, new: &Column, table: &Table) -> Change {
    let (a, b) = (&old.data_type, &new.data_type);
    match (a.name.as_str(), b.name.as_str()) {
        ("varchar", "varchar") | ("varbinary", "varbinary") => {
            // A value's length takes one byte up to 255 bytes, and two beyond.
            let bytes = |of: &DataType| {
                let long: Option<u64> = of.arguments.first().and_then(|text| text.parse().ok());
                long.map(|long| {
                    long * if of.name == "varbinary" {
                        1
                    } else {
                        width(new, table)
                    }
                })
            };
            match (bytes(a), bytes(b)) {
                (Some(a), Some(b)) if a <= b && (a > 255) == (b > 255) => Change::LongerVarchar,
                _ => Change::TypeOfColumn,
            }
        }
        ("enum", "enum") | ("set", "set") => {
            let steps = |of: &DataType| {
                let values = of.values.len();
                if of.name == "set" {
                    values.div_ceil(8)
                } else {
                    usize::from(values > 255)
                }
            };
            if b.values.starts_with(&a.values) && steps(a) == steps(b) {
                Change::LongerEnum
            } else {
                Change::TypeOfColumn
            }
        }
        // Only the width in which it is shown.
        (x, y) if x == y && x.ends_with("int") && a.unsigned == b.unsigned && a.zerofill == b.zerofill => {
            Change::CommentOfColumn
        }
        _ => Change::TypeOfColumn,
    }
}

/// Bytes that a character takes at most.
fn width(column: &Column, table: &Table) -> u64 {
    let charset = column.charset.as_deref().or(table.charset.as_deref());
    match charset {
        Some("latin1" | "ascii" | "binary" | "latin2" | "cp1251" | "latin5" | "greek") => 1,
        Some("utf8" | "utf8mb3") => 3,
        _ => 4,
    }
}

fn of_indexes(from: &Table, to: &Table, drops: bool, all: &mut Vec<Change>) {
    let same = |name: &String, index: &Index, other: &Table| {
        other
            .indexes
            .get(name)
            .is_some_and(|found| same_index(found, index))
    };
    let renamed = |name: &String, index: &Index| {
        let old = index
            .renamed_from
            .as_ref()
            .filter(|_| !from.indexes.contains_key(name))?;
        let is_it =
            !to.indexes.contains_key(old) && from.indexes.get(old).is_some_and(|of| same_index(of, index));
        is_it.then_some(old)
    };
    let gone_by_name: Vec<&String> = to
        .indexes
        .iter()
        .filter_map(|(name, index)| renamed(name, index))
        .collect();
    for (name, index) in &to.indexes {
        if renamed(name, index).is_some() {
            all.push(Change::RenameIndex);
        } else if !same(name, index, from) {
            all.push(match index.method.as_str() {
                "fulltext" => Change::AddFulltext,
                "spatial" => Change::AddSpatial,
                _ => Change::AddIndex,
            });
        }
    }
    for (name, index) in &from.indexes {
        let goes = !same(name, index, to) && !gone_by_name.contains(&name);
        if goes && (drops || to.indexes.contains_key(name)) {
            all.push(Change::DropIndex);
        }
    }
}

#[cfg(test)]
mod tests {
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
        step.find("algorithm=")
            .map_or_else(String::new, |at| step[at..].to_owned())
    }

    #[test]
    fn each_change_goes_the_best_way_that_its_server_documents() {
        const T: &str = "create table t (id int not null primary key, a varchar(20), b int, e enum('x'), key k (b)) charset=latin1;";
        let t = |body: &str| format!("create table t ({body}) charset=latin1;");
        let base = "id int not null primary key, a varchar(20), b int, e enum('x'), key k (b)";
        let (instant, inplace, shared, copy) = (
            "algorithm=instant",
            "algorithm=inplace, lock=none",
            "algorithm=inplace, lock=shared",
            "algorithm=copy, lock=shared",
        );
        // To what, and the way on MySQL 5.7, MySQL 8.0, MariaDB 10.2, MariaDB 10.11.
        let cases = [
            (
                t("id int not null primary key, a varchar(20), b int, e enum('x'), c int, key k (b)"),
                [inplace, instant, inplace, instant],
            ),
            (
                t("id int not null primary key, c int, a varchar(20), b int, e enum('x'), key k (b)"),
                [inplace, instant, inplace, instant],
            ),
            (
                t("id int not null primary key, a varchar(20), b int, key k (b)"),
                [inplace, instant, inplace, instant],
            ),
            (
                t("id int not null primary key, b int, a varchar(20), e enum('x'), key k (b)"),
                [inplace, inplace, inplace, instant],
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
                t(
                    "id int not null, a varchar(20), b int not null, e enum('x'), primary key (id, b), key k (b)",
                ),
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
    fn foreign_keys_are_copied_knowingly_and_nothing_is_said_of_an_unknown_server() {
        let from = "create table a (id int not null primary key); create table b (a_id int, key k (a_id));";
        let to = "create table a (id int not null primary key);
                  create table b (a_id int, key k (a_id), constraint f foreign key (a_id) references a (id));";
        assert!(planned(MYSQL_8, from, to)[0].ends_with("algorithm=copy, lock=shared"));
        assert!(planned(MYSQL_8, to, from)[0].ends_with("algorithm=inplace, lock=none"));
        assert!(!planned("somebody", from, to)[0].contains("algorithm"));
    }
}
