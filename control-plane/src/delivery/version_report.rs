//! CI tells of a build: that it began, that the image is made, that it failed.
//!
//! Whoever may deploy an application may say what there is to deploy: an API key of the kind `deploy`, or the
//! application's own deploy token. A build that begins starts the report anew; what a later report leaves out stays as it
//! was said before. A log is kept as it was reported, so CI must mask its secrets, as it does in its own logs.

use std::net::IpAddr;

use muster_base::{ApplicationId, ExposeSecret, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError,
    application::{self, Lifecycle},
    fields::{Fields, is_page},
    image::{is_digest, is_tag},
    store,
    version::{self, Build, BuildStatus, Version},
    webhook,
    webhook_proof::Proof,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

/// Longest log, in bytes.
const LOG_BYTES: usize = 512 * 1024;

/// What CI says of a build.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildReport {
    /// How it goes.
    pub status: BuildStatus,
    /// The commit.
    pub commit: Option<String>,
    /// Branch or tag.
    pub branch: Option<String>,
    /// The commit's first line.
    pub message: Option<String>,
    /// The build's page: `https://…` or `http://…`.
    pub url: Option<String>,
    /// The image that came out of it, `sha256:…`.
    pub digest: Option<String>,
    /// The log, at most 512 KiB: of a longer one the end.
    #[serde(skip_serializing)]
    pub log: Option<String>,
}

/// The same with the application's deploy token instead of other credentials.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookReport {
    /// The application's id.
    #[serde(default)]
    #[schema(required)]
    pub application_id: String,
    /// The version: an image tag.
    #[serde(default)]
    #[schema(required)]
    pub version: String,
    /// The application's token, `whk_…`.
    #[serde(default = "webhook::no_token")]
    #[schema(value_type = String, format = Password, required)]
    pub token: SecretString,
    /// The build.
    pub build: BuildReport,
}

/// Takes a report by the webhook's token.
pub(super) async fn by_webhook(
    app: &App,
    ip: Option<IpAddr>,
    call: &WebhookReport,
    proof: Proof<'_>,
) -> Result<Version, DeliveryError> {
    let pass = webhook::authenticate(app, ip, (&call.application_id, &call.token), proof).await?;
    let token = call.token.expose_secret();
    let texts = [
        &call.build.commit,
        &call.build.branch,
        &call.build.message,
        &call.build.url,
        &call.build.log,
    ];
    let mut said = texts.into_iter().flatten().chain([&call.version]);
    if said.any(|text| text.contains(token)) {
        return Err(DeliveryError::invalid(
            "token",
            "stands in the report, too: mask it in the build's log and leave it out of the other fields",
        ));
    }
    let caller = Caller::webhook(pass.application, pass.org, ip);
    report(app, &caller, pass.application, &call.version, &call.build).await?;
    pass.touch(app).await?;
    version::find(app, &caller, pass.application, &call.version).await
}

/// Takes a report.
pub(super) async fn put(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    name: &str,
    said: &BuildReport,
) -> Result<Version, DeliveryError> {
    application::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    report(app, caller, id, name, said).await?;
    version::find(app, caller, id, name).await
}

