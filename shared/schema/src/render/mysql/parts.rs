//! Keys, indexes, constraints, partitions.

use super::{add, name, string, table_name};
use crate::model::{
    Action, Check, Expression, ForeignKey, Index, IndexPart, Indexed, Key, Options, PartitionBy, Strategy,
};

fn part(part: &IndexPart) -> String {
    let mut sql = match &part.on {
        Indexed::Column(column) => name(column),
        Indexed::Expression(expression) => format!("({expression})"),
    };
    if let Some(length) = part.prefix {
        add(&mut sql, format!("({length})"));
    }
    if part.descending {
        sql += " desc";
    }
    sql
}

fn parts(of: &[IndexPart]) -> String {
    let parts: Vec<String> = of.iter().map(part).collect();
    format!("({})", parts.join(", "))
}

fn options(options: &Options, comment: Option<&String>, invisible: Option<&str>) -> String {
    let mut sql = String::new();
    for (option, value) in options.iter() {
        let text = match option.as_str() {
            "using" => format!(" using {value}"),
            "parser" => format!(" with parser {}", name(value)),
            _ => format!(" {option} = {value}"),
        };
        sql.push_str(&text);
    }
    if let Some(comment) = comment {
        add(&mut sql, format!(" comment {}", string(comment)));
    }
    if let Some(word) = invisible {
        add(&mut sql, format!(" {word}"));
    }
    sql
}

/// `primary key (…)`
pub(crate) fn primary_key(key: &Key) -> String {
    format!(
        "primary key {}{}",
        parts(&key.columns),
        options(&key.options, key.comment.as_ref(), None)
    )
}

/// `unique key name (…) …`; MariaDB calls an index that is passed by otherwise.
pub(crate) fn index(index_name: &str, index: &Index, mariadb: bool) -> String {
    let kind = match index.method.as_str() {
        "fulltext" => "fulltext key",
        "spatial" => "spatial key",
        _ if index.unique => "unique key",
        _ => "key",
    };
    let using = if index.method == "hash" { " using hash" } else { "" };
    let invisible = index
        .invisible
        .then_some(if mariadb { "ignored" } else { "invisible" });
    format!(
        "{kind} {} {}{using}{}",
        name(index_name),
        parts(&index.parts),
        options(&index.options, index.comment.as_ref(), invisible)
    )
}

/// `constraint name check (…)`
pub(crate) fn check(check_name: &str, check: &Check) -> String {
    let enforced = if check.enforced { "" } else { " not enforced" };
    format!(
        "constraint {} check ({}){enforced}",
        name(check_name),
        check.expression
    )
}

/// `constraint name foreign key (…) references …`
pub(crate) fn foreign_key(key_name: &str, key: &ForeignKey) -> String {
    let list = |columns: &[String]| {
        let columns: Vec<String> = columns.iter().map(|column| name(column)).collect();
        columns.join(", ")
    };
    let action = |word: &str, action: Action| match action {
        Action::NoAction | Action::Restrict => String::new(),
        Action::Cascade => format!(" on {word} cascade"),
        Action::SetNull => format!(" on {word} set null"),
        Action::SetDefault => format!(" on {word} set default"),
    };
    format!(
        "constraint {} foreign key ({}) references {} ({}){}{}",
        name(key_name),
        list(&key.columns),
        table_name(&key.references),
        list(&key.referenced),
        action("delete", key.on_delete),
        action("update", key.on_update),
    )
}

/// `partition by …`
pub(crate) fn partitioning(by: &PartitionBy) -> String {
    let word = match by.strategy {
        Strategy::Range => "range",
        Strategy::List => "list",
        Strategy::Hash => "hash",
        Strategy::Key => "key",
        Strategy::RangeColumns => "range columns",
        Strategy::ListColumns => "list columns",
        Strategy::LinearHash => "linear hash",
        Strategy::LinearKey => "linear key",
    };
    let over: Vec<String> = by
        .parts
        .iter()
        .map(|part| match &part.on {
            Indexed::Column(column) => name(column),
            Indexed::Expression(expression) => expression.to_string(),
        })
        .collect();
    let partitions: Vec<&str> = by.partitions.iter().map(Expression::as_str).collect();
    let is_plain = partitions
        .iter()
        .enumerate()
        .all(|(number, text)| *text == format!("partition `p{number}`"));
    let list = match partitions.len() {
        // The names that the server gives.
        1 if is_plain => String::new(),
        count if is_plain => format!(" partitions {count}"),
        _ => format!(" ({})", partitions.join(", ")),
    };
    format!("partition by {word} ({}){list}", over.join(", "))
}
