//! The image hub: the org's catalogue of images that are good to use, and how. An entry says what an image is and how to
//! pull and configure it; its versions are read from its registry at that moment ([`super::image_versions`]).
//!
//! An entry is advice: it neither allows nor forbids a deployment. Kinds and sources of images are dictionaries
//! ([`super::image_word`]).

use muster_base::{HubImageId, RegistryId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    DeliveryError,
    application::given,
    fields::{Fields, is_page},
    image::{ImageName, is_tag},
    image_word::{self, WordKind},
    store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Whether an image should be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum HubImageStatus {
    /// Use it.
    #[default]
    Available,
    /// What uses it goes on; nothing new should.
    Deprecated,
}

impl HubImageStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Deprecated => "deprecated",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::Available, Self::Deprecated]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("hub_images.status".to_owned()))
    }
}

/// An image of the catalogue.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HubImage {
    /// Id.
    pub id: HubImageId,
    /// Unique in the org.
    pub name: String,
    /// The image without a tag, for instance `team/nginx`.
    pub image: String,
    /// Registry that it is pulled from.
    pub registry_id: Option<RegistryId>,
    /// Its page.
    pub url: Option<String>,
    /// A code of the dictionary of sources.
    pub source: String,
    /// A code of the dictionary of types.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is.
    pub description: String,
    /// How to pull and configure it (Markdown).
    pub usage: String,
    /// Versions that somebody wrote down, for images whose registry can't be asked.
    pub versions: Vec<String>,
    /// Whether it should be used.
    pub status: HubImageStatus,
    /// Who made the entry.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// An image to be put into the catalogue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewHubImage {
    /// Unique in the org.
    pub name: String,
    /// The image without a tag.
    pub image: String,
    /// Registry that it is pulled from.
    pub registry_id: Option<RegistryId>,
    /// Its page: `https://…` or `http://…`.
    pub url: Option<String>,
    /// A code of the dictionary of sources.
    pub source: String,
    /// A code of the dictionary of types.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// How to pull and configure it.
    #[serde(default)]
    pub usage: String,
    /// Versions, where no registry can be asked.
    #[serde(default)]
    pub versions: Vec<String>,
    /// Whether it should be used.
    #[serde(default)]
    pub status: HubImageStatus,
}

/// What is to change in an entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HubImagePatch {
    /// New name.
    pub name: Option<String>,
    /// New image.
    pub image: Option<String>,
    /// New registry; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RegistryId>)]
    #[expect(clippy::option_option, reason = "null and not there mean different things")]
    pub registry_id: Option<Option<RegistryId>>,
    /// New page; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "null and not there mean different things")]
    pub url: Option<Option<String>>,
    /// New source.
    pub source: Option<String>,
    /// New type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New words on how to use it.
    pub usage: Option<String>,
    /// New versions.
    pub versions: Option<Vec<String>>,
    /// New status.
    pub status: Option<HubImageStatus>,
}

