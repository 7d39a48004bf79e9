//! Passwords and tokens of other rooms' things. The room that owns the thing decides who may set them, and calls
//! these in the transaction that writes the thing; nothing here is reachable over HTTP.

use muster_base::{OrgId, SecretString};
use uuid::Uuid;

use super::{SecretsError, seal::Place, store, value};
use crate::{app::App, db::Tx};

/// Whose credential it is. The text is part of the sealed value's identity and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// Password or token of a container registry.
    Registry,
    /// Password of a database server.
    DatabaseServer,
    /// The client's secret of a provider of secrets.
    SecretProvider,
    /// Token of an org at a git host.
    GitHost,
    /// What an application's Git host signs with.
    GitHook,
    /// Address of a receiver of alerts, and what is signed with for it.
    AlertReceiver,
    /// Password of an account of a host.
    HostAccount,
    /// What the Git host of a project's hook signs with.
    ProjectGitHook,
    /// What CI signs calls of an application's webhook with.
    WebhookSignature,
}

impl CredentialKind {
    /// The words of every kind.
    pub(super) const WORDS: &'static [&'static str] = &[
        Self::Registry.as_str(),
        Self::DatabaseServer.as_str(),
        Self::SecretProvider.as_str(),
        Self::GitHost.as_str(),
        Self::GitHook.as_str(),
        Self::AlertReceiver.as_str(),
        Self::HostAccount.as_str(),
        Self::ProjectGitHook.as_str(),
        Self::WebhookSignature.as_str(),
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "credential/registry",
            Self::DatabaseServer => "credential/database-server",
            Self::SecretProvider => "credential/secret-provider",
            Self::GitHost => "credential/git-host",
            Self::GitHook => "credential/git-hook",
            Self::AlertReceiver => "credential/alert-receiver",
            Self::HostAccount => "credential/host-account",
            Self::ProjectGitHook => "credential/project-git-hook",
            Self::WebhookSignature => "credential/webhook-signature",
        }
    }
}

fn place(org: OrgId, kind: CredentialKind, owner: Uuid) -> Place {
    Place {
        org,
        kind: kind.as_str(),
        id: owner,
        version: 0,
    }
}

/// Sets the credential of `owner`, or replaces it.
pub async fn put_credential(
    app: &App,
    tx: &mut Tx,
    org: OrgId,
    kind: CredentialKind,
    owner: Uuid,
    secret: &SecretString,
) -> Result<(), SecretsError> {
    let sealed = value::seal(app, &place(org, kind, owner), secret)?;
    store::credential::upsert(tx, org, kind, owner, &sealed, app.clock.now()).await?;
    Ok(())
}

/// The credential of `owner`, if it has one.
pub async fn find_credential(
    app: &App,
    org: OrgId,
    kind: CredentialKind,
    owner: Uuid,
) -> Result<Option<SecretString>, SecretsError> {
    match store::credential::find(&app.db, org, kind, owner).await? {
        Some(sealed) => value::open(app, &place(org, kind, owner), &sealed).map(Some),
        None => Ok(None),
    }
}

/// Forgets the credential of `owner`, if it has one.
pub async fn delete_credential(
    tx: &mut Tx,
    org: OrgId,
    kind: CredentialKind,
    owner: Uuid,
) -> Result<(), SecretsError> {
    Ok(store::credential::delete(tx, org, kind, owner).await?)
}

/// Forgets the credentials of all `owners`.
pub async fn delete_credentials(
    tx: &mut Tx,
    org: OrgId,
    kind: CredentialKind,
    owners: &[Uuid],
) -> Result<(), SecretsError> {
    Ok(store::credential::delete_all(tx, org, kind, owners).await?)
}
