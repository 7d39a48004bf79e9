//! Tables and their partitions.

use super::{Assembly, Row};
use crate::{
    Dialect, Unreadable,
    model::{Expression, IndexPart, Indexed, PartitionBy, Strategy, Table},
    read::{Cursor, mysql},
};

impl Assembly<'_> {
    pub(super) fn tables(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("tables")? {
            let row = Row(row);
            let name = row.table(0)?;
            match row.text(1)? {
                "VIEW" => continue,
                "BASE TABLE" => {}
                other => {
                    return Err(Unreadable::of(
                        name,
                        format!("a {} is not modelled", other.to_lowercase()),
                    ));
                }
            }
            let mut table = Table {
                engine: row.some(2).map(str::to_owned),
                collation: row.some(4).map(str::to_owned),
                comment: row.some(6).map(str::to_owned),
                ..Table::default()
            };
            table.charset = table.collation.as_deref().map(charset_of);
            for (option, value) in options(row.get(5).unwrap_or_default()) {
                if option != "partitioned" {
                    table.options.insert(option, value);
                }
            }
            self.schema.tables.insert(name, table);
        }
        Ok(())
    }

    pub(super) fn partitions(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("partitions")? {
            let row = Row(row);
            let name = row.table(0)?;
            if row.get(5).is_some() {
                return Err(Unreadable::of(name, "subpartitions are not modelled"));
            }
            let strategy = strategy(row.text(2)?).ok_or_else(|| {
                Unreadable::of(
                    &name,
                    format!(
                        "partitions by {} are not modelled",
                        row.get(2).unwrap_or_default()
                    ),
                )
            })?;
            let values = mysql::described(strategy, row.get(4).unwrap_or_default())?;
            let partition = mysql::definition(row.text(1)?, &values, row.some(6));
            let Some(table) = self.schema.tables.get_mut(&name) else {
                continue;
            };
            let by = match &mut table.partition_by {
                Some(by) => by,
                none => none.insert(PartitionBy {
                    strategy,
                    parts: parts(strategy, row.get(3).unwrap_or_default())?,
                    partitions: Vec::new(),
                }),
            };
            by.partitions.push(partition);
        }
        Ok(())
    }
}

fn strategy(method: &str) -> Option<Strategy> {
    Some(match method {
        "RANGE" => Strategy::Range,
        "LIST" => Strategy::List,
        "RANGE COLUMNS" => Strategy::RangeColumns,
        "LIST COLUMNS" => Strategy::ListColumns,
        "HASH" => Strategy::Hash,
        "LINEAR HASH" => Strategy::LinearHash,
        "KEY" => Strategy::Key,
        "LINEAR KEY" => Strategy::LinearKey,
        _ => return None,
    })
}

fn parts(strategy: Strategy, over: &str) -> Result<Vec<IndexPart>, Unreadable> {
    match strategy {
        Strategy::Range | Strategy::List | Strategy::Hash | Strategy::LinearHash => Ok(vec![IndexPart {
            on: Indexed::Expression(Expression::new(over)),
            ..IndexPart::column("")
        }]),
        Strategy::RangeColumns | Strategy::ListColumns | Strategy::Key | Strategy::LinearKey => {
            if over.is_empty() {
                return Ok(Vec::new());
            }
            let text = format!("({over})");
            let mut cursor = Cursor::new(Dialect::MySql, &text, 1)?;
            Ok(cursor.names()?.into_iter().map(IndexPart::column).collect())
        }
    }
}

/// `row_format=DYNAMIC key_block_size=8` and the like.
fn options(text: &str) -> Vec<(String, String)> {
    let plain = |text: &str| text.trim_matches(['`', '\'']).to_ascii_lowercase();
    text.split_whitespace()
        .map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            (plain(name), plain(value))
        })
        .collect()
}

/// The character set of a collation: its name's begin.
pub(crate) fn charset_of(collation: &str) -> String {
    collation.split('_').next().unwrap_or(collation).to_owned()
}
