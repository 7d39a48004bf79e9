//! Applications: what may be deployed, registered beforehand, so that only the version is chosen from outside.

use std::collections::BTreeMap;

use muster_base::{ApplicationId, OrgId, RegistryId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError,
    container::Container,
    environment::{self, ApplicationEnvironment},
    fields::{Fields, is_slug},
    image::ImageName,
    reach, registry,
    repository::Repository,
    store, window,
};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    secrets::{self, CredentialKind},
};

/// Name of the environment that is meant when none is.
pub const DEFAULT_ENVIRONMENT: &str = "default";

/// What kind of application it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// An application.
    #[default]
    Normal,
    /// A service that others stand on.
    BaseService,
    /// A part of another.
    Component,
}

impl Mode {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::BaseService => "baseService",
            Self::Component => "component",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::Normal, Self::BaseService, Self::Component]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("applications.mode".to_owned()))
    }
}

/// Where in its life an application is; the numbers are those that scripts know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Lifecycle {
    Created = 0,
    Building = 1,
    Built = 2,
    Deploying = 3,
    Deployed = 4,
    BuildFailed = -2,
    DeployFailed = -4,
}

/// An application.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Id.
    pub id: ApplicationId,
    /// Unique in the org.
    pub name: String,
    /// For people.
    pub description: String,
    /// What kind.
    pub mode: Mode,
    /// Image without a tag.
    pub image: String,
    /// Registry that it is pulled from.
    pub registry_id: Option<RegistryId>,
    /// Where the code is.
    pub repository: Option<Repository>,
    /// The container.
    pub container: Container,
    /// Environments by name.
    pub environments: BTreeMap<String, ApplicationEnvironment>,
    /// Whether `POST /webhook/deploy` works for it.
    pub webhook_enabled: bool,
    /// Where its webhook token deploys.
    pub webhook_environment: String,
    /// What happened last: 0 created, 1 building, 2 built, 3 deploying, 4 deployed, -2 build failed, -4 deploy failed.
    pub status: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// An application to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewApplication {
    /// Unique in the org; also the container's name if that is not given. Letters, digits, `_`, `.` and `-`.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What kind.
    #[serde(default)]
    pub mode: Mode,
    /// Image without a tag, for instance `team/shop`; the registry's host is put before it.
    pub image: String,
    /// Registry to pull from; without one the image's own, or Docker Hub.
    pub registry_id: Option<RegistryId>,
    /// Where the code is.
    pub repository: Option<Repository>,
    /// The container.
    #[serde(default)]
    pub container: Container,
    /// Environments by name; `{"default": {}}` if not given.
    #[serde(default = "default_environments")]
    pub environments: BTreeMap<String, ApplicationEnvironment>,
    /// Whether `POST /webhook/deploy` works for it; true if not given (it takes a token all the same).
    #[serde(default = "yes")]
    pub webhook_enabled: bool,
    /// Where its webhook token deploys; `default` if not given.
    #[serde(default = "default_environment")]
    pub webhook_environment: String,
}

