//! Providers: where secrets are synced from.

use muster_base::{OrgId, SecretProviderId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    CredentialKind, SecretsError,
    credential::{delete_credential, find_credential, put_credential},
    group,
    infisical::{Infisical, ProviderFault},
    provider_url::ProviderUrl,
    store, sync,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

const DEFAULT_URL: &str = "https://app.infisical.com";
const DEFAULT_INTERVAL_S: u32 = 300;

/// What kind of provider it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProviderType {
    /// Infisical, in its cloud or self-hosted, by universal auth.
    #[default]
    Infisical,
}

impl ProviderType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Infisical => "infisical",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        if text == "infisical" {
            Ok(Self::Infisical)
        } else {
            Err(DbError::Corrupt("secret_providers.kind".to_owned()))
        }
    }
}

/// Where secrets are synced from, without the client's secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretProvider {
    /// Id.
    pub id: SecretProviderId,
    /// Unique in the org.
    pub name: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ProviderType,
    /// For instance `https://app.infisical.com`.
    #[schema(value_type = String)]
    pub url: ProviderUrl,
    /// Client id of the machine identity.
    pub client_id: String,
    /// The project there.
    pub project_id: String,
    /// Slug of the environment there.
    pub environment: String,
    /// Folder there.
    pub path: String,
    /// Whether its groups are synced by schedule, as far as they say so too.
    pub auto_sync: bool,
    /// Seconds between two syncs of a group by schedule.
    pub interval_s: u32,
    /// When a group was last synced from it.
    pub last_sync_at: Option<UnixMs>,
    /// `success` or `failure`.
    pub last_sync_status: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Last change.
    pub updated_at: UnixMs,
}

/// A provider to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecretProvider {
    /// Unique in the org.
    pub name: String,
    /// What kind.
    #[serde(rename = "type", default)]
    pub kind: ProviderType,
    /// `https://app.infisical.com` if not given.
    pub url: Option<String>,
    /// Client id of the machine identity.
    pub client_id: String,
    /// Its secret.
    #[schema(value_type = String, format = Password)]
    pub client_secret: SecretString,
    /// The project there.
    pub project_id: String,
    /// Slug of the environment there.
    pub environment: String,
    /// Folder there; `/` if not given.
    pub path: Option<String>,
    /// Whether its groups are synced by schedule; true if not given.
    pub auto_sync: Option<bool>,
    /// Seconds between two syncs of a group, 60 to 86,400; 300 if not given.
    pub interval_s: Option<u32>,
}

/// What is to change in a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretProviderPatch {
    /// New name.
    pub name: Option<String>,
    /// New address. The client's secret must then be given again: it was meant for the old one.
    pub url: Option<String>,
    /// New client id.
    pub client_id: Option<String>,
    /// New secret of the client.
    #[schema(value_type = Option<String>, format = Password)]
    pub client_secret: Option<SecretString>,
    /// Another project.
    pub project_id: Option<String>,
    /// Another environment.
    pub environment: Option<String>,
    /// Another folder.
    pub path: Option<String>,
    /// Whether its groups are synced by schedule.
    pub auto_sync: Option<bool>,
    /// Seconds between two syncs of a group.
    pub interval_s: Option<u32>,
}

