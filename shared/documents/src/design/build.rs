//! A design as a schema of the model.

use std::collections::HashMap;

use muster_schema::{
    Dialect, Schema,
    model::{
        Check, ColumnDefault, DataType, Expression, ForeignKey, Generated, Identity, Index, IndexPart,
        Indexed, Key, Name, Namespace, Sequence, SequenceOptions, Table, View,
    },
};

use super::{Design, DesignFault, DesignTable, probe};
use crate::table::{Action, Column, Reference, Sorting};

/// What the servers cut names at, in bytes.
const MAX_NAME: usize = 63;

struct Builder<'a> {
    design: &'a Design,
    schema: Schema,
    faults: Vec<DesignFault>,
    types: HashMap<String, Result<DataType, String>>,
}

pub(super) fn schema(design: &Design) -> Result<Schema, Vec<DesignFault>> {
    let mut builder = Builder {
        design,
        schema: Schema::empty(design.dialect),
        faults: Vec::new(),
        types: HashMap::new(),
    };
    for table in &design.tables {
        builder.add_table(table);
    }
    for view in &design.views {
        let namespace = if design.dialect == Dialect::Postgres {
            "public"
        } else {
            ""
        };
        let query = view.view.query.trim().trim_end_matches(';');
        if let Err(why) = probe::fragment(design.dialect, query) {
            builder.wrong(&view.name, "query", why);
        }
        let made = View {
            query: Expression::new(query),
            materialized: false,
            columns: Vec::new(),
            options: std::collections::BTreeMap::new(),
            populated: true,
            indexes: std::collections::BTreeMap::new(),
            comment: view
                .view
                .comment
                .clone()
                .filter(|_| design.dialect == Dialect::Postgres),
            column_comments: std::collections::BTreeMap::new(),
        };
        builder
            .schema
            .views
            .insert(Name::new(namespace, view.name.clone()), made);
    }
    if builder.faults.is_empty() {
        Ok(builder.schema)
    } else {
        Err(builder.faults)
    }
}

