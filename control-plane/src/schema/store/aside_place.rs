//! Where what was set aside is by now: rows of `set_asides` that go where their table goes, and those that are there no more.
//!
//! A column that was set aside is told by its table and its name of now, and so is the SQL that drops it or brings it back. What
//! renames the table moves all of that: a release whose design has the table under another name (it is the same table by its
//! id), the table being set aside itself or brought back, and a look at the database that finds the column elsewhere.

use muster_base::{ExecutionId, ServerId, SetAsideId, UnixMs};
use muster_documents::Design;
use muster_schema::{Dialect, SetAside as Planned, at_table, model::Name};

use crate::{
    db::{Db, DbError, Tx},
    schema::{ServerType, SetAsideKind, SetAsideState},
    with_pool, with_tx,
};

/// Something that was set aside, as it was last known.
#[derive(Debug, Clone)]
pub(in crate::schema) struct Known {
    pub(in crate::schema) id: SetAsideId,
    /// Whether it was not there when the database was last looked at.
    pub(in crate::schema) gone: bool,
    /// What it is and where; without the SQL, which is beside it as text.
    pub(in crate::schema) aside: Planned,
    dialect: Dialect,
    drop_sql: String,
    restore_sql: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: SetAsideId,
    kind: String,
    namespace: String,
    table_name: String,
    name: String,
    name_now: String,
    state: String,
    drop_sql: String,
    restore_sql: String,
    dialect: String,
}

const SELECT: &str = "select a.id, a.kind, a.namespace, a.table_name, a.name, a.name_now, a.state, a.drop_sql, \
    a.restore_sql, d.dialect from set_asides a join db_servers d on d.id = a.server_id \
    where a.server_id = $1 and a.database = $2 and a.state in ('kept', 'gone')";

impl Row {
    fn known(self) -> Result<Known, DbError> {
        let column = (self.kind == SetAsideKind::Column.as_str()).then_some(self.name);
        Ok(Known {
            id: self.id,
            gone: self.state == SetAsideState::Gone.as_str(),
            aside: Planned {
                table: Name::new(self.namespace, self.table_name),
                column,
                now: self.name_now,
                drop: String::new(),
                restore: Vec::new(),
            },
            dialect: ServerType::parse(&self.dialect)?.dialect(),
            drop_sql: self.drop_sql,
            restore_sql: self.restore_sql,
        })
    }
}

/// What was set aside in a database and was neither dropped nor brought back by a release.
pub(in crate::schema) async fn known(
    db: &Db,
    server: ServerId,
    database: &str,
) -> Result<Vec<Known>, DbError> {
    let sql = format!("{SELECT} order by a.id");
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(server)
        .bind(database)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Row::known).collect()
}

/// Notes that it is not there any more, or is again; false if it is neither kept nor gone, or somebody else has noted it.
pub(in crate::schema) async fn set_gone(
    tx: &mut Tx,
    id: SetAsideId,
    gone: bool,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update set_asides set state = $3, state_at = $4 where id = $1 and state = $2";
    let (from, to) = if gone {
        (SetAsideState::Kept, SetAsideState::Gone)
    } else {
        (SetAsideState::Gone, SetAsideState::Kept)
    };
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Notes that a column is in that table by now, and so is what its SQL is about. Text that is not about its table stays as it is.
pub(in crate::schema) async fn set_table(tx: &mut Tx, known: &Known, to: &Name) -> Result<bool, DbError> {
    const SQL: &str = "update set_asides set namespace = $4, table_name = $5, drop_sql = $6, restore_sql = $7 \
        where id = $1 and namespace = $2 and table_name = $3";
    let from = &known.aside.table;
    let moved = |sql: &str| at_table(known.dialect, sql, (from, to));
    let (Some(drop), Some(restore)) = (moved(&known.drop_sql), moved(&known.restore_sql)) else {
        return Ok(false);
    };
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(known.id)
        .bind(&from.namespace)
        .bind(&from.name)
        .bind(&to.namespace)
        .bind(&to.name)
        .bind(&drop)
        .bind(&restore)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

async fn columns(tx: &mut Tx, (server, database): (ServerId, &str)) -> Result<Vec<Known>, DbError> {
    let sql = format!("{SELECT} and a.kind = 'column' order by a.id");
    let rows: Vec<Row> = with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(server)
        .bind(database)
        .fetch_all(conn)
        .await)?;
    rows.into_iter().map(Row::known).collect()
}

/// Columns of a table that is called otherwise from now on.
pub(super) async fn move_columns(
    tx: &mut Tx,
    place: (ServerId, &str),
    (from, to): (&Name, &Name),
) -> Result<(), DbError> {
    for known in columns(tx, place).await? {
        if is_same(known.dialect, &known.aside.table, from) {
            set_table(tx, &known, to).await?;
        }
    }
    Ok(())
}

/// Columns of a table that was dropped went with it.
pub(super) async fn drop_columns(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
    table: &Name,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update set_asides set state = 'dropped', state_at = $5 where server_id = $1 and database = $2 \
        and namespace = $3 and table_name = $4 and kind = 'column' and state in ('kept', 'gone')";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(server)
            .bind(database)
            .bind(&table.namespace)
            .bind(&table.name)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Designs {
    server_id: ServerId,
    database: String,
    before: String,
    after: String,
}

/// Before an execution that succeeded is what is there: columns go where its release has taken their tables.
pub(super) async fn follow_renames(tx: &mut Tx, execution: ExecutionId) -> Result<(), DbError> {
    const SQL: &str = "select s.server_id, s.database, s.design as before, t.design as after from executions e \
        join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        join database_states s on s.server_id = e.server_id and s.database = coalesce(t.database, r.database) \
        where e.id = $1 and not e.dry_run and t.design is not null and exists (select 1 from set_asides a \
        where a.server_id = s.server_id and a.database = s.database and a.kind = 'column' and a.state in ('kept', 'gone'))";
    let found: Option<Designs> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(execution)
        .fetch_optional(conn)
        .await)?;
    let Some(found) = found else { return Ok(()) };
    let read = |text: &str| {
        serde_json::from_str::<Design>(text)
            .map_err(|_| DbError::Corrupt("database_states: a design that can't be read".to_owned()))
    };
    let (before, after) = (read(&found.before)?, read(&found.after)?);
    for known in columns(tx, (found.server_id, &found.database)).await? {
        let table = &known.aside.table;
        let was = before.tables.iter().find(|old| {
            is_same(
                known.dialect,
                table,
                &Name::new(&table.namespace, old.name.as_str()),
            )
        });
        let is = was.and_then(|old| after.tables.iter().find(|new| new.id == old.id));
        if let (Some(was), Some(is)) = (was, is)
            && was.name != is.name
        {
            set_table(tx, &known, &table.sibling(is.name.as_str())).await?;
        }
    }
    Ok(())
}

/// Servers that keep names in lower case tell them so.
fn is_same(dialect: Dialect, a: &Name, b: &Name) -> bool {
    a == b || (dialect == Dialect::MySql && a.name.to_lowercase() == b.name.to_lowercase())
}
