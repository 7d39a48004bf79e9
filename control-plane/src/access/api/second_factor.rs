//! `/api/v1/auth/challenge`, `/api/v1/me/second-factor`, `/api/v1/me/devices`

use axum::{Json, extract::State, http::StatusCode, response::Response};
use muster_base::{DeviceId, ExposeSecret};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::auth::{LoginQuery, SignedIn, answer as signed_in, no_store};
use crate::{
    access::{
        Identity,
        challenge::{self, ChallengeAnswer, CodeWish},
        code::{self, CodeAsked, CodeSignIn, MobileProof},
        device::{self, Devices, Tokens},
        second_factor::{self, MfaWish, PasswordAgain, RecoveryCodes, SecondFactor, TotpBegun, TotpCode},
        sign_in::Visitor,
    },
    app::App,
    http::{
        extract::{Json as Body, Path, Query},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(answer_challenge))
        .routes(routes!(send_code))
        .routes(routes!(ask_code))
        .routes(routes!(ask_mobile))
        .routes(routes!(verify_mobile))
        .routes(routes!(get, set_mfa))
        .routes(routes!(begin_totp))
        .routes(routes!(confirm_totp))
        .routes(routes!(remove_totp))
        .routes(routes!(renew_recovery))
        .routes(routes!(list_devices))
        .routes(routes!(revoke_device))
}

