//! Users.

use muster_base::{ExposeSecret, SecretString, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Identity, password, store};
use crate::{
    app::App,
    audit::{self, Entry},
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A person.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Made by Muster, unique everywhere.
    pub account: String,
    /// Unique in the platform.
    pub username: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Mobile number.
    pub mobile: Option<String>,
    /// Name for others to see.
    pub nick_name: String,
    /// `active` or `disabled`.
    pub status: String,
    /// The administrator who vouches for them.
    pub registered_by: String,
    /// When they were added.
    pub created_at: UnixMs,
}

/// A user to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// Unique in the platform; 2 to 64 characters without spaces.
    pub username: String,
    /// At least 10 characters.
    #[schema(value_type = String)]
    pub password: SecretString,
    /// E-mail address.
    pub email: Option<String>,
    /// Mobile number.
    pub mobile: Option<String>,
    /// Name for others to see, up to 128 characters.
    pub nick_name: Option<String>,
}

/// Whether somebody may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// They may.
    Active,
    /// They may not, and are signed out.
    Disabled,
}

/// What may be changed of a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserPatch {
    /// `active` or `disabled`.
    pub status: Option<UserStatus>,
    /// Name for others to see.
    pub nick_name: Option<String>,
    /// A new password; ends all their sessions.
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretString>,
}

/// Adds a user. Only the super administrator, who then vouches for them.
pub(super) async fn create(app: &App, who: &Identity, new: NewUser) -> Result<User, AccessError> {
    who.require_super_admin()?;
    let username = new.username.trim().to_owned();
    let length = username.chars().count();
    if !(2..=64).contains(&length)
        || username
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '@')
    {
        return Err(AccessError::invalid(
            "username",
            "must have 2 to 64 characters, without spaces and @",
        ));
    }
    if is_ambiguous(&username) {
        return Err(AccessError::invalid(
            "username",
            "looks like a mobile number or an account; use a name",
        ));
    }
    if app
        .config
        .super_admin
        .as_ref()
        .is_some_and(|admin| admin.account == username)
    {
        return Err(AccessError::Taken("username"));
    }
    let email = optional("email", new.email, |text| text.len() <= 254 && text.contains('@'))?;
    let mobile = optional("mobile", new.mobile, |text| {
        text.len() <= 20 && text.chars().all(|c| c.is_ascii_digit() || c == '+')
    })?;
    let user = User {
        id: app.clock.new_id(),
        account: account(),
        nick_name: check_nick_name(new.nick_name.unwrap_or_default())?,
        username,
        email,
        mobile,
        status: "active".into(),
        registered_by: who.actor.name(),
        created_at: app.clock.now(),
    };
    let hash = password::hash(new.password).await?;
    let insert = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let platform = store::platform::default_id(tx).await?;
            store::user::insert(tx, platform, &user, hash.expose_secret()).await?;
            audit::record(
                app,
                tx,
                who,
                None,
                Entry::done("user:create", "user", user.id).after(&user),
            )
            .await?;
        });
        Ok(())
    };
    insert().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_unique("users", &["platform_id", "username"]) => {
            AccessError::Taken("username")
        }
        AccessError::Db(db) if db.violates_unique("users", &["platform_id", "email"]) => {
            AccessError::Taken("email")
        }
        AccessError::Db(db) if db.violates_unique("users", &["platform_id", "mobile"]) => {
            AccessError::Taken("mobile")
        }
        other => other,
    })?;
    Ok(user)
}

/// All users, newest first. Only the super administrator; members of an org see each other in the list of members.
pub(super) async fn list(app: &App, who: &Identity, query: &PageQuery) -> Result<Page<User>, AccessError> {
    who.require_super_admin()?;
    let rows = store::user::list(&app.db, query.cursor::<UserId>()?, query.fetch()).await?;
    Ok(query.page(rows, |user| Cursor::of(&user.id)))
}

/// One user.
pub(super) async fn get(app: &App, id: UserId) -> Result<User, AccessError> {
    store::user::get(&app.db, id).await?.ok_or(AccessError::NoUser)
}

/// Changes a user. Only the super administrator.
pub(super) async fn update(
    app: &App,
    who: &Identity,
    id: UserId,
    patch: UserPatch,
) -> Result<User, AccessError> {
    who.require_super_admin()?;
    let before = get(app, id).await?;
    let mut user = before.clone();
    if let Some(status) = patch.status {
        user.status = match status {
            UserStatus::Active => "active".into(),
            UserStatus::Disabled => "disabled".into(),
        };
    }
    if let Some(nick_name) = patch.nick_name {
        user.nick_name = check_nick_name(nick_name)?;
    }
    let hash = match patch.password {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::user::update(tx, &user, hash.as_ref().map(ExposeSecret::expose_secret), now).await?;
        if hash.is_some() || user.status == "disabled" {
            store::session::revoke_all(tx, Some(id), now).await?;
        }
        let detail = if hash.is_some() {
            "new password; all sessions ended"
        } else {
            ""
        };
        let entry = Entry::done("user:update", "user", id)
            .before(&before)
            .after(&user)
            .detail(detail);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(user)
}

/// Changes one's own password; ends all sessions but keeps API keys.
pub(super) async fn change_password(
    app: &App,
    who: &Identity,
    old: SecretString,
    new: SecretString,
) -> Result<(), AccessError> {
    let super::Actor::User { user, username, .. } = &who.actor else {
        return Err(AccessError::Refused(crate::error::Error::Denied(
            "only users change their password here; the super administrator's is changed by `muster setup password`"
                .into(),
        )));
    };
    app.throttle.attempt(username, who.ip)?;
    let present = store::user::password_hash(&app.db, *user)
        .await?
        .map(SecretString::from);
    if !password::verify(old, present).await? {
        return Err(AccessError::invalid("oldPassword", "is wrong"));
    }
    let hash = password::hash(new).await?;
    let row = get(app, *user).await?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::user::update(tx, &row, Some(hash.expose_secret()), now).await?;
        store::session::revoke_all(tx, Some(*user), now).await?;
        let entry = Entry::done("user:changePassword", "user", *user);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(())
}

fn check_nick_name(text: String) -> Result<String, AccessError> {
    if text.chars().count() > 128 {
        return Err(AccessError::invalid(
            "nickName",
            "must have at most 128 characters",
        ));
    }
    Ok(text)
}

fn optional(
    field: &'static str,
    value: Option<String>,
    good: impl Fn(&str) -> bool,
) -> Result<Option<String>, AccessError> {
    let value = value
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    match value {
        Some(text) if !good(&text) => Err(AccessError::invalid(field, format!("is not a usable {field}"))),
        other => Ok(other),
    }
}

/// Sign-in takes names, accounts, addresses and numbers: a name must not look like one of the others.
fn is_ambiguous(username: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    digits(username.trim_start_matches(['u', '+']))
}

/// `u` and ten digits.
fn account() -> String {
    let number = u64::from_be_bytes(muster_base::random_array()) % 10_000_000_000;
    format!("u{number:010}")
}
