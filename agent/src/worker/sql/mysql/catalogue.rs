//! What the server says about a statement's objects: whether its effects hold, and their fingerprints.

use muster_base::sha256;
use muster_schema::{Classification, Effect, ObjectRef, StatementKind};
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::decide::{Held, State},
    session::Session,
};

/// Stands for an object that isn't there.
const ABSENT: &str = "absent";
/// `ER_NO_SUCH_TABLE`, `ER_BAD_DB_ERROR`.
const NOT_THERE: [u16; 2] = [1146, 1049];

impl Session {
    /// Which effects hold now, and what the objects look like.
    pub(super) async fn state(&mut self, seen: &Classification) -> Result<State, sqlx::Error> {
        let mut state = State::default();
        for effect in &seen.effects {
            let held = if self.holds(effect).await? {
                Held::Yes
            } else {
                Held::No
            };
            state.effects.push(held);
        }
        match seen.kind {
            StatementKind::CreateRoutine | StatementKind::DropRoutine => {
                state.objects.push(("routines".into(), self.routines().await?));
            }
            StatementKind::CreateTrigger | StatementKind::DropTrigger => {
                state.objects.push(("triggers".into(), self.triggers().await?));
            }
            StatementKind::Truncate => {
                for table in &seen.objects {
                    let held = if self.is_empty(table).await? {
                        Held::Yes
                    } else {
                        Held::No
                    };
                    state.effects.push(held);
                }
            }
            _ => {
                for object in &seen.objects {
                    state
                        .objects
                        .push((object.to_string(), self.fingerprint(object).await?));
                }
            }
        }
        Ok(state)
    }

    /// Whether every table is InnoDB's, so that its rows change with a transaction or not at all.
    pub(super) async fn is_transactional(&mut self, tables: &[ObjectRef]) -> Result<bool, sqlx::Error> {
        for table in tables {
            let engine: Option<Option<String>> = sqlx::query_scalar(
                "select engine from information_schema.tables
                 where table_schema = ? and table_name = ?",
            )
            .bind(self.schema_of(table))
            .bind(&table.name)
            .fetch_optional(&mut self.conn)
            .await?;
            // A table that isn't there makes the statement fail; what isn't in the list may be anything.
            match engine {
                None if self.fingerprint(table).await? == ABSENT => {}
                Some(Some(engine)) if engine.eq_ignore_ascii_case("innodb") => {}
                None | Some(_) => return Ok(false),
            }
        }
        Ok(!tables.is_empty())
    }

    /// Named as a value, so that the server looks at this one database and not at all of them.
    fn schema_of(&self, object: &ObjectRef) -> String {
        object.schema.clone().unwrap_or_else(|| self.database.clone())
    }

    async fn holds(&mut self, effect: &Effect) -> Result<bool, sqlx::Error> {
        let (found, wanted): (Option<i64>, bool) = match effect {
            Effect::Relation { name, present } => {
                let query = sqlx::query_scalar(
                    "select 1 from information_schema.tables
                     where table_schema = ? and table_name = ? limit 1",
                );
                let query = query.bind(self.schema_of(name)).bind(&name.name);
                (query.fetch_optional(&mut self.conn).await?, *present)
            }
            Effect::Column {
                table,
                column,
                present,
            } => {
                let query = sqlx::query_scalar(
                    "select 1 from information_schema.columns
                     where table_schema = ? and table_name = ? and column_name = ? limit 1",
                );
                let query = query.bind(self.schema_of(table)).bind(&table.name).bind(column);
                (query.fetch_optional(&mut self.conn).await?, *present)
            }
            Effect::Index {
                table,
                index,
                present,
            } => {
                let query = sqlx::query_scalar(
                    "select 1 from information_schema.statistics
                     where table_schema = ? and table_name = ? and index_name = ? limit 1",
                );
                let table = table.as_ref().unwrap_or(index);
                let query = query
                    .bind(self.schema_of(table))
                    .bind(&table.name)
                    .bind(&index.name);
                (query.fetch_optional(&mut self.conn).await?, *present)
            }
            Effect::EnumValue { .. } => (None, true),
            Effect::Database { name, present } => {
                let query = sqlx::query_scalar(
                    "select 1 from information_schema.schemata where schema_name = ? limit 1",
                );
                (query.bind(name).fetch_optional(&mut self.conn).await?, *present)
            }
        };
        Ok(found.is_some() == wanted)
    }

    /// Of `SHOW CREATE TABLE`, without the count that rows move on.
    async fn fingerprint(&mut self, object: &ObjectRef) -> Result<String, sqlx::Error> {
        let sql = format!("show create table {}", qualified(object));
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut self.conn).await;
        match row {
            Ok(row) => {
                let definition: String = row.try_get(1)?;
                Ok(sha256(without_count(&definition).as_bytes()).to_string())
            }
            Err(sqlx::Error::Database(error))
                if error
                    .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                    .is_some_and(|error| NOT_THERE.contains(&error.number())) =>
            {
                Ok(ABSENT.to_owned())
            }
            Err(error) => Err(error),
        }
    }

    async fn is_empty(&mut self, table: &ObjectRef) -> Result<bool, sqlx::Error> {
        let sql = format!("select exists (select 1 from {} limit 1)", qualified(table));
        let any: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut self.conn)
            .await?;
        Ok(any == 0)
    }

    async fn routines(&mut self) -> Result<String, sqlx::Error> {
        let rows: Vec<(String, String, String, String)> = sqlx::query_as(
            "select cast(routine_name as char), cast(routine_type as char), cast(last_altered as char),
                cast(coalesce(routine_definition, '') as char)
             from information_schema.routines where routine_schema = database() order by 1, 2",
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(sha256(format!("{rows:?}").as_bytes()).to_string())
    }

    async fn triggers(&mut self) -> Result<String, sqlx::Error> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "select cast(trigger_name as char), cast(coalesce(created, '') as char),
                cast(action_statement as char)
             from information_schema.triggers where trigger_schema = database() order by 1",
        )
        .fetch_all(&mut self.conn)
        .await?;
        Ok(sha256(format!("{rows:?}").as_bytes()).to_string())
    }
}

/// A table's definition without `AUTO_INCREMENT=n`, which moves as rows come.
fn without_count(definition: &str) -> String {
    let Some(start) = definition.rfind(" AUTO_INCREMENT=") else {
        return definition.to_owned();
    };
    let digits = start + " AUTO_INCREMENT=".len();
    let end = definition[digits..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(definition.len(), |i| digits + i);
    format!("{}{}", &definition[..start], &definition[end..])
}

fn qualified(name: &ObjectRef) -> String {
    let quoted = |part: &str| format!("`{}`", part.replace('`', "``"));
    match &name.schema {
        Some(schema) => format!("{}.{}", quoted(schema), quoted(&name.name)),
        None => quoted(&name.name),
    }
}
