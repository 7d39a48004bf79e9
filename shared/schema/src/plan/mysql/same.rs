//! Whether two parts of settled tables are the same.

use crate::{
    model::{
        Check, Column, ColumnDefault, DataType, Expression, ForeignKey, Index, IndexPart, Indexed, Key,
        PartitionBy,
    },
    normalise::{
        Node,
        mysql::{same_expression, tree},
    },
    read::mysql::same_name,
};

/// Columns, but for where they stand.
pub(super) fn same_column(a: &Column, b: &Column) -> bool {
    let plain = |column: &Column| Column {
        default: None,
        generated: None,
        on_update: None,
        check: None,
        renamed_from: None,
        ..column.clone()
    };
    plain(a) == plain(b)
        && same_default(a, b)
        && same_expressions(a.on_update.as_ref(), b.on_update.as_ref())
        && same_expressions(a.check.as_ref(), b.check.as_ref())
        && match (&a.generated, &b.generated) {
            (Some(a), Some(b)) => a.stored == b.stored && same_expression(&a.expression, &b.expression),
            (None, None) => true,
            _ => false,
        }
}

pub(super) fn same_expressions(a: Option<&Expression>, b: Option<&Expression>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_expression(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Defaults; a literal is compared as a value of the column's type.
fn same_default(a: &Column, b: &Column) -> bool {
    let (left, right) = match (&a.default, &b.default) {
        (Some(ColumnDefault::Expression(left)), Some(ColumnDefault::Expression(right))) => (left, right),
        (left, right) => return left == right,
    };
    if same_expression(left, right) {
        return true;
    }
    match (tree(left), tree(right)) {
        (Ok(left), Ok(right)) => match (literal(&left), literal(&right)) {
            (Some(left), Some(right)) => same_literal(&a.data_type, left, right),
            _ => false,
        },
        _ => false,
    }
}

fn literal(node: &Node) -> Option<&str> {
    match node {
        Node::Str(text) | Node::Number(text) => Some(text),
        Node::Path(_) | Node::Cast(..) | Node::Call(..) | Node::Op(..) => None,
    }
}

/// `0` and `'0.00'` are the same decimal, `b'0'` and `0` the same bit.
fn same_literal(of: &DataType, a: &str, b: &str) -> bool {
    match of.name.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year" => {
            let plain = |text: &str| {
                let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
                let digits = digits.trim_start_matches('0');
                let digits = if digits.contains('.') {
                    digits.trim_end_matches('0').trim_end_matches('.')
                } else {
                    digits
                };
                format!("{sign}{digits}")
            };
            plain(a) == plain(b)
        }
        "bit" => {
            let bits = |text: &str| {
                text.strip_prefix("b'").map_or_else(
                    || text.parse::<u64>().ok(),
                    |bits| u64::from_str_radix(bits.trim_end_matches('\''), 2).ok(),
                )
            };
            bits(a).is_some() && bits(a) == bits(b)
        }
        "datetime" | "timestamp" => {
            let full = |text: &str| {
                if text.len() == 10 {
                    format!("{text} 00:00:00")
                } else if text.contains('.') {
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                } else {
                    text.to_owned()
                }
            };
            full(a) == full(b)
        }
        _ => false,
    }
}

pub(super) fn same_key(a: &Key, b: &Key) -> bool {
    same_parts(&a.columns, &b.columns) && a.options == b.options && a.comment == b.comment
}

pub(super) fn same_index(a: &Index, b: &Index) -> bool {
    let plain = |index: &Index| Index {
        parts: Vec::new(),
        renamed_from: None,
        ..index.clone()
    };
    plain(a) == plain(b) && same_parts(&a.parts, &b.parts)
}

fn same_parts(a: &[IndexPart], b: &[IndexPart]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            let on = match (&a.on, &b.on) {
                (Indexed::Column(a), Indexed::Column(b)) => same_name(a, b),
                (Indexed::Expression(a), Indexed::Expression(b)) => same_expression(a, b),
                _ => false,
            };
            on && a.prefix == b.prefix && a.descending == b.descending
        })
}

pub(super) fn same_check(a: &Check, b: &Check) -> bool {
    a.enforced == b.enforced && same_expression(&a.expression, &b.expression)
}

pub(super) fn same_foreign_key(a: &ForeignKey, b: &ForeignKey) -> bool {
    let same_names =
        |a: &[String], b: &[String]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_name(a, b));
    same_names(&a.columns, &b.columns)
        && same_names(&a.referenced, &b.referenced)
        && a.references == b.references
        && (a.on_delete, a.on_update) == (b.on_delete, b.on_update)
}

/// How a table is cut, apart from the partitions themselves.
pub(super) fn same_partitioning(a: &PartitionBy, b: &PartitionBy) -> bool {
    a.strategy == b.strategy && same_parts(&a.parts, &b.parts)
}
