//! The console's files, embedded in the binary. Any path that isn't a file and isn't the API's is the console's own
//! business: it gets the index page.

use axum::{
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use super::problem::respond;

#[derive(RustEmbed)]
#[folder = "console/dist"]
struct Console;

/// Serves a file of the console, or its index page.
pub(super) async fn fallback(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("webhook/") {
        let detail = "there is no such call; /api/docs lists them".to_owned();
        return respond(
            StatusCode::NOT_FOUND,
            "not-found".into(),
            "Not found",
            detail,
            Vec::new(),
        );
    }
    file_or_index(path)
}

/// A file of the console, or its index page.
pub(super) fn file_or_index(path: &str) -> Response {
    let path = path.trim_start_matches('/');
    if let Some(file) = Console::get(path).filter(|_| !path.is_empty()) {
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        // Vite puts a hash into the names below assets/.
        let cache = if path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let headers = [
            (header::CONTENT_TYPE, kind.as_ref()),
            (header::CACHE_CONTROL, cache),
        ];
        return (headers, file.data.into_owned()).into_response();
    }
    if path.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Console::get("index.html") {
        Some(index) => {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CACHE_CONTROL, "no-cache"),
            ];
            (headers, index.data.into_owned()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
