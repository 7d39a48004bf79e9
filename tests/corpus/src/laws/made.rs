//! Schemas that are made up from a seed, as the text that a person would write.

use std::collections::BTreeMap;

use muster_schema::Dialect;

/// Numbers from a seed, the same ones every time (`SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }

    /// Once in `n` times.
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// A column apart from `id`, which every table has.
#[derive(Clone, PartialEq, Eq)]
pub struct Column {
    pub data_type: &'static str,
    default: bool,
    not_null: bool,
    comment: Option<&'static str>,
}

/// A table.
#[derive(Clone, Default)]
pub struct Table {
    pub columns: BTreeMap<&'static str, Column>,
    unique: Option<&'static str>,
    indexes: Vec<&'static str>,
    check: Option<&'static str>,
    refers_to: Option<&'static str>,
    comment: Option<&'static str>,
    view: bool,
}

/// A schema.
#[derive(Clone)]
pub struct Made {
    dialect: Dialect,
    pub tables: BTreeMap<&'static str, Table>,
}

const TABLES: &[&str] = &["users", "order", "Log Book", "t4"];
const COMMENTS: &[&str] = &["plain", "it's; \"quoted\" \\ and `so` on", "größer – 漢字"];

/// Each column's types; a value of any of them can be made one of any other.
fn columns(dialect: Dialect) -> &'static [(&'static str, &'static [&'static str])] {
    match dialect {
        Dialect::Postgres => &[
            (
                "count",
                &["integer", "bigint", "numeric(10,2)", "text", "varchar(20)"],
            ),
            ("name", &["text", "varchar(30)", "varchar(60)", "char(12)"]),
            ("when", &["date", "timestamp", "timestamptz"]),
            ("is on", &["boolean"]),
            ("mood", &["mood", "text"]),
            ("tags", &["text[]"]),
            ("body", &["jsonb"]),
        ],
        Dialect::MySql => &[
            (
                "count",
                &["int", "bigint", "decimal(10,2)", "varchar(20)", "int unsigned"],
            ),
            ("name", &["varchar(30)", "varchar(60)", "char(12)"]),
            ("when", &["date", "datetime", "datetime(3)"]),
            ("is on", &["tinyint(1)", "boolean"]),
            (
                "mood",
                &["enum('sad','fine','glad')", "enum('sad','fine','glad','odd')"],
            ),
            ("body", &["text", "mediumtext"]),
        ],
    }
}

impl Made {
    /// From nothing.
    pub fn any(dialect: Dialect, dice: &mut Dice) -> Self {
        let mut made = Self {
            dialect,
            tables: BTreeMap::new(),
        };
        for name in TABLES {
            if !dice.one_in(4) {
                let table = made.table(dice);
                made.tables.insert(name, table);
            }
        }
        made.refer(dice);
        made
    }

    /// As somebody would change it: some tables and columns come, go, and change.
    pub fn changed(&self, dice: &mut Dice) -> Self {
        let mut made = self.clone();
        for name in TABLES {
            if dice.one_in(6) {
                made.tables.remove(name);
            }
            if !made.tables.contains_key(name) && dice.one_in(3) {
                let table = made.table(dice);
                made.tables.insert(name, table);
            }
            let other = made.table(dice);
            let Some(table) = made.tables.get_mut(name) else {
                continue;
            };
            for (column, of) in other.columns {
                match dice.below(4) {
                    0 => {
                        table.columns.remove(column);
                    }
                    1 => {
                        table.columns.insert(column, of);
                    }
                    _ => {}
                }
            }
            if dice.one_in(3) {
                (table.comment, table.view, table.check) = (other.comment, other.view, other.check);
            }
            if dice.one_in(3) {
                (table.unique, table.indexes) = (other.unique, other.indexes);
            }
        }
        made.refer(dice);
        made
    }

    fn table(&self, dice: &mut Dice) -> Table {
        let comment = |dice: &mut Dice| dice.one_in(3).then(|| dice.of(COMMENTS));
        let mut table = Table {
            comment: comment(dice),
            view: dice.one_in(3),
            check: dice.one_in(2).then(|| dice.of(&["count", "name"])),
            unique: dice.one_in(3).then(|| dice.of(&["count", "name"])),
            ..Table::default()
        };
        for &(name, types) in columns(self.dialect) {
            if dice.one_in(3) {
                continue;
            }
            let data_type = dice.of(types);
            let not_null = dice.one_in(3);
            table.columns.insert(
                name,
                Column {
                    data_type,
                    // Rows that are there get it where the column comes.
                    default: has_default(data_type) && (not_null || dice.one_in(2)),
                    not_null: not_null && has_default(data_type),
                    comment: comment(dice),
                },
            );
            if dice.one_in(3) && is_indexable(data_type) {
                table.indexes.push(name);
            }
        }
        table
    }

    /// References, each to a table that is there.
    fn refer(&mut self, dice: &mut Dice) {
        let names: Vec<&'static str> = self.tables.keys().copied().collect();
        for (name, table) in &mut self.tables {
            if dice.one_in(2) || table.refers_to.is_some_and(|to| !names.contains(&to)) {
                let to = names[dice.below(names.len())];
                table.refers_to = (dice.one_in(2) && (to != *name || dice.one_in(2))).then_some(to);
            }
        }
    }

