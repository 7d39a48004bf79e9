//! What a database is made of, in one form for what people write and what a server reports.
//!
//! One file for each noun. Everything is data: ordered, comparable, and serialisable; no field holds text of a
//! dialect that a reader has not brought into its normal form (types by their full names, keywords in lower case,
//! names unquoted). The two exceptions are [`Expression`]s and [`Opaque`] definitions, which are SQL of the
//! schema's dialect and are compared by meaning (`crate::normalise`), not by letters.

mod column;
mod constraint;
mod data_type;
mod expression;
mod index;
mod name;
mod opaque;
mod options;
mod partition;
mod sequence;
mod server;
mod table;
mod types;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    column::{Column, ColumnDefault, Generated, Identity},
    constraint::{Action, Check, Deferral, Exclusion, ForeignKey, Key},
    data_type::DataType,
    expression::Expression,
    index::{Index, IndexPart, Indexed},
    name::{Name, NameError},
    opaque::{Opaque, OpaqueKey, OpaqueKind},
    options::Options,
    partition::{Bounds, PartitionBy, PartitionOf, Strategy},
    sequence::{Sequence, SequenceOptions},
    server::Server,
    table::Table,
    types::{Composite, Domain, EnumType},
    view::View,
};
use crate::Dialect;

/// A whole schema: what one database holds, or is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Whose SQL its expressions are in.
    pub dialect: Dialect,
    /// The server that it was read from, where what things mean depends on it (MySQL, MariaDB); none for a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// The default character set and collation of the database (MySQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// The default collation of the database (MySQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// PostgreSQL's schemas, by name. `public` is there without being written. MySQL has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespaces: BTreeMap<String, Namespace>,
    /// PostgreSQL's extensions, by name. Their members are no objects of the schema.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: BTreeMap<String, Extension>,
    /// Enumerations (PostgreSQL; MySQL's are a column's [`DataType`]).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub enums: BTreeMap<Name, EnumType>,
    /// Domains (PostgreSQL).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub domains: BTreeMap<Name, Domain>,
    /// Composite types (PostgreSQL).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub composites: BTreeMap<Name, Composite>,
    /// Sequences, also those that belong to a `serial` column; not those of identity columns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sequences: BTreeMap<Name, Sequence>,
    /// Tables and partitions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<Name, Table>,
    /// Views and materialised views.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<Name, View>,
    /// What isn't modelled, carried by definition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opaque: BTreeMap<OpaqueKey, Opaque>,
}

/// One of PostgreSQL's schemas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// `comment on schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// An extension that is to be there. Its version and options are the server's business.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Where its members are put, where that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl Schema {
    /// Nothing but what every database of the dialect has.
    pub fn empty(dialect: Dialect) -> Self {
        let mut namespaces = BTreeMap::new();
        if dialect == Dialect::Postgres {
            namespaces.insert("public".to_owned(), Namespace::default());
        }
        Self {
            dialect,
            server: None,
            charset: None,
            collation: None,
            namespaces,
            extensions: BTreeMap::new(),
            enums: BTreeMap::new(),
            domains: BTreeMap::new(),
            composites: BTreeMap::new(),
            sequences: BTreeMap::new(),
            tables: BTreeMap::new(),
            views: BTreeMap::new(),
            opaque: BTreeMap::new(),
        }
    }
}
