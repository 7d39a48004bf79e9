//! What a schema means on a server: everything that the text leaves to it, said.
//!
//! Both sides are settled by the same server, that of the side that was read from one. Then what is left out and what is
//! written out are the same.

use std::collections::BTreeMap;

use crate::{
    Schema,
    model::{Check, Column, DataType, Expression, Name, Server, Table},
    read::mysql::same_name,
};

/// The server's rules that the two sides share.
pub(super) struct Rules<'a> {
    pub(super) server: Option<&'a Server>,
    pub(super) collation: Option<String>,
}

impl<'a> Rules<'a> {
    /// From whichever side knows a server.
    pub(super) fn of(from: &'a Schema, to: &'a Schema) -> Self {
        Self {
            server: from.server.as_ref().or(to.server.as_ref()),
            collation: from.collation.clone().or_else(|| to.collation.clone()),
        }
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.server.is_some_and(Server::is_mariadb)
    }

    fn default_collation(&self, charset: &str) -> Option<String> {
        self.server?.collations.get(charset).cloned()
    }
}

/// The schema with everything said.
pub(super) fn settled(schema: &Schema, rules: &Rules<'_>) -> Schema {
    let mut schema = schema.clone();
    if rules.server.is_some_and(|server| server.lower_case_names) {
        lower_names(&mut schema);
    }
    for (name, table) in &mut schema.tables {
        options(table, rules);
        for column in &mut table.columns {
            data_type(column, rules);
            text(column, table.collation.as_deref(), rules);
        }
        prefixes(table);
        if rules.server.is_some() {
            checks(name, table, rules);
        }
    }
    schema
}

/// Calls wanted indexes as those that are there where only the letters are written otherwise: to the server that is one name, and dropped
/// and added in one statement it stays as it was.
pub(super) fn call_indexes_as(from: &Schema, to: &mut Schema) {
    for (table, of) in &mut to.tables {
        let Some(before) = from.tables.get(table) else {
            continue;
        };
        let is_new = |name: &String| !before.indexes.contains_key(name);
        let mut other = Vec::new();
        for name in before
            .indexes
            .keys()
            .filter(|name| !of.indexes.contains_key(*name))
        {
            let wanted = of
                .indexes
                .keys()
                .find(|wanted| same_name(wanted, name) && is_new(wanted));
            other.extend(wanted.map(|wanted| (wanted.clone(), name.clone())));
        }
        for (wanted, name) in other {
            if let Some(index) = of.indexes.remove(&wanted) {
                of.indexes.insert(name, index);
            }
        }
    }
}

/// Tables by the names that the server keeps.
fn lower_names(schema: &mut Schema) {
    let lower = |name: Name| Name::new(name.namespace, name.name.to_lowercase());
    let tables = std::mem::take(&mut schema.tables);
    schema.tables = tables
        .into_iter()
        .map(|(name, mut table)| {
            for key in table.foreign_keys.values_mut() {
                key.references = lower(key.references.clone());
            }
            (lower(name), table)
        })
        .collect();
    let views = std::mem::take(&mut schema.views);
    schema.views = views
        .into_iter()
        .map(|(name, view)| (lower(name), view))
        .collect();
    let opaque = std::mem::take(&mut schema.opaque);
    schema.opaque = opaque
        .into_iter()
        .map(|(mut key, of)| {
            key.on = key.on.map(lower);
            (key, of)
        })
        .collect();
}

/// A prefix as long as the column is the column.
fn prefixes(table: &mut Table) {
    let lengths: BTreeMap<String, u32> = table
        .columns
        .iter()
        .filter(|column| {
            matches!(
                column.data_type.name.as_str(),
                "char" | "varchar" | "binary" | "varbinary"
            )
        })
        .filter_map(|column| {
            Some((
                column.name.clone(),
                column.data_type.arguments.first()?.parse().ok()?,
            ))
        })
        .collect();
    let keys = table.primary_key.iter_mut().flat_map(|key| &mut key.columns);
    let indexes = table.indexes.values_mut().flat_map(|index| &mut index.parts);
    for part in keys.chain(indexes) {
        let length = part.column_name().and_then(|column| lengths.get(column)).copied();
        part.prefix
            .take_if(|prefix| length.is_some_and(|length| *prefix >= length));
    }
}

fn options(table: &mut Table, rules: &Rules<'_>) {
    let engine = table.engine.take().unwrap_or_else(|| "InnoDB".to_owned());
    table.engine = Some(if engine.eq_ignore_ascii_case("innodb") {
        "InnoDB".to_owned()
    } else {
        engine
    });
    let charset = table.charset.take().map(|charset| charset_name(&charset));
    table.collation = table
        .collation
        .take()
        .map(|collation| collation_name(&collation))
        .or_else(|| {
            charset
                .as_deref()
                .and_then(|charset| rules.default_collation(charset))
        })
        .or_else(|| {
            if charset.is_none() {
                rules.collation.clone()
            } else {
                None
            }
        });
    table.charset = table.collation.as_deref().map(charset_of).or(charset);
}

