//! `/api/v1/auth/password/…`, `/api/v1/auth/email/…`, `/api/v1/me/email/verification`

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        Identity,
        proof::{self, EmailProof, ForgottenPassword, PasswordReset},
    },
    app::App,
    http::{
        ClientIp, Spoken,
        extract::Json as Body,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(forgot))
        .routes(routes!(reset))
        .routes(routes!(verify))
        .routes(routes!(ask_verification))
}

/// Asks for a mail with a link that sets a new password. The answer is the same whether there is such an account or not.
#[utoipa::path(post, path = "/api/v1/auth/password/forgot", operation_id = "forgotPassword", tag = "auth",
    request_body = ForgottenPassword, security(()), responses((status = 202), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn forgot(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Spoken(language): Spoken,
    Body(body): Body<ForgottenPassword>,
) -> ApiResult<StatusCode> {
    proof::forgot(&app, body, ip, language)?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password by the link that was mailed, and signs out everywhere.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", operation_id = "resetPassword", tag = "auth",
    request_body = PasswordReset, security(()), responses((status = 204), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn reset(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Spoken(language): Spoken,
    Body(body): Body<PasswordReset>,
) -> ApiResult<StatusCode> {
    proof::reset(&app, body, ip, language).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Verifies an e-mail address by the link that was mailed.
#[utoipa::path(post, path = "/api/v1/auth/email/verify", operation_id = "verifyEmail", tag = "auth",
    request_body = EmailProof, security(()), responses((status = 204), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
async fn verify(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Body(body): Body<EmailProof>,
) -> ApiResult<StatusCode> {
    proof::verify(&app, body, ip).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a mail with a link that verifies one's own e-mail address.
#[utoipa::path(post, path = "/api/v1/me/email/verification", operation_id = "askEmailVerification", tag = "auth",
    responses((status = 202), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn ask_verification(
    State(app): State<App>,
    who: Identity,
    Spoken(language): Spoken,
) -> ApiResult<StatusCode> {
    proof::ask_verification(&app, &who, language).await?;
    Ok(StatusCode::ACCEPTED)
}
