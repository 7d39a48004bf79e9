//! The little that can't be said in SQL that both databases speak.

use super::{Db, Tx};

impl Db {
    /// Suffix of a `select` that locks the rows it reads until the transaction ends. SQLite needs none: its only
    /// writer is the transaction itself.
    pub fn for_update(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " for update",
        }
    }

    /// The condition that the id in `column` is in the JSON array of ids that is parameter `$n`; false if that is null.
    pub fn id_among(&self, column: &str, n: usize) -> String {
        id_among(matches!(self, Self::Sqlite(_)), column, n)
    }

    /// The condition that the text in `column` is in the JSON array of texts that is parameter `$n`; false if that is
    /// null.
    pub fn text_among(&self, column: &str, n: usize) -> String {
        match self {
            Self::Sqlite(_) => format!("{column} in (select value from json_each(${n}))"),
            Self::Postgres(_) => {
                format!("{column} in (select value from jsonb_array_elements_text(${n}::jsonb))")
            }
        }
    }

    /// A table `pairs (a, b)` of the ids in parameter `$n`, a JSON array of arrays of two: what inserts many rows at once.
    pub fn id_pairs(&self, n: usize) -> String {
        match self {
            Self::Sqlite(_) => format!(
                "(select unhex(value ->> 0, '-') as a, unhex(value ->> 1, '-') as b from json_each(${n})) as pairs"
            ),
            Self::Postgres(_) => format!(
                "(select (value ->> 0)::uuid as a, (value ->> 1)::uuid as b \
                 from jsonb_array_elements(${n}::jsonb)) as pairs"
            ),
        }
    }

    /// A table `name` with a column `value`: the texts of the JSON array in `column`, for a join with the row that it is of.
    pub fn texts_in(&self, column: &str, name: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("json_each({column}) as {name}"),
            Self::Postgres(_) => format!("jsonb_array_elements_text({column}::jsonb) as {name}(value)"),
        }
    }

    /// Whether readings are kept in a table for each day: PostgreSQL's partitions.
    pub fn has_partitions(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Name for logs and the doctor.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

impl Tx {
    /// As [`Db::id_among`].
    pub fn id_among(&self, column: &str, n: usize) -> String {
        id_among(matches!(self, Self::Sqlite(_)), column, n)
    }
}

fn id_among(is_sqlite: bool, column: &str, n: usize) -> String {
    if is_sqlite {
        format!("{column} in (select unhex(value, '-') from json_each(${n}))")
    } else {
        format!("{column} in (select value::uuid from jsonb_array_elements_text(${n}::jsonb))")
    }
}