/// Answers the challenge of a sign-in; answers as the sign-in itself would.
#[utoipa::path(post, path = "/api/v1/auth/challenge", operation_id = "answerChallenge", tag = "auth",
    params(LoginQuery), request_body = ChallengeAnswer, security(()), responses((status = 200, body = SignedIn),
    (status = 401, body = Problem), (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn answer_challenge(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<LoginQuery>,
    Body(body): Body<ChallengeAnswer>,
) -> ApiResult<Response> {
    let mut visitor = query.applied_to(visitor);
    if let Some(token) = &body.device_token {
        visitor.devices = Tokens::read(token.expose_secret());
    }
    let answered = challenge::answer(&app, body, &visitor).await?;
    signed_in(&app, answered).await
}

/// Asks for a code by mail that answers the challenge; a newer one makes the older worthless.
#[utoipa::path(post, path = "/api/v1/auth/challenge/code", operation_id = "sendChallengeCode", tag = "auth",
    request_body = CodeWish, security(()), responses((status = 202), (status = 401, body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn send_code(
    State(app): State<App>,
    visitor: Visitor,
    Body(body): Body<CodeWish>,
) -> ApiResult<StatusCode> {
    challenge::send_code(&app, body, &visitor).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Asks for a code that signs in instead of a password; `POST /api/v1/auth/challenge` takes it. The answer is the same
/// whether there is such an account or not.
#[utoipa::path(post, path = "/api/v1/auth/code", operation_id = "askSignInCode", tag = "auth",
    request_body = CodeSignIn, security(()), responses((status = 202, body = CodeAsked), (status = 409, body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn ask_code(
    State(app): State<App>,
    mut visitor: Visitor,
    Body(body): Body<CodeSignIn>,
) -> ApiResult<(StatusCode, Json<CodeAsked>)> {
    if let Some(token) = &body.device_token {
        visitor.devices = Tokens::read(token.expose_secret());
    }
    Ok((StatusCode::ACCEPTED, Json(code::ask(&app, body, visitor)?)))
}

/// Asks for a text message with a code that verifies one's own number.
#[utoipa::path(post, path = "/api/v1/me/mobile/verification", operation_id = "askMobileVerification", tag = "auth",
    responses((status = 202, body = CodeAsked), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 429, body = Problem)))]
async fn ask_mobile(
    State(app): State<App>,
    who: Identity,
    visitor: Visitor,
) -> ApiResult<(StatusCode, Json<CodeAsked>)> {
    let asked = code::ask_mobile(&app, &who, &visitor).await?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

/// Verifies one's own number by the code that was sent there.
#[utoipa::path(post, path = "/api/v1/me/mobile/verify", operation_id = "verifyMobile", tag = "auth",
    request_body = MobileProof,
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn verify_mobile(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<MobileProof>,
) -> ApiResult<StatusCode> {
    code::verify_mobile(&app, &who, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's own second factors.
#[utoipa::path(get, path = "/api/v1/me/second-factor", operation_id = "getSecondFactor", tag = "auth",
    responses((status = 200, body = SecondFactor), (status = 403, body = Problem)))]
async fn get(State(app): State<App>, who: Identity) -> ApiResult<Json<SecondFactor>> {
    Ok(Json(second_factor::get(&app, &who).await?))
}

/// Says when one's own second factor is asked for.
#[utoipa::path(put, path = "/api/v1/me/second-factor", operation_id = "setMfa", tag = "auth", request_body = MfaWish,
    responses((status = 200, body = SecondFactor), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn set_mfa(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<MfaWish>,
) -> ApiResult<Json<SecondFactor>> {
    Ok(Json(second_factor::set_mfa(&app, &who, body).await?))
}

/// Makes a secret for an authenticator app, which is not shown again.
#[utoipa::path(post, path = "/api/v1/me/second-factor/totp", operation_id = "beginTotp", tag = "auth",
    request_body = PasswordAgain,
    responses((status = 201, body = TotpBegun), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn begin_totp(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<PasswordAgain>,
) -> ApiResult<(
    StatusCode,
    [(axum::http::HeaderName, &'static str); 1],
    Json<TotpBegun>,
)> {
    let begun = second_factor::begin_totp(&app, &who, body).await?;
    Ok((StatusCode::CREATED, [no_store()], Json(begun)))
}

/// Confirms the app by its present code; answers recovery codes, which are not shown again.
#[utoipa::path(post, path = "/api/v1/me/second-factor/totp/confirm", operation_id = "confirmTotp", tag = "auth",
    request_body = TotpCode,
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn confirm_totp(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<TotpCode>,
) -> ApiResult<([(axum::http::HeaderName, &'static str); 1], Json<RecoveryCodes>)> {
    let codes = second_factor::confirm_totp(&app, &who, body).await?;
    Ok(([no_store()], Json(codes)))
}

/// Takes the app and its recovery codes away.
#[utoipa::path(post, path = "/api/v1/me/second-factor/totp/remove", operation_id = "removeTotp", tag = "auth",
    request_body = PasswordAgain,
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
async fn remove_totp(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<PasswordAgain>,
) -> ApiResult<StatusCode> {
    second_factor::remove_totp(&app, &who, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes in the place of the old ones; they are not shown again.
#[utoipa::path(post, path = "/api/v1/me/second-factor/recovery-codes", operation_id = "renewRecoveryCodes",
    tag = "auth", request_body = PasswordAgain,
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn renew_recovery(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<PasswordAgain>,
) -> ApiResult<([(axum::http::HeaderName, &'static str); 1], Json<RecoveryCodes>)> {
    let codes = second_factor::renew_recovery(&app, &who, body).await?;
    Ok(([no_store()], Json(codes)))
}

/// The devices that one signed in with.
#[utoipa::path(get, path = "/api/v1/me/devices", operation_id = "listMyDevices", tag = "auth",
    responses((status = 200, body = Devices), (status = 403, body = Problem)))]
async fn list_devices(State(app): State<App>, who: Identity) -> ApiResult<Json<Devices>> {
    Ok(Json(device::list(&app, &who).await?))
}

/// Makes a device a stranger's again, and ends its sessions.
#[utoipa::path(delete, path = "/api/v1/me/devices/{id}", operation_id = "revokeMyDevice", tag = "auth",
    params(("id" = DeviceId, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
async fn revoke_device(
    State(app): State<App>,
    who: Identity,
    Path(id): Path<DeviceId>,
) -> ApiResult<StatusCode> {
    device::revoke(&app, &who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
