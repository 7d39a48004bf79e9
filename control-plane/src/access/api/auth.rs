//! `/api/v1/auth/…` and `/api/v1/me`

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use muster_base::{ExposeSecret, SecretString, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::{
        AccessError, Actor, Identity,
        administrator::{self, Administered},
        challenge::Method,
        device::{LIFE_DAYS, Tokens},
        org::{self, Membership},
        own_org,
        session::{self, Mode, Opened},
        sign_in::{self, PasswordAttempt, SignIn, Visitor},
        strength::{self, Candidate, Judged},
        user,
    },
    app::App,
    http::{
        DEVICE_COOKIE, SESSION_COOKIE, Spoken,
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
        .routes(routes!(judge_password))
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
    /// `deviceToken` of an earlier sign-in, for API callers; a browser has it in a cookie.
    #[schema(value_type = Option<String>)]
    device_token: Option<SecretString>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginQuery {
    /// `cookie` sets an HttpOnly cookie instead of answering tokens.
    #[param(inline)]
    mode: Option<LoginMode>,
}

impl LoginQuery {
    /// Who is at the door, wanting this.
    pub(super) fn applied_to(&self, mut visitor: Visitor) -> Visitor {
        if self.mode.is_some() {
            visitor.mode = Mode::Cookie;
        }
        visitor
    }
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

/// A sign-in: `accessToken`, `expiresAt`, `refreshToken` and `user`, or in cookie mode `csrfToken` and `user`. With
/// `mfaRequired` nobody is signed in yet: `challenge` is to be answered first.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    /// Whether a second factor is asked for.
    mfa_required: bool,
    /// To be sent with the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    /// How the challenge may be answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    methods: Vec<Method>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// For an API caller to keep and to send at the next sign-in, which then is on a known device; absent if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
    /// Send it as `X-CSRF-Token` with everything but reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// Of the access token, the session, or the challenge.
    expires_at: UnixMs,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Myself>,
}

/// Signs in with a password. On a new device, from a new region, or always where that is wanted, who has a second factor
/// is asked for it: `mfaRequired`.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth", params(LoginQuery),
    request_body = LoginBody, security(()), responses((status = 200, body = SignedIn), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 429, body = Problem)))]
