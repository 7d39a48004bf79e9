//! An application's environments: where it runs in each, how deployments get there, and who must agree.
//!
//! They are part of the application's document, by name. The name is that of one of the org's environments, or
//! [`DEFAULT_ENVIRONMENT`], which stands for no environment in particular. An environment of the org can't be deleted
//! while an application has one of its name.

use std::collections::{BTreeMap, HashSet};

use muster_base::{ApplicationId, DeploymentId, EnvVarId, HostId, OrgId, SecretId, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    DeliveryError,
    application::{self, DEFAULT_ENVIRONMENT},
    container::Container,
    deployment::Status,
    env_merge,
    env_var::{EnvVar, Scope, ValueType},
    fields::Fields,
    rollout_policy::Rollout,
    store,
    trigger_spec::TriggerSpec,
    truth::DriftPolicy,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    fleet::{self, EnvironmentType},
    secrets,
    windows::{MaintenanceWindows, WindowNow},
};

/// Bytes of what another system kept.
const MOST_LEGACY: usize = 16 * 1024;

/// An environment of an application: it runs on the named hosts and on those with all the selector's labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ApplicationEnvironment {
    /// Hosts by id.
    pub hosts: Vec<HostId>,
    /// Labels that a host must all have.
    pub selector: BTreeMap<String, String>,
    /// Whether somebody else must approve of each deployment before it begins.
    pub approval_required: bool,
    /// What is different here.
    pub overrides: Overrides,
    /// How deployments go over the hosts.
    pub rollout: Rollout,
    /// Which pushes, tags and merged pull requests are deployed here, by Git host.
    pub trigger_spec: TriggerSpec,
    /// Seconds that a deployment by a Git host waits for its image; 600 if not given.
    #[schema(maximum = 7_200)]
    pub image_wait_s: Option<u32>,
    /// What is done when somebody changes a container by hand.
    pub drift: DriftPolicy,
    /// Images of so many versions that ran last stay on a host, the present one included; 3 if not given.
    #[schema(minimum = 1, maximum = 100)]
    pub keep_images: Option<u32>,
    /// When deployments may begin here; null: at any time. Rollbacks are never held up.
    pub windows: Option<MaintenanceWindows>,
    /// What a system that Muster took over from kept here and Muster has no use for (`cdPipelineYaml`, `resource`): kept as
    /// it is, 16 KiB at most. Nothing here is secret, and nothing of it is done.
    #[schema(value_type = Object)]
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub legacy: Map<String, Value>,
}

/// What is different in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Overrides {
    /// Fields of the container, merged into the application's (RFC 7396: null takes a field away, a list replaces the list).
    #[schema(value_type = Object)]
    pub container: Map<String, Value>,
}

impl ApplicationEnvironment {
    /// The container as it is here.
    pub(super) fn container(&self, application: &Container) -> Result<Container, String> {
        if self.overrides.container.is_empty() {
            return Ok(application.clone());
        }
        let mut merged = serde_json::to_value(application).map_err(|error| error.to_string())?;
        merge(&mut merged, &Value::Object(self.overrides.container.clone()));
        serde_json::from_value(merged).map_err(|error| error.to_string())
    }

    pub(super) fn check(&self, name: &str, container: &Container, fields: &mut Fields) {
        let field = format!("environments.{name}");
        fields.slug(&field, name);
        let short = self.hosts.len() <= 1_000 && self.selector.len() <= 16;
        fields.check(short, &field, "at most 1,000 hosts and 16 labels");
        self.rollout.check(&format!("{field}.rollout"), fields);
        self.trigger_spec.check(&format!("{field}.triggerSpec"), fields);
        let wait = self.image_wait_s.is_none_or(|seconds| seconds <= 7_200);
        fields.check(wait, format!("{field}.imageWaitS"), "at most 7,200");
        let keep = self.keep_images.is_none_or(|count| (1..=100).contains(&count));
        fields.check(keep, format!("{field}.keepImages"), "from 1 to 100");
        for error in self
            .windows
            .iter()
            .flat_map(|windows| windows.faults(&format!("{field}.windows")))
        {
            fields.push(error);
        }
        let legacy =
            self.legacy.is_empty() || Value::Object(self.legacy.clone()).to_string().len() <= MOST_LEGACY;
        fields.check(legacy, format!("{field}.legacy"), "at most 16 KiB");
        match self.container(container) {
            // What is wrong with the application's own is told there.
            Ok(merged) if merged != *container => merged.check(fields),
            Ok(_) => {}
            Err(message) => fields.check(false, format!("{field}.overrides.container"), message),
        }
    }
}

