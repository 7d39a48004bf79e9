//! `/api/v1/auth/ways`, `/api/v1/auth/providers`, `/api/v1/me/bindings`, `/api/v1/binding-types`

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use muster_base::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::auth::{cookies_of, no_store, secure};
use crate::{
    access::{
        Identity,
        binding::{self, BindingQuery, BindingType, BindingTypeBody, BindingTypes, Bindings, NewBindingType},
        provider::{self, Callback, ProviderAddress, ProviderStart, Returned, SignInWays},
        second_factor::PasswordAgain,
        sign_in::Visitor,
    },
    app::App,
    http::{
        Cookies, PROVIDER_COOKIE,
        extract::{Json as Body, Path, Query},
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(ways))
        .routes(routes!(start))
        .routes(routes!(callback))
        .routes(routes!(bind))
        .routes(routes!(list_bindings, delete_binding))
        .routes(routes!(list_types, create_type))
        .routes(routes!(put_type))
}

/// The ways to sign in here.
#[utoipa::path(get, path = "/api/v1/auth/ways", operation_id = "listSignInWays", tag = "auth", security(()),
    responses((status = 200, body = SignInWays)))]
async fn ways(State(app): State<App>) -> ApiResult<Json<SignInWays>> {
    Ok(Json(provider::ways(&app).await?))
}

/// Begins a sign-in at a provider: the browser goes to `url`, and keeps a cookie for when it comes back.
#[utoipa::path(post, path = "/api/v1/auth/providers/{provider}/start", operation_id = "startProvider", tag = "auth",
    params(("provider" = String, Path)), request_body = ProviderStart, security(()),
    responses((status = 200, body = ProviderAddress), (status = 404, body = Problem), (status = 429, body = Problem),
        (status = 502, body = Problem)))]
async fn start(
    State(app): State<App>,
    visitor: Visitor,
    Path(name): Path<String>,
    Body(body): Body<ProviderStart>,
) -> ApiResult<impl IntoResponse> {
    let (address, browser) = provider::start(&app, &name, body, &visitor).await?;
    Ok(sent_away(&app, address, &browser))
}

/// Begins to bind an account at a provider to oneself, with one's password once more: the browser goes to `url`, and keeps a
/// cookie for when it comes back.
#[utoipa::path(post, path = "/api/v1/me/bindings/{provider}", operation_id = "bindProvider", tag = "auth",
    params(("provider" = String, Path)), request_body = PasswordAgain,
    responses((status = 200, body = ProviderAddress), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem), (status = 502, body = Problem)))]
async fn bind(
    State(app): State<App>,
    who: Identity,
    Path(name): Path<String>,
    Body(body): Body<PasswordAgain>,
) -> ApiResult<impl IntoResponse> {
    let (address, browser) = provider::start_binding(&app, &who, &name, body).await?;
    Ok(sent_away(&app, address, &browser))
}

fn sent_away(app: &App, address: ProviderAddress, browser: &SecretString) -> impl IntoResponse + use<> {
    let cookie = provider_cookie(app, browser.expose_secret(), 600);
    ([(header::SET_COOKIE, cookie)], [no_store()], Json(address))
}

/// Lax, because the browser comes back from another site.
fn provider_cookie(app: &App, value: &str, life_s: i64) -> String {
    let secure = secure(app);
    format!(
        "{PROVIDER_COOKIE}={value}; Path=/api/v1/auth/providers; HttpOnly; SameSite=Lax; Max-Age={life_s}{secure}"
    )
}

/// What a provider adds to the address that it sends the browser back to.
#[derive(Deserialize)]
struct CallbackQuery {
    code: Option<SecretString>,
    state: Option<SecretString>,
    error: Option<String>,
}

/// Where a provider sends the browser back to. Goes on to `/` signed in, to `/sign-in#challenge=…&methods=…` if a second
/// factor is asked for, to `/profile#bound=…`, or to `/sign-in#error=…`.
#[utoipa::path(get, path = "/api/v1/auth/providers/{provider}/callback", operation_id = "returnFromProvider",
    tag = "auth", params(("provider" = String, Path), ("code" = Option<String>, Query), ("state" = Option<String>, Query),
    ("error" = Option<String>, Query)), security(()),
    responses((status = 303), (status = 404, body = Problem), (status = 429, body = Problem)))]
