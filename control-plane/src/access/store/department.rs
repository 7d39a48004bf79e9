//! Rows of `departments` and `department_members`.

use std::collections::BTreeMap;

use muster_base::{DepartmentId, OrgId, UnixMs, UserId};

use crate::{
    access::department::Department,
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: DepartmentId,
    parent_id: Option<DepartmentId>,
    name: String,
    head_id: Option<UserId>,
    position: i64,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl Row {
    fn with(self, member_ids: Vec<UserId>) -> Department {
        Department {
            id: self.id,
            parent_id: self.parent_id,
            name: self.name,
            head_id: self.head_id,
            order: self.position,
            member_ids,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// All of the org's, by order and name.
pub(in crate::access) async fn list(db: &Db, org: OrgId) -> Result<Vec<Department>, DbError> {
    const SQL: &str = "select id, parent_id, name, head_id, position, created_at, updated_at from departments \
        where org_id = $1 order by position, name, id";
    const MEMBERS: &str = "select m.department_id, m.user_id from department_members m \
        join departments d on d.id = m.department_id where d.org_id = $1 order by m.user_id";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL).bind(org).fetch_all(pool).await)?;
    let pairs: Vec<(DepartmentId, UserId)> =
        with_pool!(db, |pool| sqlx::query_as(MEMBERS).bind(org).fetch_all(pool).await)?;
    let mut members: BTreeMap<DepartmentId, Vec<UserId>> = BTreeMap::new();
    for (department, user) in pairs {
        members.entry(department).or_default().push(user);
    }
    let with = |row: Row| {
        let own = members.remove(&row.id).unwrap_or_default();
        row.with(own)
    };
    Ok(rows.into_iter().map(with).collect())
}

pub(in crate::access) async fn find(
    tx: &mut Tx,
    org: OrgId,
    id: DepartmentId,
) -> Result<Option<Department>, DbError> {
    const SQL: &str = "select id, parent_id, name, head_id, position, created_at, updated_at from departments \
        where org_id = $1 and id = $2";
    const MEMBERS: &str = "select user_id from department_members where department_id = $1 order by user_id";
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await)?;
    let Some(row) = row else { return Ok(None) };
    let members = with_tx!(tx, |conn| sqlx::query_scalar(MEMBERS)
        .bind(id)
        .fetch_all(conn)
        .await)?;
    Ok(Some(row.with(members)))
}

/// Each department with the one above it.
pub(in crate::access) async fn parents(
    tx: &mut Tx,
    org: OrgId,
) -> Result<Vec<(DepartmentId, Option<DepartmentId>)>, DbError> {
    const SQL: &str = "select id, parent_id from departments where org_id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .fetch_all(conn)
        .await)?)
}

pub(in crate::access) async fn insert(tx: &mut Tx, org: OrgId, row: &Department) -> Result<(), DbError> {
    const SQL: &str = "insert into departments (id, org_id, parent_id, name, head_id, position, created_at, \
        updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.id)
            .bind(org)
            .bind(row.parent_id)
            .bind(&row.name)
            .bind(row.head_id)
            .bind(row.order)
            .bind(row.created_at)
            .bind(row.updated_at)
            .execute(conn)
            .await?;
    });
    insert_members(tx, row).await
}

pub(in crate::access) async fn update(tx: &mut Tx, org: OrgId, row: &Department) -> Result<(), DbError> {
    const SQL: &str = "update departments set parent_id = $3, name = $4, head_id = $5, position = $6, \
        updated_at = $7 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(row.id)
            .bind(row.parent_id)
            .bind(&row.name)
            .bind(row.head_id)
            .bind(row.order)
            .bind(row.updated_at)
            .execute(&mut *conn)
            .await?;
        sqlx::query("delete from department_members where department_id = $1")
            .bind(row.id)
            .execute(conn)
            .await?;
    });
    insert_members(tx, row).await
}

async fn insert_members(tx: &mut Tx, row: &Department) -> Result<(), DbError> {
    const SQL: &str = "insert into department_members (department_id, user_id) values ($1, $2)";
    with_tx!(tx, |conn| {
        for user in &row.member_ids {
            sqlx::query(SQL)
                .bind(row.id)
                .bind(user)
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}

pub(in crate::access) async fn delete(tx: &mut Tx, org: OrgId, id: DepartmentId) -> Result<(), DbError> {
    const SQL: &str = "delete from departments where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).execute(conn).await?;
    });
    Ok(())
}

/// Takes somebody who leaves the org out of its departments.
pub(in crate::access) async fn forget_member(tx: &mut Tx, org: OrgId, user: UserId) -> Result<(), DbError> {
    const MEMBER: &str = "delete from department_members where user_id = $2 \
        and department_id in (select id from departments where org_id = $1)";
    const HEAD: &str = "update departments set head_id = null where org_id = $1 and head_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(MEMBER)
            .bind(org)
            .bind(user)
            .execute(&mut *conn)
            .await?;
        sqlx::query(HEAD).bind(org).bind(user).execute(conn).await?;
    });
    Ok(())
}
