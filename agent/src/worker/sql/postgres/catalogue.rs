//! What PostgreSQL's catalogue says about a statement's effects.

use muster_schema::{Effect, ObjectRef};

use super::{
    super::decide::{Held, State},
    session::{Session, quoted},
};

impl Session {
    /// Which effects hold now.
    pub(super) async fn state(&mut self, effects: &[Effect]) -> Result<State, sqlx::Error> {
        let mut held = Vec::with_capacity(effects.len());
        for effect in effects {
            held.push(self.holds(effect).await?);
        }
        Ok(State {
            effects: held,
            objects: Vec::new(),
        })
    }

    async fn holds(&mut self, effect: &Effect) -> Result<Held, sqlx::Error> {
        let (is_there, wanted) = match effect {
            Effect::Relation { name, present } => {
                let found = sqlx::query_scalar("select to_regclass($1) is not null").bind(qualified(name));
                (found.fetch_one(&mut self.conn).await?, *present)
            }
            Effect::Column {
                table,
                column,
                present,
            } => {
                let found = sqlx::query_scalar(
                    "select exists (select 1 from pg_catalog.pg_attribute
                     where attrelid = to_regclass($1) and attname = $2 and attnum > 0 and not attisdropped)",
                )
                .bind(qualified(table))
                .bind(column);
                (found.fetch_one(&mut self.conn).await?, *present)
            }
            Effect::Index {
                table,
                index,
                present,
            } => match self.index(table.as_ref(), index).await? {
                Some((false, _)) if *present => return Ok(Held::Broken),
                found => (found.is_some(), *present),
            },
            Effect::EnumValue { name, value } => {
                let found = sqlx::query_scalar(
                    "select exists (select 1 from pg_catalog.pg_enum
                     where enumtypid = to_regtype($1) and enumlabel = $2)",
                )
                .bind(qualified(name))
                .bind(value);
                (found.fetch_one(&mut self.conn).await?, true)
            }
            Effect::Database { name, present } => {
                let found = sqlx::query_scalar(
                    "select exists (select 1 from pg_catalog.pg_database where datname = $1)",
                )
                .bind(name);
                (found.fetch_one(&mut self.conn).await?, *present)
            }
        };
        Ok(if is_there == wanted { Held::Yes } else { Held::No })
    }

    /// Whether an index is usable, and its name in full; nothing if it isn't there.
    async fn index(
        &mut self,
        table: Option<&ObjectRef>,
        index: &ObjectRef,
    ) -> Result<Option<(bool, String)>, sqlx::Error> {
        let found = match table {
            Some(table) => sqlx::query_as(
                "select i.indisvalid and i.indisready, format('%I.%I', n.nspname, c.relname)
                 from pg_catalog.pg_index i
                 join pg_catalog.pg_class c on c.oid = i.indexrelid
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                 where i.indrelid = to_regclass($1) and c.relname = $2",
            )
            .bind(qualified(table))
            .bind(&index.name),
            None => sqlx::query_as(
                "select i.indisvalid and i.indisready, format('%I.%I', n.nspname, c.relname)
                 from pg_catalog.pg_index i
                 join pg_catalog.pg_class c on c.oid = i.indexrelid
                 join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                 where i.indexrelid = to_regclass($1)",
            )
            .bind(qualified(index)),
        };
        found.fetch_optional(&mut self.conn).await
    }

    /// Indexes that the statement was to build and that are there, unusable. Quoted in full.
    pub(super) async fn broken_indexes(&mut self, effects: &[Effect]) -> Result<Vec<String>, sqlx::Error> {
        let mut broken = Vec::new();
        for effect in effects {
            if let Effect::Index {
                table,
                index,
                present: true,
            } = effect
                && let Some((false, name)) = self.index(table.as_ref(), index).await?
            {
                broken.push(name);
            }
        }
        Ok(broken)
    }
}

fn qualified(name: &ObjectRef) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&name.name)),
        None => quoted(&name.name),
    }
}