/// Names that an application's environments may have.
pub(super) async fn known(app: &App, org: OrgId) -> Result<HashSet<String>, DeliveryError> {
    let of_the_org = fleet::list_environments(app, org).await?;
    let names = of_the_org.into_iter().map(|environment| environment.name);
    Ok(names.chain([DEFAULT_ENVIRONMENT.to_owned()]).collect())
}

/// Whether an application of the org has an environment of this name, for other rooms.
pub async fn environment_used(app: &App, org: OrgId, name: &str) -> Result<bool, DeliveryError> {
    let names = store::environment::list_names(&app.db, org).await?;
    Ok(names.iter().flatten().any(|used| used == name))
}

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (name, value) in patch {
            if value.is_null() {
                fields.remove(name);
            } else {
                merge(fields.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// An environment of an application, with what is going on there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentState {
    /// Its name.
    pub name: String,
    /// The label of the org's environment of this name, if there is one.
    pub label: Option<String>,
    /// Its type, likewise.
    #[serde(rename = "type")]
    pub kind: Option<EnvironmentType>,
    /// Hosts by id.
    pub hosts: Vec<HostId>,
    /// Labels that a host must all have.
    pub selector: BTreeMap<String, String>,
    /// Whether somebody else must approve of each deployment before it begins.
    pub approval_required: bool,
    /// What is different here.
    pub overrides: Overrides,
    /// How deployments go over the hosts.
    pub rollout: Rollout,
    /// What is deployed here by Git hosts.
    pub trigger_spec: TriggerSpec,
    /// Seconds that a deployment by a Git host waits for its image; 600 if null.
    pub image_wait_s: Option<u32>,
    /// What is done when somebody changes a container by hand.
    pub drift: DriftPolicy,
    /// Images of so many versions that ran last stay on a host; 3 if null.
    pub keep_images: Option<u32>,
    /// When deployments may begin here, and whether they may now; null: at any time.
    pub window: Option<WindowNow>,
    /// What a system that Muster took over from kept here.
    #[schema(value_type = Object)]
    pub legacy: Map<String, Value>,
    /// The last deployment that was asked for.
    pub latest_task: Option<LatestTask>,
    /// The version of the last deployment that succeeded.
    pub version: Option<String>,
}

/// The last deployment in an environment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatestTask {
    /// The deployment.
    pub task_id: DeploymentId,
    /// Its version.
    pub version: String,
    /// Where it is.
    pub status: Status,
    /// Whether it has ended.
    pub completed: bool,
    /// When it was asked for.
    pub created_at: UnixMs,
}

/// The application's environments that the caller reaches, by name.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
) -> Result<Vec<EnvironmentState>, DeliveryError> {
    let application = application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    let mut latest = store::environment::list_latest(&app.db, caller.org(), id).await?;
    let mut versions = store::environment::list_versions(&app.db, caller.org(), id).await?;
    let known = fleet::list_environments(app, caller.org()).await?;
    let now = app.clock.now();
    let reached = application
        .environments
        .into_iter()
        .filter(|(name, _)| caller.reaches(&Object::ApplicationIn(id, name)));
    Ok(reached
        .map(|(name, environment)| {
            let of_org = known.iter().find(|known| known.name == name);
            EnvironmentState {
                label: of_org.map(|known| known.label.clone()),
                kind: of_org.map(|known| known.kind),
                latest_task: latest.remove(&name),
                version: versions.remove(&name),
                name,
                hosts: environment.hosts,
                selector: environment.selector,
                approval_required: environment.approval_required,
                overrides: environment.overrides,
                rollout: environment.rollout,
                trigger_spec: environment.trigger_spec,
                image_wait_s: environment.image_wait_s,
                drift: environment.drift,
                keep_images: environment.keep_images,
                legacy: environment.legacy,
                window: environment.windows.map(|windows| WindowNow::of(windows, now)),
            }
        })
        .collect())
}

