//! A design as a schema of the model.

use std::collections::{HashMap, HashSet};

use muster_schema::{
    Dialect, Schema,
    model::{
        Check, ColumnDefault, DataType, Expression, Generated, Identity, Name, Namespace, Sequence,
        SequenceOptions, Table, View,
    },
};

use super::{
    Design, DesignFault, DesignTable,
    keys::{leads_an_index, primary_columns},
    probe,
};
use crate::table::Column;

pub(super) struct Builder<'a> {
    pub(super) design: &'a Design,
    schema: Schema,
    faults: Vec<DesignFault>,
    /// Their names so far, in small letters.
    pub(super) foreign_keys: HashSet<String>,
    types: HashMap<String, Result<DataType, String>>,
}

pub(super) fn schema(design: &Design) -> Result<Schema, Vec<DesignFault>> {
    let mut builder = Builder {
        design,
        schema: Schema::empty(design.dialect),
        faults: Vec::new(),
        foreign_keys: HashSet::new(),
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
            options: muster_schema::model::Options::default(),
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
    pub(super) fn wrong(&mut self, object: &str, path: &str, message: impl Into<String>) {
        self.faults.push(DesignFault {
            object: object.to_owned(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn is_postgres(&self) -> bool {
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

    pub(super) fn expression(&mut self, object: &str, path: &str, text: &str) {
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
}

/// The integer that PostgreSQL's `serial` family makes.
fn serial_type(text: &str) -> Option<&'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "smallserial" | "serial2" => Some("smallint"),
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        _ => None,
    }
}
