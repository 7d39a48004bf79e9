//! What to ask MySQL and MariaDB.
//!
//! The two differ in what some tables of `information_schema` hold. Each passes over the other's executable comments
//! (`/*M! … */` is MariaDB's; `/*!80000 … */` MySQL's, which MariaDB passes over although its numbers are higher), so
//! that one text serves both.

use crate::catalogue::Query;

/// All of them.
pub(crate) const QUERIES: &[Query] = &[
    Query {
        name: "server",
        sql: "select cast(version() as char), schema_name, default_character_set_name, default_collation_name,
                     cast(@@lower_case_table_names as char)
              from information_schema.schemata where schema_name = database()",
    },
    Query {
        name: "charsets",
        sql: "select character_set_name, default_collate_name from information_schema.character_sets",
    },
    Query {
        name: "tables",
        sql: "select table_name, table_type, engine, row_format, table_collation, create_options, table_comment
              from information_schema.tables where table_schema = database() order by table_name",
    },
    Query {
        name: "columns",
        sql: "select table_name, column_name, cast(column_default as char), is_nullable, cast(column_type as char),
                     character_set_name, collation_name, extra, cast(column_comment as char),
                     cast(generation_expression as char)
              from information_schema.columns where table_schema = database()
              order by table_name, ordinal_position",
    },
    Query {
        name: "indexes",
        sql: "select table_name, index_name, cast(non_unique as char), column_name, collation, cast(sub_part as char),
                     index_type, index_comment,
                     concat('' /*M!100600 , ignored */ /*!80000 , if(is_visible = 'YES', 'NO', 'YES') */),
                     concat('' /*!80013 , coalesce(expression, '') */)
              from information_schema.statistics where table_schema = database()
              order by table_name, index_name, seq_in_index",
    },
    Query {
        name: "foreign keys",
        sql: "select k.table_name, k.constraint_name, k.column_name, k.referenced_table_schema, k.referenced_table_name,
                     k.referenced_column_name, r.update_rule, r.delete_rule
              from information_schema.key_column_usage k
              join information_schema.referential_constraints r
                on r.constraint_schema = k.constraint_schema and r.constraint_name = k.constraint_name
               and r.table_name = k.table_name
              where k.table_schema = database() and k.referenced_table_name is not null
              order by k.table_name, k.constraint_name, k.ordinal_position",
    },
    Query {
        name: "checks",
        sql: "select /*M! c.table_name */ /*!80016 t.table_name */, c.constraint_name,
                     concat('' /*M!100510 , c.level */),
                     cast(c.check_clause as char), concat('' /*!80016 , t.enforced */)
              from information_schema.check_constraints c
              /*!80016 join information_schema.table_constraints t
                on t.constraint_schema = c.constraint_schema and t.constraint_name = c.constraint_name
               and t.constraint_type = 'CHECK' */
              where c.constraint_schema = database()
              order by 1, 2",
    },
    Query {
        name: "views",
        sql: "select table_name, cast(view_definition as char), check_option, definer, security_type,
                     concat('' /*M! , algorithm */)
              from information_schema.views where table_schema = database()",
    },
    Query {
        name: "triggers",
        sql: "select trigger_name, event_object_table, definer, action_timing, event_manipulation,
                     cast(action_statement as char)
              from information_schema.triggers where trigger_schema = database()",
    },
    Query {
        name: "events",
        sql: "select event_name, definer, event_type, cast(execute_at as char), cast(interval_value as char),
                     interval_field, cast(starts as char), cast(ends as char), status, on_completion, event_comment,
                     cast(event_definition as char)
              from information_schema.events where event_schema = database()",
    },
    Query {
        name: "routines",
        sql: "select routine_name, routine_type from information_schema.routines where routine_schema = database()",
    },
    Query {
        name: "partitions",
        sql: "select table_name, partition_name, partition_method, cast(partition_expression as char),
                     cast(partition_description as char), subpartition_name, partition_comment
              from information_schema.partitions
              where table_schema = database() and partition_name is not null
              order by table_name, partition_ordinal_position",
    },
];
