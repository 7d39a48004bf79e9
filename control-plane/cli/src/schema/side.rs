//! A schema that somebody names: a file of DDL, `-` for standard input, or a database's URL.

use std::path::Path;

use muster_schema::{Dialect, Schema};

use super::{
    database::{self, Url},
    input,
};

/// What came of it.
pub(super) enum Side {
    Schema(Box<Schema>),
    /// It can't be read, and why.
    Unreadable(String),
}

/// The schema; `which` is what the caller called it. An error is that of the file or the connection.
pub(super) fn side(dialect: Dialect, which: &str, given: &str) -> anyhow::Result<Side> {
    let schema = match Url::of(given) {
        Some(url) => database::schema(dialect, &url).map_err(|error| error.context(which.to_owned()))?,
        None => muster_schema::read(dialect, &input::read(Path::new(given))?),
    };
    Ok(match schema {
        Ok(schema) => Side::Schema(Box::new(schema)),
        // A file is named; a URL holds a password.
        Err(reason) if Url::of(given).is_none() => Side::Unreadable(format!("{given}: {reason}")),
        Err(reason) => Side::Unreadable(format!("{which}: {reason}")),
    })
}
