//! The HTTP side before there is anything to serve: while Muster is not installed, and while an installed one waits for
//! its database. Pages get the console, which shows which of the two it is; calls get 503.

use std::{future::Future, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use super::{
    assets, health,
    listen::{self, Limits},
    problem,
    server::dressed,
};
use crate::{
    db::DbError,
    error::Error,
    http::problem::ApiError,
    setup::{self, Door},
};

/// How long open requests may take when the time before is over.
const PATIENCE: Duration = Duration::from_secs(3);

/// Serves the installer until `until` ends.
pub async fn serve_installer(door: Door, listener: TcpListener, until: impl Future<Output = ()>) {
    let (routes, _) = setup::api::router::<Door>().split_for_parts();
    let routes = routes
        .route("/healthz", get(health::healthz))
        .fallback(async |uri: Uri| page_or(&uri, not_installed))
        .with_state(door);
    listen::serve(listener, dressed(routes), Limits::new(&[]), until, PATIENCE).await;
}

/// Answers that the database is away until `until` ends.
pub async fn serve_waiting(listener: TcpListener, until: impl Future<Output = ()>) {
    let routes = Router::new()
        .route("/healthz", get(health::healthz))
        .fallback(async |uri: Uri| page_or(&uri, database_away));
    listen::serve(listener, dressed(routes), Limits::new(&[]), until, PATIENCE).await;
}

/// A page of the console; a call gets the refusal.
fn page_or(uri: &Uri, refuse: fn() -> Response) -> Response {
    let path = uri.path();
    let is_call = ["/api/", "/webhook/"].iter().any(|start| path.starts_with(start));
    if is_call || ["/readyz", "/metrics"].contains(&path) {
        refuse()
    } else {
        assets::file_or_index(path)
    }
}

fn not_installed() -> Response {
    problem::respond(
        axum::http::StatusCode::SERVICE_UNAVAILABLE,
        "not-installed".into(),
        "Not installed",
        "Muster is not installed yet: open its address in a browser, or run `muster setup`".to_owned(),
        Vec::new(),
    )
}

fn database_away() -> Response {
    let mut response = ApiError::from(Error::DatabaseUnavailable(DbError::Unavailable(
        sqlx::Error::PoolTimedOut,
    )))
    .into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
