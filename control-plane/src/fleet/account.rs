//! Accounts of hosts that people sign in with when nothing else helps: the name in clear, the password in the secret store.
//!
//! Whoever sees the host sees which accounts it has; whoever may write it keeps them; a password is shown to whoever may
//! reveal secrets and reaches the host, one at a time, and not before that is on record. Agents know nothing of them. They go
//! with their host.

use muster_base::{ExposeSecret as _, HostAccountId, HostId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FleetError, host, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    secrets::{self, CredentialKind, SecretsError},
};

/// Of a host.
const MOST: i64 = 50;
/// Bytes of a password.
const PASSWORD: usize = 4_096;

/// An account of a host, without its password.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct HostAccount {
    /// Id.
    pub id: HostAccountId,
    /// Unique on the host.
    pub username: String,
    /// What it is for.
    pub note: String,
    /// Who entered it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// An account, as people write it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostAccountInput {
    /// Unique on the host.
    pub username: String,
    /// Its password; may be left out when an account changes and keeps it.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
    /// What it is for, at most 500 characters.
    #[serde(default)]
    pub note: String,
}

/// A password that is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevealedHostAccount {
    /// The account.
    pub id: HostAccountId,
    /// Its name.
    pub username: String,
    /// Its password.
    pub password: String,
}

/// A host's accounts, by name.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    host: HostId,
    query: &PageQuery,
) -> Result<Page<HostAccount>, FleetError> {
    host::find_host_for(app, caller, Operation::HostRead, host).await?;
    let after = query.cursor::<String>().map_err(FleetError::Refused)?;
    let after = after.unwrap_or_default();
    let rows = store::account::list(&app.db, caller.org(), host, &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.username)))
}

