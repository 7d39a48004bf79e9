//! Registries and their credentials.

use muster_base::{OrgId, RegistryId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError,
    fields::Fields,
    registry_client::{RegistryAuth, RegistryClient},
    registry_url::RegistryUrl,
    store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    secrets::{self, CredentialKind},
};

/// How a registry wants to be authenticated to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthType {
    /// Not at all.
    #[default]
    None,
    /// User name and password.
    UsernamePassword,
    /// A bearer token.
    Token,
}

impl AuthType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::UsernamePassword => "username-password",
            Self::Token => "token",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::None, Self::UsernamePassword, Self::Token]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("registries.auth_type".to_owned()))
    }
}

/// A container registry, without its credentials.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// Id.
    pub id: RegistryId,
    /// Unique in the org.
    pub name: String,
    /// For instance `https://registry.example.com`.
    #[schema(value_type = String)]
    pub url: RegistryUrl,
    /// How to authenticate.
    pub auth_type: AuthType,
    /// User name, with `username-password`.
    pub username: Option<String>,
    /// The last test; null before the first.
    pub last_test: Option<RegistryTest>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// What a test of a registry found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryTest {
    /// It works.
    pub ok: bool,
    /// What the registry said, for a person.
    pub message: String,
    /// When.
    pub at: UnixMs,
}

/// A registry to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewRegistry {
    /// Unique in the org.
    pub name: String,
    /// `https://…`, or `http://…` where that is wanted.
    pub url: String,
    /// How to authenticate.
    #[serde(default)]
    pub auth_type: AuthType,
    /// With `username-password`.
    pub username: Option<String>,
    /// With `username-password`.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
    /// With `token`.
    #[schema(value_type = Option<String>, format = Password)]
    pub token: Option<SecretString>,
}

