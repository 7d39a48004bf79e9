//! The rules that look at the parser's tree of a statement, one file each.

mod column_type_change;
mod dml_without_where;
mod drop_column;
mod drop_table;
mod foreign_key_checked;
mod index_not_concurrent;
mod not_null_without_default;
mod refused;
mod rename;
mod set_not_null;
mod truncate;
mod unreadable;

use super::Rule;

/// All of them, by name.
pub(super) const RULES: &[Rule] = &[
    column_type_change::COLUMN_TYPE_CHANGE,
    dml_without_where::DML_WITHOUT_WHERE,
    drop_column::DROP_COLUMN,
    drop_table::DROP_TABLE,
    foreign_key_checked::FOREIGN_KEY_CHECKED,
    index_not_concurrent::INDEX_NOT_CONCURRENT,
    not_null_without_default::NOT_NULL_WITHOUT_DEFAULT,
    refused::REFUSED,
    rename::RENAME,
    set_not_null::SET_NOT_NULL,
    truncate::TRUNCATE,
    unreadable::UNREADABLE,
];
