//! What a deployment begins with: where it goes, and the application as it stands at that moment.

use super::{
    DeliveryError,
    application::{Application, DEFAULT_ENVIRONMENT},
    deployment::{Deployment, Phase, Plan, PlannedValue, PlannedVar, Status, TriggerType, TriggeredBy},
    env_merge,
    environment::ApplicationEnvironment,
    image::ImageName,
    store,
    trigger::Request,
};
use crate::{access::Caller, app::App};

/// The deployment as it is asked for. One that is done again has the image and the container of then.
pub(super) async fn draft(
    app: &App,
    caller: &Caller,
    application: &Application,
    environment: String,
    request: &Request,
) -> Result<Deployment, DeliveryError> {
    let now = app.clock.now();
    let (image, plan) = match &request.origin {
        Some(origin) => {
            let mut plan = origin.plan.clone();
            plan.pinned.clone_from(&origin.digest);
            plan.only.clone_from(&request.only);
            // What is deployed is as it was; where, how and by whose approval is the environment's word of today. A host
            // that came later would keep what is gone back from, and one that was taken out would get it again.
            if let Some(today) = application.environments.get(&environment) {
                plan.target = ApplicationEnvironment {
                    overrides: plan.target.overrides,
                    legacy: serde_json::Map::new(),
                    ..today.clone()
                };
            }
            (origin.image.clone(), plan)
        }
        None => plan(app, caller, application, &environment, &request.version).await?,
    };
    // What goes on was approved of when it began, or needed no approval.
    let (approvals, approved) = match &request.origin {
        Some(origin) if request.trigger == TriggerType::Resume => (
            origin.approvals.clone(),
            !origin.approvals.is_empty() || origin.trigger_type == TriggerType::Rollback,
        ),
        _ => (Vec::new(), request.trigger == TriggerType::Rollback),
    };
    Ok(Deployment {
        id: app.clock.new_id(),
        application_id: application.id,
        application_name: application.name.clone(),
        environment,
        version: request.version.clone(),
        image,
        digest: plan.pinned.clone(),
        status: if plan.target.approval_required && !approved {
            Status::WaitingApproval
        } else {
            Status::Pending
        },
        trigger_type: request.trigger.clone(),
        trigger_ip: caller.ip.map(|ip| ip.to_string()),
        triggered_by: TriggeredBy::of(caller),
        origin_id: request.origin.as_ref().map(|origin| origin.id),
        approvals,
        phase: Phase::Rolling,
        batch: 0,
        batches: 1,
        pause_asked: false,
        cancel_asked: false,
        waits_for_window: false,
        opens_at: None,
        override_reason: request.override_reason.clone(),
        error: None,
        created_at: now,
        started_at: None,
        completed_at: None,
        duration_ms: None,
        image_bytes: None,
        org: caller.org(),
        plan,
        prepared: false,
        back_asked: false,
    })
}

/// The application as it stands now. References to secrets stay references until the order is handed over.
async fn plan(
    app: &App,
    caller: &Caller,
    application: &Application,
    environment: &str,
    version: &str,
) -> Result<(String, Plan), DeliveryError> {
    let org = caller.org();
    let registry = match application.registry_id {
        Some(id) => store::registry::find(&app.db, org, id).await?,
        None => None,
    };
    let name = ImageName::read(
        &application.image,
        registry.as_ref().map(|registry| &registry.url),
    )
    .map_err(|message| DeliveryError::invalid("image", message))?;
    let variables = env_merge::effective(app, org, application.id, environment).await?;
    let mut target = application
        .environments
        .get(environment)
        .cloned()
        .unwrap_or_default();
    // No deployment has a use for it.
    target.legacy.clear();
    let container = target.container(&application.container).map_err(|message| {
        DeliveryError::invalid(format!("environments.{environment}.overrides"), message)
    })?;
    let plan = Plan {
        application_name: application.name.clone(),
        repository: name.repository.clone(),
        registry_id: application.registry_id,
        container,
        target,
        env: variables
            .into_iter()
            .map(|variable| PlannedVar {
                name: variable.name,
                value: match variable.secret_id {
                    Some(secret) => PlannedValue::Secret(secret),
                    None => PlannedValue::Plain(variable.value),
                },
            })
            .collect(),
        pinned: None,
        only: Vec::new(),
    };
    Ok((name.with_tag(version), plan))
}

/// The environment that is meant; it must be the application's and name hosts.
pub(super) fn choose_environment(
    application: &Application,
    wanted: Option<String>,
) -> Result<String, DeliveryError> {
    let mut names = application.environments.keys();
    let only = match (names.next(), names.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    };
    let name = wanted.or(only).unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
    match application.environments.get(&name) {
        None => Err(DeliveryError::NoEnvironment(name)),
        Some(target) if target.hosts.is_empty() && target.selector.is_empty() => {
            Err(DeliveryError::NoTargets(name))
        }
        Some(_) => Ok(name),
    }
}
