//! Users.

use muster_base::{ExposeSecret, PlatformId, RoleId, SecretString, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Identity,
    administrator::Authority,
    confirm, imported, legacy,
    profile::{Gender, MailLanguage, ProfilePatch},
    proof,
    second_factor::{self, MfaMode},
    store, strength,
    turns::Line,
    username::{self, check_username},
};
use crate::{
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    fleet::Change,
    in_tx,
    notify::Language,
};

/// A person.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Made by Muster, unique everywhere.
    pub account: String,
    /// The realm that they belong to.
    pub platform_id: PlatformId,
    /// Unique in the platform.
    pub username: String,
    /// E-mail address, unique in the platform.
    pub email: Option<String>,
    /// When they showed that the address is theirs; null: not yet.
    #[schema(required)]
    pub email_verified_at: Option<UnixMs>,
    /// Mobile number, unique in the platform.
    pub mobile: Option<String>,
    /// When they showed that the number is theirs; null: not yet.
    #[schema(required)]
    pub mobile_verified_at: Option<UnixMs>,
    /// Name for others to see.
    pub nick_name: String,
    /// An image's address or data URI; empty without one, and in lists.
    pub portrait: String,
    /// 1 male, 2 female, 3 unknown.
    pub gender: i64,
    /// `YYYY-MM-DD`.
    pub birthday: Option<String>,
    /// How hard the password is to guess, 0 to 4; null: not known, because it was imported.
    #[schema(required)]
    pub password_strength: Option<i64>,
    /// `active` or `disabled`.
    pub status: String,
    /// The administrator who vouches for them.
    pub registered_by: String,
    /// Their role in the platform, for its own operations.
    pub role_id: Option<RoleId>,
    /// Their id in the system that they came from.
    pub legacy_id: Option<String>,
    /// Whether messages about failures come by mail, too.
    pub mail_messages: bool,
    /// In which language.
    #[schema(value_type = MailLanguage)]
    pub mail_language: String,
    /// When they were added.
    pub created_at: UnixMs,
    /// When something of it was last changed, by whomever.
    pub updated_at: UnixMs,
    /// When they last signed in.
    pub last_login_at: Option<UnixMs>,
    /// With which device.
    pub last_login_device: Option<String>,
    /// From which region.
    pub last_login_region: Option<String>,
}

/// A user to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    /// Their platform; `default` if left out.
    pub platform_id: Option<PlatformId>,
    /// Unique in the platform; 2 to 64 characters without spaces.
    pub username: String,
    /// At least 10 characters; or `passwordHash`.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
    /// The hash of their password in the system that they come from: bcrypt of a cost up to 14, or argon2id of at most
    /// 64 MiB. It is replaced when they sign in.
    #[schema(value_type = Option<String>, format = Password)]
    pub password_hash: Option<SecretString>,
    /// E-mail address.
    pub email: Option<String>,
    /// Mobile number.
    pub mobile: Option<String>,
    /// Name for others to see, up to 128 characters.
    pub nick_name: Option<String>,
    /// An https address, or a data URI of an image of at most 512 KiB.
    pub portrait: Option<String>,
    /// 1 male, 2 female, 3 unknown.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3)]
    pub gender: Option<Gender>,
    /// `YYYY-MM-DD`.
    pub birthday: Option<String>,
    /// Their role in the platform.
    pub role_id: Option<RoleId>,
    /// Their id in the system that they come from, unique in the platform.
    pub legacy_id: Option<String>,
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

impl UserStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// What may be changed of a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserPatch {
    /// Unique in the platform; 2 to 64 characters without spaces. What they sign in with from then on.
    pub username: Option<String>,
    /// `active` or `disabled`.
    pub status: Option<UserStatus>,
    /// Name for others to see.
    pub nick_name: Option<String>,
    /// E-mail address; empty takes it away.
    pub email: Option<String>,
    /// Mobile number; empty takes it away.
    pub mobile: Option<String>,
    /// An https address, or a data URI of an image of at most 512 KiB; empty takes it away.
    pub portrait: Option<String>,
    /// 1 male, 2 female, 3 unknown.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3)]
    pub gender: Option<Gender>,
    /// `YYYY-MM-DD`; empty takes it away.
    pub birthday: Option<String>,
    /// Their role in the platform; `null` takes it away.
    #[serde(default)]
    #[schema(value_type = Option<RoleId>)]
    pub role_id: Change<RoleId>,
    /// When a second factor is asked for: `auto` or `always`.
    pub mfa: Option<MfaMode>,
    /// Takes authenticator app and recovery codes away, makes all devices strangers and ends all sessions.
    pub reset_second_factor: Option<bool>,
    /// A new password; ends all their sessions.
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretString>,
}

