//! `/api/v1/clusters`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::ClusterId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    fleet::cluster::{self, Cluster, ClusterPatch, NewCluster},
    http::{
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
}

/// Clusters by name.
#[utoipa::path(get, path = "/api/v1/clusters", operation_id = "listClusters", tag = "hosts", params(PageQuery),
    responses((status = 200, body = Page<Cluster>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Cluster>>> {
    Ok(Json(cluster::list(&app, &caller, &query).await?))
}

/// Makes a cluster.
#[utoipa::path(post, path = "/api/v1/clusters", operation_id = "createCluster", tag = "hosts", request_body = NewCluster,
    responses((status = 201, body = Cluster), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewCluster>,
) -> ApiResult<(StatusCode, Json<Cluster>)> {
    Ok((
        StatusCode::CREATED,
        Json(cluster::create(&app, &caller, body).await?),
    ))
}

/// One cluster.
#[utoipa::path(get, path = "/api/v1/clusters/{id}", operation_id = "getCluster", tag = "hosts", params(("id" = ClusterId, Path)),
    responses((status = 200, body = Cluster), (status = 404, body = Problem)))]
async fn get(State(app): State<App>, caller: Caller, Path(id): Path<ClusterId>) -> ApiResult<Json<Cluster>> {
    Ok(Json(cluster::get(&app, &caller, id).await?))
}

/// Changes a cluster.
#[utoipa::path(patch, path = "/api/v1/clusters/{id}", operation_id = "updateCluster", tag = "hosts", params(("id" = ClusterId, Path)),
    request_body = ClusterPatch,
    responses((status = 200, body = Cluster), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ClusterId>,
    Body(body): Body<ClusterPatch>,
) -> ApiResult<Json<Cluster>> {
    Ok(Json(cluster::update(&app, &caller, id, body).await?))
}

/// Deletes a cluster that holds no host.
#[utoipa::path(delete, path = "/api/v1/clusters/{id}", operation_id = "deleteCluster", tag = "hosts", params(("id" = ClusterId, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<ClusterId>) -> ApiResult<StatusCode> {
    cluster::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
