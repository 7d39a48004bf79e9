//! Health checks and the exposition of the control plane's own figures.

use std::fmt::Write;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{app::App, error::Error, http::problem::ApiError};

/// The process is alive.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve: its database answers.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    match app.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n").into_response(),
        Err(error) => ApiError::from(Error::DatabaseUnavailable(error)).into_response(),
    }
}

/// The control plane's own figures in the Prometheus text format.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let mut text = String::new();
    let mut add = |name: &str, help: &str, value: f64| {
        // By the name's end, as everywhere.
        let kind = if name.ends_with("_total") {
            "counter"
        } else {
            "gauge"
        };
        let written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        debug_assert!(written.is_ok(), "writing to a string");
    };
    add("muster_up", "The control plane serves.", 1.0);
    for figure in app.figures() {
        add(figure.name, figure.help, figure.value);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