/// Adds a user, whom the caller vouches for: the super administrator or a manager of the platform.
pub(super) async fn create(app: &App, who: &Identity, new: NewUser) -> Result<User, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    let platform = if let Some(id) = new.platform_id {
        id
    } else {
        in_tx!(app.db, |tx| store::platform::default_id(tx).await?)
    };
    authority.manage(platform)?;
    insert(app, who, platform, new, (who.actor.name(), None)).await
}

/// Adds a user whom `voucher` vouches for; one who registers gets a mail that verifies their address, in their language.
pub(super) async fn insert(
    app: &App,
    who: &Identity,
    platform: PlatformId,
    new: NewUser,
    (voucher, language): (String, Option<Language>),
) -> Result<User, AccessError> {
    let now = app.clock.now();
    let user = User {
        id: app.clock.new_id(),
        account: account(),
        platform_id: platform,
        username: check_username(app, &new.username)?,
        email: None,
        email_verified_at: None,
        mobile: None,
        mobile_verified_at: None,
        password_strength: None,
        nick_name: String::new(),
        portrait: String::new(),
        gender: Gender::Unknown.into(),
        birthday: None,
        status: UserStatus::Active.as_str().to_owned(),
        registered_by: voucher,
        role_id: new.role_id,
        legacy_id: new.legacy_id.map(legacy::check).transpose()?,
        mail_messages: false,
        mail_language: MailLanguage::Auto.as_str().to_owned(),
        created_at: now,
        updated_at: now,
        last_login_at: None,
        last_login_device: None,
        last_login_region: None,
    };
    let profile = ProfilePatch {
        email: new.email,
        mobile: new.mobile,
        nick_name: new.nick_name,
        portrait: new.portrait,
        gender: new.gender,
        birthday: new.birthday,
        ..ProfilePatch::default()
    };
    let mut user = profile.applied_to(user)?;
    check_role(app, &user).await?;
    // One who registers may be anybody.
    let line = language.map_or(Line::Known, |_| Line::Strangers);
    let (hash, kind) = match (new.password, new.password_hash) {
        (Some(password), None) => {
            let accepted = strength::accept(app, password, strength::words(&user), line).await?;
            user.password_strength = Some(accepted.strength);
            (accepted.hash, String::new())
        }
        (None, Some(hash)) => {
            let kind = imported::kind(&hash)?;
            (hash, kind)
        }
        (None, None) => return Err(AccessError::invalid("password", Flaw::Needed)),
        (Some(_), Some(_)) => {
            let message = "goes without a password: it is the hash of one";
            return Err(AccessError::invalid("passwordHash", message));
        }
    };
    let insert = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let hash = (hash.expose_secret(), kind.as_str());
            store::user::insert(tx, &user, hash, language.is_some()).await?;
            if let Some(language) = language {
                proof::send(app, tx, &user, proof::Purpose::EmailVerification, language).await?;
            }
            let entry = Entry::done("user:create", "user", user.id).after(&audited(&user));
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    insert().await.map_err(taken)?;
    if !kind.is_empty() {
        app.decoys.forget().await;
    }
    app.notify.wake();
    Ok(user)
}

/// A unique field that is taken, by its name.
pub(super) fn taken(error: AccessError) -> AccessError {
    let AccessError::Db(db) = error else { return error };
    for field in ["username", "email", "mobile"] {
        if db.violates_unique("users", &["platform_id", field]) {
            return AccessError::Taken(field);
        }
    }
    if db.violates_index("users_email_folded", "users", &["platform_id", "email_key"]) {
        return AccessError::Taken("email");
    }
    if db.violates_index("users_legacy", "users", &["platform_id", "legacy_id"]) {
        return AccessError::Taken("legacyId");
    }
    if db.violates_foreign_key() {
        return AccessError::NoPlatform;
    }
    AccessError::Db(db)
}

/// Without the portrait, which may be large.
pub(super) fn audited(user: &User) -> User {
    User {
        portrait: user.portrait.chars().take(64).collect(),
        ..user.clone()
    }
}

async fn check_role(app: &App, user: &User) -> Result<(), AccessError> {
    let Some(role) = user.role_id else { return Ok(()) };
    let roles = store::role::list_of_platform(&app.db, user.platform_id).await?;
    if roles.iter().any(|known| known.id == role) {
        Ok(())
    } else {
        Err(AccessError::invalid(
            "roleId",
            Flaw::NoSuch("role in the platform"),
        ))
    }
}

/// One user.
pub(super) async fn get(app: &App, id: UserId) -> Result<User, AccessError> {
    store::user::get(&app.db, id).await?.ok_or(AccessError::NoUser)
}

