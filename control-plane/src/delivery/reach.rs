//! What somebody whose permissions are narrowed may do to applications.
//!
//! Reading needs the application. Deploying needs the application and the environment; its hosts are those that
//! whoever may change the application chose. Changing it needs every environment it has, because its image and
//! container are for all of them, and each host that it is newly pointed at.

use muster_base::ApplicationId;

use super::{
    DeliveryError,
    application::{self, Application},
    env_var::{EnvVar, Scope},
    fields::Fields,
};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    error::Error,
    flaw::Flaw,
    fleet,
};

/// Passes if the caller may turn `before` (none: a new one) into `after`.
pub(super) async fn check_change(
    app: &App,
    caller: &Caller,
    after: &Application,
    before: Option<&Application>,
) -> Result<(), DeliveryError> {
    if caller.scope().is_whole() {
        return Ok(());
    }
    let environments = before
        .iter()
        .flat_map(|before| before.environments.keys())
        .chain(after.environments.keys());
    for name in environments {
        if !caller.reaches(&Object::Environment(name)) {
            let message =
                format!("this concerns the environment {name} too, which your permissions don't reach");
            return Err(Error::denied("out-of-reach", message).into());
        }
    }
    let Some(hosts) = fleet::hosts_in_reach(app, caller).await.map_err(Error::from)? else {
        return Ok(());
    };
    let mut fields = Fields::default();
    for (name, target) in &after.environments {
        let same = before.and_then(|before| before.environments.get(name)) == Some(target);
        let reached = target.selector.is_empty() && target.hosts.iter().all(|host| hosts.contains(host));
        fields.check(
            same || reached,
            format!("environments.{name}"),
            Flaw::NarrowedHosts,
        );
    }
    fields.finish()
}

/// A variable concerns what it is for: one environment, one application with all its environments, or all of them.
pub(super) async fn may_write(
    app: &App,
    caller: &Caller,
    scope: Scope,
    (application, environment): (Option<ApplicationId>, Option<&str>),
) -> Result<(), DeliveryError> {
    const WRITE: Operation = Operation::ApplicationWrite;
    caller.require(WRITE)?;
    if scope == Scope::Global && !caller.is_super_admin() {
        return Err(DeliveryError::GlobalScope);
    }
    match (application, environment) {
        (Some(id), Some(name)) => Ok(caller.require_on(WRITE, &Object::ApplicationIn(id, name))?),
        (Some(id), None) => {
            let application = application::find_for(app, caller, WRITE, id).await?;
            check_change(app, caller, &application, Some(&application)).await
        }
        (None, _) => {
            caller.require_all(WRITE, ObjectKind::Applications)?;
            Ok(caller.require_all(WRITE, ObjectKind::Environments)?)
        }
    }
}

/// Whether a variable is in the caller's reach; those of the org and the global ones are in everybody's.
pub(super) fn reaches(caller: &Caller, variable: &EnvVar) -> bool {
    match (variable.application_id, &variable.environment) {
        (Some(id), Some(name)) => caller.reaches(&Object::ApplicationIn(id, name)),
        (Some(id), None) => caller.reaches(&Object::Application(id)),
        (None, _) => true,
    }
}
