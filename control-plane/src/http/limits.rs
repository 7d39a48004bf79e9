//! The time limit around every request. Event streams answer at once and then go on for as long as they like; calls
//! that wait for an end on purpose (`?wait=1`) have a longer limit, and bound their waiting themselves.

use std::time::Duration;

use axum::{extract::Request, http::StatusCode, middleware::Next, response::Response};

use super::problem;

const USUAL: Duration = Duration::from_secs(30);
const WAITING: Duration = Duration::from_mins(15);
/// A piece of a file, over a slow line; what an agent reads of a database.
const SLOW: Duration = Duration::from_mins(2);

/// The middleware. A use-case that is cut off here leaves nothing half done: an open transaction is rolled back.
pub(super) async fn time_limit(request: Request, next: Next) -> Response {
    let waits = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair == "wait=1"));
    let path = request.uri().path();
    let piece = path.starts_with("/api/v1/files/uploads/") && path.ends_with("/content");
    let server = path.starts_with("/api/v1/schema/servers/");
    let read = server
        && ["/drift", "/sync", "/take-over"]
            .iter()
            .any(|end| path.ends_with(end));
    let limit = match (waits, piece || read) {
        (true, _) => WAITING,
        (false, true) => SLOW,
        (false, false) => USUAL,
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem::respond(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout".into(),
            "Took too long",
            format!(
                "this took longer than {} s; look whether it was done before you try again",
                limit.as_secs()
            ),
            Vec::new(),
        ),
    }
}
