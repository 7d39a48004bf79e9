//! What the server says of everything in a database, one line for each thing: its own `show create …`, cut into lines.
//!
//! Left out, with reasons: the order of a table's indexes and constraints, which has no meaning; the next value of an
//! automatic number, which is data; `USING BTREE`, which says what is so anyway (the index's real type is compared); how
//! the letters of a trigger's head are written, and those of an index's name: to the server they make no other name, and one that is
//! dropped and added in one statement keeps its own.

use super::MySqlDatabase;
use crate::database::{Database as _, Rows};

/// The lines, in no order.
pub(super) async fn lines(database: &mut MySqlDatabase) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    let named = database
        .rows("select table_name, table_type from information_schema.tables where table_schema = database()")
        .await?;
    for row in named {
        let [Some(name), Some(kind)] = row.as_slice() else {
            continue;
        };
        let quoted = format!("`{}`", name.replace('`', "``"));
        match kind.as_str() {
            "VIEW" => lines.push(shown(database, &format!("show create view {quoted}"), 1).await?),
            "SEQUENCE" => lines.push(shown(database, &format!("show create sequence {quoted}"), 1).await?),
            _ => {
                let text = shown(database, &format!("show create table {quoted}"), 1).await?;
                lines.extend(of_table(name, &text));
            }
        }
    }
    // Facts that `show create table` leaves out where they are the default.
    lines.extend(told(database.rows(FACTS).await?));
    for (kind, list, column) in [
        (
            "event",
            "select event_name from information_schema.events where event_schema = database()",
            3,
        ),
        (
            "procedure",
            "select routine_name from information_schema.routines where routine_schema = database() and routine_type = 'PROCEDURE'",
            2,
        ),
        (
            "function",
            "select routine_name from information_schema.routines where routine_schema = database() and routine_type = 'FUNCTION'",
            2,
        ),
    ] {
        for name in database.rows(list).await?.into_iter().flatten().flatten() {
            let show = format!("show create {kind} `{}`", name.replace('`', "``"));
            lines.push(shown(database, &show, column).await?);
        }
    }
    Ok(lines)
}

const FACTS: &str = "
select concat_ws(' ', 'table', table_name, table_type, engine, row_format, table_collation, create_options, table_comment)
from information_schema.tables where table_schema = database() and table_type <> 'VIEW'
union all
select concat_ws(' ', 'column', table_name, column_name, ordinal_position, column_type, is_nullable,
                 concat('default ', column_default), collation_name, extra, generation_expression, column_comment)
from information_schema.columns where table_schema = database()
union all
select concat_ws(' ', 'index', table_name, lower(index_name), seq_in_index, non_unique, column_name, collation, sub_part, index_type, index_comment)
from information_schema.statistics where table_schema = database()
union all
select concat_ws(' ', 'partition', table_name, partition_name, partition_ordinal_position, partition_method,
                 partition_expression, partition_description, subpartition_name, subpartition_method, partition_comment)
from information_schema.partitions where table_schema = database()
union all
select concat_ws(' ', 'trigger', trigger_name, event_object_table, action_timing, event_manipulation, action_order,
                 definer, sql_mode, action_statement)
from information_schema.triggers where trigger_schema = database()
union all
select concat_ws(' ', 'database', default_character_set_name, default_collation_name)
from information_schema.schemata where schema_name = database()";

fn told(rows: Rows) -> impl Iterator<Item = String> {
    rows.into_iter().flatten().flatten()
}

async fn shown(database: &mut MySqlDatabase, show: &str, column: usize) -> Result<String, String> {
    let rows = database.rows(show).await?;
    let cell = rows
        .into_iter()
        .next()
        .and_then(|row| row.into_iter().nth(column));
    cell.flatten().ok_or_else(|| format!("{show} says nothing"))
}

/// The lines of a `create table`: columns with their place, keys and constraints without, options without the counter.
fn of_table(name: &str, text: &str) -> Vec<String> {
    let inside = text.lines().skip(1);
    let mut place = 0;
    inside
        .map(|line| {
            let line = line.trim_end_matches(',');
            if line.trim_start().starts_with('`') {
                place += 1;
                format!("create table {name}: {place}: {line}")
            } else {
                format!(
                    "create table {name}: {}",
                    small_index(&without_counter(line)).replace(" USING BTREE", "")
                )
            }
        })
        .collect()
}

/// A key's line with its name in small letters.
fn small_index(line: &str) -> String {
    match line.split_once("KEY `") {
        Some((kind, rest)) => {
            let (name, parts) = rest.split_once('`').unwrap_or((rest, ""));
            format!("{kind}KEY `{}`{parts}", name.to_lowercase())
        }
        None => line.to_owned(),
    }
}

fn without_counter(line: &str) -> String {
    let mark = " AUTO_INCREMENT=";
    match line.strip_prefix(')').and_then(|rest| rest.find(mark)) {
        Some(at) => {
            let (before, after) = line.split_at(at + 1);
            let after = after[mark.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}{after}")
        }
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_a_place_keys_have_none_and_counters_are_data() {
        let text = "CREATE TABLE `t` (\n  `b` int(11) NOT NULL AUTO_INCREMENT,\n  `a` int(11) DEFAULT NULL,\n  PRIMARY KEY (`b`)\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4";
        assert_eq!(
            of_table("t", text),
            [
                "create table t: 1:   `b` int(11) NOT NULL AUTO_INCREMENT",
                "create table t: 2:   `a` int(11) DEFAULT NULL",
                "create table t:   PRIMARY KEY (`b`)",
                "create table t: ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            ]
        );
    }
}