impl Builder<'_> {
    fn wrong(&mut self, object: &str, path: &str, message: impl Into<String>) {
        self.faults.push(DesignFault {
            object: object.to_owned(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn is_postgres(&self) -> bool {
        self.design.dialect == Dialect::Postgres
    }

    fn add_table(&mut self, of: &DesignTable) {
        let name = of.qualified(self.design.dialect);
        let postgres = self.is_postgres();
        let values = &of.table;
        let foreign = [
            ("namespace", values.namespace.is_some() && !postgres),
            ("engine", values.engine.is_some() && postgres),
            ("charset", values.charset.is_some() && postgres),
            ("collation", values.collation.is_some() && postgres),
        ];
        for (field, _) in foreign.into_iter().filter(|(_, wrong)| *wrong) {
            self.wrong(
                &of.name,
                field,
                format!("a table of {} has none", self.design.dialect),
            );
        }
        if postgres && name.namespace != "public" {
            self.schema
                .namespaces
                .insert(name.namespace.clone(), Namespace::default());
        }
        let mut table = Table {
            comment: values.comment.clone().filter(|text| !text.is_empty()),
            engine: values.engine.clone(),
            charset: values.charset.clone(),
            collation: values.collation.clone(),
            ..Table::default()
        };
        let primary = primary_columns(of);
        for column in &values.columns {
            if let Some(made) = self.column(of, column, primary.contains(&column.name)) {
                table.columns.push(made);
            }
        }
        self.add_keys(of, &mut table, &primary);
        for index in &values.index {
            self.add_index(of, &mut table, index);
        }
        for check in &values.checks {
            self.expression(&of.name, &format!("checks.{}", check.name), &check.expression);
            table.checks.insert(
                check.name.clone(),
                Check {
                    expression: Expression::new(check.expression.trim()),
                    no_inherit: false,
                    validated: true,
                    enforced: true,
                    comment: None,
                },
            );
        }
        for column in &values.columns {
            if let Some(reference) = column.reference.as_ref().filter(|reference| reference.enforced) {
                self.add_reference(of, &mut table, column, reference);
            }
        }
        if self.schema.tables.insert(name.clone(), table).is_some() {
            self.wrong(&of.name, "name", "there are two tables of this name");
        }
    }

    fn expression(&mut self, object: &str, path: &str, text: &str) {
        if let Err(why) = probe::fragment(self.design.dialect, text) {
            self.wrong(object, path, why);
        }
    }

    fn column(
        &mut self,
        of: &DesignTable,
        column: &Column,
        primary: bool,
    ) -> Option<muster_schema::model::Column> {
        let path = |field: &str| format!("columns.{}.{field}", column.name);
        let serial = serial_type(&column.data_type).filter(|_| self.is_postgres());
        let text = serial.unwrap_or(column.data_type.as_str()).to_owned();
        let dialect = self.design.dialect;
        let read = self
            .types
            .entry(text.clone())
            .or_insert_with(|| probe::data_type(dialect, &text));
        let data_type = match read.clone() {
            Ok(data_type) => data_type,
            Err(why) => {
                self.wrong(&of.name, &path("dataType"), why);
                return None;
            }
        };
        let counted = column.auto_inc || serial.is_some();
        let mut made = muster_schema::model::Column {
            name: column.name.clone(),
            nullable: !(column.not_null || primary || counted),
            comment: column.comment.clone(),
            charset: column.charset.clone(),
            collation: column.collation.as_ref().map(|name| {
                let bare = || Name::new("", name.clone());
                name.parse().unwrap_or_else(|_| bare())
            }),
            ..muster_schema::model::Column::default()
        };
        if let Some(default) = &column.default_value {
            match probe::default(dialect, &text, default.trim()) {
                Ok(default) => made.default = Some(default),
                Err(why) => self.wrong(&of.name, &path("defaultValue"), why),
            }
            if counted || column.generated.is_some() {
                self.wrong(
                    &of.name,
                    &path("defaultValue"),
                    "a column that is counted or computed has no default",
                );
            }
        }
        if let Some(generated) = &column.generated {
            self.expression(&of.name, &path("generated"), &generated.expression);
            made.generated = Some(Generated {
                expression: Expression::new(generated.expression.trim()),
                stored: generated.stored,
            });
        }
        if let Some(text) = &column.on_update {
            if self.is_postgres() {
                self.wrong(&of.name, &path("onUpdate"), "PostgreSQL has none: use a trigger");
            }
            self.expression(&of.name, &path("onUpdate"), text);
            made.on_update = Some(Expression::new(text.trim()));
        }
        if serial.is_some() {
            let sequence = of
                .qualified(dialect)
                .sibling(format!("{}_{}_seq", of.name, column.name));
            self.too_long(&of.name, &path("dataType"), &sequence.name);
            made.default = Some(ColumnDefault::Next(sequence.clone()));
            let made = Sequence {
                data_type: data_type.name.clone(),
                options: SequenceOptions::standard(&data_type.name),
                owned_by: Some((of.qualified(dialect), column.name.clone())),
                comment: None,
            };
            self.schema.sequences.insert(sequence, made);
        } else if column.auto_inc && self.is_postgres() {
            if !matches!(data_type.name.as_str(), "smallint" | "integer" | "bigint") {
                self.wrong(
                    &of.name,
                    &path("autoInc"),
                    "only smallint, integer and bigint can be counted",
                );
            }
            made.identity = Some(Identity {
                always: false,
                options: SequenceOptions::standard(&data_type.name),
            });
        } else if column.auto_inc {
            made.auto_increment = true;
            if !primary && !column.unique && !leads_an_index(of, &column.name) {
                self.wrong(
                    &of.name,
                    &path("autoInc"),
                    "MySQL counts only a column that a key or index begins with",
                );
            }
        }
        made.data_type = data_type;
        Some(made)
    }

    fn add_keys(&mut self, of: &DesignTable, table: &mut Table, primary: &[String]) {
        let postgres = self.is_postgres();
        let key = |name: String, columns: &[String]| Key {
            name,
            columns: columns.iter().map(IndexPart::column).collect(),
            ..Key::default()
        };
        let written = of.table.keys.iter().find(|key| key.primary_key);
        if !primary.is_empty() {
            let name = if postgres {
                let given = written.and_then(|key| key.name.clone());
                given.unwrap_or_else(|| format!("{}_pkey", of.name))
            } else {
                "PRIMARY".to_owned()
            };
            self.too_long(&of.name, "keys", &name);
            table.primary_key = Some(key(name, primary));
        }
        let marked = of
            .table
            .columns
            .iter()
            .filter(|column| column.unique && !(primary == [column.name.clone()]));
        let marked = marked.map(|column| (None, vec![column.name.clone()]));
        let written = of.table.keys.iter().filter(|key| !key.primary_key);
        let written = written.map(|key| (key.name.clone(), key.columns.clone()));
        for (name, columns) in marked.chain(written).collect::<Vec<_>>() {
            let name = name.unwrap_or_else(|| {
                if postgres {
                    format!("{}_{}_key", of.name, columns.join("_"))
                } else {
                    columns.first().cloned().unwrap_or_default()
                }
            });
            self.too_long(&of.name, "keys", &name);
            let twice = if postgres {
                table
                    .uniques
                    .insert(name.clone(), key(name.clone(), &columns))
                    .is_some()
            } else {
                let index = Index {
                    parts: columns.iter().map(IndexPart::column).collect(),
                    unique: true,
                    method: "btree".to_owned(),
                    ..Index::default()
                };
                table.indexes.insert(name.clone(), index).is_some()
            };
            if twice {
                self.wrong(
                    &of.name,
                    "keys",
                    format!("two keys are called {name}: name one of them"),
                );
            }
        }
    }

    fn add_index(&mut self, of: &DesignTable, table: &mut Table, index: &crate::table::Index) {
        let postgres = self.is_postgres();
        let path = format!("index.{}", index.name);
        if let Some(condition) = &index.condition {
            if !postgres {
                self.wrong(
                    &of.name,
                    &path,
                    "MySQL's indexes are over all rows: leave out where",
                );
            }
            self.expression(&of.name, &path, condition);
        }
        let part = |column: &crate::table::IndexColumn| {
            let descending = column.sorting == Sorting::Desc;
            IndexPart {
                on: Indexed::Column(column.name.clone()),
                prefix: column.prefix,
                descending,
                nulls_first: descending && postgres,
                ..IndexPart::column("")
            }
        };
        if postgres && index.columns.iter().any(|column| column.prefix.is_some()) {
            self.wrong(
                &of.name,
                &path,
                "PostgreSQL's indexes are over whole values: leave out prefix",
            );
        }
        let method = index.method.clone().unwrap_or_else(|| "btree".to_owned());
        if !method.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            self.wrong(&of.name, &path, "the method is a word such as btree or gin");
        }
        let made = Index {
            parts: index.columns.iter().map(part).collect(),
            unique: index.unique,
            method,
            condition: index.condition.as_ref().map(|text| Expression::new(text.trim())),
            ..Index::default()
        };
        if table.indexes.insert(index.name.clone(), made).is_some() {
            self.wrong(&of.name, &path, "there are two indexes of this name");
        }
    }

    fn add_reference(&mut self, of: &DesignTable, table: &mut Table, column: &Column, to: &Reference) {
        let path = format!("columns.{}.reference", column.name);
        let Some(there) = self.design.tables.iter().find(|other| other.name == to.table) else {
            let message = format!(
                "there is no table {} among what is published: publish it too",
                to.table
            );
            self.wrong(&of.name, &path, message);
            return;
        };
        if !there.table.columns.iter().any(|other| other.name == to.column) {
            self.wrong(
                &of.name,
                &path,
                format!("the table {} has no column {}", to.table, to.column),
            );
            return;
        }
        if !is_key(there, &to.column) {
            let message = format!(
                "{}.{} is not unique there, so the database can't hold to it",
                to.table, to.column
            );
            self.wrong(&of.name, &path, message);
        }
        let name = if self.is_postgres() {
            format!("{}_{}_fkey", of.name, column.name)
        } else {
            format!("fk_{}_{}", of.name, column.name)
        };
        self.too_long(&of.name, &path, &name);
        table.foreign_keys.insert(
            name,
            ForeignKey {
                columns: vec![column.name.clone()],
                references: there.qualified(self.design.dialect),
                referenced: vec![to.column.clone()],
                on_delete: action(to.on_delete),
                on_update: action(to.on_update),
                on_delete_columns: Vec::new(),
                match_full: false,
                deferral: muster_schema::model::Deferral::default(),
                validated: true,
                comment: None,
            },
        );
    }

    fn too_long(&mut self, object: &str, path: &str, name: &str) {
        if name.len() > MAX_NAME {
            self.wrong(
                object,
                path,
                format!("the name {name} would be longer than {MAX_NAME} bytes: give another"),
            );
        }
    }
}

/// The integer that PostgreSQL's `serial` family makes.
pub(crate) fn serial_type(text: &str) -> Option<&'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "smallserial" | "serial2" => Some("smallint"),
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        _ => None,
    }
}

