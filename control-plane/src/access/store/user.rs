//! Rows of `users`.

use muster_base::{OrgId, PlatformId, UnixMs, UserId};
use sqlx::AssertSqlSafe;

use crate::{
    access::User,
    db::{Db, DbError, Tx},
    notify::Language,
    with_pool, with_tx,
};

/// What a sign-in needs.
#[derive(sqlx::FromRow)]
pub(in crate::access) struct LoginRow {
    pub(in crate::access) id: UserId,
    pub(in crate::access) username: String,
    pub(in crate::access) password_hash: String,
    pub(in crate::access) status: String,
    /// How an imported hash begins; empty for ours.
    pub(in crate::access) hash_kind: String,
}

/// What an e-mail address is found by, however it is written: only letters that every system folds alike are.
fn email_key(email: &str) -> String {
    email.to_ascii_lowercase()
}

/// The user of that platform whose account, name, e-mail address or mobile number this is; an address in another
/// spelling if there is none in this one.
pub(in crate::access) async fn find_login(
    db: &Db,
    platform: &str,
    login: &str,
) -> Result<Option<LoginRow>, DbError> {
    const SQL: &str = "select u.id, u.username, u.password_hash, u.status, u.hash_kind from users u \
        join platforms p on p.id = u.platform_id \
        where p.code = $1 and p.status = 'active' and (u.account = $2 or u.username = $2 or u.email = $2 or u.mobile = $2 \
        or u.email_key = $3) order by case when u.account = $2 or u.username = $2 or u.email = $2 or u.mobile = $2 \
        then 0 else 1 end, u.created_at limit 1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(platform)
        .bind(login)
        .bind(email_key(login))
        .fetch_optional(pool)
        .await)?)
}

