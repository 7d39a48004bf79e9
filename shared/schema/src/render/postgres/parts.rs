//! Pieces of statements.

use super::super::quoted_name;
use crate::{
    Dialect,
    model::{
        Action, Check, ColumnDefault, DataType, Deferral, ForeignKey, Generated, Identity, IndexPart,
        Indexed, Key, Name, Options, SequenceOptions,
    },
};

/// One name.
pub(crate) fn name(text: &str) -> String {
    quoted_name(Dialect::Postgres, text)
}

/// Names with commas between them.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.into_iter().map(|text| name(text)).collect();
    names.join(", ")
}

/// A name with its namespace, if it has one.
pub(crate) fn qualified(of: &Name) -> String {
    if of.namespace.is_empty() {
        return name(&of.name);
    }
    format!("{}.{}", name(&of.namespace), name(&of.name))
}

/// A type.
pub(crate) fn data_type(of: &DataType) -> String {
    let arguments = if of.arguments.is_empty() {
        String::new()
    } else {
        format!("({})", of.arguments.join(","))
    };
    let array = if of.array { "[]" } else { "" };
    if let Some(namespace) = &of.namespace {
        return format!("{}.{}{arguments}{array}", name(namespace), name(&of.name));
    }
    for zone in [" with time zone", " without time zone"] {
        if let Some(word) = of.name.strip_suffix(zone) {
            let zone = if zone == " with time zone" { zone } else { "" };
            return format!("{word}{arguments}{zone}{array}");
        }
    }
    let own = if crate::read::postgres::data_type::is_built_in(&of.name) {
        of.name.clone()
    } else {
        name(&of.name)
    };
    format!("{own}{arguments}{array}")
}

/// ` with (…)`, or nothing.
pub(crate) fn storage(options: &[(&String, &String)]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = options
        .iter()
        .map(|(own, value)| format!("{own} = {}", option_value(value)))
        .collect();
    format!(" with ({})", pairs.join(", "))
}

fn option_value(value: &str) -> String {
    let is_plain = !value.is_empty()
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if is_plain {
        value.to_owned()
    } else {
        super::string(value)
    }
}

pub(super) fn options(options: &Options) -> String {
    storage(&options.iter().collect::<Vec<_>>())
}

/// ` deferrable …`, or nothing.
pub(crate) fn deferral(of: Deferral) -> &'static str {
    match of {
        Deferral::NotDeferrable => "",
        Deferral::InitiallyImmediate => " deferrable",
        Deferral::InitiallyDeferred => " deferrable initially deferred",
    }
}

/// `check (…)`
pub(crate) fn check(of: &Check) -> String {
    let inherit = if of.no_inherit { " no inherit" } else { "" };
    let valid = if of.validated { "" } else { " not valid" };
    format!("check ({}){inherit}{valid}", of.expression)
}

/// `primary key (…)` or `unique (…)`
pub(crate) fn key(of: &Key, primary: bool) -> String {
    let columns: Vec<String> = of
        .columns
        .iter()
        .filter_map(|part| part.column_name().map(name))
        .collect();
    let mut sql = if primary { "primary key" } else { "unique" }.to_owned();
    if of.nulls_not_distinct {
        sql.push_str(" nulls not distinct");
    }
    sql.extend([format!(" ({})", columns.join(", "))]);
    if !of.include.is_empty() {
        sql.extend([format!(" include ({})", names(&of.include))]);
    }
    sql + &options(&of.options) + deferral(of.deferral)
}

/// `foreign key (…) references …`
pub(crate) fn foreign_key(of: &ForeignKey) -> String {
    let mut sql = format!(
        "foreign key ({}) references {}",
        names(&of.columns),
        qualified(&of.references)
    );
    if !of.referenced.is_empty() {
        sql.extend([format!(" ({})", names(&of.referenced))]);
    }
    if of.match_full {
        sql.push_str(" match full");
    }
    if of.on_update != Action::NoAction {
        sql.extend([format!(" on update {}", action(of.on_update))]);
    }
    if of.on_delete != Action::NoAction {
        sql.extend([format!(" on delete {}", action(of.on_delete))]);
        if !of.on_delete_columns.is_empty() {
            sql.extend([format!(" ({})", names(&of.on_delete_columns))]);
        }
    }
    sql.push_str(deferral(of.deferral));
    if !of.validated {
        sql.push_str(" not valid");
    }
    sql
}