async fn callback(
    State(app): State<App>,
    visitor: Visitor,
    cookies: Cookies,
    Path(name): Path<String>,
    Query(query): Query<CallbackQuery>,
) -> ApiResult<Response> {
    let callback = Callback {
        code: query.code,
        state: query.state,
        error: query.error,
    };
    let browser = cookies.get(PROVIDER_COOKIE).map(SecretString::from);
    let returned = provider::returned(&app, &name, callback, browser, visitor).await?;
    let mut set = vec![(header::SET_COOKIE, provider_cookie(&app, "", 0))];
    let to = match returned {
        Returned::Opened(opened) => {
            set.extend(cookies_of(&app, &opened));
            "/".to_owned()
        }
        Returned::Asked(asked) => {
            let methods = serde_json::to_value(&asked.methods).unwrap_or_default();
            let methods: Vec<&str> = methods
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|m| m.as_str())
                .collect();
            format!(
                "/sign-in#challenge={}&methods={}",
                asked.token.expose_secret(),
                methods.join(",")
            )
        }
        Returned::Bound => format!("/profile#bound={name}"),
        Returned::Failed(why) => format!("/sign-in#error={why}"),
    };
    let location: [(HeaderName, String); 1] = [(header::LOCATION, to)];
    Ok((StatusCode::SEE_OTHER, AppendHeaders(set), location, [no_store()]).into_response())
}

/// What else signs one in: the address and number of one's profile, and accounts at providers.
#[utoipa::path(get, path = "/api/v1/me/bindings", operation_id = "listMyBindings", tag = "auth",
    responses((status = 200, body = Bindings), (status = 403, body = Problem)))]
async fn list_bindings(State(app): State<App>, who: Identity) -> ApiResult<Json<Bindings>> {
    Ok(Json(binding::list(&app, &who).await?))
}

/// Takes a binding away.
#[utoipa::path(delete, path = "/api/v1/me/bindings", operation_id = "deleteMyBinding", tag = "auth",
    params(BindingQuery), responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn delete_binding(
    State(app): State<App>,
    who: Identity,
    Query(query): Query<BindingQuery>,
) -> ApiResult<StatusCode> {
    binding::delete(&app, &who, query).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The dictionary of types of bindings.
#[utoipa::path(get, path = "/api/v1/binding-types", operation_id = "listBindingTypes", tag = "auth",
    responses((status = 200, body = BindingTypes)))]
async fn list_types(State(app): State<App>, _: Identity) -> ApiResult<Json<BindingTypes>> {
    Ok(Json(binding::list_types(&app).await?))
}

/// Adds a type of bindings; one without a code uses its id. Super administrator only.
#[utoipa::path(post, path = "/api/v1/binding-types", operation_id = "createBindingType", tag = "auth",
    request_body = NewBindingType,
    responses((status = 201, body = BindingType), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
async fn create_type(
    State(app): State<App>,
    who: Identity,
    Body(body): Body<NewBindingType>,
) -> ApiResult<(StatusCode, Json<BindingType>)> {
    Ok((
        StatusCode::CREATED,
        Json(binding::create_type(&app, &who, body).await?),
    ))
}

/// Adds a type of bindings, or changes its name and icon.
#[utoipa::path(put, path = "/api/v1/binding-types/{code}", operation_id = "putBindingType", tag = "auth",
    params(("code" = String, Path)), request_body = BindingTypeBody,
    responses((status = 200, body = BindingType), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn put_type(
    State(app): State<App>,
    who: Identity,
    Path(code): Path<String>,
    Body(body): Body<BindingTypeBody>,
) -> ApiResult<Json<BindingType>> {
    Ok(Json(binding::put_type(&app, &who, &code, body).await?))
}