/// Enters an account.
pub(super) async fn create(
    app: &App,
    caller: &Caller,
    host: HostId,
    input: HostAccountInput,
) -> Result<HostAccount, FleetError> {
    host::find_host_for(app, caller, Operation::HostWrite, host).await?;
    check(&input)?;
    let password = input.password.as_ref();
    let password = password.ok_or_else(|| FleetError::invalid("password", Flaw::Needed))?;
    let (org, now) = (caller.org(), app.clock.now());
    let account = HostAccount {
        id: app.clock.new_id(),
        username: input.username,
        note: input.note,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    in_tx!(app.db, |tx| {
        if store::account::count(tx, host).await? >= MOST {
            return Err(FleetError::TooManyAccounts(MOST));
        }
        store::account::insert(tx, org, host, &account)
            .await
            .map_err(taken)?;
        put(app, tx, caller, &account, password).await?;
        let entry = Entry::done(Operation::HostWrite, "hostAccount", account.id)
            .after(&account)
            .detail(format!("of the host {host}"));
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(account)
}

/// Puts another in its place; its password stays if none is given.
pub(super) async fn replace(
    app: &App,
    caller: &Caller,
    (host, id): (HostId, HostAccountId),
    input: HostAccountInput,
) -> Result<HostAccount, FleetError> {
    host::find_host_for(app, caller, Operation::HostWrite, host).await?;
    check(&input)?;
    let before = find(app, caller, host, id).await?;
    let after = HostAccount {
        username: input.username,
        note: input.note,
        updated_at: app.clock.now(),
        ..before.clone()
    };
    in_tx!(app.db, |tx| {
        let found = store::account::update(tx, host, &after).await.map_err(taken)?;
        if !found {
            return Err(FleetError::NoAccount);
        }
        if let Some(password) = &input.password {
            put(app, tx, caller, &after, password).await?;
        }
        let changed = if input.password.is_some() {
            "with"
        } else {
            "without"
        };
        let entry = Entry::done(Operation::HostWrite, "hostAccount", id)
            .before(&before)
            .after(&after)
            .detail(format!("of the host {host}, {changed} its password"));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(after)
}

/// Forgets an account and its password.
pub(super) async fn delete(
    app: &App,
    caller: &Caller,
    host: HostId,
    id: HostAccountId,
) -> Result<(), FleetError> {
    host::find_host_for(app, caller, Operation::HostWrite, host).await?;
    let before = find(app, caller, host, id).await?;
    in_tx!(app.db, |tx| {
        if !store::account::delete(tx, host, id).await? {
            return Err(FleetError::NoAccount);
        }
        let kind = CredentialKind::HostAccount;
        secrets::delete_credential(tx, caller.org(), kind, *id.as_uuid())
            .await
            .map_err(secret)?;
        let entry = Entry::done(Operation::HostWrite, "hostAccount", id)
            .before(&before)
            .detail(format!("of the host {host}"));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Shows a password. The audit row is written first: nothing is shown that is not on record.
pub(super) async fn reveal(
    app: &App,
    caller: &Caller,
    host: HostId,
    id: HostAccountId,
) -> Result<RevealedHostAccount, FleetError> {
    host::find_host_for(app, caller, Operation::SecretReveal, host).await?;
    let account = find(app, caller, host, id).await?;
    let kind = CredentialKind::HostAccount;
    let password = secrets::find_credential(app, caller.org(), kind, *id.as_uuid())
        .await
        .map_err(secret)?
        .ok_or(FleetError::NoAccount)?;
    in_tx!(app.db, |tx| {
        let entry = Entry::done(Operation::SecretReveal, "hostAccount", id).detail(format!(
            "the password of {} on the host {host} was shown",
            account.username
        ));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(RevealedHostAccount {
        id,
        username: account.username,
        password: password.expose_secret().to_owned(),
    })
}

/// Forgets the accounts of a host that is removed.
pub(super) async fn forget(tx: &mut crate::db::Tx, caller: &Caller, host: HostId) -> Result<(), FleetError> {
    let gone = store::account::delete_of_host(tx, host).await?;
    let gone: Vec<_> = gone.iter().map(|id| *id.as_uuid()).collect();
    secrets::delete_credentials(tx, caller.org(), CredentialKind::HostAccount, &gone)
        .await
        .map_err(secret)
}

async fn find(
    app: &App,
    caller: &Caller,
    host: HostId,
    id: HostAccountId,
) -> Result<HostAccount, FleetError> {
    store::account::find(&app.db, caller.org(), host, id)
        .await?
        .ok_or(FleetError::NoAccount)
}

async fn put(
    app: &App,
    tx: &mut crate::db::Tx,
    caller: &Caller,
    account: &HostAccount,
    password: &SecretString,
) -> Result<(), FleetError> {
    let (kind, id) = (CredentialKind::HostAccount, *account.id.as_uuid());
    secrets::put_credential(app, tx, caller.org(), kind, id, password)
        .await
        .map_err(secret)
}

fn check(input: &HostAccountInput) -> Result<(), FleetError> {
    let name = &input.username;
    let plain = name.trim() == name && !name.chars().any(char::is_control);
    if !plain || !(1..=128).contains(&name.chars().count()) {
        return Err(FleetError::invalid("username", Flaw::Name(128)));
    }
    if input.note.chars().count() > 500 || input.note.contains('\0') {
        return Err(FleetError::invalid("note", Flaw::TooLong(500)));
    }
    let password = input
        .password
        .as_ref()
        .map(|password| password.expose_secret().len());
    if password.is_some_and(|bytes| !(1..=PASSWORD).contains(&bytes)) {
        return Err(FleetError::invalid("password", Flaw::Bytes(1, PASSWORD)));
    }
    Ok(())
}

fn secret(error: SecretsError) -> FleetError {
    FleetError::Refused(error.into())
}

fn taken(error: DbError) -> FleetError {
    if error.violates_unique("host_accounts", &["host_id", "username"]) {
        FleetError::NameTaken("account")
    } else {
        error.into()
    }
}
