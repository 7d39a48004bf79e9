//! Registering by oneself: with a platform that there is, and the account of one of its managers, so that each user
//! can be traced to who let them in. Anything else is refused, in the same words whichever of the two is wrong.

use muster_base::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    AccessError, Actor, Identity, User,
    user::{self, NewUser},
};
use crate::{app::App, flaw::Flaw, notify::Language};

/// Somebody who wants to be let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registration {
    /// Code of the platform.
    pub platform: String,
    /// Account or name of a manager of that platform, who vouches.
    pub administrator: String,
    /// Unique in the platform; 2 to 64 characters without spaces.
    pub username: String,
    /// At least 10 characters.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
    /// E-mail address.
    pub email: Option<String>,
    /// Mobile number.
    pub mobile: Option<String>,
    /// Name for others to see.
    pub nick_name: Option<String>,
}

/// Adds the user. Throttled per address, as sign-ins are.
pub(super) async fn register(
    app: &App,
    new: Registration,
    ip: Option<std::net::IpAddr>,
    language: Language,
) -> Result<User, AccessError> {
    app.throttle.attempt(&format!("register {}", new.username), ip)?;
    let refused = || AccessError::invalid("administrator", Flaw::NotManager);
    let platform = super::store::platform::find_by_code(&app.db, &new.platform)
        .await?
        .filter(|platform| platform.status == "active")
        .ok_or_else(refused)?;
    let voucher = super::store::administrator::find_manager(&app.db, platform.id, &new.administrator)
        .await?
        .ok_or_else(refused)?;
    let who = Identity {
        actor: Actor::System { part: "registration" },
        ip,
        platform: Some(platform.id),
    };
    let new = NewUser {
        platform_id: Some(platform.id),
        username: new.username,
        password: Some(new.password),
        password_hash: None,
        email: new.email,
        mobile: new.mobile,
        nick_name: new.nick_name,
        portrait: None,
        gender: None,
        birthday: None,
        role_id: None,
        legacy_id: None,
    };
    user::insert(app, &who, platform.id, new, (voucher, Some(language))).await
}
