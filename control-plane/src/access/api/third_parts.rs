//! `/api/v1/org/third-parts`

use axum::{Json, extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller,
        third_part::{self, ThirdPart, ThirdPartBody, ThirdParts},
    },
    app::App,
    http::{
        extract::{Json as Body, Path},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, put))
        .routes(routes!(delete))
}

/// Git hosts where the org has a token; the tokens are shown to nobody.
#[utoipa::path(get, path = "/api/v1/org/third-parts", operation_id = "listThirdParts", tag = "people",
    responses((status = 200, body = ThirdParts)))]
async fn list(State(app): State<App>, caller: Caller) -> ApiResult<Json<ThirdParts>> {
    Ok(Json(third_part::list(&app, &caller).await?))
}

/// Sets the org's token at a git host, or replaces it.
#[utoipa::path(put, path = "/api/v1/org/third-parts", operation_id = "putThirdPart", tag = "people",
    request_body = ThirdPartBody, responses((status = 200, body = ThirdPart)))]
async fn put(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<ThirdPartBody>,
) -> ApiResult<Json<ThirdPart>> {
    Ok(Json(third_part::put(&app, &caller, body).await?))
}

/// Forgets the org's token at a git host.
#[utoipa::path(delete, path = "/api/v1/org/third-parts/{provider}", operation_id = "deleteThirdPart",
    tag = "people", params(("provider" = String, Path)), responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(provider): Path<String>,
) -> ApiResult<StatusCode> {
    third_part::delete(&app, &caller, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}