fn primary_columns(of: &DesignTable) -> Vec<String> {
    match of.table.keys.iter().find(|key| key.primary_key) {
        Some(key) => key.columns.clone(),
        None => {
            let marked = of.table.columns.iter().filter(|column| column.primary_key);
            marked.map(|column| column.name.clone()).collect()
        }
    }
}

fn is_key(of: &DesignTable, column: &str) -> bool {
    let only = |columns: &[String]| columns.len() == 1 && columns[0] == column;
    only(&primary_columns(of))
        || of
            .table
            .columns
            .iter()
            .any(|other| other.name == column && other.unique)
        || of.table.keys.iter().any(|key| only(&key.columns))
}

fn leads_an_index(of: &DesignTable, column: &str) -> bool {
    let keys = of.table.keys.iter().filter_map(|key| key.columns.first());
    let indexes = of
        .table
        .index
        .iter()
        .filter_map(|index| index.columns.first().map(|column| &column.name));
    keys.chain(indexes).any(|first| first == column)
}

const fn action(of: Action) -> muster_schema::model::Action {
    use muster_schema::model::Action as Model;
    match of {
        Action::NoAction => Model::NoAction,
        Action::Restrict => Model::Restrict,
        Action::Cascade => Model::Cascade,
        Action::SetNull => Model::SetNull,
        Action::SetDefault => Model::SetDefault,
    }
}