/// MariaDB's `json` is a text with a check; display widths are MariaDB's alone.
fn data_type(column: &mut Column, rules: &Rules<'_>) {
    if rules.is_mariadb() && column.data_type.name == "json" {
        column.data_type = DataType::plain("longtext");
        column.collation = Some(Name::new("", "utf8mb4_bin"));
        let valid = Expression::new(format!("json_valid(`{}`)", column.name.replace('`', "``")));
        column.check.get_or_insert(valid);
    }
    let of = &mut column.data_type;
    let Some((signed, unsigned)) = width(&of.name) else {
        return;
    };
    if rules.is_mariadb() || of.zerofill {
        if of.arguments.is_empty() {
            of.arguments
                .push(if of.unsigned { unsigned } else { signed }.to_string());
        }
    } else if !(of.name == "tinyint" && of.arguments == ["1"]) {
        of.arguments.clear();
    }
}

/// How wide a number is shown where nobody says so.
fn width(name: &str) -> Option<(u8, u8)> {
    Some(match name {
        "tinyint" => (4, 3),
        "smallint" => (6, 5),
        "mediumint" => (9, 8),
        "int" => (11, 10),
        "bigint" => (20, 20),
        _ => return None,
    })
}

/// The character set and collation of a text.
fn text(column: &mut Column, table: Option<&str>, rules: &Rules<'_>) {
    let is_text = matches!(
        column.data_type.name.as_str(),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
    );
    if !is_text {
        (column.charset, column.collation) = (None, None);
        return;
    }
    let charset = column.charset.take().map(|charset| charset_name(&charset));
    let collation = column.collation.take().map(|collation| collation.name);
    let collation = match (collation, &charset) {
        // `binary` on a text: the table's character set, compared by code.
        (Some(mark), _) if mark == BINARY_OF_TABLE => table.map(|table| format!("{}_bin", charset_of(table))),
        (Some(collation), _) => Some(collation_name(&collation)),
        (None, Some(charset)) => rules.default_collation(charset),
        (None, None) => table.map(str::to_owned),
    };
    column.charset = collation.as_deref().map(charset_of).or(charset);
    column.collation = collation.map(|collation| Name::new("", collation));
}

/// What the reader writes for `binary` without a character set.
const BINARY_OF_TABLE: &str = "binary of the table";

/// Checks that nobody named have the names that the server gives.
fn checks(name: &Name, table: &mut Table, rules: &Rules<'_>) {
    let prefix = format!("{}_chk_", name.name);
    let unnamed: Vec<String> = table
        .unnamed
        .iter()
        .filter(|name| table.checks.contains_key(*name))
        .cloned()
        .collect();
    if rules.is_mariadb() {
        let mut renamed: Vec<(u32, Check)> = unnamed
            .iter()
            .filter_map(|name| {
                let number = name.strip_prefix(&prefix)?.parse().ok()?;
                Some((number, table.checks.remove(name)?))
            })
            .collect();
        renamed.sort_by_key(|(number, _)| *number);
        for (number, (_, check)) in renamed.into_iter().enumerate() {
            table.checks.insert(format!("CONSTRAINT_{}", number + 1), check);
        }
        return;
    }
    // MySQL keeps those of columns among the table's, and counts them first.
    let mut conditions: Vec<Check> = Vec::new();
    for column in &mut table.columns {
        conditions.extend(column.check.take().map(|expression| Check {
            expression,
            no_inherit: false,
            validated: true,
            enforced: true,
            comment: None,
        }));
    }
    let mut later: BTreeMap<u32, Check> = BTreeMap::new();
    for name in unnamed {
        if let (Some(number), Some(check)) = (
            name.strip_prefix(&prefix).and_then(|number| number.parse().ok()),
            table.checks.remove(&name),
        ) {
            later.insert(number, check);
        }
    }
    conditions.extend(later.into_values());
    for (number, check) in conditions.into_iter().enumerate() {
        table.checks.insert(format!("{prefix}{}", number + 1), check);
    }
}

fn charset_name(charset: &str) -> String {
    let charset = charset.to_ascii_lowercase();
    if charset == "utf8" {
        "utf8mb3".to_owned()
    } else {
        charset
    }
}

fn collation_name(collation: &str) -> String {
    let collation = collation.to_ascii_lowercase();
    match collation.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => collation,
    }
}

fn charset_of(collation: &str) -> String {
    collation.split('_').next().unwrap_or(collation).to_owned()
}