/// What is to change in a registry. Credentials that are not given stay, as long as `authType` does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryPatch {
    /// New name.
    pub name: Option<String>,
    /// New address. Credentials must then be given again: they were meant for the old one.
    pub url: Option<String>,
    /// New way to authenticate.
    pub auth_type: Option<AuthType>,
    /// New user name.
    pub username: Option<String>,
    /// New password.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
    /// New token.
    #[schema(value_type = Option<String>, format = Password)]
    pub token: Option<SecretString>,
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewRegistry) -> Result<Registry, DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let now = app.clock.now();
    let url = read_url(&new.url)?;
    let registry = Registry {
        id: app.clock.new_id(),
        name: new.name,
        url,
        auth_type: new.auth_type,
        username: new.username,
        last_test: None,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    let credential = credential(&registry, new.password, new.token)?;
    check(&registry, credential.is_some())?;
    in_tx!(app.db, |tx| {
        store::registry::insert(tx, caller.org(), &registry)
            .await
            .map_err(|error| taken(error, &registry.name))?;
        write_credential(app, tx, caller.org(), &registry, credential.as_ref()).await?;
        let entry = Entry::done(Operation::RegistryWrite, "registry", registry.id).after(&registry);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(registry)
}

pub(super) async fn get(app: &App, caller: &Caller, id: RegistryId) -> Result<Registry, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    find(app, caller.org(), id).await
}

pub(super) async fn find(app: &App, org: OrgId, id: RegistryId) -> Result<Registry, DeliveryError> {
    let found = store::registry::find(&app.db, org, id).await?;
    found.ok_or(DeliveryError::NotFound("registry"))
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<Registry>, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::registry::list(&app.db, caller.org(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: RegistryId,
    patch: RegistryPatch,
) -> Result<Registry, DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let org = caller.org();
    let before = find(app, org, id).await?;
    let mut after = before.clone();
    after.name = patch.name.unwrap_or(after.name);
    after.url = patch.url.as_deref().map_or(Ok(after.url), read_url)?;
    after.auth_type = patch.auth_type.unwrap_or(after.auth_type);
    after.username = match after.auth_type {
        AuthType::UsernamePassword => patch.username.or(after.username),
        AuthType::None | AuthType::Token => patch.username,
    };
    after.updated_at = app.clock.now();
    let credential = credential(&after, patch.password, patch.token)?;
    // Whoever may change the address must not be able to have the old password sent there.
    let kept = after.auth_type == before.auth_type && after.url == before.url;
    check(&after, credential.is_some() || kept)?;
    in_tx!(app.db, |tx| {
        let found = store::registry::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after.name))?;
        if !found {
            return Err(DeliveryError::NotFound("registry"));
        }
        if credential.is_some() || !kept {
            write_credential(app, tx, org, &after, credential.as_ref()).await?;
        }
        let entry = Entry::done(Operation::RegistryWrite, "registry", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(after)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: RegistryId) -> Result<(), DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let org = caller.org();
    let before = find(app, org, id).await?;
    in_tx!(app.db, |tx| {
        match store::registry::delete(tx, org, id).await {
            Ok(true) => {}
            Ok(false) => return Err(DeliveryError::NotFound("registry")),
            Err(error) if error.violates_foreign_key() => return Err(DeliveryError::RegistryInUse),
            Err(error) => return Err(error.into()),
        }
        secrets::delete_credential(tx, org, CredentialKind::Registry, *id.as_uuid()).await?;
        let entry = Entry::done(Operation::RegistryWrite, "registry", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

/// Does the v2 handshake with the stored credentials, and remembers what came of it.
pub(super) async fn test(app: &App, caller: &Caller, id: RegistryId) -> Result<RegistryTest, DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let registry = find(app, caller.org(), id).await?;
    let auth = auth_of(app, caller.org(), &registry).await?;
    let client = RegistryClient::new(app.delivery.http()?, &registry.url, &auth);
    let (ok, message) = match client.handshake().await {
        Ok(said) => (true, said.to_owned()),
        Err(fault) => (false, fault.to_string()),
    };
    let at = app.clock.now();
    let tested = RegistryTest { ok, message, at };
    in_tx!(app.db, |tx| {
        store::registry::set_test(tx, caller.org(), id, &tested).await?;
        let entry = Entry::done(Operation::RegistryWrite, "registry", id)
            .detail(format!("tested: {}", tested.message));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(tested)
}

/// The credentials, opened.
pub(super) async fn auth_of(
    app: &App,
    org: OrgId,
    registry: &Registry,
) -> Result<RegistryAuth, DeliveryError> {
    let secret = async || {
        secrets::find_credential(app, org, CredentialKind::Registry, *registry.id.as_uuid())
            .await?
            .ok_or_else(|| {
                DeliveryError::invalid("registry", "the registry has no credentials: set them again")
            })
    };
    Ok(match registry.auth_type {
        AuthType::None => RegistryAuth::None,
        AuthType::Token => RegistryAuth::Token(secret().await?),
        AuthType::UsernamePassword => RegistryAuth::Basic {
            username: registry.username.clone().unwrap_or_default(),
            password: secret().await?,
        },
    })
}

async fn write_credential(
    app: &App,
    tx: &mut Tx,
    org: OrgId,
    registry: &Registry,
    credential: Option<&SecretString>,
) -> Result<(), DeliveryError> {
    let owner = *registry.id.as_uuid();
    match credential {
        Some(secret) => {
            secrets::put_credential(app, tx, org, CredentialKind::Registry, owner, secret).await?;
        }
        None => {
            secrets::delete_credential(tx, org, CredentialKind::Registry, owner).await?;
        }
    }
    Ok(())
}

fn credential(
    registry: &Registry,
    password: Option<SecretString>,
    token: Option<SecretString>,
) -> Result<Option<SecretString>, DeliveryError> {
    match (registry.auth_type, password, token) {
        (AuthType::None, None, None) => Ok(None),
        (AuthType::UsernamePassword, password, None) => Ok(password),
        (AuthType::Token, None, token) => Ok(token),
        (AuthType::None | AuthType::Token, Some(_), _) => Err(DeliveryError::invalid(
            "password",
            Flaw::OnlyWith("authType username-password"),
        )),
        (AuthType::None | AuthType::UsernamePassword, _, Some(_)) => {
            Err(DeliveryError::invalid("token", Flaw::OnlyWith("authType token")))
        }
    }
}

fn read_url(text: &str) -> Result<RegistryUrl, DeliveryError> {
    text.parse()
        .map_err(|error: super::registry_url::RegistryUrlError| {
            DeliveryError::invalid("url", error.to_string())
        })
}

fn check(registry: &Registry, has_credential: bool) -> Result<(), DeliveryError> {
    let mut fields = Fields::default();
    fields.name("name", &registry.name);
    let username = registry.username.as_deref();
    let plain = username
        .is_none_or(|name| name.len() <= 256 && !name.contains(':') && !name.chars().any(char::is_control));
    fields.check(plain, "username", Flaw::Login(256));
    match registry.auth_type {
        AuthType::None | AuthType::Token => {
            fields.check(
                username.is_none(),
                "username",
                Flaw::OnlyWith("authType username-password"),
            );
        }
        AuthType::UsernamePassword => {
            fields.check(
                username.is_some_and(|name| !name.is_empty()),
                "username",
                Flaw::Needed,
            );
        }
    }
    match registry.auth_type {
        AuthType::None => {}
        AuthType::UsernamePassword => fields.check(has_credential, "password", Flaw::Needed),
        AuthType::Token => fields.check(has_credential, "token", Flaw::Needed),
    }
    fields.finish()
}

fn taken(error: DbError, name: &str) -> DeliveryError {
    if error.violates_unique("registries", &["org_id", "name"]) {
        return DeliveryError::NameTaken {
            what: "registry",
            name: name.to_owned(),
        };
    }
    error.into()
}
