//! `/api/v1/auth/…` and `/api/v1/me`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use muster_base::{ExposeSecret, SecretString, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        AccessError, Actor, Identity,
        administrator::{self, Administered},
        org::{self, Membership},
        session::{self, Attempt, Mode, Opened},
        user,
    },
    app::App,
    http::{
        ClientIp, SESSION_COOKIE, Spoken,
        extract::{Json as Body, Query},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(logout_everywhere))
        .routes(routes!(me))
        .routes(routes!(change_password))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LoginBody {
    /// Account, user name, e-mail address or mobile number.
    login: String,
    #[schema(value_type = String)]
    password: SecretString,
    /// Code of the platform; `default` if absent.
    platform: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LoginQuery {
    /// `cookie` sets an HttpOnly cookie instead of answering tokens.
    #[param(inline)]
    mode: Option<LoginMode>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LoginMode {
    Cookie,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Myself {
    /// Null for the super administrator, who is not in the database.
    #[schema(required)]
    id: Option<UserId>,
    /// Name to show.
    username: String,
    /// The one of the configuration file.
    super_admin: bool,
}

/// A sign-in: `accessToken`, `expiresAt` and `refreshToken`, or in cookie mode `csrfToken`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SignedIn {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Send it as `X-CSRF-Token` with everything but reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    expires_at: UnixMs,
    user: Myself,
}

/// Signs in.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth", params(LoginQuery),
    request_body = LoginBody, security(()), responses((status = 200, body = SignedIn), (status = 401, body = Problem),
    (status = 429, body = Problem)))]
async fn login(
    State(app): State<App>,
    ClientIp(ip): ClientIp,
    Query(query): Query<LoginQuery>,
    headers: HeaderMap,
    Body(body): Body<LoginBody>,
) -> ApiResult<Response> {
    let mode = if query.mode.is_some() {
        Mode::Cookie
    } else {
        Mode::Bearer
    };
    let user_agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let attempt = Attempt {
        login: body.login,
        password: body.password,
        platform: body.platform,
        mode,
        ip,
        user_agent,
    };
    let opened = session::login(&app, attempt).await?;
    signed_in(&app, opened).await
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RefreshBody {
    #[schema(value_type = String)]
    refresh_token: SecretString,
}

/// Exchanges a refresh token for new tokens.
#[utoipa::path(post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "auth", request_body = RefreshBody,
    security(()), responses((status = 200, body = SignedIn), (status = 401, body = Problem)))]
async fn refresh(State(app): State<App>, Body(body): Body<RefreshBody>) -> ApiResult<Response> {
    let opened = session::refresh(&app, &body.refresh_token).await?;
    signed_in(&app, opened).await
}

async fn signed_in(app: &App, opened: Opened) -> ApiResult<Response> {
    let username = match (opened.user, &app.config.super_admin) {
        (Some(id), _) => user::get(app, id).await?.username,
        (None, Some(admin)) => admin.account.clone(),
        (None, None) => return Err(AccessError::NotSignedIn.into()),
    };
    let user = Myself {
        id: opened.user,
        username,
        super_admin: opened.user.is_none(),
    };
    let secret = opened.secret.expose_secret().to_owned();
    let Some(access_token) = opened.access_token else {
        let csrf = session::csrf_token(&app.keys, opened.session);
        let body = SignedIn {
            access_token: None,
            refresh_token: None,
            csrf_token: Some(csrf),
            expires_at: opened.expires_at,
            user,
        };
        let cookie = set_cookie(app, &secret, opened.expires_at.ms_since(app.clock.now()) / 1_000);
        return Ok(([(header::SET_COOKIE, cookie)], [no_store()], Json(body)).into_response());
    };
    let body = SignedIn {
        access_token: Some(access_token.expose_secret().to_owned()),
        refresh_token: Some(secret),
        csrf_token: None,
        expires_at: opened.expires_at,
        user,
    };
    Ok(([no_store()], Json(body)).into_response())
}

const fn no_store() -> (header::HeaderName, &'static str) {
    (header::CACHE_CONTROL, "no-store")
}

fn set_cookie(app: &App, value: &str, max_age_s: i64) -> String {
    let secure = app
        .config
        .http
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    let secure = if secure { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}")
}

/// Signs out of this session.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "auth",
    responses((status = 204)))]
async fn logout(State(app): State<App>, who: Identity) -> ApiResult<Response> {
    session::logout(&app, &who, false).await?;
    Ok((
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, set_cookie(&app, "", 0))],
    )
        .into_response())
}

/// Signs out of all sessions.
#[utoipa::path(post, path = "/api/v1/auth/logout-everywhere", operation_id = "logoutEverywhere", tag = "auth",
    responses((status = 204)))]
async fn logout_everywhere(State(app): State<App>, who: Identity) -> ApiResult<Response> {
    session::logout(&app, &who, true).await?;
    Ok((
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, set_cookie(&app, "", 0))],
    )
        .into_response())
}

/// Who is asking, and which orgs they may enter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Me {
    user: Myself,
    orgs: Vec<Membership>,
    /// The platforms that they administer; the super administrator administers all without being listed.
    administers: Vec<Administered>,
    /// For cookie sessions: send it as `X-CSRF-Token` with everything but reads.
    #[schema(required)]
    csrf_token: Option<String>,
}

/// Who is asking, and which orgs they may enter.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "getMe", tag = "auth", responses((status = 200, body = Me)))]
async fn me(State(app): State<App>, who: Identity) -> ApiResult<Json<Me>> {
    let session = match &who.actor {
        Actor::User { session, .. } => Some(*session),
        Actor::SuperAdmin { session, .. } => *session,
        Actor::ApiKey { .. } | Actor::Webhook { .. } | Actor::Agent { .. } | Actor::System { .. } => None,
    };
    let csrf_token = session.map(|id| session::csrf_token(&app.keys, id));
    let orgs = org::list_mine(&app, &who).await?;
    let administers = administrator::list_mine(&app, &who).await?;
    let user = Myself {
        id: who.actor.user(),
        username: who.actor.name(),
        super_admin: who.is_super_admin(),
    };
    Ok(Json(Me {
        user,
        orgs,
        administers,
        csrf_token,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PasswordBody {
    #[schema(value_type = String)]
    old_password: SecretString,
    /// At least 10 characters.
    #[schema(value_type = String)]
    new_password: SecretString,
}

/// Changes one's own password and signs out everywhere.
#[utoipa::path(post, path = "/api/v1/me/password", operation_id = "changeMyPassword", tag = "auth",
    request_body = PasswordBody, responses((status = 204), (status = 422, body = Problem)))]
async fn change_password(
    State(app): State<App>,
    who: Identity,
    Spoken(language): Spoken,
    Body(body): Body<PasswordBody>,
) -> ApiResult<StatusCode> {
    user::change_password(&app, &who, (body.old_password, body.new_password), language).await?;
    Ok(StatusCode::NO_CONTENT)
}