async fn report(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    name: &str,
    said: &BuildReport,
) -> Result<(), DeliveryError> {
    caller.require(Operation::DeploymentCreate)?;
    said.check(name)?;
    let (org, now) = (caller.org(), app.clock.now());
    in_tx!(app.db, |tx| {
        // One report after the other, and none of an application that is just being deleted.
        if !store::application::lock(tx, org, id).await? {
            return Err(DeliveryError::NotFound("application"));
        }
        store::version::note(tx, org, id, name, now).await?;
        let before = store::version::find_build(tx, org, id, name).await?;
        let build = said.build(before, caller.actor.name(), now);
        store::version::set_build(tx, org, id, name, &build).await?;
        if said.log.is_some() || said.status == BuildStatus::Building {
            store::version::set_log(tx, org, id, name, said.log.as_deref()).await?;
        }
        let lifecycle = match said.status {
            BuildStatus::Building => Lifecycle::Building,
            BuildStatus::Built => Lifecycle::Built,
            BuildStatus::BuildFailed => Lifecycle::BuildFailed,
        };
        store::application::set_build_status(tx, org, id, lifecycle).await?;
        let entry = Entry::done(Operation::DeploymentCreate, "application", id)
            .after(said)
            .detail(format!("version {name} reported as {}", said.status.as_str()));
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

impl BuildReport {
    fn check(&self, version: &str) -> Result<(), DeliveryError> {
        let mut fields = Fields::default();
        fields.check(is_tag(version), "version", Flaw::Tag);
        let commit = self.commit.as_deref();
        fields.check(commit.is_none_or(is_visible), "commit", Flaw::Visible(64));
        for (field, text, most) in [("branch", &self.branch, 255), ("message", &self.message, 500)] {
            let short = text.as_deref().is_none_or(|text| text.chars().count() <= most);
            fields.check(short, field, Flaw::TooLong(most));
            let plain = text
                .as_deref()
                .is_none_or(|text| !text.chars().any(char::is_control));
            fields.check(plain, field, "must be one line, without control characters");
        }
        let url = self.url.as_deref().is_none_or(is_page);
        fields.check(
            url,
            "url",
            "must be an address such as https://ci.example.com/build/7",
        );
        let digest = self.digest.as_deref().is_none_or(is_digest);
        fields.check(digest, "digest", "must be sha256: and 64 hexadecimal digits");
        let log = self.log.as_ref().is_none_or(|log| log.len() <= LOG_BYTES);
        fields.check(
            log,
            "log",
            "must have at most 512 KiB: of a longer log, report the end",
        );
        fields.finish()
    }

    /// The build after this report.
    fn build(&self, before: Option<Build>, by: String, now: UnixMs) -> Build {
        let begins = self.status == BuildStatus::Building;
        let before = before.filter(|_| !begins);
        let kept = |said: &Option<String>, get: fn(&Build) -> &Option<String>| {
            said.clone()
                .or_else(|| before.as_ref().and_then(|before| get(before).clone()))
        };
        let started_at = before.as_ref().and_then(|before| before.started_at);
        Build {
            status: self.status,
            commit: kept(&self.commit, |before| &before.commit),
            branch: kept(&self.branch, |before| &before.branch),
            message: kept(&self.message, |before| &before.message),
            url: kept(&self.url, |before| &before.url),
            digest: kept(&self.digest, |before| &before.digest),
            log_bytes: 0,
            started_at: if begins { Some(now) } else { started_at },
            completed_at: (!begins).then_some(now),
            reported_by: by,
            reported_at: now,
        }
    }
}

fn is_visible(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: BuildStatus) -> BuildReport {
        BuildReport {
            status,
            commit: None,
            branch: None,
            message: None,
            url: None,
            digest: None,
            log: None,
        }
    }

    #[test]
    fn what_a_later_report_leaves_out_stays_and_a_new_build_forgets() {
        let at = UnixMs;
        let begin = BuildReport {
            commit: Some("abc".to_owned()),
            ..report(BuildStatus::Building)
        };
        let first = begin.build(None, "ci".to_owned(), at(1_000));
        assert_eq!((first.started_at, first.completed_at), (Some(at(1_000)), None));
        let built = report(BuildStatus::Built).build(Some(first), "ci".to_owned(), at(5_000));
        assert_eq!(built.commit.as_deref(), Some("abc"));
        assert_eq!(
            (built.started_at, built.completed_at),
            (Some(at(1_000)), Some(at(5_000)))
        );
        let again = report(BuildStatus::Building).build(Some(built), "ci".to_owned(), at(9_000));
        assert_eq!((again.commit, again.completed_at), (None, None));
    }
}
