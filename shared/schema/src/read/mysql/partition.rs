//! Partitions.

use super::{bracketed, word};
use crate::{
    Dialect, Unreadable,
    model::{Expression, IndexPart, Indexed, PartitionBy, Strategy},
    normalise::{Node, mysql::expression},
    read::Cursor,
    render::{quoted_name, quoted_string},
};

/// `partition by …`.
pub(crate) fn partition_by(cursor: &mut Cursor<'_>) -> Result<PartitionBy, Unreadable> {
    cursor.need("partition")?;
    cursor.need("by")?;
    let linear = cursor.take("linear");
    let columns = |cursor: &mut Cursor<'_>| -> Result<Vec<IndexPart>, Unreadable> {
        if cursor.take_mark("(") {
            if cursor.take_mark(")") {
                return Ok(Vec::new());
            }
            cursor.go_to(cursor.position() - 1);
        }
        Ok(cursor.names()?.into_iter().map(IndexPart::column).collect())
    };
    let (strategy, parts) = if cursor.take("hash") {
        (
            if linear {
                Strategy::LinearHash
            } else {
                Strategy::Hash
            },
            over(cursor)?,
        )
    } else if cursor.take("key") {
        if cursor.take("algorithm") {
            return Err(cursor.fail("ALGORITHM of a key's partitions is not modelled"));
        }
        (
            if linear {
                Strategy::LinearKey
            } else {
                Strategy::Key
            },
            columns(cursor)?,
        )
    } else if cursor.take_words(&["range", "columns"]) {
        (Strategy::RangeColumns, columns(cursor)?)
    } else if cursor.take_words(&["list", "columns"]) {
        (Strategy::ListColumns, columns(cursor)?)
    } else if cursor.take("range") {
        (Strategy::Range, over(cursor)?)
    } else if cursor.take("list") {
        (Strategy::List, over(cursor)?)
    } else {
        return Err(cursor.fail("this way of partitions is not modelled"));
    };
    let count = if cursor.take("partitions") {
        Some(cursor.integer()?)
    } else {
        None
    };
    if cursor.is_word("subpartition") {
        return Err(cursor.fail("subpartitions are not modelled"));
    }
    let partitions = if cursor.is_mark("(") {
        cursor.list(partition)?
    } else {
        let count = count.unwrap_or(1);
        (0..count)
            .map(|number| definition(&format!("p{number}"), "", None))
            .collect()
    };
    Ok(PartitionBy {
        strategy,
        parts,
        partitions,
    })
}

fn over(cursor: &mut Cursor<'_>) -> Result<Vec<IndexPart>, Unreadable> {
    let (expression, _) = bracketed(cursor)?;
    Ok(vec![IndexPart {
        on: Indexed::Expression(expression),
        ..IndexPart::column("")
    }])
}

/// `partition name values … options`.
pub(super) fn partition(cursor: &mut Cursor<'_>) -> Result<Expression, Unreadable> {
    cursor.need("partition")?;
    let name = cursor.name()?;
    let mut values = String::new();
    if cursor.take("values") {
        if cursor.take_words(&["less", "than"]) {
            let limit = if cursor.take("maxvalue") {
                "maxvalue".to_owned()
            } else {
                list(cursor)?
            };
            values = format!("values less than ({limit})");
        } else {
            cursor.need("in")?;
            values = format!("values in ({})", list(cursor)?);
        }
    }
    let mut comment = None;
    loop {
        if cursor.take("comment") {
            cursor.take_mark("=");
            comment = Some(cursor.string()?);
        } else if cursor.take_words(&["storage", "engine"]) || cursor.take("engine") {
            // The table's, always.
            cursor.take_mark("=");
            word(cursor)?;
        } else if cursor.is_mark(",") || cursor.is_mark(")") {
            return Ok(definition(&name, &values, comment.as_deref()));
        } else {
            return Err(cursor.fail("this option of a partition is not modelled"));
        }
    }
}

/// Constants; what the server computes can't be compared with what it reports.
fn list(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    let values = cursor.list(|cursor| {
        if cursor.take("maxvalue") {
            return Ok("maxvalue".to_owned());
        }
        let start = cursor.position();
        match expression(cursor)? {
            Node::Str(text) => Ok(quoted_string(Dialect::MySql, &text)),
            Node::Number(number) => Ok(number),
            Node::Op(name, kids) if name == "null" && kids.is_empty() => Ok("null".to_owned()),
            Node::Op(name, kids) if name == "row" && kids.iter().all(Node::is_literal) => {
                Ok(cursor.text_since(start))
            }
            _ => {
                cursor.go_to(start);
                Err(cursor.fail("the server computes this value; write what comes of it"))
            }
        }
    })?;
    Ok(values.join(", "))
}

/// A partition in its one form.
pub(crate) fn definition(name: &str, values: &str, comment: Option<&str>) -> Expression {
    let mut text = format!("partition {}", quoted_name(Dialect::MySql, name));
    if !values.is_empty() {
        text = format!("{text} {values}");
    }
    if let Some(comment) = comment.filter(|comment| !comment.is_empty()) {
        text = format!("{text} comment = {}", quoted_string(Dialect::MySql, comment));
    }
    Expression::new(text)
}

/// The values of a partition, as the catalogue describes them.
pub(crate) fn described(strategy: Strategy, description: &str) -> Result<String, Unreadable> {
    let keyword = match strategy {
        Strategy::Range | Strategy::RangeColumns => "values less than",
        Strategy::List | Strategy::ListColumns => "values in",
        Strategy::Hash | Strategy::LinearHash | Strategy::Key | Strategy::LinearKey => {
            return Ok(String::new());
        }
    };
    let text = format!("({description})");
    let mut cursor = Cursor::new(Dialect::MySql, &text, 1)?;
    let values = list(&mut cursor)?;
    cursor.end()?;
    Ok(format!("{keyword} ({values})"))
}
