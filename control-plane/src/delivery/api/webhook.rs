//! `/webhook/deploy`

use axum::{
    Json,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{idempotency_key, proof};
use crate::{
    app::App,
    delivery::webhook::{self, WebhookAnswer, WebhookCall},
    http::{
        ClientIp, extract,
        problem::{ApiResult, Problem},
    },
};

const BODY_BYTES: usize = 16 * 1024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(deploy))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// How the webhook answers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WebhookQuery {
    /// 1: answer 200 when the deployment has ended (within nine minutes; else 202).
    wait: Option<u8>,
}

/// Deploys a version with the application's token; needs no other credentials. A call with the header
/// `Idempotency-Key` of an earlier one is that one. Where the environment wants it, the call is signed:
/// `X-Muster-Signature-256` is `sha256=` and the HMAC-SHA256 of `X-Muster-Timestamp` (seconds since 1970), a dot and the body.
#[utoipa::path(post, path = "/webhook/deploy", operation_id = "webhookDeploy", tag = "delivery", security(()),
    params(WebhookQuery, ("Idempotency-Key" = Option<String>, Header), ("X-Muster-Timestamp" = Option<String>, Header),
        ("X-Muster-Signature-256" = Option<String>, Header)), request_body = WebhookCall,
    responses((status = 202, body = WebhookAnswer), (status = 200, description = "It has ended.", body = WebhookAnswer),
        (status = 401, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
async fn deploy(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    extract::Query(query): extract::Query<WebhookQuery>,
    headers: HeaderMap,
    extract::RawJson { value: call, bytes }: extract::RawJson<WebhookCall>,
) -> ApiResult<(StatusCode, Json<WebhookAnswer>)> {
    let wait = query.wait.is_some_and(|wait| wait != 0);
    let brings = (idempotency_key(&headers), proof(&headers, &bytes));
    let answer = webhook::deploy(&app, ip, call, brings, wait).await?;
    let status = if wait && answer.ended() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(answer)))
}
