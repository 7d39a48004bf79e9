//! Who hears that a deployment failed: whoever asked for it, and those who may change the application, by their inbox;
//! by mail, too, if they want that (`mailMessages`) and their address was verified, in the language that they chose or last
//! signed in with.

use std::collections::BTreeSet;

use muster_base::{ApplicationId, DeploymentId, OrgId, UnixMs, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{
    app::App,
    db::Tx,
    notify::{self, Channel, Letter, Template},
};

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

/// Mail about something that failed is worth nothing when somebody had to find out otherwise.
const MAIL_LIFE_MS: i64 = UnixMs::DAY;
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
    for reader in store::user::list_mail_wanted(tx, &app.db, to).await? {
        let letter = Letter::new(
            Channel::Mail,
            reader.email.as_str(),
            reader.language(),
            Template::DeploymentFailed,
            app.clock.now().plus_ms(MAIL_LIFE_MS),
        )
        .with("application", failed.name)
        .with("version", failed.version)
        .with("environment", failed.environment)
        .with("error", error.as_str())
        .with("address", address.as_str());
        notify::post(app, tx, letter.of_platform(reader.platform_id)).await?;
    }
    Ok(())
}
