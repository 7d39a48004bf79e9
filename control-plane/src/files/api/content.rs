//! `/api/v1/files/{id}/content`

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use muster_base::FileId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Caller,
    app::App,
    files::download::{self, Download, Wish},
    http::{
        extract::Path,
        problem::{ApiResult, Problem},
    },
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(download))
}

/// A file's bytes, or the part that the header `Range` names. Always as something to be kept, never to be shown: whoever
/// uploaded it may have had anything in mind.
#[utoipa::path(get, path = "/api/v1/files/{id}/content", operation_id = "downloadFile", tag = "files",
    params(("id" = FileId, Path)),
    responses((status = 200, body = String, content_type = "application/octet-stream"),
        (status = 206, body = String, content_type = "application/octet-stream"), (status = 304),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 416, body = Problem),
        (status = 429, body = Problem), (status = 502, body = Problem)))]
async fn download(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<FileId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let header = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::to_owned);
    let wish = Wish {
        range: header(header::RANGE),
        only_if: header(header::IF_RANGE),
        unless: header(header::IF_NONE_MATCH),
    };
    Ok(respond(download::open(&app, &caller, id, wish).await?))
}

fn respond(download: Download) -> Response {
    let always = [
        (header::ETAG, download.tag),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        // Whether one may have it still is asked each time.
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let Some((span, bytes)) = download.content else {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    };
    let content = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, span.len().to_string()),
        (header::CONTENT_DISPOSITION, disposition(&download.item.name)),
    ];
    let body = Body::from_stream(bytes);
    if span.partial {
        let range = format!("bytes {}-{}/{}", span.start, span.end - 1, download.item.size);
        let range = [(header::CONTENT_RANGE, range)];
        (StatusCode::PARTIAL_CONTENT, always, content, range, body).into_response()
    } else {
        (always, content, body).into_response()
    }
}

/// A name for whoever knows RFC 6266, and one for whoever doesn't.
fn disposition(name: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let plain = |c: char| {
        if c.is_ascii_graphic() && !"\"\\%;".contains(c) || c == ' ' {
            c
        } else {
            '_'
        }
    };
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let digit = |digit: u8| char::from(HEX[usize::from(digit)]);
            encoded.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    let plain: String = name.chars().map(plain).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_t_end_its_header() {
        assert_eq!(
            disposition("a b.txt"),
            "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"
        );
        assert_eq!(
            disposition("ä\"; x=\".html"),
            "attachment; filename=\"___ x=_.html\"; filename*=UTF-8''%C3%A4%22%3B%20x%3D%22.html"
        );
    }
}
