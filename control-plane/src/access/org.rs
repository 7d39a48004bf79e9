//! Orgs.

use muster_base::{OrgId, PlatformId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Caller, Identity, Operation, Role, store};
use crate::{
    app::App,
    audit::{self, Entry},
    db::DbError,
    fleet, in_tx,
};

/// A team, company or business organisation.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Org {
    /// Id.
    pub id: OrgId,
    /// Name.
    pub name: String,
    /// Short name in addresses, unique in the platform.
    pub slug: String,
    /// For people.
    pub description: String,
    /// When it was made.
    pub created_at: UnixMs,
}

/// An org to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrg {
    /// Name.
    pub name: String,
    /// Short name: lower-case letters, digits and dashes.
    pub slug: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Its owner.
    pub owner_id: UserId,
}

/// What may be changed of an org.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrgPatch {
    /// Name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
}

/// An org that somebody belongs to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The org.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub slug: String,
    /// Role there; null for the super administrator.
    pub role: Option<Role>,
}

/// Makes the `default` platform and the `default` org if there is no platform yet. The org's owner is the first
/// user whom the super administrator makes its owner.
pub async fn ensure_defaults(app: &App) -> Result<(), DbError> {
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        if store::platform::insert_default(tx, app.clock.new_id(), now).await? {
            let platform = store::platform::default_id(tx).await?;
            let org = Org {
                id: app.clock.new_id(),
                name: "Default".into(),
                slug: "default".into(),
                description: String::new(),
                created_at: now,
            };
            store::org::insert(tx, platform, &org).await?;
            fleet::seed_environments(tx, &app.clock, org.id).await?;
        }
    });
    Ok(())
}

/// Ids of all orgs, for Muster's own schedules.
pub async fn list_all_ids(app: &App) -> Result<Vec<OrgId>, DbError> {
    store::org::list_ids(&app.db).await
}

/// The orgs that somebody may enter, oldest membership first.
pub(super) async fn list_mine(app: &App, who: &Identity) -> Result<Vec<Membership>, AccessError> {
    Ok(store::org::list_for(&app.db, who.actor.user(), who.is_super_admin()).await?)
}

/// The caller's org.
pub(super) async fn get(app: &App, caller: &Caller) -> Result<Org, AccessError> {
    store::org::get(&app.db, caller.org())
        .await?
        .ok_or(AccessError::NoOrg)
}

/// Makes an org with its owner. Only the super administrator.
pub(super) async fn create(app: &App, who: &Identity, new: NewOrg) -> Result<Org, AccessError> {
    who.require_super_admin()?;
    let name = check_name(&new.name)?;
    let slug = new.slug.trim();
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if slug.is_empty() || slug.len() > 40 || !slug.chars().all(good) || slug.starts_with('-') {
        return Err(AccessError::invalid(
            "slug",
            "must be 1 to 40 lower-case letters, digits and dashes",
        ));
    }
    let org = Org {
        id: app.clock.new_id(),
        name,
        slug: slug.to_owned(),
        description: new.description,
        created_at: app.clock.now(),
    };
    let create = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let platform: PlatformId = store::user::platform_of(tx, new.owner_id)
                .await?
                .ok_or(AccessError::NoUser)?;
            store::org::insert(tx, platform, &org).await?;
            fleet::seed_environments(tx, &app.clock, org.id).await?;
            store::member::insert(tx, org.id, new.owner_id, Role::Owner, org.created_at).await?;
            audit::record(
                app,
                tx,
                who,
                Some(org.id),
                Entry::done("org:create", "org", org.id).after(&org),
            )
            .await?;
        });
        Ok(())
    };
    create().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_unique("orgs", &["platform_id", "slug"]) => {
            AccessError::Taken("slug")
        }
        other => other,
    })?;
    Ok(org)
}

/// Changes the caller's org.
pub(super) async fn update(app: &App, caller: &Caller, patch: OrgPatch) -> Result<Org, AccessError> {
    caller.require(Operation::OrgWrite)?;
    let before = get(app, caller).await?;
    let mut org = before.clone();
    if let Some(name) = patch.name {
        org.name = check_name(&name)?;
    }
    if let Some(description) = patch.description {
        org.description = description;
    }
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::org::update(tx, &org, now).await?;
        let entry = Entry::done(Operation::OrgWrite, "org", org.id)
            .before(&before)
            .after(&org);
        audit::record(app, tx, caller, Some(org.id), entry).await?;
    });
    Ok(org)
}

fn check_name(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 128 {
        return Err(AccessError::invalid("name", "must have 1 to 128 characters"));
    }
    Ok(name.to_owned())
}