/// Which images.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HubImageQuery {
    /// Part of the name, the image or the description.
    pub search: Option<String>,
    /// Of this type.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub kind: Option<String>,
    /// From this source.
    pub source: Option<String>,
    /// How many, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: HubImageQuery,
) -> Result<Page<HubImage>, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    let paging = PageQuery::new(query.limit, query.cursor);
    let filter = store::image_hub::Filter {
        pattern: query.search.as_deref().map(store::version::pattern),
        kind: query.kind,
        source: query.source,
        after: paging.cursor::<String>()?.unwrap_or_default(),
    };
    let rows = store::image_hub::list(&app.db, caller.org(), &filter, paging.fetch()).await?;
    Ok(paging.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: HubImageId) -> Result<HubImage, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    let found = store::image_hub::find(&app.db, caller.org(), id).await?;
    found.ok_or(DeliveryError::NotFound("image"))
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewHubImage) -> Result<HubImage, DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let now = app.clock.now();
    let image = HubImage {
        id: app.clock.new_id(),
        name: new.name,
        image: new.image,
        registry_id: new.registry_id,
        url: new.url,
        source: new.source,
        kind: new.kind,
        description: new.description,
        usage: new.usage,
        versions: new.versions,
        status: new.status,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    check(app, caller, &image).await?;
    in_tx!(app.db, |tx| {
        store::image_hub::insert(tx, caller.org(), &image)
            .await
            .map_err(|error| taken(error, &image))?;
        let entry = Entry::done(Operation::RegistryWrite, "image", image.id).after(&image);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(image)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: HubImageId,
    patch: HubImagePatch,
) -> Result<HubImage, DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let org = caller.org();
    let found = store::image_hub::find(&app.db, org, id).await?;
    let before = found.ok_or(DeliveryError::NotFound("image"))?;
    let after = patch.applied_to(before.clone(), app.clock.now());
    check(app, caller, &after).await?;
    in_tx!(app.db, |tx| {
        let found = store::image_hub::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after))?;
        if !found {
            return Err(DeliveryError::NotFound("image"));
        }
        let entry = Entry::done(Operation::RegistryWrite, "image", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(after)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: HubImageId) -> Result<(), DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let org = caller.org();
    let found = store::image_hub::find(&app.db, org, id).await?;
    let before = found.ok_or(DeliveryError::NotFound("image"))?;
    in_tx!(app.db, |tx| {
        if !store::image_hub::delete(tx, org, id).await? {
            return Err(DeliveryError::NotFound("image"));
        }
        let entry = Entry::done(Operation::RegistryWrite, "image", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

impl HubImagePatch {
    fn applied_to(self, mut image: HubImage, now: UnixMs) -> HubImage {
        image.name = self.name.unwrap_or(image.name);
        image.image = self.image.unwrap_or(image.image);
        image.registry_id = self.registry_id.unwrap_or(image.registry_id);
        image.url = self.url.unwrap_or(image.url);
        image.source = self.source.unwrap_or(image.source);
        image.kind = self.kind.unwrap_or(image.kind);
        image.description = self.description.unwrap_or(image.description);
        image.usage = self.usage.unwrap_or(image.usage);
        image.versions = self.versions.unwrap_or(image.versions);
        image.status = self.status.unwrap_or(image.status);
        image.updated_at = now;
        image
    }
}

async fn check(app: &App, caller: &Caller, image: &HubImage) -> Result<(), DeliveryError> {
    let org = caller.org();
    let mut fields = Fields::default();
    fields.name("name", &image.name);
    fields.text("description", &image.description);
    let usage = image.usage.chars().count() <= 20_000;
    fields.check(usage, "usage", Flaw::TooLong(20_000));
    let registry = match image.registry_id {
        None => None,
        Some(id) => store::registry::find(&app.db, org, id).await?,
    };
    let known = registry.is_some() || image.registry_id.is_none();
    fields.check(known, "registryId", Flaw::NoSuch("registry"));
    let url = registry.as_ref().map(|registry| &registry.url);
    if let Err(message) = ImageName::read(&image.image, url) {
        fields.check(!known, "image", message);
    }
    let page = image.url.as_deref().is_none_or(is_page);
    fields.check(
        page,
        "url",
        "must be an address such as https://hub.docker.com/_/nginx",
    );
    let short = image.versions.len() <= 200 && image.versions.iter().all(|version| is_tag(version));
    fields.check(short, "versions", "at most 200 image tags");
    for (field, kind, code) in [
        ("source", WordKind::Source, &image.source),
        ("type", WordKind::Type, &image.kind),
    ] {
        let known = image_word::exists(app, org, kind, code).await?;
        fields.check(
            known,
            field,
            "is not in the dictionary: choose one of it, or add it first",
        );
    }
    fields.finish()
}

fn taken(error: DbError, image: &HubImage) -> DeliveryError {
    if error.violates_unique("hub_images", &["org_id", "name"]) {
        return DeliveryError::NameTaken {
            what: "image",
            name: image.name.clone(),
        };
    }
    error.into()
}