async fn login(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<LoginQuery>,
    Body(body): Body<LoginBody>,
) -> ApiResult<Response> {
    let mut visitor = query.applied_to(visitor);
    if let Some(token) = &body.device_token {
        visitor.devices = Tokens::read(token.expose_secret());
    }
    let attempt = PasswordAttempt {
        login: body.login,
        password: body.password,
        platform: body.platform,
    };
    let sign_in = sign_in::with_password(&app, attempt, &visitor).await?;
    answer(&app, sign_in).await
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
async fn refresh(
    State(app): State<App>,
    visitor: Visitor,
    Body(body): Body<RefreshBody>,
) -> ApiResult<Response> {
    let opened = session::refresh(&app, &body.refresh_token, visitor.ip).await?;
    signed_in(&app, opened).await
}

/// In, or the question that is left.
pub(super) async fn answer(app: &App, sign_in: SignIn) -> ApiResult<Response> {
    match sign_in {
        SignIn::Opened(opened) => signed_in(app, opened).await,
        SignIn::Asked(asked) => {
            let body = SignedIn {
                mfa_required: true,
                challenge: Some(asked.token.expose_secret().to_owned()),
                methods: asked.methods,
                expires_at: asked.expires_at,
                ..SignedIn::default()
            };
            Ok(([no_store()], Json(body)).into_response())
        }
    }
}

/// The cookies of a sign-in in cookie mode: the device's, if it is new, and the session's. A browser keeps the latter for
/// as long as a session may last at most: when it ends before, because nobody uses it, is decided here.
pub(super) fn cookies_of(app: &App, opened: &Opened) -> Vec<(header::HeaderName, String)> {
    let session = set_cookie(app, opened.secret.expose_secret(), session::LIFE_MS / 1_000);
    let device = opened.devices.as_ref();
    let device = device.map(|tokens| device_cookie(app, tokens.expose_secret()));
    let all = device.into_iter().chain([session]);
    all.map(|cookie| (header::SET_COOKIE, cookie)).collect()
}

async fn signed_in(app: &App, opened: Opened) -> ApiResult<Response> {
    let username = match (opened.user, &app.config.super_admin) {
        (Some(id), _) => user::get(app, id).await?.username,
        (None, Some(admin)) => admin.account.clone(),
        (None, None) => return Err(AccessError::NotSignedIn.into()),
    };
    let mut body = SignedIn {
        expires_at: opened.expires_at,
        user: Some(Myself {
            id: opened.user,
            username,
            super_admin: opened.user.is_none(),
        }),
        ..SignedIn::default()
    };
    let cookies = if let Some(token) = &opened.access_token {
        let device = opened.devices.as_ref();
        body.access_token = Some(token.expose_secret().to_owned());
        body.refresh_token = Some(opened.secret.expose_secret().to_owned());
        body.device_token = device.map(|tokens| tokens.expose_secret().to_owned());
        let device = device.map(|tokens| (header::SET_COOKIE, device_cookie(app, tokens.expose_secret())));
        device.into_iter().collect()
    } else {
        body.csrf_token = Some(session::csrf_token(&app.keys, opened.session));
        cookies_of(app, &opened)
    };
    Ok((AppendHeaders(cookies), [no_store()], Json(body)).into_response())
}

pub(super) const fn no_store() -> (header::HeaderName, &'static str) {
    (header::CACHE_CONTROL, "no-store")
}

fn set_cookie(app: &App, value: &str, max_age_s: i64) -> String {
    let secure = secure(app);
    format!("{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}")
}

/// Lax: it signs nobody in, and is wanted when a browser comes back from a provider.
fn device_cookie(app: &App, tokens: &str) -> String {
    let (secure, life_s) = (secure(app), LIFE_DAYS * UnixMs::DAY / 1_000);
    format!("{DEVICE_COOKIE}={tokens}; Path=/api/v1/auth; HttpOnly; SameSite=Lax; Max-Age={life_s}{secure}")
}

pub(super) fn secure(app: &App) -> &'static str {
    let url = app.config.http.public_url.as_deref();
    if url.is_some_and(|url| url.starts_with("https://")) {
        "; Secure"
    } else {
        ""
    }
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
    /// Whether they may make orgs by themselves.
    makes_orgs: bool,
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
        Actor::ApiKey { .. }
        | Actor::Webhook { .. }
        | Actor::GitHook { .. }
        | Actor::Agent { .. }
        | Actor::System { .. } => None,
    };
    let csrf_token = session.map(|id| session::csrf_token(&app.keys, id));
    let orgs = org::list_mine(&app, &who).await?;
    let administers = administrator::list_mine(&app, &who).await?;
    let makes_orgs = own_org::may(&app, &who).await?;
    let user = Myself {
        id: who.actor.user(),
        username: who.actor.name(),
        super_admin: who.is_super_admin(),
    };
    Ok(Json(Me {
        user,
        orgs,
        administers,
        makes_orgs,
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
    request_body = PasswordBody, responses((status = 204), (status = 422, body = Problem), (status = 429, body = Problem)))]
async fn change_password(
    State(app): State<App>,
    who: Identity,
    Spoken(language): Spoken,
    Body(body): Body<PasswordBody>,
) -> ApiResult<StatusCode> {
    user::change_password(&app, &who, (body.old_password, body.new_password), language).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says how hard a password would be to guess for whoever knows the caller, before it is taken. Kept nowhere.
#[utoipa::path(post, path = "/api/v1/me/password/strength", operation_id = "judgeMyPassword", tag = "auth",
    request_body = Candidate, responses((status = 200, body = Judged), (status = 403, body = Problem),
    (status = 429, body = Problem)))]
async fn judge_password(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<Candidate>,
) -> ApiResult<Json<Judged>> {
    Ok(Json(strength::judge(&app, &who, body).await?))
}
