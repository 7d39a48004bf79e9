//! Columns.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    FormGroup,
    fault::Faults,
    fields::{Fields, Item},
    form,
};

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property that a column has or has not"
)]
pub struct Column {
    /// By which it is the same column under another name. What is kept always has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// With its length, for instance `varchar(64)`.
    pub data_type: String,
    /// An SQL expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
    /// Whether it must have a value.
    #[serde(default, skip_serializing_if = "is_no")]
    pub not_null: bool,
    /// Whether the server counts it.
    #[serde(default, skip_serializing_if = "is_no")]
    pub auto_inc: bool,
    /// Whether no two rows may have the same.
    #[serde(default, skip_serializing_if = "is_no")]
    pub unique: bool,
    /// Whether it is (a part of) the primary key.
    #[serde(default, skip_serializing_if = "is_no")]
    pub primary_key: bool,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// MySQL: what an update sets it to, for instance `current_timestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_update: Option<String>,
    /// How it is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// MySQL's character set of this column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Its collation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// The column of another table that its values are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// What it was called before; for this once.
    #[serde(skip)]
    pub renamed_from: Option<String>,
    /// What only the document's own form knows.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub own: Map<String, Json>,
}

/// A computed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generated {
    /// From the row's other columns.
    pub expression: String,
    /// Whether it is kept, or computed when it is read.
    pub stored: bool,
}

/// A reference to another table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// The name of the table's document.
    pub table: String,
    /// Its column.
    pub column: String,
    /// Whether the database holds to it, or it is only documentation.
    #[serde(default, skip_serializing_if = "is_no")]
    pub enforced: bool,
    /// What the database calls it; after its table and column if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the row there goes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_delete: Action,
    /// When its value there changes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_update: Action,
}

/// What becomes of rows that refer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The change there is refused.
    #[default]
    NoAction,
    /// Refused at once.
    Restrict,
    /// They go too.
    Cascade,
    /// They refer to nothing.
    SetNull,
    /// They get the default.
    SetDefault,
}

