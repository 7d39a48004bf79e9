//! Orgs.

use muster_base::{OrgId, PlatformId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::binding;
use super::{
    AccessError, Caller, Identity, Operation, Role,
    administrator::Authority,
    legacy,
    message::{self, Mode, NewMessage, SubMode, Words},
    platform::check_image,
    store, template,
};
use crate::{
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    flaw::Flaw,
    fleet,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Status of the member who is there from the beginning.
const FOUNDER: i64 = 2;

/// A team, company or business organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Org {
    /// Id.
    pub id: OrgId,
    /// The platform that it is in.
    pub platform_id: PlatformId,
    /// Name.
    pub name: String,
    /// Short name in addresses, unique in the platform.
    pub slug: String,
    /// For people.
    pub description: String,
    /// A shorter name.
    pub alias: String,
    /// An image's address or data URI; empty without one.
    pub logo: String,
    /// Whom to ask.
    pub contact: String,
    /// Their number.
    pub mobile: String,
    /// Its id in the system that it came from.
    pub legacy_id: Option<String>,
    /// When it was made.
    pub created_at: UnixMs,
}

/// An org, for those who administer platforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct ListedOrg {
    /// The org, without its logo.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub org: Org,
    /// User name of its owner; null while it has none.
    #[schema(required)]
    pub owner: Option<String>,
}

/// `GET /api/v1/orgs?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrgQuery {
    /// Only orgs of this platform.
    pub platform_id: Option<PlatformId>,
    /// The beginning of the name, the alias or the slug, or the whole legacy id.
    pub search: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
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
    /// A shorter name.
    #[serde(default)]
    pub alias: String,
    /// An image's https address, or a data URI of at most 512 KiB.
    #[serde(default)]
    pub logo: String,
    /// Whom to ask.
    #[serde(default)]
    pub contact: String,
    /// Their number.
    #[serde(default)]
    pub mobile: String,
    /// Its owner.
    pub owner_id: UserId,
    /// Its id in the system that it comes from, unique in the platform; `Muster-Org` takes it like the slug.
    pub legacy_id: Option<String>,
}

/// What may be changed of an org.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrgPatch {
    /// Name.
    pub name: Option<String>,
    /// Short name, unique in the platform; whoever calls the API by the old one no longer finds the org.
    pub slug: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// A shorter name.
    pub alias: Option<String>,
    /// An image's https address, or a data URI of at most 512 KiB.
    pub logo: Option<String>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// Their number.
    pub mobile: Option<String>,
}

/// The name again, by hand: nobody deletes an org by accident.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrgDeletion {
    /// The org's name.
    pub name: String,
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
                platform_id: platform,
                name: "Default".into(),
                slug: "default".into(),
                description: String::new(),
                alias: String::new(),
                logo: String::new(),
                contact: String::new(),
                mobile: String::new(),
                legacy_id: None,
                created_at: now,
            };
            store::org::insert(tx, &org).await?;
            fleet::seed_environments(tx, &app.clock, org.id).await?;
        }
    });
    binding::ensure_types(app).await?;
    // Orgs that are older than the presets get them too.
    for org in store::template::orgs_without_presets(&app.db).await? {
        in_tx!(app.db, |tx| template::seed(tx, &app.clock, org).await?);
    }
    Ok(())
}

/// Every org with its slug, which is unique in its platform.
pub async fn list_slugs(app: &App) -> Result<Vec<(OrgId, String)>, DbError> {
    store::org::list_slugs(&app.db).await
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

/// An org, for those who administer its platform.
pub(super) async fn get_for(app: &App, who: &Identity, id: OrgId) -> Result<Org, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    find_for(app, &authority, id).await
}

async fn find_for(app: &App, authority: &Authority, id: OrgId) -> Result<Org, AccessError> {
    let org = store::org::get(&app.db, id).await?.ok_or(AccessError::NoOrg)?;
    authority.see(org.platform_id).map_err(|_| AccessError::NoOrg)?;
    Ok(org)
}

