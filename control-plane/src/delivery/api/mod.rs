//! `/api/v1/registries`, `/applications`, `/env-vars`, `/deployments`, and `/webhook/deploy`.

mod application;
mod deployment;
mod env_var;
mod environment;
mod git;
mod image_hub;
mod registry;
mod steer;
mod truth;
mod usage;
mod version;
mod webhook;
mod webhook_guard;

use axum::http::HeaderMap;
use utoipa_axum::router::OpenApiRouter;

use super::webhook_proof::Proof;
use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(registry::router())
        .merge(application::router())
        .merge(env_var::router())
        .merge(deployment::router())
        .merge(environment::router())
        .merge(git::router())
        .merge(image_hub::router())
        .merge(steer::router())
        .merge(truth::router())
        .merge(usage::router())
        .merge(version::router())
        .merge(webhook::router())
        .merge(webhook_guard::router())
}

/// The header `Idempotency-Key`; what isn't text is no key that anybody sent before, and is refused as one.
fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("idempotency-key")?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// What a webhook's caller signed, and how.
fn proof<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Proof<'a> {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    Proof {
        timestamp: text("x-muster-timestamp"),
        signature: text("x-muster-signature-256"),
        body,
    }
}
