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

/// How the paths of the console's pages begin.
const PAGES: &[&str] = &[
    "admin",
    "alerts",
    "applications",
    "audit",
    "clusters",
    "containers",
    "databases",
    "deployments",
    "designs",
    "environments",
    "files",
    "forgot-password",
    "hosts",
    "images",
    "inbox",
    "install",
    "instances",
    "invitations",
    "join-tokens",
    "people",
    "profile",
    "projects",
    "register",
    "registries",
    "releases",
    "reset-password",
    "secrets",
    "settings",
    "sign-in",
    "verify-email",
    "welcome",
];

/// Serves a file of the console, or its index page. Where there is no such page, the index shows that, and so does the
/// status.
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
    let mut response = file_or_index(path);
    let first = path.split('/').next().unwrap_or_default();
    let is_page = first.is_empty() || PAGES.contains(&first);
    if !is_page && Console::get(path).is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_pages_are_the_console_s() {
        let routes = include_str!("../../console/src/router.ts");
        let first = |line: &str| {
            let (_, path) = line.split_once("path: '/")?;
            let first: String = path.chars().take_while(|c| !"/'".contains(*c)).collect();
            (!first.is_empty() && !first.starts_with(':')).then_some(first)
        };
        let theirs: BTreeSet<String> = routes.lines().filter_map(first).collect();
        let ours: BTreeSet<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
        assert_eq!(ours, theirs);
    }

    #[tokio::test]
    async fn where_there_is_no_page_the_status_says_so() {
        for (path, status) in [
            ("/", 200),
            ("/hosts/x/charts", 200),
            ("/nowhere", 404),
            ("/hostsx", 404),
            ("/api/v1/nowhere", 404),
            ("/assets/nowhere.js", 404),
        ] {
            let answer = fallback(Uri::from_static(path)).await;
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
    }
}
