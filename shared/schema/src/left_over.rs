//! Indexes that a build which broke off left behind.
//!
//! PostgreSQL's `create index concurrently` and `reindex … concurrently` can't undo themselves: what failed stays as an invalid
//! index, which takes space, slows writing and serves no query. Its definition is what was wanted, so by that alone it is
//! no difference; a build of the same name `if not exists` passes it over.

use crate::{
    Dialect, Schema,
    model::{Index, Name},
    render::postgres::{create_index, qualified},
};

/// An invalid index, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOver {
    /// The table or materialised view that it is on.
    pub on: Name,
    /// The index.
    pub index: Name,
    /// What was being built.
    pub definition: String,
    /// Builds it, for who wants it. Fails as the build before did while the reason is still there.
    pub rebuild: String,
    /// Removes it, for who doesn't.
    pub remove: String,
}

/// The invalid indexes of a schema that was read from a database.
pub fn left_over(schema: &Schema) -> Vec<LeftOver> {
    if schema.dialect != Dialect::Postgres {
        return Vec::new();
    }
    let of_tables = schema.tables.iter().flat_map(|(on, table)| {
        let partitioned = table.partition_by.is_some();
        table
            .indexes
            .iter()
            .map(move |(own, index)| (on, own, index, partitioned))
    });
    let of_views = schema.views.iter().flat_map(|(on, view)| {
        view.indexes
            .iter()
            .map(move |(own, index)| (on, own, index, false))
    });
    of_tables
        .chain(of_views)
        .filter(|(_, _, index, _)| index.invalid)
        .map(|(on, own, index, partitioned)| found(on, own, index, partitioned))
        .collect()
}

fn found(on: &Name, own: &str, index: &Index, partitioned: bool) -> LeftOver {
    let name = on.sibling(own);
    let at = qualified(&name);
    // Of a partitioned table nothing can be built or dropped concurrently.
    let (rebuild, remove) = if partitioned {
        let remove = format!("drop index {at}");
        (
            format!("{remove};\n{}", create_index(own, on, index, false)),
            remove,
        )
    } else {
        (
            format!("reindex index concurrently {at}"),
            format!("drop index concurrently {at}"),
        )
    };
    LeftOver {
        on: on.clone(),
        index: name,
        definition: create_index(own, on, index, !partitioned),
        rebuild,
        remove,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{classify, read};

    fn broken(sql: &str, own: &str) -> LeftOver {
        let mut schema = read(Dialect::Postgres, sql).unwrap();
        assert_eq!(left_over(&schema), [], "what is valid is no left-over");
        for table in schema.tables.values_mut() {
            for index in table.indexes.values_mut() {
                index.invalid = true;
            }
        }
        let mut found = left_over(&schema);
        assert_eq!(found.len(), 1, "{found:?}");
        let found = found.remove(0);
        assert_eq!(found.index.name, own);
        for sql in [&found.definition, &found.remove] {
            assert_ne!(
                classify(Dialect::Postgres, sql).risk,
                crate::Risk::Unknown,
                "{sql}"
            );
        }
        found
    }

    #[test]
    fn what_a_build_left_behind_is_rebuilt_or_removed_while_others_work() {
        let found = broken(
            "create table account (id int, mail text); create unique index \"by Mail\" on account (mail);",
            "by Mail",
        );
        assert_eq!(found.rebuild, "reindex index concurrently public.\"by Mail\"");
        assert_eq!(found.remove, "drop index concurrently public.\"by Mail\"");
        assert_eq!(
            found.definition,
            "create unique index concurrently \"by Mail\" on public.account (mail)"
        );
    }

    #[test]
    fn of_a_partitioned_table_it_is_made_again() {
        let found = broken(
            "create table account (id int, at date) partition by range (at); create index by_at on account (at);",
            "by_at",
        );
        assert_eq!(found.remove, "drop index public.by_at");
        assert_eq!(
            found.rebuild,
            "drop index public.by_at;\ncreate index by_at on public.account (at)"
        );
    }
}