const ACTIONS: &[(&str, Action)] = &[
    ("noAction", Action::NoAction),
    ("restrict", Action::Restrict),
    ("cascade", Action::Cascade),
    ("setNull", Action::SetNull),
    ("setDefault", Action::SetDefault),
];

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn is_no(value: &bool) -> bool {
    !value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The columns, from `columns` or from `basic`, whose entries may name the database.
pub(super) fn read_all(
    spec: &mut Fields<'_>,
    database: &mut Option<String>,
    forms: Option<&Vec<FormGroup>>,
    faults: &mut Faults,
) -> Option<Vec<Column>> {
    let form = form::find(forms, "basic");
    let (columns, basic) = (spec.take("columns"), spec.take("basic"));
    let item = match (columns, basic) {
        (Some(item), None) | (None, Some(item)) => item,
        (Some(_), Some(item)) => {
            item.wrong(
                faults,
                "stands beside columns: write the columns in one of the two",
            );
            return None;
        }
        (None, None) => {
            faults.add(spec.at, &spec.path_of("columns"), "is missing");
            return None;
        }
    };
    let items = item.one_or_more(faults);
    if items.is_empty() || items.len() > 1_000 {
        item.wrong(faults, "must have 1 to 1000 columns");
    }
    let columns = items.iter().filter_map(|item| {
        let mut fields = item.fields(faults)?;
        // Where the database stands once for all, a form that wants it with each column is content.
        if let Some(form) = form {
            let mut form = form.clone();
            if database.is_some() && fields.peek("database").is_none() {
                form.form_schema.retain(|field| field.name != "database");
            }
            form.check(&fields, faults);
        }
        if let Some(named) = fields.take("database") {
            let text = named.text(faults);
            if database.is_some() && *database != text {
                named.wrong(faults, "is another database than before: a table stands in one");
            }
            *database = text;
        }
        let mut column = one(&mut fields, faults);
        if let (Some(form), Some(column)) = (form, &mut column) {
            column.own = form.take_own(&mut fields);
        }
        fields.finish(faults);
        column
    });
    Some(columns.collect())
}

fn one(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Column> {
    let id = fields.take("id").and_then(|item| {
        let id = item.text(faults)?.parse().ok();
        if id.is_none() {
            item.wrong(faults, "is no id: leave it out, it is given");
        }
        id
    });
    let name = fields.need("name", faults).and_then(|item| name(&item, faults));
    let data_type = fields.need_text("dataType", faults);
    let data_type = data_type.map(|text| sized(text.trim(), fields, faults));
    Some(Column {
        id,
        name: name?,
        data_type: data_type?,
        default_value: fields
            .text("defaultValue", faults)
            .filter(|text| !text.trim().is_empty()),
        not_null: fields.flag("notNull", faults),
        auto_inc: fields.flag("autoInc", faults),
        unique: fields.flag("unique", faults),
        primary_key: fields.flag("primaryKey", faults),
        comment: fields.text("comment", faults).filter(|text| !text.is_empty()),
        on_update: fields.text("onUpdate", faults),
        generated: fields.take("generated").and_then(|item| {
            let mut fields = item.fields(faults)?;
            let expression = fields.need_text("expression", faults);
            let stored = fields.flag("stored", faults);
            fields.finish(faults);
            Some(Generated {
                expression: expression?,
                stored,
            })
        }),
        charset: fields.text("charset", faults),
        collation: fields.text("collation", faults),
        reference: fields.take("reference").and_then(|item| reference(&item, faults)),
        renamed_from: fields.text("renamedFrom", faults),
        own: Map::new(),
    })
}

fn reference(item: &Item<'_>, faults: &mut Faults) -> Option<Reference> {
    let mut fields = item.fields(faults)?;
    let (table, column) = (
        fields.need_text("table", faults),
        fields.need_text("column", faults),
    );
    let enforced = fields.flag("enforced", faults);
    let called = fields.take("name").and_then(|item| name(&item, faults));
    let mut action = |name| {
        fields
            .take(name)
            .and_then(|item| item.word(ACTIONS, faults))
            .unwrap_or_default()
    };
    let (on_delete, on_update) = (action("onDelete"), action("onUpdate"));
    fields.finish(faults);
    Some(Reference {
        table: table?,
        column: column?,
        enforced,
        name: called,
        on_delete,
        on_update,
    })
}

/// A name that both servers take.
pub(super) fn name(item: &Item<'_>, faults: &mut Faults) -> Option<String> {
    let text = item.text(faults)?;
    let good = (1..=63).contains(&text.len()) && !text.chars().any(char::is_control) && text.trim() == text;
    if !good {
        item.wrong(
            faults,
            "must have 1 to 63 bytes, without control characters or blanks around it",
        );
        return None;
    }
    Some(text)
}

/// `varchar` and a length beside it are `varchar(64)`.
fn sized(data_type: &str, fields: &mut Fields<'_>, faults: &mut Faults) -> String {
    let length = fields.take("length");
    let (precision, scale) = (fields.take("precision"), fields.take("scale"));
    let given = [&length, &precision, &scale];
    let Some(first) = given.iter().find_map(|item| item.as_ref()) else {
        return data_type.to_owned();
    };
    let numbers: Vec<Option<i64>> = given
        .iter()
        .map(|item| item.as_ref().and_then(|item| item.int(faults)))
        .collect();
    let arguments = match numbers[..] {
        [Some(length), None, None] => length.to_string(),
        [None, Some(precision), None] => precision.to_string(),
        [None, Some(precision), Some(scale)] => format!("{precision},{scale}"),
        _ => {
            first.wrong(faults, "give a length, or a precision with or without a scale");
            return data_type.to_owned();
        }
    };
    if data_type.contains('(') {
        first.wrong(faults, "the data type has its length already");
    }
    // `timestamp(3) with time zone`, `int(8) unsigned`: the arguments follow the first word.
    match data_type.split_once(' ') {
        Some((word, rest))
            if !word.eq_ignore_ascii_case("character") && !word.eq_ignore_ascii_case("bit") =>
        {
            format!("{word}({arguments}) {rest}")
        }
        _ => format!("{data_type}({arguments})"),
    }
}