    /// A name as this dialect quotes it.
    pub fn quoted(&self, name: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!("\"{name}\""),
            Dialect::MySql => format!("`{name}`"),
        }
    }

    fn string(&self, text: &str) -> String {
        let text = text.replace('\'', "''");
        match self.dialect {
            Dialect::Postgres => format!("'{text}'"),
            Dialect::MySql => format!("'{}'", text.replace('\\', "\\\\")),
        }
    }

    /// The schema as text.
    pub fn sql(&self) -> String {
        let is_postgres = self.dialect == Dialect::Postgres;
        let (mut sql, mut last) = (String::new(), String::new());
        let uses_mood = |table: &Table| table.columns.values().any(|column| column.data_type == "mood");
        if is_postgres && self.tables.values().any(uses_mood) {
            sql.push_str("create type mood as enum ('sad', 'fine', 'glad');\n");
        }
        for (name, table) in &self.tables {
            let at = self.quoted(name);
            let mut parts = vec!["id bigint not null".to_owned()];
            for (own, column) in &table.columns {
                let mut part = format!("{} {}", self.quoted(own), column.data_type);
                // Rows that are there would all get the same.
                let is_unique = table.unique == Some(*own);
                if column.default && !is_unique {
                    part.extend([format!(" default {}", default_of(column.data_type))]);
                }
                if column.not_null && !is_unique {
                    part.push_str(" not null");
                }
                if let Some(comment) = column.comment {
                    let comment = self.string(comment);
                    if is_postgres {
                        last.extend([format!(
                            "comment on column {at}.{} is {comment};\n",
                            self.quoted(own)
                        )]);
                    } else {
                        part.extend([format!(" comment {comment}")]);
                    }
                }
                parts.push(part);
            }
            if table.refers_to.is_some() {
                parts.push("ref bigint".to_owned());
            }
            parts.push("primary key (id)".to_owned());
            if let Some(own) = table.unique.filter(|own| table.columns.contains_key(own)) {
                let constraint = self.quoted(&format!("{name} u"));
                parts.push(format!("constraint {constraint} unique ({})", self.quoted(own)));
            }
            if let Some(own) = table.check.filter(|own| table.columns.contains_key(own)) {
                let constraint = self.quoted(&format!("{name} c"));
                let test = if own == "count" && !is_text(table.columns[own].data_type) {
                    "> 0"
                } else {
                    "<> 'none'"
                };
                parts.push(format!(
                    "constraint {constraint} check ({} {test})",
                    self.quoted(own)
                ));
            }
            let comment = table.comment.map(|text| self.string(text));
            let tail = match &comment {
                Some(text) if !is_postgres => format!(" comment = {text}"),
                _ => String::new(),
            };
            sql.extend([format!(
                "create table {at} (\n    {}\n){tail};\n",
                parts.join(",\n    ")
            )]);
            if let Some(text) = comment.filter(|_| is_postgres) {
                last.extend([format!("comment on table {at} is {text};\n")]);
            }
            for own in table
                .indexes
                .iter()
                .filter(|own| table.columns.contains_key(*own))
            {
                if is_indexable(table.columns[own].data_type) {
                    let index = self.quoted(&format!("{name} {own} i"));
                    sql.extend([format!(
                        "create index {index} on {at} ({} desc);\n",
                        self.quoted(own)
                    )]);
                }
            }
            if let Some(to) = table.refers_to {
                last.extend([format!("alter table {at} add constraint {} foreign key (ref) references {} (id) on delete cascade;\n",
                    self.quoted(&format!("{name} f")),
                    self.quoted(to))]);
            }
            if table.view {
                let columns: Vec<String> = table.columns.keys().map(|own| self.quoted(own)).collect();
                let list = if columns.is_empty() {
                    "id".to_owned()
                } else {
                    columns.join(", ")
                };
                let view = self.quoted(&format!("{name} v"));
                last.extend([format!(
                    "create view {view} as select {list} from {at} where id > 0;\n"
                )]);
            }
        }
        sql + &last
    }

    /// Statements that put three rows into every table; the numbers and names in a row are its own.
    pub fn rows(&self) -> Vec<String> {
        let mut sql = Vec::new();
        for (name, table) in &self.tables {
            for row in 1..=3 {
                let (mut names, mut values) = (vec!["id".to_owned()], vec![row.to_string()]);
                for (own, column) in &table.columns {
                    names.push(self.quoted(own));
                    values.push(value_of(own, column.data_type, row));
                }
                sql.push(format!(
                    "insert into {} ({}) values ({})",
                    self.quoted(name),
                    names.join(", "),
                    values.join(", ")
                ));
            }
        }
        sql
    }
}

fn is_text(data_type: &str) -> bool {
    data_type == "text" || data_type.contains("char")
}

fn is_indexable(data_type: &str) -> bool {
    !matches!(data_type, "jsonb" | "text[]" | "text" | "mediumtext")
}

fn has_default(data_type: &str) -> bool {
    !matches!(data_type, "mediumtext" | "text[]" | "jsonb" | "text")
}

fn default_of(data_type: &str) -> &'static str {
    match data_type {
        "boolean" => "true",
        "tinyint(1)" => "1",
        of if of.starts_with("date") || of.starts_with("timestamp") => "'2024-05-06'",
        of if of.starts_with("enum") || of == "mood" => "'fine'",
        of if is_text(of) => "'7'",
        _ => "7",
    }
}

fn value_of(column: &str, data_type: &str, row: i32) -> String {
    match column {
        "count" if is_text(data_type) => format!("'{row}'"),
        "count" => row.to_string(),
        "body" if data_type == "jsonb" => format!("'[{row}]'"),
        "name" | "body" => format!("'n{row}'"),
        "when" => format!("'2024-01-0{row}'"),
        "is on" if data_type == "boolean" => "true".to_owned(),
        "is on" => "1".to_owned(),
        "tags" => format!("'{{a,{row}}}'"),
        _ => "'glad'".to_owned(),
    }
}