/// What is to change in an application. Documents (`container`, `environments`) are replaced as a whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationPatch {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New kind.
    pub mode: Option<Mode>,
    /// New image.
    pub image: Option<String>,
    /// New registry; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RegistryId>)]
    #[expect(clippy::option_option, reason = "null and not there mean different things")]
    pub registry_id: Option<Option<RegistryId>>,
    /// Where the code is; null for nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Repository>)]
    #[expect(clippy::option_option, reason = "null and not there mean different things")]
    pub repository: Option<Option<Repository>>,
    /// New container.
    pub container: Option<Container>,
    /// New environments.
    pub environments: Option<BTreeMap<String, ApplicationEnvironment>>,
    /// Whether the webhook works.
    pub webhook_enabled: Option<bool>,
    /// Where the webhook token deploys.
    pub webhook_environment: Option<String>,
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewApplication,
) -> Result<Application, DeliveryError> {
    caller.require_all(Operation::ApplicationWrite, ObjectKind::Applications)?;
    let now = app.clock.now();
    let application = Application {
        id: app.clock.new_id(),
        name: new.name,
        description: new.description,
        mode: new.mode,
        image: new.image,
        registry_id: new.registry_id,
        repository: new.repository,
        container: new.container,
        environments: new.environments,
        webhook_enabled: new.webhook_enabled,
        webhook_environment: new.webhook_environment,
        status: Lifecycle::Created as i64,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    check(app, caller.org(), &application, None).await?;
    reach::check_change(app, caller, &application, None).await?;
    in_tx!(app.db, |tx| {
        store::application::insert(tx, caller.org(), &application)
            .await
            .map_err(|error| taken(error, &application))?;
        let entry =
            Entry::done(Operation::ApplicationWrite, "application", application.id).after(&application);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(application)
}

pub(super) async fn get(app: &App, caller: &Caller, id: ApplicationId) -> Result<Application, DeliveryError> {
    find_for(app, caller, Operation::ApplicationRead, id).await
}

/// The application, if the caller may do `operation` on it.
pub(super) async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: ApplicationId,
) -> Result<Application, DeliveryError> {
    caller.require(operation)?;
    caller.require_on(operation, &Object::Application(id))?;
    find(app, caller.org(), id).await
}

/// Whether the org has this application, for other rooms.
pub async fn application_exists(app: &App, org: OrgId, id: ApplicationId) -> Result<bool, DeliveryError> {
    Ok(store::application::find(&app.db, org, id).await?.is_some())
}

pub(super) async fn find(app: &App, org: OrgId, id: ApplicationId) -> Result<Application, DeliveryError> {
    let found = store::application::find(&app.db, org, id).await?;
    found.ok_or(DeliveryError::NotFound("application"))
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<Application>, DeliveryError> {
    caller.require(Operation::ApplicationRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::application::list(&app.db, caller.org(), caller.scope(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    patch: ApplicationPatch,
) -> Result<Application, DeliveryError> {
    let org = caller.org();
    let before = find_for(app, caller, Operation::ApplicationWrite, id).await?;
    let after = patch.applied_to(before.clone(), app.clock.now());
    check(app, org, &after, Some(&before)).await?;
    reach::check_change(app, caller, &after, Some(&before)).await?;
    window::check_change(caller, &before, &after, app.clock.now())?;
    in_tx!(app.db, |tx| {
        let found = store::application::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after))?;
        if !found {
            return Err(DeliveryError::NotFound("application"));
        }
        let entry = Entry::done(Operation::ApplicationWrite, "application", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(after)
}

/// Deletes the application with its variables, tokens and deployments. What runs on hosts goes on running.
pub(super) async fn delete(app: &App, caller: &Caller, id: ApplicationId) -> Result<(), DeliveryError> {
    let org = caller.org();
    let before = find_for(app, caller, Operation::ApplicationWrite, id).await?;
    reach::check_change(app, caller, &before, Some(&before)).await?;
    in_tx!(app.db, |tx| {
        store::application::lock(tx, org, id).await?;
        if store::deployment::count_unfinished(tx, org, id).await? > 0 {
            return Err(DeliveryError::DeploymentUnderWay);
        }
        let guards = store::webhook_guard::list_ids(tx, org, id).await?;
        store::application::delete(tx, org, id).await?;
        secrets::delete_credentials(tx, org, CredentialKind::WebhookSignature, &guards).await?;
        secrets::delete_credential(tx, org, CredentialKind::GitHook, *id.as_uuid()).await?;
        let entry = Entry::done(Operation::ApplicationWrite, "application", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

impl ApplicationPatch {
    fn applied_to(self, mut application: Application, now: UnixMs) -> Application {
        application.name = self.name.unwrap_or(application.name);
        application.description = self.description.unwrap_or(application.description);
        application.mode = self.mode.unwrap_or(application.mode);
        application.image = self.image.unwrap_or(application.image);
        application.registry_id = self.registry_id.unwrap_or(application.registry_id);
        application.repository = self.repository.unwrap_or(application.repository);
        application.container = self.container.unwrap_or(application.container);
        application.environments = self.environments.unwrap_or(application.environments);
        application.webhook_enabled = self.webhook_enabled.unwrap_or(application.webhook_enabled);
        application.webhook_environment = self
            .webhook_environment
            .unwrap_or(application.webhook_environment);
        application.updated_at = now;
        application
    }
}

/// Whether the application may be as it is; `before` is what it was.
async fn check(
    app: &App,
    org: OrgId,
    application: &Application,
    before: Option<&Application>,
) -> Result<(), DeliveryError> {
    let mut fields = Fields::default();
    fields.slug("name", &application.name);
    fields.text("description", &application.description);
    let registry = match application.registry_id {
        None => None,
        Some(id) => store::registry::find(&app.db, org, id).await?,
    };
    let known = registry.is_some() || application.registry_id.is_none();
    fields.check(known, "registryId", Flaw::NoSuch("registry"));
    if known {
        let url = registry
            .as_ref()
            .map(|registry: &registry::Registry| &registry.url);
        if let Err(message) = ImageName::read(&application.image, url) {
            fields.check(false, "image", message);
        }
    }
    if let Some(repository) = &application.repository {
        repository.check(&mut fields);
    }
    application.container.check(&mut fields);
    fields.check(
        application.environments.len() <= 32,
        "environments",
        Flaw::TooMany(32),
    );
    let known = environment::known(app, org).await?;
    for (name, environment) in &application.environments {
        environment.check(name, &application.container, &mut fields);
        // One that was there before stays, whatever became of the org's; what can't be a name was told already.
        let stays = before.is_some_and(|before| before.environments.contains_key(name));
        fields.check(
            stays || known.contains(name.as_str()) || !is_slug(name),
            format!("environments.{name}"),
            "the org has no environment of this name: make it first, or use `default`",
        );
    }
    fields.slug("webhookEnvironment", &application.webhook_environment);
    fields.finish()
}

fn taken(error: DbError, application: &Application) -> DeliveryError {
    if error.violates_unique("applications", &["org_id", "name"]) {
        let name = application.name.clone();
        return DeliveryError::NameTaken {
            what: "application",
            name,
        };
    }
    if error.violates_unique("applications", &["org_id", "repository_key"]) {
        return DeliveryError::NameTaken {
            what: "application of this repository (`repoPath` tells several apart)",
            name: application
                .repository
                .as_ref()
                .map(Repository::key)
                .unwrap_or_default(),
        };
    }
    error.into()
}

/// Tells a field that is null from one that is not there.
#[expect(clippy::option_option, reason = "the difference is the point")]
pub(super) fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

fn yes() -> bool {
    true
}

fn default_environment() -> String {
    DEFAULT_ENVIRONMENT.to_owned()
}

fn default_environments() -> BTreeMap<String, ApplicationEnvironment> {
    BTreeMap::from([(default_environment(), ApplicationEnvironment::default())])
}
