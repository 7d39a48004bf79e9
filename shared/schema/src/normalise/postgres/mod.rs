//! PostgreSQL's expressions and queries as trees, and what the server makes of them.

mod alias;
mod call;
mod expression;
mod from;
mod label;
mod position;
mod primary;
mod query;
mod star;
mod typed;

pub(crate) use alias::without_made_aliases;
pub(crate) use expression::{expression, simple_expression};
pub(crate) use label::natural_name;
pub(crate) use primary::primary;
pub(crate) use query::query;
pub(crate) use star::{expand_stars, with_column_names};
pub(crate) use typed::{Scope, without_made_casts};

use super::Node;
use crate::model::DataType;

/// A value as another type; a constant that already is what it is cast to stays as it is.
pub(crate) fn cast(value: Node, as_type: DataType) -> Node {
    let is_number = matches!(
        as_type.name.as_str(),
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision"
    );
    let is_whole = is_number && !as_type.array && as_type.arguments.is_empty();
    match value {
        // The server writes '-1'::integer for -1, and '10000000000'::bigint for 10000000000.
        Node::Str(text) if is_whole && is_numeral(&text) => {
            let number = Node::Number(text);
            if matches!(as_type.name.as_str(), "integer" | "bigint") {
                number
            } else {
                Node::Cast(Box::new(number), as_type)
            }
        }
        Node::Str(text) if as_type.name.starts_with("interval") && !as_type.array => {
            let field = as_type.name.strip_prefix("interval ").map(str::to_owned);
            let text = super::literal::interval(&text, field.as_deref()).unwrap_or(text);
            Node::Cast(Box::new(Node::Str(text)), DataType::plain("interval"))
        }
        other => Node::Cast(Box::new(other), as_type),
    }
}

fn is_numeral(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

#[cfg(test)]
mod tests;
