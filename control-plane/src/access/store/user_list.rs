//! Searching `users`.

use muster_base::UserId;
use sqlx::AssertSqlSafe;

use crate::{
    access::{User, user_list::UserQuery},
    db::{Db, DbError},
    with_pool,
};

/// Newest first, without portraits; `platforms` is a JSON array of ids, none: all.
pub(in crate::access) async fn list(
    db: &Db,
    platforms: Option<String>,
    query: &UserQuery,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<User>, DbError> {
    let sql = format!(
        "select id, account, platform_id, username, email, email_verified_at, mobile, mobile_verified_at, password_strength, nick_name, '' as portrait, gender, birthday, \
         status, registered_by, role_id, legacy_id, mail_messages, mail_language, created_at, updated_at, last_login_at, last_login_device, last_login_region \
         from users where ($1 is null or id < $1) and ($2 is null or {}) and ($3 is null or platform_id = $3) \
         and ($4 is null or created_at >= $4) and ($5 is null or created_at < $5) \
         and ($6 is null or last_login_at >= $6) and ($7 is null or last_login_at < $7) \
         and ($8 is null or last_login_region = $8) and ($9 is null or account like $9 escape '\\' \
         or lower(username) like $9 escape '\\' or lower(email) like $9 escape '\\' or mobile like $9 escape '\\' \
         or lower(nick_name) like $9 escape '\\' or legacy_id = $11) order by id desc limit $10",
        db.id_among("platform_id", 2)
    );
    let search = query.search.as_deref().and_then(super::beginning);
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(&platforms)
        .bind(query.platform_id)
        .bind(query.registered_from)
        .bind(query.registered_to)
        .bind(query.last_login_from)
        .bind(query.last_login_to)
        .bind(query.region.as_deref())
        .bind(&search)
        .bind(limit)
        .bind(query.search.as_deref())
        .fetch_all(pool)
        .await)?)
}