/// One user, for the administrators of their platform.
pub(super) async fn get_for(app: &App, who: &Identity, id: UserId) -> Result<User, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    let user = get(app, id).await?;
    authority.see(user.platform_id).map_err(|_| AccessError::NoUser)?;
    Ok(user)
}

/// Changes a user: the super administrator, or a manager of their platform.
pub(super) async fn update(
    app: &App,
    who: &Identity,
    id: UserId,
    patch: UserPatch,
) -> Result<User, AccessError> {
    let authority = Authority::require_manager(app, who).await?;
    let before = get_for(app, who, id).await?;
    authority.manage(before.platform_id)?;
    authority.change_user(app, id).await?;
    let profile = ProfilePatch {
        email: patch.email,
        mobile: patch.mobile,
        nick_name: patch.nick_name,
        portrait: patch.portrait,
        gender: patch.gender,
        birthday: patch.birthday,
        ..ProfilePatch::default()
    };
    let username = match patch.username {
        Some(username) if username != before.username => {
            let username = check_username(app, &username)?;
            username::require_unnamed(app, id, [&before.username, &username]).await?;
            Some(username)
        }
        _ => None,
    };
    // Once as it was read, and once as it is when it is written: what others changed meanwhile stays as they did.
    let changed = |present: &User| -> Result<User, AccessError> {
        let mut user = profile.clone().applied_to(present.clone())?;
        if let Some(status) = patch.status {
            status.as_str().clone_into(&mut user.status);
        }
        if let Some(username) = &username {
            user.username.clone_from(username);
        }
        patch.role_id.clone().apply(&mut user.role_id);
        Ok(user)
    };
    let mut user = changed(&before)?;
    check_role(app, &user).await?;
    let hash = match patch.password {
        Some(password) => {
            let accepted = strength::accept(app, password, strength::words(&user), Line::Known).await?;
            user.password_strength = Some(accepted.strength);
            Some(accepted.hash)
        }
        None => None,
    };
    let now = app.clock.now();
    let reset = patch.reset_second_factor == Some(true);
    let write = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let new = hash.as_ref().map(ExposeSecret::expose_secret);
            store::user::lock(tx, &app.db, id).await?;
            let before = store::user::find_in(tx, id).await?.ok_or(AccessError::NoUser)?;
            let strength = user.password_strength.filter(|_| hash.is_some());
            let mut user = changed(&before)?;
            user.password_strength = strength.or(user.password_strength);
            store::user::update(tx, &user, (new, false), now).await?;
            if hash.is_some() || user.status == UserStatus::Disabled.as_str() {
                store::session::revoke_all(tx, Some(id), now).await?;
            }
            if let Some(mfa) = patch.mfa {
                store::second_factor::set_mfa(tx, id, mfa, now).await?;
            }
            if reset {
                second_factor::reset(tx, id, now).await?;
            }
            let detail = if reset {
                "second factor taken away; all sessions ended"
            } else if hash.is_some() {
                "new password; all sessions ended"
            } else {
                ""
            };
            let entry = Entry::done("user:update", "user", id)
                .before(&audited(&before))
                .after(&audited(&user))
                .detail(detail);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    write().await.map_err(taken)?;
    get(app, id).await
}

/// Changes one's own password; ends all sessions but keeps API keys.
pub(super) async fn change_password(
    app: &App,
    who: &Identity,
    (old, new): (SecretString, SecretString),
    language: Language,
) -> Result<(), AccessError> {
    let super::Actor::User { user, .. } = &who.actor else {
        return Err(AccessError::Refused(crate::error::Error::denied(
            "only-users",
            "only users change their password here; the super administrator's is changed by `muster setup password`",
        )));
    };
    if !confirm::is_own_password(app, who, *user, old).await? {
        return Err(AccessError::invalid("oldPassword", Flaw::Wrong));
    }
    let row = get(app, *user).await?;
    let accepted = strength::accept(app, new, strength::words(&row), Line::Known)
        .await
        .map_err(of_new)?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        let new = (accepted.hash.expose_secret(), accepted.strength, false);
        store::user::set_password(tx, *user, new, now).await?;
        store::session::revoke_all(tx, Some(*user), now).await?;
        proof::tell_password_changed(app, tx, &row, language).await?;
        let entry = Entry::done("user:changePassword", "user", *user);
        audit::record(app, tx, who, None, entry).await?;
    });
    app.notify.wake();
    Ok(())
}

/// The field is called otherwise where there are two passwords.
fn of_new(error: AccessError) -> AccessError {
    match error {
        AccessError::Invalid {
            field: "password",
            message,
        } => AccessError::Invalid {
            field: "newPassword",
            message,
        },
        other => other,
    }
}

/// `u` and ten digits.
fn account() -> String {
    let number = u64::from_be_bytes(muster_base::random_array()) % 10_000_000_000;
    format!("u{number:010}")
}
