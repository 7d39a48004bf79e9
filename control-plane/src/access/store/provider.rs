//! Rows of `provider_states`.

use muster_base::{SessionId, UnixMs, UserId};

use crate::{
    access::provider::{NewState, State},
    db::{DbError, Tx},
    with_tx,
};

pub(in crate::access) async fn insert(tx: &mut Tx, row: &NewState<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into provider_states (state_hash, provider, platform, browser_hash, user_id, session_id, \
        created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.hash.as_slice())
            .bind(row.provider)
            .bind(row.platform)
            .bind(row.browser_hash.as_slice())
            .bind(row.binds.map(|(user, _)| user))
            .bind(row.binds.map(|(_, session)| session))
            .bind(row.now)
            .bind(row.expires_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// What this browser was sent away for; once.
pub(in crate::access) async fn take(
    tx: &mut Tx,
    provider: &str,
    [state, browser]: &[[u8; 32]; 2],
    now: UnixMs,
) -> Result<Option<State>, DbError> {
    const SQL: &str = "delete from provider_states where state_hash = $1 and browser_hash = $2 and provider = $3 \
        and expires_at > $4 returning platform, user_id, session_id";
    let row: Option<(String, Option<UserId>, Option<SessionId>)> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(state.as_slice())
        .bind(browser.as_slice())
        .bind(provider)
        .bind(now)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(|(platform, user, session)| State {
        platform,
        user,
        session,
    }))
}

pub(in crate::access) async fn delete_expired(tx: &mut Tx, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from provider_states where expires_at <= $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(now).execute(conn).await?;
    });
    Ok(())
}
