//! How MySQL and MariaDB carry out what one `alter table` does (InnoDB): at once (`instant`), in place, or by copying the table.
//!
//! From what the two servers document: MySQL 8.0's "Online DDL Operations", MariaDB's "InnoDB Online DDL Operations with the
//! INSTANT, NOCOPY, INPLACE and COPY alter algorithms". Left to itself a server takes the best way that it has and copies silently where
//! it has no other; a statement that names its way fails there instead. So a plan that names it locks as little as is known to be
//! possible, and says before it runs where a table is copied.
//!
//! A server adds and drops columns at once only for a while: MySQL until a table has 64 versions of its rows
//! (`INFORMATION_SCHEMA.INNODB_TABLES.TOTAL_ROW_VERSIONS`), MariaDB unless a setting forbids it
//! (`innodb_instant_alter_column_allowed`); and a column is renamed at once only if no other table's foreign key refers to it. Only
//! the server knows, when it comes to it. So such a statement says what must not happen instead (`lock=none`): the server does it
//! at once, else in place while others read and write, and fails rather than to copy.
//!
//! One statement goes as its weakest change goes. What the documents leave open is given the weaker way. A statement whose changes are not all
//! known here, and a table of another engine, get no way: the server chooses, as without this.

use crate::{
    Dialect, Lock,
    lex::{Kind, words},
    model::{Column, ColumnDefault, Table},
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
    /// Only the definition changes if the server still can; else in place, while others read and write.
    InstantOrInPlace,
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
            Self::InstantOrInPlace => "lock=none",
            Self::InPlace => "algorithm=inplace, lock=none",
            Self::InPlaceShared => "algorithm=inplace, lock=shared",
            Self::Copy => "algorithm=copy, lock=shared",
        }
    }

    /// Of what servers do at once only for a while.
    const fn while_it_lasts(self) -> Self {
        match self {
            Self::Instant => Self::InstantOrInPlace,
            Self::InstantOrInPlace | Self::InPlace | Self::InPlaceShared | Self::Copy => self,
        }
    }

    pub(super) const fn lock(self) -> Lock {
        match self {
            Self::Instant | Self::InstantOrInPlace | Self::InPlace => Lock::Definition,
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
            Change::DefaultOfColumn
            | Change::LongerEnum
            | Change::AddVirtualColumn
            | Change::DropVirtualColumn => self.instant_since((8, 0, 12), (10, 3, 2)),
            Change::AddColumnLast => self.instant_since((8, 0, 12), (10, 3, 2)).while_it_lasts(),
            Change::AddColumnBetween | Change::DropColumn => {
                self.instant_since((8, 0, 29), (10, 4, 0)).while_it_lasts()
            }
            Change::RenameColumn => self.instant_since((8, 0, 28), (10, 4, 0)).while_it_lasts(),
            // MySQL writes the table anew for it.
            Change::MoveColumn if self.mariadb => self.instant_since((99, 0, 0), (10, 4, 0)).while_it_lasts(),
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
        if way < Way::Copy && is_left_to_the_server(changes, from, to) {
            return None;
        }
        let compressed = |table: &Table| {
            let format = table.options.get("row_format");
            format.is_some_and(|format| format.eq_ignore_ascii_case("compressed"))
        };
        // Columns of such a table are never added at once.
        if way == Way::InstantOrInPlace && compressed(to) {
            return Some(Way::InPlace);
        }
        Some(way)
    }
}

/// What the servers do in place only sometimes, or not together: neither says exactly when.
fn is_left_to_the_server(changes: &[Change], from: &Table, to: &Table) -> bool {
    let has = |wanted: &[Change]| changes.iter().any(|change| wanted.contains(change));
    let tables = [from, to];
    let is_virtual = |column: &Column| column.generated.as_ref().is_some_and(|how| !how.stored);
    // Virtual columns come and go alone, and not where there are partitions.
    let of_virtual = has(&[Change::AddVirtualColumn, Change::DropVirtualColumn]);
    let partitioned = tables.iter().any(|table| table.partition_by.is_some());
    let moves_past_virtual =
        has(&[Change::MoveColumn]) && tables.iter().any(|table| table.columns.iter().any(is_virtual));
    // A default that is worked out for each row makes rows of all that are there.
    let computed = to.columns.iter().any(|column| {
        from.column(&column.name).is_none()
            && column
                .default
                .as_ref()
                .is_some_and(|default| !is_constant(default))
    });
    let by_method = |table: &Table, method: &str| {
        let of = table.indexes.iter().filter(|(_, index)| index.method == method);
        of.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let (old, new) = (by_method(from, "fulltext"), by_method(to, "fulltext"));
    let many_fulltext = new.iter().filter(|name| !old.contains(name)).count() > 1;
    // A table with such an index is not written anew in place.
    let bound = tables.iter().any(|table| {
        table
            .indexes
            .values()
            .any(|index| ["fulltext", "spatial"].contains(&index.method.as_str()))
    });
    let rebuilds = has(&[
        Change::AddColumnLast,
        Change::AddColumnBetween,
        Change::AddCountedColumn,
        Change::DropColumn,
        Change::DropStoredColumn,
        Change::MoveColumn,
        Change::ColumnMayBeNull,
        Change::ColumnMayNotBeNull,
        Change::AddPrimaryKey,
        Change::OtherPrimaryKey,
        Change::RowFormat,
    ]);
    (of_virtual && (changes.len() > 1 || partitioned))
        || moves_past_virtual
        || computed
        || many_fulltext
        || (bound && rebuilds)
}

/// Whether it is the same for every row of a statement: a literal, or the present time.
fn is_constant(default: &ColumnDefault) -> bool {
    let ColumnDefault::Expression(text) = default else {
        return false;
    };
    let Ok(tokens) = words(Dialect::MySql, text.as_str()) else {
        return false;
    };
    let is_now = matches!(tokens.first(), Some((_, word)) if word == "CURRENT_TIMESTAMP");
    is_now
        || tokens.iter().enumerate().all(|(at, (kind, text))| match kind {
            Kind::String => true,
            Kind::Symbol(symbol) => matches!(symbol, '-' | '+' | '.'),
            Kind::Word => {
                let number = text.starts_with(|c: char| c.is_ascii_digit());
                // `b'101'`, `x'ff'`, `_utf8mb4'x'`
                let before_text = matches!(tokens.get(at + 1), Some((Kind::String, _)));
                number || before_text || ["NULL", "TRUE", "FALSE"].contains(&text.as_str())
            }
            Kind::Gap | Kind::QuotedName => false,
        })
}

#[cfg(test)]
mod tests;
