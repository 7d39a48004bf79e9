//! Who hears that a deployment failed: whoever asked for it, and those who may change the application, by their inbox,
//! and by mail ([`super::mailed`]).

use std::collections::BTreeSet;

use muster_base::{ApplicationId, DeploymentId, OrgId, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    mailed::mail,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{app::App, db::Tx, notify::Template};

/// A deployment that failed, or was put back.
#[derive(Debug, Clone, Copy)]
pub struct FailedDeployment<'a> {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub id: DeploymentId,
    /// The application.
    pub application: ApplicationId,
    /// Its name.
    pub name: &'a str,
    /// The environment.
    pub environment: &'a str,
    /// What was to run.
    pub version: &'a str,
    /// What went wrong.
    pub error: &'a str,
    /// Kind and id of who asked for it.
    pub asked_by: (&'a str, &'a str),
}

/// Characters of the error that a message repeats.
const ERROR_CHARS: usize = 400;

/// Who is to hear of it, as of now.
pub async fn failure_audience(app: &App, failed: &FailedDeployment<'_>) -> Result<Vec<UserId>, AccessError> {
    let asker = match failed.asked_by {
        ("user", id) => id.parse().ok(),
        ("apiKey", id) => match id.parse() {
            Ok(key) => store::api_key::find_person(&app.db, key).await?,
            Err(_) => None,
        },
        _ => None,
    };
    let application = Object::Application(failed.application);
    let here = Object::ApplicationIn(failed.application, failed.environment);
    let mut audience = BTreeSet::new();
    for (user, granted) in store::grant::list(&app.db, failed.org).await? {
        let permissions = grant::permissions(granted)?;
        let may = |operation, object| {
            permissions.decide(Asked::BuiltIn(operation), Some(object)) == Decision::Allowed
        };
        let asked = asker == Some(user) && may(Operation::DeploymentRead, &here);
        if asked || may(Operation::ApplicationWrite, &application) {
            audience.insert(user);
        }
    }
    Ok(audience.into_iter().collect())
}

/// Tells them. The caller wakes the outbox after the commit.
pub async fn tell_of_failure(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    failed: &FailedDeployment<'_>,
) -> Result<(), AccessError> {
    let error: String = failed.error.chars().take(ERROR_CHARS).collect();
    let message = NewMessage {
        org: failed.org,
        mode: Mode::Deployment,
        sub_mode: SubMode::View,
        words: Words::NotDeployed {
            application: failed.name,
            version: failed.version,
            environment: failed.environment,
            reason: &error,
        },
        tip: &failed.id.to_string(),
    };
    message::send(app, tx, to, &message).await?;
    let address = format!("{}/deployments/{}", app.config.base_url(), failed.id);
    let blanks = [
        ("application", failed.name),
        ("version", failed.version),
        ("environment", failed.environment),
        ("error", &error),
        ("address", &address),
    ];
    mail(app, tx, to, Template::DeploymentFailed, &blanks).await
}