/// Makes an org with its owner, in the owner's platform: the super administrator, or a manager of that platform.
pub(super) async fn create(app: &App, who: &Identity, new: NewOrg) -> Result<Org, AccessError> {
    let authority = Authority::require_manager(app, who).await?;
    let platform = in_tx!(app.db, |tx| store::user::platform_of(tx, new.owner_id).await?);
    let platform = platform.ok_or(AccessError::NoUser)?;
    authority.manage(platform)?;
    let mut org = prepare(app, platform, (&new.name, &new.slug), new.description)?;
    org.legacy_id = new.legacy_id.map(legacy::check).transpose()?;
    let profile = OrgPatch {
        alias: Some(new.alias),
        logo: Some(new.logo),
        contact: Some(new.contact),
        mobile: Some(new.mobile),
        ..OrgPatch::default()
    };
    let org = profile.applied_to(org)?;
    insert(app, who, &org, new.owner_id).await?;
    Ok(org)
}

/// An org that is in no table yet.
pub(super) fn prepare(
    app: &App,
    platform: PlatformId,
    (name, slug): (&str, &str),
    description: String,
) -> Result<Org, AccessError> {
    Ok(Org {
        id: app.clock.new_id(),
        platform_id: platform,
        slug: check_slug(slug)?,
        name: check_name(name)?,
        description: check_text("description", description, 2_000)?,
        alias: String::new(),
        logo: String::new(),
        contact: String::new(),
        mobile: String::new(),
        legacy_id: None,
        created_at: app.clock.now(),
    })
}

/// Writes a new org with its owner, who is of its platform, and what every org begins with.
pub(super) async fn insert(app: &App, who: &Identity, org: &Org, owner: UserId) -> Result<(), AccessError> {
    let write = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            store::member::check_name(tx, &app.db, owner, org.id, &org.name).await?;
            store::org::insert(tx, org).await?;
            fleet::seed_environments(tx, &app.clock, org.id).await?;
            template::seed(tx, &app.clock, org.id).await?;
            store::member::insert(tx, (org.id, owner), Role::Owner, FOUNDER, org.created_at).await?;
            let entry = Entry::done("org:create", "org", org.id).after(&org.audited());
            audit::record(app, tx, who, Some(org.id), entry).await?;
        });
        Ok(())
    };
    write().await.map_err(taken)
}

/// A unique field that is taken, by its name.
fn taken(error: AccessError) -> AccessError {
    match error {
        AccessError::Db(db) if db.violates_unique("orgs", &["platform_id", "slug"]) => {
            AccessError::Taken("slug")
        }
        AccessError::Db(db) if db.violates_index("orgs_legacy", "orgs", &["platform_id", "legacy_id"]) => {
            AccessError::Taken("legacyId")
        }
        other => other,
    }
}

impl OrgPatch {
    /// With the changes, checked.
    fn applied_to(self, mut org: Org) -> Result<Org, AccessError> {
        if let Some(name) = self.name {
            org.name = check_name(&name)?;
        }
        if let Some(slug) = self.slug {
            org.slug = check_slug(&slug)?;
        }
        if let Some(description) = self.description {
            org.description = check_text("description", description, 2_000)?;
        }
        if let Some(alias) = self.alias {
            org.alias = check_text("alias", alias, 128)?;
        }
        if let Some(logo) = self.logo {
            org.logo = check_image("logo", logo)?;
        }
        if let Some(contact) = self.contact {
            org.contact = check_text("contact", contact, 128)?;
        }
        if let Some(mobile) = self.mobile {
            org.mobile = check_text("mobile", mobile, 32)?;
        }
        Ok(org)
    }
}

/// Changes the caller's org.
pub(super) async fn update(app: &App, caller: &Caller, patch: OrgPatch) -> Result<Org, AccessError> {
    caller.require(Operation::OrgWrite)?;
    let before = get(app, caller).await?;
    change(app, caller, before, patch).await
}

/// Changes an org: the super administrator, or a manager of its platform. They need not be in it, and are not let into it
/// by this.
pub(super) async fn update_for(
    app: &App,
    who: &Identity,
    id: OrgId,
    patch: OrgPatch,
) -> Result<Org, AccessError> {
    let authority = Authority::require_manager(app, who).await?;
    let before = find_for(app, &authority, id).await?;
    authority.manage(before.platform_id)?;
    change(app, who, before, patch).await
}

