//! The HTTP server: every room's routes, the limits around them, and the listener.

use std::{sync::LazyLock, time::Duration};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use tokio::net::TcpListener;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};
use tracing::info_span;

use super::{assets, health, limits, listen, openapi, problem, refusals};
use crate::{app::App, install};

const BODY_BYTES: usize = 2 << 20;
/// How long open requests may take when the process stops.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pictures may come from elsewhere, since portraits and logos may be addresses; nothing else may, and the pages send no
/// word of where they are shown.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: https:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The whole HTTP side as one service.
pub fn router(app: App) -> Router {
    let (api, _) = openapi::routes().split_for_parts();
    let routes = undescribed()
        .into_iter()
        .fold(api, |routes, (path, method)| routes.route(path, method))
        .fallback(assets::fallback)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            refusals::record,
        ))
        .with_state(app);
    dressed(routes)
}

/// What the OpenAPI document does not describe: read by GET, by anybody. All that is routed beside the document stands
/// here, so that the matrix of permissions sees it.
pub(crate) fn undescribed() -> [(&'static str, MethodRouter<App>); 6] {
    [
        ("/api/v1/openapi.json", get(document)),
        ("/api/docs", get(docs)),
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(health::metrics)),
        ("/install/{file}", get(install::file)),
    ]
}

/// Routes with what every request has: an id, limits of time and size, a log line, the headers of a safe page.
pub(super) fn dressed(routes: Router) -> Router {
    let request_id = HeaderName::from_static("x-request-id");
    let header = |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    routes
        .layer(axum::middleware::from_fn(limits::time_limit))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(
            CompressionLayer::new().compress_when(
                DefaultPredicate::new()
                    .and(NotForContentType::const_new("text/event-stream"))
                    // Files are what they are: their length and their parts must be true.
                    .and(NotForContentType::const_new("application/octet-stream"))
                    .and(|_: StatusCode, _: Version, _: &HeaderMap, more: &Extensions| {
                        more.get::<AsItIs>().is_none()
                    }),
            ),
        )
        .layer(header(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "same-origin"))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request<_>| {
            // The path only: a query string may hold what must not be logged.
            let path = loggable(request.uri().path());
            info_span!("http", http.method = %request.method(), http.path = %path)
        }))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
}

/// A path without what may be a token: the links of invitations have one in it.
fn loggable(path: &str) -> String {
    const LONGEST: usize = 40;
    const BEGINNING: usize = 8;
    let cut = |part: &str| match part.char_indices().nth(LONGEST) {
        Some(_) => part.chars().take(BEGINNING).chain(['…']).collect(),
        None => part.to_owned(),
    };
    path.split('/').map(cut).collect::<Vec<_>>().join("/")
}

/// Serves until the process is told to stop, then lets open requests end.
pub async fn serve(app: App, listener: TcpListener) {
    let limits = listen::Limits::new(&app.config.http.trusted_proxies);
    let stop = app.tasks.stopping().cancelled_owned();
    listen::serve(listener, router(app), limits, stop, PATIENCE).await;
}

async fn method_not_allowed() -> Response {
    let detail = "this call does not take that method; /api/docs lists what it takes".to_owned();
    problem::respond(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed".into(),
        "Method not allowed",
        detail,
        Vec::new(),
    )
}

/// What describes the API, as it is served. Made once, when somebody asks first: it is large, anybody may ask, and whoever had it
/// made anew again and again kept every thread from its work, so that agents' packets were lost and the database seemed away.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    // Nothing in it can't be written.
    let json = serde_json::to_vec(&openapi::document()).unwrap_or_default();
    json.into()
});
static DOCS: LazyLock<Bytes> = LazyLock::new(|| super::openapi_page::render(&openapi::document()).into());

/// A body that is not compressed: it would be done anew for each who asks, and who asks may be anybody.
#[derive(Clone, Copy)]
struct AsItIs;

async fn document() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, Extension(AsItIs), DOCUMENT.clone()).into_response()
}

async fn docs() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (kind, Extension(AsItIs), DOCS.clone()).into_response()
}

fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    let detail = "internal error".to_owned();
    problem::respond(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal".into(),
        "Internal error",
        detail,
        Vec::new(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_of_a_link_is_logged() {
        let id = "/api/v1/hosts/0199c0de-0000-7000-8000-000000000001";
        assert_eq!(loggable(id), id);
        let link = format!("/invitations/inv_{}", "t".repeat(43));
        assert_eq!(loggable(&link), "/invitations/inv_tttt…");
    }
}
