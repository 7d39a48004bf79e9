//! Platforms: realms of users.
//!
//! Made, edited and disabled by the super administrator; seen by their administrators. Nobody of a disabled platform
//! gets in, at once: sessions and keys are looked up together with it. The code is typed by hand and stays.
//!
//! Pictures (logos, portraits, icons) are data URIs, or `https` addresses: browsers fetch those from where they are,
//! without saying from which page, and nothing but pictures from anywhere else. The host of such a picture learns the
//! addresses of those who look at it; who does not want that takes a file.

use muster_base::{PlatformId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Identity, administrator::Authority, store};
use crate::{
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Longest logo or portrait: an address, or a data URI.
pub(super) const MAX_IMAGE_BYTES: usize = 512 << 10;

/// A realm of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Id.
    pub id: PlatformId,
    /// Typed at sign-in; unique.
    pub code: String,
    /// For people.
    pub name: String,
    /// An image's address or data URI; empty without one.
    pub logo: String,
    /// `active` or `disabled`.
    pub status: String,
    /// Whether its users may make orgs by themselves.
    pub orgs_by_users: bool,
    /// When it was made.
    pub created_at: UnixMs,
}

/// A platform to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPlatform {
    /// Lower-case letters, digits and dashes, at most 40; unique.
    pub code: String,
    /// For people.
    pub name: String,
    /// An image's address or data URI.
    #[serde(default)]
    pub logo: String,
    /// Whether its users may make orgs by themselves.
    #[serde(default)]
    pub orgs_by_users: bool,
}

/// What may be changed of a platform.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlatformPatch {
    /// For people.
    pub name: Option<String>,
    /// An image's address or data URI.
    pub logo: Option<String>,
    /// Whether its people may get in.
    pub status: Option<super::user::UserStatus>,
    /// Whether its users may make orgs by themselves.
    pub orgs_by_users: Option<bool>,
}

/// The platforms that the caller administers, by code.
pub(super) async fn list(
    app: &App,
    who: &Identity,
    query: &PageQuery,
) -> Result<Page<Platform>, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::platform::list(&app.db, authority.keys(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.code)))
}

pub(super) async fn create(app: &App, who: &Identity, new: NewPlatform) -> Result<Platform, AccessError> {
    who.require_super_admin()?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if new.code.is_empty() || new.code.len() > 40 || !new.code.chars().all(good) {
        return Err(AccessError::invalid("code", Flaw::Slug(40)));
    }
    let platform = Platform {
        id: app.clock.new_id(),
        code: new.code,
        name: super::org::check_name(&new.name)?,
        logo: check_image("logo", new.logo)?,
        status: "active".to_owned(),
        orgs_by_users: new.orgs_by_users,
        created_at: app.clock.now(),
    };
    let create = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            store::platform::insert(tx, &platform).await?;
            let entry = Entry::done("platform:create", "platform", platform.id).after(&platform);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    create().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_unique("platforms", &["code"]) => AccessError::Taken("code"),
        other => other,
    })?;
    Ok(platform)
}

pub(super) async fn update(
    app: &App,
    who: &Identity,
    id: PlatformId,
    patch: PlatformPatch,
) -> Result<Platform, AccessError> {
    who.require_super_admin()?;
    let before = store::platform::find(&app.db, id)
        .await?
        .ok_or(AccessError::NoPlatform)?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        after.name = super::org::check_name(&name)?;
    }
    if let Some(logo) = patch.logo {
        after.logo = check_image("logo", logo)?;
    }
    if let Some(status) = patch.status {
        status.as_str().clone_into(&mut after.status);
    }
    if let Some(allowed) = patch.orgs_by_users {
        after.orgs_by_users = allowed;
    }
    in_tx!(app.db, |tx| {
        if !store::platform::update(tx, &after).await? {
            return Err(AccessError::NoPlatform);
        }
        let entry = Entry::done("platform:update", "platform", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(after)
}

/// An image: nothing, an `https` address, or a data URI of bounded size.
pub(super) fn check_image(field: &'static str, text: String) -> Result<String, AccessError> {
    let is_data = text.starts_with("data:image/") && text.len() <= MAX_IMAGE_BYTES;
    let is_address = text.starts_with("https://") && text.len() <= 2_048;
    if text.is_empty() || is_data || is_address {
        Ok(text)
    } else {
        Err(AccessError::invalid(field, Flaw::Picture))
    }
}
