//! How MySQL and MariaDB carry out what one `alter table` does (InnoDB): at once (`instant`), in place, or by copying the table.
//!
//! From what the two servers document: MySQL 8.0's "Online DDL Operations", MariaDB's "InnoDB Online DDL Operations with the
//! INSTANT, NOCOPY, INPLACE and COPY alter algorithms". Left to itself a server takes the best way that it has and copies silently where
//! it has no other; a statement that names its way fails there instead. So a plan that names it locks as little as is known to be
//! possible, and says before it runs where a table is copied.
//!
//! One statement goes as its weakest change goes. What the documents leave open is given the weaker way. A statement whose changes are not all
//! known here, and a table of another engine, get no way: the server chooses, as without this.

use crate::{Lock, model::Table};

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

#[cfg(test)]
mod tests;
