//! `/api/v1/org/entry`, `/api/v1/join-requests`, `/api/v1/invitations`, `/api/v1/auth/register`

use axum::{Json, extract::State, http::StatusCode};
use muster_base::{ExposeSecret, InvitationId, OrgId, UserId, sha256};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Caller, Identity, User,
        invitation::{self, Acceptance, Invitation, InvitationView, Joined, NewInvitation},
        joining::{
            self, Applied, EntryCode, EntrySetting, JoinApproval, JoinRejection, JoinRequest,
            NewEntrySetting, OwnRequests,
        },
        registration::{self, Registration},
    },
    app::App,
    http::{
        ClientIp, Spoken,
        extract::{Json as Body, Path, Query},
        page::{Page, PageQuery},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_entry, set_entry, clear_entry))
        .routes(routes!(apply, list))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(list_invitations, invite))
        .routes(routes!(revoke))
        .routes(routes!(look))
        .routes(routes!(accept))
        .routes(routes!(list_own))
        .routes(routes!(withdraw))
        .routes(routes!(register))
}

/// How people may apply to the org; null: they can't.
#[utoipa::path(get, path = "/api/v1/org/entry", operation_id = "getEntrySetting", tag = "people",
    responses((status = 200, body = Option<EntrySetting>), (status = 403, body = Problem)))]
async fn get_entry(State(app): State<App>, caller: Caller) -> ApiResult<Json<Option<EntrySetting>>> {
    Ok(Json(joining::setting(&app, &caller).await?))
}

/// Lets people apply with a code; other required fields make a new code.
#[utoipa::path(put, path = "/api/v1/org/entry", operation_id = "setEntrySetting", tag = "people",
    request_body = NewEntrySetting,
    responses((status = 200, body = EntrySetting), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn set_entry(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewEntrySetting>,
) -> ApiResult<Json<EntrySetting>> {
    Ok(Json(joining::set(&app, &caller, body).await?))
}

/// Nobody can apply any more.
#[utoipa::path(delete, path = "/api/v1/org/entry", operation_id = "clearEntrySetting", tag = "people",
    responses((status = 204), (status = 403, body = Problem)))]
async fn clear_entry(State(app): State<App>, caller: Caller) -> ApiResult<StatusCode> {
    joining::clear(&app, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks to join the org that has this code, or asks again after a rejection.
#[utoipa::path(post, path = "/api/v1/join-requests", operation_id = "applyToOrg", tag = "people",
    request_body = EntryCode,
    responses((status = 202, body = Applied), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn apply(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<EntryCode>,
) -> ApiResult<(StatusCode, Json<Applied>)> {
    Ok((
        StatusCode::ACCEPTED,
        Json(joining::apply(&app, &who, body).await?),
    ))
}

/// Who asked to join the org, and who was rejected.
#[utoipa::path(get, path = "/api/v1/join-requests", operation_id = "listJoinRequests", tag = "people",
    params(PageQuery), responses((status = 200, body = Page<JoinRequest>), (status = 403, body = Problem)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<JoinRequest>>> {
    Ok(Json(joining::list(&app, &caller, &query).await?))
}

/// Lets an applicant in.
#[utoipa::path(post, path = "/api/v1/join-requests/{userId}/approve", operation_id = "approveJoinRequest",
    tag = "people", params(("userId" = UserId, Path)), request_body = JoinApproval,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
async fn approve(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(body): Body<JoinApproval>,
) -> ApiResult<StatusCode> {
    joining::approve(&app, &caller, user, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Does not let an applicant in, with a reason.
#[utoipa::path(post, path = "/api/v1/join-requests/{userId}/reject", operation_id = "rejectJoinRequest",
    tag = "people", params(("userId" = UserId, Path)), request_body = JoinRejection,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn reject(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Body(body): Body<JoinRejection>,
) -> ApiResult<StatusCode> {
    joining::reject(&app, &caller, user, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Invitations that still work, newest first.
#[utoipa::path(get, path = "/api/v1/invitations", operation_id = "listInvitations", tag = "people",
    params(PageQuery), responses((status = 200, body = Page<Invitation>), (status = 403, body = Problem)))]
async fn list_invitations(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Invitation>>> {
    Ok(Json(invitation::list(&app, &caller, &query).await?))
}

/// An invitation with its link, which is not shown again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Invited {
    #[serde(flatten)]
    #[schema(inline)]
    invitation: Invitation,
    /// Send it to whom it is for; one for an e-mail address was mailed there.
    link: String,
}

/// Makes an invitation into the org.
#[utoipa::path(post, path = "/api/v1/invitations", operation_id = "createInvitation", tag = "people",
    request_body = NewInvitation,
    responses((status = 201, body = Invited), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn invite(
    State(app): State<App>,
    caller: Caller,
    Spoken(language): Spoken,
    Body(body): Body<NewInvitation>,
) -> ApiResult<(StatusCode, Json<Invited>)> {
    let (invitation, link) = invitation::create(&app, &caller, body, language).await?;
    let link = link.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(Invited { invitation, link })))
}

/// Revokes an invitation.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", operation_id = "revokeInvitation", tag = "people",
    params(("id" = InvitationId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InvitationId>,
) -> ApiResult<StatusCode> {
    invitation::revoke(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what an invitation's link invites to, while it works.
#[utoipa::path(post, path = "/api/v1/invitations/look", operation_id = "lookAtInvitation", tag = "people",
    request_body = Acceptance, security(()),
    responses((status = 200, body = InvitationView), (status = 404, body = Problem), (status = 429, body = Problem)))]
async fn look(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Body(body): Body<Acceptance>,
) -> ApiResult<Json<InvitationView>> {
    let hash = sha256(body.token.expose_secret().as_bytes()).0;
    Ok(Json(invitation::look(&app, &hash, ip).await?))
}

/// One's own requests to join orgs: those that wait, and those that were rejected.
#[utoipa::path(get, path = "/api/v1/me/join-requests", operation_id = "listMyJoinRequests", tag = "people",
    responses((status = 200, body = OwnRequests), (status = 403, body = Problem)))]
async fn list_own(State(app): State<App>, who: Identity) -> ApiResult<Json<OwnRequests>> {
    Ok(Json(joining::list_own(&app, &who).await?))
}

/// Takes one's own request back.
#[utoipa::path(delete, path = "/api/v1/me/join-requests/{orgId}", operation_id = "withdrawMyJoinRequest",
    tag = "people", params(("orgId" = OrgId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn withdraw(State(app): State<App>, who: Identity, Path(org): Path<OrgId>) -> ApiResult<StatusCode> {
    joining::withdraw(&app, &who, org).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the caller a member of the org that invited them.
#[utoipa::path(post, path = "/api/v1/invitations/accept", operation_id = "acceptInvitation", tag = "people",
    request_body = Acceptance,
    responses((status = 200, body = Joined), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 429, body = Problem)))]
async fn accept(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<Acceptance>,
) -> ApiResult<Json<Joined>> {
    let hash = sha256(body.token.expose_secret().as_bytes()).0;
    Ok(Json(invitation::accept(&app, &who, &hash).await?))
}

/// Registers by oneself, with the account of a manager of the platform who vouches.
#[utoipa::path(post, path = "/api/v1/auth/register", operation_id = "register", tag = "auth",
    request_body = Registration, security(()),
    responses((status = 201, body = User), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
async fn register(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Spoken(language): Spoken,
    Body(body): Body<Registration>,
) -> ApiResult<(StatusCode, Json<User>)> {
    let user = registration::register(&app, body, ip, language).await?;
    Ok((StatusCode::CREATED, Json(user)))
}
