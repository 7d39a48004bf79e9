//! `/api/v1/schema/projects` with their Git hooks, and `POST /webhook/release/{id}`

use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use muster_base::{DocumentId, GitHookId};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        ClientIp,
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    schema::{
        GitHook, GitHookInput, GitHookSecret, GitPush, GitPushAnswer, GitPushQuery, NewGitHook, ProjectHead,
        ProjectQuery, git_hear, git_hook, git_push, project,
    },
};

/// A push of many commits names them all.
const BODY_BYTES: usize = 4 * 1024 * 1024;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(hear))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(hooks, create))
        .routes(routes!(replace, delete))
        .routes(routes!(rotate))
        .routes(routes!(pushes))
}

/// Hears a Git host: what the commits of a push ask for is executed, `release: … (environment#version)`. Its own signature or
/// token is the only credential. Sent again, it is the same call.
#[utoipa::path(post, path = "/webhook/release/{id}", operation_id = "releaseWebhook", tag = "schema", security(()),
    params(("id" = String, Path)), request_body(content = String, content_type = "application/json"),
    responses((status = 202, body = GitPushAnswer), (status = 401, body = Problem), (status = 429, body = Problem)))]
async fn hear(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<GitPushAnswer>)> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let answer = git_hear::hear(&app, ip, &id, &header, &body).await?;
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Projects with what belongs to them, oldest first.
#[utoipa::path(get, path = "/api/v1/schema/projects", operation_id = "listProjects", tag = "schema",
    params(ProjectQuery), responses((status = 200, body = Page<ProjectHead>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ProjectQuery>,
) -> ApiResult<Json<Page<ProjectHead>>> {
    Ok(Json(project::list(&app, &caller, query).await?))
}

/// A project, by the id of its document.
#[utoipa::path(get, path = "/api/v1/schema/projects/{id}", operation_id = "getProject", tag = "schema",
    params(("id" = DocumentId, Path)), responses((status = 200, body = ProjectHead), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
) -> ApiResult<Json<ProjectHead>> {
    Ok(Json(project::get(&app, &caller, id).await?))
}

/// A project's Git hooks, oldest first.
#[utoipa::path(get, path = "/api/v1/schema/projects/{id}/hooks", operation_id = "listGitHooks", tag = "schema",
    params(("id" = DocumentId, Path), PageQuery), responses((status = 200, body = Page<GitHook>),
    (status = 404, body = Problem)))]
async fn hooks(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<GitHook>>> {
    Ok(Json(git_hook::list(&app, &caller, id, &query).await?))
}

/// Makes a Git hook, which executes releases in the caller's name. Its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/schema/projects/{id}/hooks", operation_id = "createGitHook", tag = "schema",
    params(("id" = DocumentId, Path)), request_body = GitHookInput, responses((status = 201, body = NewGitHook),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
    Body(input): Body<GitHookInput>,
) -> ApiResult<impl IntoResponse> {
    let hook = git_hook::create(&app, &caller, id, input).await?;
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(hook),
    ))
}

/// Puts another in a Git hook's place; its secret stays. It executes in the caller's name from then on.
#[utoipa::path(put, path = "/api/v1/schema/projects/{id}/hooks/{hookId}", operation_id = "replaceGitHook",
    tag = "schema", params(("id" = DocumentId, Path), ("hookId" = GitHookId, Path)), request_body = GitHookInput,
    responses((status = 200, body = GitHook), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path((id, hook)): Path<(DocumentId, GitHookId)>,
    Body(input): Body<GitHookInput>,
) -> ApiResult<Json<GitHook>> {
    Ok(Json(git_hook::replace(&app, &caller, (id, hook), input).await?))
}

/// Removes a Git hook with its secret and its log. What it has executed stays.
#[utoipa::path(delete, path = "/api/v1/schema/projects/{id}/hooks/{hookId}", operation_id = "deleteGitHook",
    tag = "schema", params(("id" = DocumentId, Path), ("hookId" = GitHookId, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((id, hook)): Path<(DocumentId, GitHookId)>,
) -> ApiResult<StatusCode> {
    git_hook::delete(&app, &caller, id, hook).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret for a Git hook, shown this once; the one before ends. It executes in the caller's name from then on.
#[utoipa::path(post, path = "/api/v1/schema/projects/{id}/hooks/{hookId}/secret", operation_id = "rotateGitHookSecret",
    tag = "schema", params(("id" = DocumentId, Path), ("hookId" = GitHookId, Path)),
    responses((status = 200, body = GitHookSecret), (status = 404, body = Problem)))]
async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Path((id, hook)): Path<(DocumentId, GitHookId)>,
) -> ApiResult<impl IntoResponse> {
    let secret = git_hook::rotate(&app, &caller, (id, hook)).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(secret)))
}

/// What a project's Git hooks heard, newest first: what the commits ask for, what it began, and what was refused and why.
/// The newest 1,000 pushes of each hook are kept.
#[utoipa::path(get, path = "/api/v1/schema/projects/{id}/pushes", operation_id = "listGitPushes", tag = "schema",
    params(("id" = DocumentId, Path), GitPushQuery), responses((status = 200, body = Page<GitPush>),
    (status = 404, body = Problem)))]
async fn pushes(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
    Query(query): Query<GitPushQuery>,
) -> ApiResult<Json<Page<GitPush>>> {
    Ok(Json(git_push::list(&app, &caller, id, query).await?))
}