/// A variable as a container will have it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveVariable {
    /// Its name.
    pub name: String,
    /// Where the value is.
    pub value_type: ValueType,
    /// The value; null if it is a secret's, which is never shown here.
    pub value: Option<String>,
    /// The secret.
    pub secret: Option<EffectiveSecret>,
    /// The variable that counts.
    pub origin: Origin,
    /// Variables of earlier scopes that don't, the nearest first.
    pub overridden: Vec<Origin>,
}

/// The secret that a variable refers to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveSecret {
    /// The secret.
    pub id: SecretId,
    /// Its name; null if it is out of the caller's reach.
    pub name: Option<String>,
    /// It vanished at its provider: deployments stop.
    pub stale: bool,
    /// The version that a deployment would get now.
    pub version: i64,
}

/// Where a variable was written down.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The variable.
    pub id: EnvVarId,
    /// Whose it is.
    pub scope: Scope,
}

/// The variables of an application in one of its environments, as a container would have them now.
pub(super) async fn preview(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    name: &str,
) -> Result<Vec<EffectiveVariable>, DeliveryError> {
    let org = caller.org();
    let application = application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    if !caller.reaches(&Object::ApplicationIn(id, name)) || !application.environments.contains_key(name) {
        return Err(DeliveryError::NotFound("environment of this application"));
    }
    let all = store::env_var::list_effective(&app.db, org, id, name).await?;
    let counting = env_merge::merge(all.clone());
    let wanted: Vec<SecretId> = counting
        .iter()
        .filter_map(|variable| variable.secret_id)
        .collect();
    let known = secrets::find_many(app, org, &wanted).await?;
    Ok(counting
        .into_iter()
        .map(|variable| {
            let mut overridden: Vec<&EnvVar> = all
                .iter()
                .filter(|other| other.name == variable.name && other.id != variable.id)
                .collect();
            overridden.sort_by_key(|other| std::cmp::Reverse(other.scope));
            let secret = variable.secret_id.and_then(|id| known.get(&id));
            EffectiveVariable {
                overridden: overridden.into_iter().map(origin).collect(),
                origin: origin(&variable),
                value: (variable.value_type == ValueType::Plain).then_some(variable.value),
                value_type: variable.value_type,
                secret: secret.map(|secret| EffectiveSecret {
                    id: secret.id,
                    name: caller
                        .reaches(&Object::SecretGroup(secret.group_id))
                        .then(|| secret.name.clone()),
                    stale: secret.stale,
                    version: secret.version,
                }),
                name: variable.name,
            }
        })
        .collect())
}

fn origin(variable: &EnvVar) -> Origin {
    Origin {
        id: variable.id,
        scope: variable.scope,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment(container: Value) -> ApplicationEnvironment {
        serde_json::from_value(json!({"overrides": {"container": container}})).unwrap()
    }

    #[test]
    fn an_environment_changes_single_fields_of_the_container() {
        let own: Container = serde_json::from_value(json!({"user": "web", "command": ["a", "b"],
            "ports": [{"host": 80, "container": 80}], "limits": {"memoryBytes": 1_000_000_000}}))
        .unwrap();
        let patch =
            json!({"ports": [{"host": 8080, "container": 80}], "limits": {"cpuMillis": 500}, "user": null});
        let here = environment(patch).container(&own).unwrap();
        assert_eq!((here.ports[0].host, here.user.as_deref()), (8080, None));
        assert_eq!(here.limits.memory_bytes, Some(1_000_000_000));
        assert_eq!(here.limits.cpu_millis, Some(500));
        assert_eq!(here.command, own.command);
        assert_eq!(environment(json!({})).container(&own).unwrap(), own);
        assert!(environment(json!({"prots": []})).container(&own).is_err());
    }
}
