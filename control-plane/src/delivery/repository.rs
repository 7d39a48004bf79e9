//! Where an application's code is, and the secret that its Git host signs with.

use muster_base::{ApplicationId, SecretString, random_token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeliveryError, application, fields::Fields, trigger_spec::GitProvider};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    in_tx,
    secrets::{self, CredentialKind},
};

const PREFIX: &str = "gwh_";

/// A repository at a Git host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repository {
    /// The host.
    pub provider: GitProvider,
    /// The repository's id there. Together with the host and `repoPath` unique in the org.
    pub repo_id: String,
    /// Whose it is there.
    #[serde(default)]
    pub repo_owner: String,
    /// Its name there.
    #[serde(default)]
    pub repo_name: String,
    /// Its address for Git.
    #[serde(default)]
    pub repo_url: String,
    /// Its page.
    #[serde(default)]
    pub http_url: String,
    /// The application's folder, where several applications share a repository.
    #[serde(default)]
    pub repo_path: String,
}

impl Repository {
    /// What is unique in the org.
    pub(super) fn key(&self) -> String {
        format!("{}:{}:{}", self.provider.as_str(), self.repo_id, self.repo_path)
    }

    pub(super) fn check(&self, fields: &mut Fields) {
        let plain = |text: &str| text.len() <= 512 && !text.contains(char::is_control);
        let is_id =
            (1..=128).contains(&self.repo_id.len()) && self.repo_id.bytes().all(|b| b.is_ascii_graphic());
        fields.check(is_id, "repository.repoId", "1 to 128 visible ASCII characters");
        for (field, text) in [
            ("repoOwner", &self.repo_owner),
            ("repoName", &self.repo_name),
            ("repoUrl", &self.repo_url),
            ("httpUrl", &self.http_url),
            ("repoPath", &self.repo_path),
        ] {
            let message = "at most 512 bytes, without control characters";
            fields.check(plain(text), format!("repository.{field}"), message);
        }
    }
}

/// A Git host's secret, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitSecret {
    /// For the host's field "secret" (GitHub, GitLab, Codeup) or "password/signing key" (Gitee).
    pub secret: String,
    /// For its field "URL", after this control plane's address.
    pub path: String,
}

/// Makes a new secret for the application's Git host. The one before ends at once: its host keeps one only.
pub(super) async fn rotate_secret(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
) -> Result<GitSecret, DeliveryError> {
    let org = caller.org();
    let application = application::find_for(app, caller, Operation::ApplicationWrite, id).await?;
    super::reach::check_change(app, caller, &application, Some(&application)).await?;
    if application.repository.is_none() {
        return Err(DeliveryError::invalid(
            "repository",
            "say where the code is first",
        ));
    }
    let secret = random_token(PREFIX);
    in_tx!(app.db, |tx| {
        let (kind, value) = (CredentialKind::GitHook, SecretString::from(secret.as_str()));
        secrets::put_credential(app, tx, org, kind, *id.as_uuid(), &value).await?;
        let entry = Entry::done(Operation::ApplicationWrite, "application", id)
            .detail("a new secret for its Git host");
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(GitSecret {
        secret,
        path: format!("/webhook/git/{id}"),
    })
}
