//! `/api/v1/images` and `/api/v1/image-words`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::HubImageId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    delivery::{
        image_hub::{self, HubImage, HubImagePatch, HubImageQuery, NewHubImage},
        image_versions::{self, HubVersions},
        image_word::{self, ImageWord, NewImageWord},
    },
    http::{
        extract,
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(versions))
        .routes(routes!(list_words, create_word))
        .routes(routes!(delete_word))
}

/// The catalogue of images, by name.
#[utoipa::path(get, path = "/api/v1/images", operation_id = "listImages", tag = "delivery", params(HubImageQuery),
    responses((status = 200, body = Page<HubImage>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    extract::Query(query): extract::Query<HubImageQuery>,
) -> ApiResult<Json<Page<HubImage>>> {
    Ok(Json(image_hub::list(&app, &caller, query).await?))
}

/// Puts an image into the catalogue.
#[utoipa::path(post, path = "/api/v1/images", operation_id = "createImage", tag = "delivery",
    request_body = NewHubImage, responses((status = 201, body = HubImage), (status = 409, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewHubImage>,
) -> ApiResult<(StatusCode, Json<HubImage>)> {
    Ok((
        StatusCode::CREATED,
        Json(image_hub::create(&app, &caller, new).await?),
    ))
}

/// An image of the catalogue.
#[utoipa::path(get, path = "/api/v1/images/{id}", operation_id = "getImage", tag = "delivery",
    params(("id" = HubImageId, Path)), responses((status = 200, body = HubImage)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<HubImageId>,
) -> ApiResult<Json<HubImage>> {
    Ok(Json(image_hub::get(&app, &caller, id).await?))
}

/// Changes an image of the catalogue.
#[utoipa::path(patch, path = "/api/v1/images/{id}", operation_id = "updateImage", tag = "delivery",
    params(("id" = HubImageId, Path)), request_body = HubImagePatch,
    responses((status = 200, body = HubImage), (status = 409, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<HubImageId>,
    extract::Json(patch): extract::Json<HubImagePatch>,
) -> ApiResult<Json<HubImage>> {
    Ok(Json(image_hub::update(&app, &caller, id, patch).await?))
}

/// Takes an image out of the catalogue. Nothing that runs changes.
#[utoipa::path(delete, path = "/api/v1/images/{id}", operation_id = "deleteImage", tag = "delivery",
    params(("id" = HubImageId, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<HubImageId>,
) -> ApiResult<StatusCode> {
    image_hub::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An image's versions, read now from its registry where that can be asked; else those that somebody wrote down.
#[utoipa::path(get, path = "/api/v1/images/{id}/versions", operation_id = "listImageVersions", tag = "delivery",
    params(("id" = HubImageId, Path), PageQuery), responses((status = 200, body = HubVersions)))]
async fn versions(
    State(app): State<App>,
    caller: Caller,
    extract::Path(id): extract::Path<HubImageId>,
    extract::Query(query): extract::Query<PageQuery>,
) -> ApiResult<Json<HubVersions>> {
    Ok(Json(image_versions::list(&app, &caller, id, &query).await?))
}

/// The dictionaries of the catalogue: types and sources of images.
#[utoipa::path(get, path = "/api/v1/image-words", operation_id = "listImageWords", tag = "delivery",
    responses((status = 200, body = Page<ImageWord>)))]
async fn list_words(State(app): State<App>, caller: Caller) -> ApiResult<Json<Page<ImageWord>>> {
    let items = image_word::list(&app, &caller).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}

/// Adds a word to a dictionary.
#[utoipa::path(post, path = "/api/v1/image-words", operation_id = "createImageWord", tag = "delivery",
    request_body = NewImageWord, responses((status = 201, body = ImageWord), (status = 409, body = Problem)))]
async fn create_word(
    State(app): State<App>,
    caller: Caller,
    extract::Json(new): extract::Json<NewImageWord>,
) -> ApiResult<(StatusCode, Json<ImageWord>)> {
    Ok((
        StatusCode::CREATED,
        Json(image_word::create(&app, &caller, new).await?),
    ))
}

/// Takes one of the org's own words out of a dictionary, `type` or `source`.
#[utoipa::path(delete, path = "/api/v1/image-words/{kind}/{code}", operation_id = "deleteImageWord",
    tag = "delivery", params(("kind" = String, Path), ("code" = String, Path)),
    responses((status = 204), (status = 409, body = Problem)))]
async fn delete_word(
    State(app): State<App>,
    caller: Caller,
    extract::Path((kind, code)): extract::Path<(String, String)>,
) -> ApiResult<StatusCode> {
    image_word::delete(&app, &caller, &kind, &code).await?;
    Ok(StatusCode::NO_CONTENT)
}