/// What a test of a provider found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretProviderTest {
    /// It works.
    pub ok: bool,
    /// What was found, or what to do.
    pub message: String,
    /// How many secrets are there.
    pub secrets: Option<usize>,
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewSecretProvider,
) -> Result<SecretProvider, SecretsError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    let now = app.clock.now();
    let provider = SecretProvider {
        id: app.clock.new_id(),
        name: new.name,
        kind: new.kind,
        url: read_url(new.url.as_deref().unwrap_or(DEFAULT_URL))?,
        client_id: new.client_id,
        project_id: new.project_id,
        environment: new.environment,
        path: new.path.unwrap_or_else(|| "/".to_owned()),
        auto_sync: new.auto_sync.unwrap_or(true),
        interval_s: new.interval_s.unwrap_or(DEFAULT_INTERVAL_S),
        last_sync_at: None,
        last_sync_status: None,
        created_by: caller.actor.name(),
        created_at: now,
        updated_at: now,
    };
    check(&provider)?;
    check_secret(&new.client_secret)?;
    let (org, owner) = (caller.org(), *provider.id.as_uuid());
    in_tx!(app.db, |tx| {
        store::provider::insert(tx, org, &provider)
            .await
            .map_err(|error| taken(error, &provider.name))?;
        put_credential(
            app,
            tx,
            org,
            CredentialKind::SecretProvider,
            owner,
            &new.client_secret,
        )
        .await?;
        let entry = Entry::done(Operation::SecretWrite, "secretProvider", provider.id).after(&provider);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(provider)
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: SecretProviderId,
) -> Result<SecretProvider, SecretsError> {
    caller.require(Operation::SecretRead)?;
    find(app, caller.org(), id).await
}

pub(super) async fn find(
    app: &App,
    org: OrgId,
    id: SecretProviderId,
) -> Result<SecretProvider, SecretsError> {
    let found = store::provider::find(&app.db, org, id).await?;
    found.ok_or(SecretsError::NoProvider)
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<SecretProvider>, SecretsError> {
    caller.require(Operation::SecretRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::provider::list(&app.db, caller.org(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: SecretProviderId,
    patch: SecretProviderPatch,
) -> Result<SecretProvider, SecretsError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    let org = caller.org();
    let before = find(app, org, id).await?;
    let secret = patch.client_secret.clone();
    let after = patch.applied_to(before.clone(), app.clock.now())?;
    check(&after)?;
    if let Some(secret) = &secret {
        check_secret(secret)?;
    } else if after.url != before.url {
        // Whoever may change the address must not be able to have the secret sent there.
        return Err(SecretsError::Invalid {
            field: "clientSecret",
            message: Flaw::Anew,
        });
    }
    in_tx!(app.db, |tx| {
        let found = store::provider::update(tx, org, &after)
            .await
            .map_err(|error| taken(error, &after.name))?;
        if !found {
            return Err(SecretsError::NoProvider);
        }
        if let Some(secret) = &secret {
            let owner = *id.as_uuid();
            put_credential(app, tx, org, CredentialKind::SecretProvider, owner, secret).await?;
        }
        store::sync::make_due(tx, org, id, after.updated_at).await?;
        let entry = Entry::done(Operation::SecretWrite, "secretProvider", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.secret_sync.wake.notify_one();
    Ok(after)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: SecretProviderId) -> Result<(), SecretsError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    let org = caller.org();
    in_tx!(app.db, |tx| {
        let before = store::provider::lock(tx, &app.db, org, id)
            .await?
            .ok_or(SecretsError::NoProvider)?;
        if store::group::count_of_provider(tx, org, id).await? > 0 {
            return Err(SecretsError::ProviderInUse);
        }
        store::provider::delete(tx, org, id).await?;
        delete_credential(tx, org, CredentialKind::SecretProvider, *id.as_uuid()).await?;
        let entry = Entry::done(Operation::SecretWrite, "secretProvider", id).before(&before);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

/// Signs in there and counts what it would sync. Nothing is stored but that it was done.
pub(super) async fn test(
    app: &App,
    caller: &Caller,
    id: SecretProviderId,
) -> Result<SecretProviderTest, SecretsError> {
    caller.require_all(Operation::SecretWrite, ObjectKind::SecretGroups)?;
    let org = caller.org();
    let provider = find(app, org, id).await?;
    let tested = match fetch(app, org, &provider).await {
        Ok(found) if found.is_empty() => SecretProviderTest {
            ok: false,
            message: "the provider answers, and has no secret there: check project, environment and path"
                .to_owned(),
            secrets: Some(0),
        },
        Ok(found) => SecretProviderTest {
            ok: true,
            message: format!("the provider answers; {} secrets are there", found.len()),
            secrets: Some(found.len()),
        },
        Err(SecretsError::Provider(fault)) => SecretProviderTest {
            ok: false,
            message: fault.to_string(),
            secrets: None,
        },
        Err(other) => return Err(other),
    };
    in_tx!(app.db, |tx| {
        let detail = format!("tested: {}", tested.message);
        let entry = Entry::done(Operation::SecretWrite, "secretProvider", id).detail(detail);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(tested)
}

/// What is at the provider now.
pub(super) async fn fetch(
    app: &App,
    org: OrgId,
    provider: &SecretProvider,
) -> Result<sync::Remotes, SecretsError> {
    let owner = *provider.id.as_uuid();
    let secret = find_credential(app, org, CredentialKind::SecretProvider, owner)
        .await?
        .ok_or(ProviderFault::Credentials)?;
    let ProviderType::Infisical = provider.kind;
    let client = Infisical {
        http: app.secret_sync.http()?,
        url: &provider.url,
        client_id: &provider.client_id,
        client_secret: &secret,
        project_id: &provider.project_id,
        environment: &provider.environment,
        path: &provider.path,
    };
    Ok(client.list().await?)
}

impl SecretProviderPatch {
    fn applied_to(self, mut provider: SecretProvider, now: UnixMs) -> Result<SecretProvider, SecretsError> {
        if let Some(url) = &self.url {
            provider.url = read_url(url)?;
        }
        provider.name = self.name.unwrap_or(provider.name);
        provider.client_id = self.client_id.unwrap_or(provider.client_id);
        provider.project_id = self.project_id.unwrap_or(provider.project_id);
        provider.environment = self.environment.unwrap_or(provider.environment);
        provider.path = self.path.unwrap_or(provider.path);
        provider.auto_sync = self.auto_sync.unwrap_or(provider.auto_sync);
        provider.interval_s = self.interval_s.unwrap_or(provider.interval_s);
        provider.updated_at = now;
        Ok(provider)
    }
}

fn read_url(text: &str) -> Result<ProviderUrl, SecretsError> {
    text.parse().map_err(
        |error: super::provider_url::ProviderUrlError| SecretsError::Invalid {
            field: "url",
            message: error.to_string().into(),
        },
    )
}

fn check(provider: &SecretProvider) -> Result<(), SecretsError> {
    group::check_name(&provider.name)?;
    for (field, text) in [
        ("clientId", &provider.client_id),
        ("projectId", &provider.project_id),
        ("environment", &provider.environment),
    ] {
        let plain = (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain {
            return Err(SecretsError::Invalid {
                field,
                message: Flaw::Visible(256),
            });
        }
    }
    let path = &provider.path;
    if path.len() > 512 {
        return Err(SecretsError::Invalid {
            field: "path",
            message: Flaw::Bytes(1, 512),
        });
    }
    if !path.starts_with('/') || path.chars().any(char::is_control) {
        return Err(SecretsError::Invalid {
            field: "path",
            message: Flaw::Path,
        });
    }
    if !(60..=86_400).contains(&provider.interval_s) {
        return Err(SecretsError::Invalid {
            field: "intervalS",
            message: Flaw::Range(60, 86_400),
        });
    }
    Ok(())
}

fn check_secret(secret: &SecretString) -> Result<(), SecretsError> {
    use muster_base::ExposeSecret as _;
    let length = secret.expose_secret().len();
    if (1..=4_096).contains(&length) {
        return Ok(());
    }
    Err(SecretsError::Invalid {
        field: "clientSecret",
        message: Flaw::Bytes(1, 4_096),
    })
}

fn taken(error: DbError, name: &str) -> SecretsError {
    if error.violates_unique("secret_providers", &["org_id", "name"]) {
        return SecretsError::NameTaken {
            what: "secret provider",
            name: name.to_owned(),
        };
    }
    error.into()
}
