//! SQL from the model, for each dialect; the one place that quotes.

pub(crate) mod mysql;
pub(crate) mod postgres;
mod quote;

pub(crate) use quote::{dollar_quoted, quoted_name, quoted_string};

use crate::{Dialect, Refusal, Schema};

/// The statements that make the schema on an empty database, each without its terminator.
///
/// What [`crate::read()`] makes of them is the schema again.
pub fn render(schema: &Schema) -> Result<Vec<String>, Refusal> {
    match schema.dialect {
        Dialect::Postgres => postgres::schema(schema),
        Dialect::MySql => Ok(mysql::schema(schema)),
    }
}
