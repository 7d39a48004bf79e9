//! A deployment's work orders: what a host is asked to do, and the secrets that go with it.
//!
//! An order names its secrets and never holds them: `registry` is the registry's password or token, `secret:<id>` a
//! secret that a variable refers to. They are opened when the order is handed to its host, and sealed to its key.

use muster_base::{DeploymentId, HostId, OrderId, OrgId, SecretId, SecretString, UnixMs};
use muster_protocol::latest as wire;

use super::{
    DeliveryError,
    approval::GivenApproval,
    deployment::{self, Deployment, Plan, PlannedValue},
    registry::{self, Registry},
    registry_client::RegistryAuth,
    store,
};
use crate::{
    app::App,
    db::Tx,
    in_tx, secrets,
    work::{self, NewOrder, SecretsError, WorkError},
};

const DEFAULT_HEALTH_TIMEOUT_MS: u64 = 60_000;
const DEFAULT_STOP_GRACE_MS: u64 = 10_000;
const DEFAULT_KEEP_IMAGES: u32 = 3;
const REGISTRY_SECRET: &str = "registry";

/// What every host is asked to do to have what `deployment` says; `of` is the deployment whose order it is, by itself or
/// on the way back.
pub(super) fn payload(
    deployment: &Deployment,
    registry: Option<&Registry>,
    digest: Option<&str>,
    of: DeploymentId,
) -> wire::OrderPayload {
    let plan = &deployment.plan;
    let container = &plan.container;
    let mut spec = container.to_order(&plan.application_name, env(plan));
    spec.labels.extend(hints(deployment));
    let deploy = wire::DeploySpec {
        deployment: of,
        application: deployment.application_id,
        environment: deployment.environment.clone(),
        version: deployment.version.clone(),
        image: deployment.image.clone(),
        digest: digest.map(str::to_owned),
        pull_auth: registry.map_or(wire::PullAuth::None, pull_auth),
        container: spec,
        health_timeout_ms: container.health_timeout_ms.unwrap_or(DEFAULT_HEALTH_TIMEOUT_MS),
        stop_grace_ms: container.stop_grace_ms.unwrap_or(DEFAULT_STOP_GRACE_MS),
    };
    container.strategy.to_order(deploy, container.more())
}

/// What an agent that knows of it takes into account.
fn hints(deployment: &Deployment) -> impl Iterator<Item = (String, String)> {
    let keep = deployment.plan.target.keep_images.unwrap_or(DEFAULT_KEEP_IMAGES);
    let bytes = deployment.image_bytes;
    let keep = (wire::HINT_KEEP_IMAGES, keep.to_string());
    let bytes = bytes.map(|bytes| (wire::HINT_IMAGE_BYTES, bytes.to_string()));
    let all = [Some(keep), bytes].into_iter().flatten();
    all.map(|(name, value)| (name.to_owned(), value))
}

/// Queues the order for one host.
pub(super) async fn submit(
    app: &App,
    tx: &mut Tx,
    deployment: &Deployment,
    host: HostId,
    payload: &wire::OrderPayload,
) -> Result<OrderId, DeliveryError> {
    let now = app.clock.now();
    let by = &deployment.triggered_by;
    let wait_ms = i64::from(deployment.plan.target.rollout.wait_s) * UnixMs::SECOND;
    let order = NewOrder {
        org: deployment.org,
        host,
        payload: payload.clone(),
        approvals: deployment.approvals.iter().map(GivenApproval::signed).collect(),
        not_before: now,
        expires: now.plus_ms(wait_ms),
        created_by: format!("{}:{}", by.kind, by.name),
    };
    Ok(work::submit(app, tx, order).await?)
}

/// Stops an order. One that has ended in the meantime needs no stopping.
pub(super) async fn cancel(app: &App, by: &str, order: OrderId) -> Result<(), DeliveryError> {
    in_tx!(app.db, |tx| match work::cancel(app, tx, order, by).await {
        Ok(()) | Err(WorkError::Ended | WorkError::NoOrder) => {}
        Err(error) => return Err(error.into()),
    });
    app.work.wake();
    Ok(())
}

/// The secrets of a deployment's orders, by the names that they use.
pub(super) async fn secrets(
    app: &App,
    org: OrgId,
    id: DeploymentId,
) -> Result<Vec<(String, SecretString)>, SecretsError> {
    open(app, org, id).await.map_err(|error| match error {
        DeliveryError::Db(error) | DeliveryError::Secrets(secrets::SecretsError::Db(error)) => {
            SecretsError::NotNow(error)
        }
        other => SecretsError::Never(other.for_record()),
    })
}

async fn open(app: &App, org: OrgId, id: DeploymentId) -> Result<Vec<(String, SecretString)>, DeliveryError> {
    let deployment = deployment::find(app, org, id).await?;
    let wanted = referred(&deployment.plan);
    let mut named: Vec<(String, SecretString)> = secrets::resolve(app, org, &wanted)
        .await?
        .into_iter()
        .map(|(id, value)| (secret_name(id), value))
        .collect();
    if let Some(id) = deployment.plan.registry_id {
        let registry = registry::find(app, org, id).await?;
        match registry::auth_of(app, org, &registry).await? {
            RegistryAuth::None => {}
            RegistryAuth::Basic { password: secret, .. } | RegistryAuth::Token(secret) => {
                named.push((REGISTRY_SECRET.to_owned(), secret));
            }
        }
    }
    Ok(named)
}

/// The secrets that a plan's variables refer to.
pub(super) fn referred(plan: &Plan) -> Vec<SecretId> {
    plan.env
        .iter()
        .filter_map(|variable| match variable.value {
            PlannedValue::Secret(id) => Some(id),
            PlannedValue::Plain(_) => None,
        })
        .collect()
}

/// The registry of a deployment, if it has one.
pub(super) async fn registry_of(
    app: &App,
    deployment: &Deployment,
) -> Result<Option<Registry>, DeliveryError> {
    let Some(id) = deployment.plan.registry_id else {
        return Ok(None);
    };
    let found = store::registry::find(&app.db, deployment.org, id).await?;
    found.map(Some).ok_or(DeliveryError::NotFound("registry"))
}

fn env(plan: &Plan) -> Vec<wire::EnvVar> {
    plan.env
        .iter()
        .map(|variable| {
            let name = variable.name.clone();
            match &variable.value {
                PlannedValue::Plain(value) => wire::EnvVar::Plain {
                    name,
                    value: value.clone(),
                },
                PlannedValue::Secret(id) => wire::EnvVar::Secret {
                    name,
                    secret: secret_name(*id),
                },
            }
        })
        .collect()
}

fn pull_auth(registry: &Registry) -> wire::PullAuth {
    match registry.auth_type {
        registry::AuthType::None => wire::PullAuth::None,
        registry::AuthType::UsernamePassword => wire::PullAuth::UsernamePassword {
            username: registry.username.clone().unwrap_or_default(),
            password_secret: REGISTRY_SECRET.to_owned(),
        },
        registry::AuthType::Token => wire::PullAuth::Token {
            token_secret: REGISTRY_SECRET.to_owned(),
        },
    }
}

fn secret_name(id: SecretId) -> String {
    format!("secret:{id}")
}