fn action(of: Action) -> &'static str {
    match of {
        Action::NoAction => "no action",
        Action::Restrict => "restrict",
        Action::Cascade => "cascade",
        Action::SetNull => "set null",
        Action::SetDefault => "set default",
    }
}

/// Whether the text holds together without brackets: no blank outside of brackets and strings.
fn is_bare(text: &str) -> bool {
    let (mut open, mut quoted) = (0_i32, false);
    for c in text.chars() {
        match c {
            '\'' | '"' => quoted = !quoted,
            '(' | '[' if !quoted => open += 1,
            ')' | ']' if !quoted => open -= 1,
            ' ' | '\n' | '\t' if !quoted && open == 0 => return false,
            _ => {}
        }
    }
    true
}

/// The expression after `default`.
pub(crate) fn column_default(of: &ColumnDefault) -> String {
    match of {
        ColumnDefault::Expression(expression) if is_bare(expression.as_str()) => expression.to_string(),
        ColumnDefault::Expression(expression) => format!("({expression})"),
        ColumnDefault::Next(sequence) => {
            format!("nextval({}::regclass)", super::string(&qualified(sequence)))
        }
    }
}

/// `generated always as (…) stored`
pub(crate) fn generated(of: &Generated) -> String {
    format!(
        "generated always as ({}) {}",
        of.expression,
        if of.stored { "stored" } else { "virtual" }
    )
}

/// `generated … as identity`
pub(crate) fn identity(of: &Identity, data_type: &str) -> String {
    let when = if of.always { "always" } else { "by default" };
    let options = sequence_options(&of.options, data_type);
    let options = if options.is_empty() {
        options
    } else {
        format!(" ({})", options.trim_start())
    };
    format!("generated {when} as identity{options}")
}

/// ` increment … minvalue …`, only what the server wouldn't fill in.
pub(crate) fn sequence_options(of: &SequenceOptions, data_type: &str) -> String {
    let mut sql = String::new();
    let standard = SequenceOptions::filled(data_type, Some(of.increment), (None, None), None);
    if of.increment != 1 {
        sql.extend([format!(" increment by {}", of.increment)]);
    }
    if of.min != standard.min {
        sql.extend([format!(" minvalue {}", of.min)]);
    }
    if of.max != standard.max {
        sql.extend([format!(" maxvalue {}", of.max)]);
    }
    if of.start != if of.increment > 0 { of.min } else { of.max } {
        sql.extend([format!(" start with {}", of.start)]);
    }
    if of.cache != 1 {
        sql.extend([format!(" cache {}", of.cache)]);
    }
    if of.cycle {
        sql.push_str(" cycle");
    }
    sql
}

/// `table.column`, or `none`
pub(crate) fn owned_by(of: Option<&(Name, String)>) -> String {
    of.map_or_else(
        || "none".to_owned(),
        |(table, column)| format!("{}.{}", qualified(table), name(column)),
    )
}

/// A part of an index.
pub(crate) fn index_part(of: &IndexPart) -> String {
    let mut sql = match &of.on {
        Indexed::Column(column) => name(column),
        Indexed::Expression(expression) => format!("({expression})"),
    };
    if let Some(collation) = &of.collation {
        sql.extend([format!(" collate {}", qualified(collation))]);
    }
    if let Some(class) = &of.operator_class {
        sql.extend([format!(" {}", qualified(class))]);
    }
    if of.descending {
        sql.push_str(" desc");
    }
    if of.nulls_first != of.descending {
        sql.push_str(if of.nulls_first {
            " nulls first"
        } else {
            " nulls last"
        });
    }
    sql
}
