//! The rules that look at tables and at statements' words, one file each.

mod assigned_twice;
mod char_padded;
mod charset;
mod check_validated;
mod code_in_database;
mod column_comment;
mod default_missing;
mod domain_constraint;
mod drop_cascade;
mod drop_database;
mod drop_not_null;
mod duplicate_index;
mod engine;
mod enum_column;
mod enum_value_unplaced;
mod foreign_key;
mod foreign_key_cascade;
mod foreign_key_index;
mod identifier_too_long;
mod if_exists_missing;
mod index_column_twice;
mod index_drop_not_concurrent;
mod index_name;
mod inexact_number;
mod insert_without_columns;
mod json_text;
mod like_from_the_start;
mod many_indexes;
mod money_type;
mod name_case;
mod null_equals;
mod nullable;
mod of_type;
mod partition_detached;
mod partitioned;
mod primary_key_missing;
mod primary_key_small;
mod random_order;
mod reindex_not_concurrent;
mod reserved_name;
mod select_star;
mod serial_added;
mod serial_column;
mod table_comment;
mod timestamp_without_zone;
mod truncate_cascade;
mod unique_built;
mod varchar_length;
mod volatile_default;
mod zero_date;

use super::Rule;

/// All of them, by name.
pub(super) const RULES: &[Rule] = &[
    assigned_twice::ASSIGNED_TWICE,
    char_padded::CHAR_PADDED,
    charset::CHARSET,
    check_validated::CHECK_VALIDATED,
    code_in_database::CODE_IN_DATABASE,
    column_comment::COLUMN_COMMENT,
    default_missing::DEFAULT_MISSING,
    domain_constraint::DOMAIN_CONSTRAINT,
    drop_cascade::DROP_CASCADE,
    drop_database::DROP_DATABASE,
    drop_not_null::DROP_NOT_NULL,
    duplicate_index::DUPLICATE_INDEX,
    engine::ENGINE,
    enum_column::ENUM_COLUMN,
    enum_value_unplaced::ENUM_VALUE_UNPLACED,
    foreign_key::FOREIGN_KEY,
    foreign_key_cascade::FOREIGN_KEY_CASCADE,
    foreign_key_index::FOREIGN_KEY_INDEX,
    identifier_too_long::IDENTIFIER_TOO_LONG,
    if_exists_missing::IF_EXISTS_MISSING,
    index_column_twice::INDEX_COLUMN_TWICE,
    index_drop_not_concurrent::INDEX_DROP_NOT_CONCURRENT,
    index_name::INDEX_NAME,
    inexact_number::INEXACT_NUMBER,
    insert_without_columns::INSERT_WITHOUT_COLUMNS,
    json_text::JSON_TEXT,
    like_from_the_start::LIKE_FROM_THE_START,
    many_indexes::MANY_INDEXES,
    money_type::MONEY_TYPE,
    name_case::NAME_CASE,
    null_equals::NULL_EQUALS,
    nullable::NULLABLE,
    partition_detached::PARTITION_DETACHED,
    partitioned::PARTITIONED,
    primary_key_missing::PRIMARY_KEY_MISSING,
    primary_key_small::PRIMARY_KEY_SMALL,
    random_order::RANDOM_ORDER,
    reindex_not_concurrent::REINDEX_NOT_CONCURRENT,
    reserved_name::RESERVED_NAME,
    select_star::SELECT_STAR,
    serial_added::SERIAL_ADDED,
    serial_column::SERIAL_COLUMN,
    table_comment::TABLE_COMMENT,
    timestamp_without_zone::TIMESTAMP_WITHOUT_ZONE,
    truncate_cascade::TRUNCATE_CASCADE,
    unique_built::UNIQUE_BUILT,
    varchar_length::VARCHAR_LENGTH,
    volatile_default::VOLATILE_DEFAULT,
    zero_date::ZERO_DATE,
];