async fn change(app: &App, who: &Identity, before: Org, patch: OrgPatch) -> Result<Org, AccessError> {
    let org = patch.applied_to(before.clone())?;
    let now = app.clock.now();
    let write = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if org.name != before.name && store::member::shares_name(tx, org.id, &org.name).await? {
                return Err(AccessError::Taken("name"));
            }
            if !store::org::update(tx, &org, now).await? {
                return Err(AccessError::NoOrg);
            }
            if org != before {
                tell_members(app, tx, who, &org).await?;
            }
            let entry = Entry::done(Operation::OrgWrite, "org", org.id)
                .before(&before.audited())
                .after(&org.audited());
            audit::record(app, tx, who, Some(org.id), entry).await?;
        });
        Ok(())
    };
    write().await.map_err(taken)?;
    Ok(org)
}

/// Deletes the caller's org: its people, keys and invitations at once; its slug is free again; its audit log stays.
/// Refused while hosts belong to it or deployments are under way.
pub(super) async fn delete(app: &App, caller: &Caller, deletion: OrgDeletion) -> Result<(), AccessError> {
    caller.require(Operation::OrgDelete)?;
    let org = get(app, caller).await?;
    if deletion.name != org.name {
        return Err(AccessError::invalid("name", Flaw::NameAgain));
    }
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::org::lock(tx, &app.db, org.id).await?;
        if store::org::is_in_use(tx, org.id).await? {
            return Err(AccessError::Conflict {
                code: "org-in-use",
                message: "remove its hosts and its applications that were deployed first".to_owned(),
            });
        }
        store::org::delete(tx, org.id, now).await?;
        let entry = Entry::done(Operation::OrgDelete, "org", org.id).before(&org.audited());
        audit::record(app, tx, caller, Some(org.id), entry).await?;
    });
    Ok(())
}

/// The orgs of the platforms that the caller administers, newest first.
pub(super) async fn list(app: &App, who: &Identity, query: OrgQuery) -> Result<Page<ListedOrg>, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    if let Some(platform) = query.platform_id {
        authority.see(platform)?;
    }
    let page = PageQuery::new(query.limit, query.cursor.clone());
    let after = page.cursor::<OrgId>()?;
    let rows = store::org::list(&app.db, authority.keys(), &query, after, page.fetch()).await?;
    Ok(page.page(rows, |row| Cursor::of(&row.org.id)))
}

async fn tell_members(app: &App, tx: &mut Tx, who: &Identity, org: &Org) -> Result<(), AccessError> {
    let mut members = store::member::all_ids(tx, org.id).await?;
    if let Some(own) = who.actor.user() {
        members.remove(&own);
    }
    let members: Vec<_> = members.into_iter().collect();
    let message = NewMessage {
        org: org.id,
        mode: Mode::OrgChanged,
        sub_mode: SubMode::View,
        words: Words::OrgChanged { org: &org.name },
        tip: &org.id.to_string(),
    };
    Ok(message::send(app, tx, &members, &message).await?)
}

impl Org {
    /// Without the logo, which may be large.
    fn audited(&self) -> Self {
        Self {
            logo: self.logo.chars().take(64).collect(),
            ..self.clone()
        }
    }
}

fn check_text(field: &'static str, text: String, most: usize) -> Result<String, AccessError> {
    if text.chars().count() <= most {
        Ok(text)
    } else {
        Err(AccessError::invalid(field, Flaw::TooLong(most)))
    }
}

fn check_slug(slug: &str) -> Result<String, AccessError> {
    let slug = slug.trim();
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if slug.is_empty() || slug.len() > 40 || !slug.chars().all(good) || slug.starts_with('-') {
        return Err(AccessError::invalid("slug", Flaw::Slug(40)));
    }
    Ok(slug.to_owned())
}

pub(super) fn check_name(name: &str) -> Result<String, AccessError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 128 {
        return Err(AccessError::invalid("name", Flaw::Length(1, 128)));
    }
    Ok(name.to_owned())
}
