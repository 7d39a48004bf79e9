//! Which variables an application has in an environment: of each name the one with the latest scope.

use std::collections::BTreeMap;

use muster_base::{ApplicationId, OrgId};

use super::{DeliveryError, env_var::EnvVar, store};
use crate::app::App;

/// The variables that an application has in an environment: of each name the one with the latest scope, by name.
pub(super) async fn effective(
    app: &App,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Vec<EnvVar>, DeliveryError> {
    let all = store::env_var::list_effective(&app.db, org, application, environment).await?;
    Ok(merge(all))
}

/// Of each name the one with the latest scope.
pub(super) fn merge(mut all: Vec<EnvVar>) -> Vec<EnvVar> {
    all.sort_by_key(|variable| variable.scope);
    let by_name: BTreeMap<String, EnvVar> = all
        .into_iter()
        .map(|variable| (variable.name.clone(), variable))
        .collect();
    by_name.into_values().collect()
}

#[cfg(test)]
mod tests {
    use muster_base::{Clock, UnixMs};

    use super::*;
    use crate::delivery::env_var::{Scope, ValueType};

    fn variable(scope: Scope, name: &str, value: &str) -> EnvVar {
        EnvVar {
            id: Clock::system().new_id(),
            scope,
            application_id: None,
            environment: None,
            name: name.to_owned(),
            value_type: ValueType::Plain,
            value: value.to_owned(),
            secret_id: None,
            created_by: String::new(),
            created_at: UnixMs(0),
            updated_at: UnixMs(0),
        }
    }

    #[test]
    fn the_later_scope_wins() {
        let merged = merge(vec![
            variable(Scope::Environment, "A", "environment"),
            variable(Scope::Global, "A", "global"),
            variable(Scope::Application, "B", "application"),
            variable(Scope::Org, "B", "org"),
            variable(Scope::Org, "C", "org"),
            variable(Scope::Global, "C", "global"),
            variable(Scope::Global, "D", "global"),
        ]);
        let values: Vec<_> = merged
            .iter()
            .map(|v| (v.name.as_str(), v.value.as_str()))
            .collect();
        assert_eq!(
            values,
            [
                ("A", "environment"),
                ("B", "application"),
                ("C", "org"),
                ("D", "global")
            ]
        );
    }
}
