//! Whose a container is that has the name: it is replaced only by its own application and environment.
//!
//! A container's labels say which order, application and environment it was made for. One without them was not made by
//! Muster: the host's policy says whether it may be replaced. The policy gives nobody another application's container.

use super::{Deploy, StepError};
use crate::worker::docker::Found;

impl Deploy<'_> {
    /// Whether this deploy may put `found` aside.
    pub(super) fn may_replace(&self, found: &Found) -> Result<(), StepError> {
        let (application, environment) = (self.spec.application.to_string(), &self.spec.environment);
        check(found, (&application, environment), self.may_replace_unmanaged)
    }
}

fn check(
    found: &Found,
    (application, environment): (&str, &str),
    may_replace_unmanaged: bool,
) -> Result<(), StepError> {
    let Some(of) = &found.application else {
        return if may_replace_unmanaged {
            Ok(())
        } else {
            Err(StepError::Unmanaged(found.name.clone()))
        };
    };
    // A container that says nothing of its environment is judged by its application alone.
    let same_place = found.environment.as_deref().is_none_or(|of| of == environment);
    if of == application && same_place {
        return Ok(());
    }
    Err(StepError::Foreign {
        name: found.name.clone(),
        application: of.clone(),
        environment: found.environment.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(application: Option<&str>, environment: Option<&str>) -> Found {
        Found {
            id: "1".to_owned(),
            name: "shop".to_owned(),
            running: true,
            restarting: false,
            restarts: 0,
            exit_code: 0,
            error: String::new(),
            health: None,
            order: None,
            managed: application.is_some(),
            application: application.map(str::to_owned),
            environment: environment.map(str::to_owned),
            address: None,
            route: None,
            started: String::new(),
            removed_at_end: false,
        }
    }

    #[test]
    fn a_container_is_replaced_by_its_own_application_and_environment_only() {
        let replaces = |found: &Found, unmanaged| check(found, ("a", "test"), unmanaged).is_ok();
        assert!(replaces(&container(Some("a"), Some("test")), false));
        assert!(replaces(&container(Some("a"), None), false));
        for (application, environment) in [("a", Some("prod")), ("b", Some("test")), ("b", None)] {
            let found = container(Some(application), environment);
            assert!(!replaces(&found, false), "{application} {environment:?}");
            assert!(!replaces(&found, true), "no policy gives it away");
        }
        assert!(!replaces(&container(None, None), false));
        assert!(replaces(&container(None, None), true));
        let said = check(&container(Some("a"), Some("prod")), ("a", "test"), false).unwrap_err();
        assert!(
            said.to_string().contains("environment prod of application a"),
            "{said}"
        );
    }
}