/// How many users of each platform have a hash of each kind; nothing where all are ours.
pub(in crate::access) async fn hash_kinds(db: &Db) -> Result<Vec<(String, String, i64)>, DbError> {
    const SQL: &str = "select p.code, u.hash_kind, count(*) from users u join platforms p on p.id = u.platform_id \
        where u.platform_id in (select i.platform_id from users i where i.hash_kind <> '') \
        group by p.code, u.hash_kind order by p.code, u.hash_kind";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// Writes a user down. `kind`: of an imported hash; `own`: they themselves entered their address.
pub(in crate::access) async fn insert(
    tx: &mut Tx,
    user: &User,
    (password_hash, kind): (&str, &str),
    own: bool,
) -> Result<(), DbError> {
    const SQL: &str = "insert into users (id, account, platform_id, username, email, mobile, nick_name, portrait, \
        gender, birthday, password_hash, status, registered_by, role_id, created_at, updated_at, password_strength, legacy_id, \
        email_own, email_key, hash_kind) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17, $18, $19, $20)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user.id)
            .bind(&user.account)
            .bind(user.platform_id)
            .bind(&user.username)
            .bind(&user.email)
            .bind(&user.mobile)
            .bind(&user.nick_name)
            .bind(&user.portrait)
            .bind(user.gender)
            .bind(&user.birthday)
            .bind(password_hash)
            .bind(&user.status)
            .bind(&user.registered_by)
            .bind(user.role_id)
            .bind(user.created_at)
            .bind(user.password_strength)
            .bind(&user.legacy_id)
            .bind(own)
            .bind(user.email.as_deref().map(email_key))
            .bind(kind)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Writes what may change; the password only if there is a new one. `own`: they themselves entered what is new.
pub(in crate::access) async fn update(
    tx: &mut Tx,
    user: &User,
    (password_hash, own): (Option<&str>, bool),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update users set nick_name = $2, status = $3, password_hash = coalesce($4, password_hash), \
        password_strength = case when $4 is null then password_strength else $12 end, \
        password_mailed = case when $4 is null then password_mailed else false end, \
        hash_kind = case when $4 is null then hash_kind else '' end, \
        email_own = case when email is not distinct from $6 then email_own else $15 end, \
        email_key = case when email is not distinct from $6 then email_key else $16 end, \
        updated_at = $5, email = $6, mobile = $7, portrait = $8, gender = $9, birthday = $10, role_id = $11, mail_messages = $13, mail_language = $14, username = $17, \
        email_verified_at = case when email is not distinct from $6 then email_verified_at end, \
        mobile_verified_at = case when mobile is not distinct from $7 then mobile_verified_at end where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user.id)
            .bind(&user.nick_name)
            .bind(&user.status)
            .bind(password_hash)
            .bind(now)
            .bind(&user.email)
            .bind(&user.mobile)
            .bind(&user.portrait)
            .bind(user.gender)
            .bind(&user.birthday)
            .bind(user.role_id)
            .bind(user.password_strength)
            .bind(user.mail_messages)
            .bind(&user.mail_language)
            .bind(own)
            .bind(user.email.as_deref().map(email_key))
            .bind(&user.username)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// A new password; `mailed`: set by whoever reads the user's mail.
pub(in crate::access) async fn set_password(
    tx: &mut Tx,
    id: UserId,
    (password_hash, strength, mailed): (&str, i64, bool),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update users set password_hash = $2, password_strength = $4, password_mailed = $5, \
        hash_kind = '', updated_at = $3 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(password_hash)
            .bind(now)
            .bind(strength)
            .bind(mailed)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Whether a link that sets a new password may be mailed to the user: the address is known to be theirs, because they
/// verified it or an administrator wrote it down.
pub(in crate::access) async fn may_reset(db: &Db, id: UserId) -> Result<bool, DbError> {
    const SQL: &str = "select 1 from users where id = $1 and email is not null \
        and (email_verified_at is not null or not email_own)";
    let found: Option<i32> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(found.is_some())
}

/// Puts a newer hash of the same password in the place of the older, unless it was changed meanwhile.
pub(in crate::access) async fn replace_password(
    tx: &mut Tx,
    id: UserId,
    (older, newer): (&str, &str),
    strength: i64,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update users set password_hash = $3, password_strength = $4, hash_kind = '', updated_at = $5 \
        where id = $1 and password_hash = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(older)
            .bind(newer)
            .bind(strength)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The present address is theirs, since then if not since earlier.
pub(in crate::access) async fn set_email_verified(
    tx: &mut Tx,
    id: UserId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update users set email_verified_at = coalesce(email_verified_at, $2) where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// The number is theirs; false if it is no longer the one that they showed it for.
pub(in crate::access) async fn set_mobile_verified(
    tx: &mut Tx,
    id: UserId,
    mobile: &str,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update users set mobile_verified_at = $3 where id = $1 and mobile = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(mobile)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Waits for other transactions that lock this user.
pub(in crate::access) async fn lock(tx: &mut Tx, db: &Db, id: UserId) -> Result<(), DbError> {
    let sql = format!("select id from users where id = $1{}", db.for_update());
    let found: Option<UserId> = with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(conn)
        .await)?;
    found
        .map(|_| ())
        .ok_or_else(|| DbError::Corrupt(format!("no user {id}")))
}

/// Notes a sign-in.
pub(in crate::access) async fn set_login(
    tx: &mut Tx,
    id: UserId,
    now: UnixMs,
    (ip, device, region): (Option<&str>, Option<&str>, Option<&str>),
    language: Option<Language>,
) -> Result<(), DbError> {
    const SQL: &str = "update users set last_login_at = $2, last_login_ip = $3, last_login_device = $4, \
        last_login_region = $5, last_login_language = coalesce($6, last_login_language) where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(now)
            .bind(ip)
            .bind(device)
            .bind(region)
            .bind(language.map(Language::as_str))
            .execute(conn)
            .await?;
    });
    Ok(())
}

const GET: &str = "select id, account, platform_id, username, email, email_verified_at, mobile, mobile_verified_at, password_strength, nick_name, portrait, gender, \
    birthday, status, registered_by, role_id, legacy_id, mail_messages, mail_language, created_at, updated_at, last_login_at, last_login_device, last_login_region \
    from users where id = $1";

pub(in crate::access) async fn get(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_as(GET)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

/// As [`get`], in a transaction.
pub(in crate::access) async fn find_in(tx: &mut Tx, id: UserId) -> Result<Option<User>, DbError> {
    Ok(with_tx!(tx, |conn| sqlx::query_as(GET)
        .bind(id)
        .fetch_optional(conn)
        .await)?)
}

pub(in crate::access) async fn password_hash(db: &Db, id: UserId) -> Result<Option<String>, DbError> {
    const SQL: &str = "select password_hash from users where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn platform_of(tx: &mut Tx, id: UserId) -> Result<Option<PlatformId>, DbError> {
    const SQL: &str = "select platform_id from users where id = $1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(conn)
        .await)?)
}

/// Who is written to.
#[derive(sqlx::FromRow)]
pub(in crate::access) struct Reader {
    pub(in crate::access) email: String,
    pub(in crate::access) platform_id: PlatformId,
    language: Option<String>,
}

impl Reader {
    /// Their choice, or what they last signed in with; English if they never said.
    pub(in crate::access) fn language(&self) -> Language {
        self.language
            .as_deref()
            .and_then(Language::read)
            .unwrap_or_default()
    }
}

/// Those among `users` who want messages by mail and whose address was verified.
pub(in crate::access) async fn list_mail_wanted(
    tx: &mut Tx,
    db: &Db,
    users: &[UserId],
) -> Result<Vec<Reader>, DbError> {
    let sql = format!(
        "select email, platform_id, case when mail_language = 'auto' then last_login_language else mail_language end as language \
         from users where {} and mail_messages and status = 'active' \
         and email is not null and email_verified_at is not null order by id",
        db.id_among("id", 1)
    );
    let users = serde_json::to_string(users).map_err(|error| DbError::Corrupt(error.to_string()))?;
    Ok(with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(users)
        .fetch_all(conn)
        .await)?)
}

/// The user of that name in the org's platform.
pub(in crate::access) async fn find_by_username(
    tx: &mut Tx,
    org: OrgId,
    username: &str,
) -> Result<Option<UserId>, DbError> {
    const SQL: &str = "select u.id from users u join orgs o on o.platform_id = u.platform_id \
        where o.id = $1 and u.username = $2 and u.status = 'active'";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(username)
        .fetch_optional(conn)
        .await)?)
}
