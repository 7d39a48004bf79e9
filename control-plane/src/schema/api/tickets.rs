//! `/api/v1/schema/proposals` and `/api/v1/schema/tickets`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::TicketId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        page::Page,
        problem::{ApiResult, Problem},
    },
    schema::{
        CountRequest, NewProposal, Proposed, ProveRequest, Proving, PublishPreview, PublishPreviewRequest,
        PublishRequest, Remark, Resubmission, RowCounts, Ticket, TicketDetail, TicketQuery, TicketRow,
        decision::{self, Decision},
        proof,
        proposal::{self, Correction},
        publish, resubmit, row_count, ticket,
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(propose))
        .routes(routes!(publish))
        .routes(routes!(publish_preview))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(withdraw))
        .routes(routes!(resubmit))
        .routes(routes!(comment))
        .routes(routes!(count))
        .routes(routes!(prove))
}

/// Proposes SQL as text: opens a ticket that somebody else approves or rejects.
#[utoipa::path(post, path = "/api/v1/schema/proposals", operation_id = "proposeSql", tag = "schema",
    request_body = NewProposal, responses((status = 201, body = Proposed), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn propose(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewProposal>,
) -> ApiResult<(StatusCode, Json<Proposed>)> {
    let proposed = proposal::propose(&app, &caller, new, Correction::default()).await?;
    Ok((StatusCode::CREATED, Json(proposed)))
}

/// Publishes a design: computes the change for each server against what last succeeded there, and opens a ticket.
#[utoipa::path(post, path = "/api/v1/schema/publish", operation_id = "publishDesign", tag = "schema",
    request_body = PublishRequest, responses((status = 201, body = Proposed), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn publish(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<PublishRequest>,
) -> ApiResult<(StatusCode, Json<Proposed>)> {
    let proposed = publish::publish(&app, &caller, request, Correction::default()).await?;
    Ok((StatusCode::CREATED, Json(proposed)))
}

/// What publishing would propose now, for each server. Keeps nothing.
#[utoipa::path(post, path = "/api/v1/schema/publish/preview", operation_id = "previewPublish", tag = "schema",
    request_body = PublishPreviewRequest, responses((status = 200, body = PublishPreview),
    (status = 422, body = Problem)))]
async fn publish_preview(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<PublishPreviewRequest>,
) -> ApiResult<Json<PublishPreview>> {
    Ok(Json(publish::preview(&app, &caller, &request).await?))
}

/// Tickets, newest first.
#[utoipa::path(get, path = "/api/v1/schema/tickets", operation_id = "listTickets", tag = "schema",
    params(TicketQuery), responses((status = 200, body = Page<TicketRow>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<TicketQuery>,
) -> ApiResult<Json<Page<TicketRow>>> {
    Ok(Json(ticket::list(&app, &caller, query).await?))
}

/// A ticket with its SQL, findings and history.
#[utoipa::path(get, path = "/api/v1/schema/tickets/{id}", operation_id = "getTicket", tag = "schema",
    params(("id" = TicketId, Path)), responses((status = 200, body = TicketDetail), (status = 404, body = Problem)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
) -> ApiResult<Json<TicketDetail>> {
    Ok(Json(ticket::get(&app, &caller, id).await?))
}

/// Approves the step that a ticket waits for; the last approval makes the release.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/approve", operation_id = "approveTicket", tag = "schema",
    params(("id" = TicketId, Path)), request_body = Remark, responses((status = 200, body = Ticket),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn approve(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(remark): Body<Remark>,
) -> ApiResult<Json<Ticket>> {
    let decided = decision::decide(&app, &caller, id, Decision::Approve, remark).await?;
    Ok(Json(decided))
}

/// Gives a ticket back to its author, with a reason. For whoever may approve it now, or has.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/reject", operation_id = "rejectTicket", tag = "schema",
    params(("id" = TicketId, Path)), request_body = Remark, responses((status = 200, body = Ticket),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn reject(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(remark): Body<Remark>,
) -> ApiResult<Json<Ticket>> {
    let decided = decision::decide(&app, &caller, id, Decision::Reject, remark).await?;
    Ok(Json(decided))
}

/// Takes back one's own proposal.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/withdraw", operation_id = "withdrawTicket", tag = "schema",
    params(("id" = TicketId, Path)), request_body = Remark, responses((status = 200, body = Ticket),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(remark): Body<Remark>,
) -> ApiResult<Json<Ticket>> {
    let decided = decision::decide(&app, &caller, id, Decision::Withdraw, remark).await?;
    Ok(Json(decided))
}

/// Corrects one's own rejected ticket: opens another in its place, whose flow begins at its first step.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/resubmit", operation_id = "resubmitTicket", tag = "schema",
    params(("id" = TicketId, Path)), request_body = Resubmission, responses((status = 201, body = Proposed),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
async fn resubmit(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(request): Body<Resubmission>,
) -> ApiResult<(StatusCode, Json<Proposed>)> {
    let proposed = resubmit::resubmit(&app, &caller, id, request).await?;
    Ok((StatusCode::CREATED, Json(proposed)))
}

/// Counts the rows that its statements would touch on one of its servers, through the agent there. Runs none of them.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/count", operation_id = "countTicketRows", tag = "schema",
    params(("id" = TicketId, Path)), request_body = CountRequest, responses((status = 200, body = RowCounts),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    (status = 502, body = Problem)))]
async fn count(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(request): Body<CountRequest>,
) -> ApiResult<Json<RowCounts>> {
    Ok(Json(row_count::count(&app, &caller, id, &request).await?))
}

/// Has its published change tried on scratch databases beside its servers, through the agents there; what comes of it stands on
/// the ticket.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/prove", operation_id = "proveTicket", tag = "schema",
    params(("id" = TicketId, Path)), request_body = ProveRequest, responses((status = 202, body = Proving),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn prove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(request): Body<ProveRequest>,
) -> ApiResult<(StatusCode, Json<Proving>)> {
    let proving = proof::ask(&app, &caller, id, &request).await?;
    Ok((StatusCode::ACCEPTED, Json(proving)))
}

/// Says something to a ticket.
#[utoipa::path(post, path = "/api/v1/schema/tickets/{id}/comment", operation_id = "commentTicket", tag = "schema",
    params(("id" = TicketId, Path)), request_body = Remark, responses((status = 200, body = Ticket),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn comment(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TicketId>,
    Body(remark): Body<Remark>,
) -> ApiResult<Json<Ticket>> {
    Ok(Json(ticket::comment(&app, &caller, id, remark).await?))
}
