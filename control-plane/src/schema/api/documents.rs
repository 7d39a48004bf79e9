//! `/api/v1/schema/apply`, `/export`, `/forms` and `/documents`

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};
use muster_base::DocumentId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path, Query, Text},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
    schema::{
        AppliedDocuments, ApplyQuery, DesignSql, Diagram, DiagramQuery, DiffQuery, DocumentDetail,
        DocumentDiff, DocumentHead, DocumentQuery, ExportQuery, Form, FormQuery, ImportRequest, ImportedDdl,
        PublishedVersions, RestoreRequest, Revision, design_sql, diagram, document, document_apply,
        document_change, import, published,
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(apply))
        .routes(routes!(export))
        .routes(routes!(form))
        .routes(routes!(import))
        .routes(routes!(sql))
        .routes(routes!(diagram_of))
        .routes(routes!(list))
        .routes(routes!(get, delete))
        .routes(routes!(revisions))
        .routes(routes!(diff))
        .routes(routes!(versions))
        .routes(routes!(restore))
}

/// Applies documents, YAML or JSON, one or many: all of them, or none if anything is wrong with any of them.
#[utoipa::path(post, path = "/api/v1/schema/apply", operation_id = "applyDocuments", tag = "schema",
    params(ApplyQuery), request_body(content = String, content_type = "application/yaml",
    description = "Documents, one after another, each after a line `---`; or one as JSON"),
    responses((status = 200, body = AppliedDocuments), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn apply(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ApplyQuery>,
    Text(text): Text,
) -> ApiResult<Json<AppliedDocuments>> {
    Ok(Json(document_apply::apply(&app, &caller, &text, query).await?))
}

/// Documents as one text that can be applied again. Passwords are not in it.
#[utoipa::path(get, path = "/api/v1/schema/export", operation_id = "exportDocuments", tag = "schema",
    params(ExportQuery), responses((status = 200, body = serde_json::Value, content_type = "application/yaml"),
    (status = 422, body = Problem)))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> ApiResult<impl IntoResponse> {
    let text = document::export(&app, &caller, query).await?;
    Ok(([(CONTENT_TYPE, "application/yaml")], text))
}

/// The form that a document of this kind has if it carries none.
#[utoipa::path(get, path = "/api/v1/schema/forms/{kind}", operation_id = "getForm", tag = "schema",
    params(("kind" = String, Path), FormQuery), responses((status = 200, body = Form), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
async fn form(
    caller: Caller,
    Path(kind): Path<String>,
    Query(query): Query<FormQuery>,
) -> ApiResult<Json<Form>> {
    Ok(Json(document::form(&caller, &kind, &query)?))
}

/// DDL as documents, and what is different from those that are there. Changes nothing.
#[utoipa::path(post, path = "/api/v1/schema/import", operation_id = "importDdl", tag = "schema",
    request_body = ImportRequest, responses((status = 200, body = ImportedDdl), (status = 422, body = Problem)))]
async fn import(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ImportRequest>,
) -> ApiResult<Json<ImportedDdl>> {
    Ok(Json(import::import(&app, &caller, request).await?))
}

/// A table's document as SQL: what makes it, and what makes it of the one that is kept. Keeps nothing.
#[utoipa::path(post, path = "/api/v1/schema/sql", operation_id = "previewTableSql", tag = "schema",
    request_body(content = String, content_type = "application/yaml",
    description = "One `TableSnapshot`, YAML or JSON, that need not be applied"),
    responses((status = 200, body = DesignSql), (status = 422, body = Problem)))]
async fn sql(State(app): State<App>, caller: Caller, Text(text): Text) -> ApiResult<Json<DesignSql>> {
    Ok(Json(design_sql::design_sql(&app, &caller, &text).await?))
}

/// A database's tables and what refers to what: enforced by the database, or on paper only.
#[utoipa::path(get, path = "/api/v1/schema/diagram", operation_id = "getDiagram", tag = "schema",
    params(DiagramQuery), responses((status = 200, body = Diagram), (status = 422, body = Problem)))]
async fn diagram_of(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DiagramQuery>,
) -> ApiResult<Json<Diagram>> {
    Ok(Json(diagram::diagram(&app, &caller, &query).await?))
}

/// Documents, oldest first.
#[utoipa::path(get, path = "/api/v1/schema/documents", operation_id = "listDocuments", tag = "schema",
    params(DocumentQuery), responses((status = 200, body = Page<DocumentHead>), (status = 422, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DocumentQuery>,
) -> ApiResult<Json<Page<DocumentHead>>> {
    Ok(Json(document::list(&app, &caller, query).await?))
}

/// A document.
#[utoipa::path(get, path = "/api/v1/schema/documents/{id}", operation_id = "getDocument", tag = "schema",
    params(("id" = DocumentId, Path)), responses((status = 200, body = DocumentDetail),
    (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
) -> ApiResult<Json<DocumentDetail>> {
    Ok(Json(document::get(&app, &caller, id).await?))
}

/// Deletes a document that nothing needs. What it said stays on record.
#[utoipa::path(delete, path = "/api/v1/schema/documents/{id}", operation_id = "deleteDocument", tag = "schema",
    params(("id" = DocumentId, Path)), responses((status = 204), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
async fn delete(State(app): State<App>, caller: Caller, Path(id): Path<DocumentId>) -> ApiResult<StatusCode> {
    document_change::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A document's revisions, newest first.
#[utoipa::path(get, path = "/api/v1/schema/documents/{id}/revisions", operation_id = "listDocumentRevisions",
    tag = "schema", params(("id" = DocumentId, Path), PageQuery), responses((status = 200, body = Page<Revision>),
    (status = 404, body = Problem)))]
async fn revisions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Revision>>> {
    Ok(Json(document_change::revisions(&app, &caller, id, &query).await?))
}

/// What is different between two of a document's revisions.
#[utoipa::path(get, path = "/api/v1/schema/documents/{id}/diff", operation_id = "diffDocument", tag = "schema",
    params(("id" = DocumentId, Path), DiffQuery), responses((status = 200, body = DocumentDiff),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn diff(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
    Query(query): Query<DiffQuery>,
) -> ApiResult<Json<DocumentDiff>> {
    Ok(Json(document_change::diff(&app, &caller, id, query).await?))
}

/// Where a table or view is live: which revision, by which release, and what the draft would change there.
#[utoipa::path(get, path = "/api/v1/schema/documents/{id}/published", operation_id = "listPublishedVersions",
    tag = "schema", params(("id" = DocumentId, Path)), responses((status = 200, body = PublishedVersions),
    (status = 404, body = Problem)))]
async fn versions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
) -> ApiResult<Json<PublishedVersions>> {
    Ok(Json(published::versions(&app, &caller, id).await?))
}

/// Makes what an earlier revision says the latest one.
#[utoipa::path(post, path = "/api/v1/schema/documents/{id}/restore", operation_id = "restoreDocument",
    tag = "schema", params(("id" = DocumentId, Path)), request_body = RestoreRequest,
    responses((status = 200, body = DocumentDetail), (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn restore(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<DocumentId>,
    Body(request): Body<RestoreRequest>,
) -> ApiResult<Json<DocumentDetail>> {
    Ok(Json(document_change::restore(&app, &caller, id, request).await?))
}
