//! `/api/docs`: every call on one page, without script, from the OpenAPI document.

use std::fmt::Write;

use utoipa::openapi::{OpenApi, path::Operation};

const HEAD: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
content=\"width=device-width\"><title>Muster API</title><style>:root{color-scheme:light dark}body{font:14px/1.5 \
system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code{font-family:ui-monospace,monospace}\
table{border-collapse:collapse;width:100%}td{padding:.25rem .5rem;border-top:1px solid #8884;vertical-align:top}\
td:first-child{width:4.5rem;font-weight:600}h2{margin-top:2rem}</style></head><body><h1>Muster API</h1>";

/// The page.
pub(super) fn render(document: &OpenApi) -> String {
    let mut page = String::from(HEAD);
    let mut line = |text: std::fmt::Arguments<'_>| {
        let written = page.write_fmt(text);
        debug_assert!(written.is_ok(), "writing to a string");
    };
    line(format_args!(
        "<p>{}</p>",
        escape(document.info.description.as_deref().unwrap_or_default())
    ));
    line(format_args!(
        "<p>The whole document, for generators: <a href=\"/api/v1/openapi.json\">openapi.json</a>.</p>"
    ));
    let mut rooms: Vec<(String, String)> = Vec::new();
    for (path, item) in &document.paths.paths {
        let methods = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in methods {
            if let Some(operation) = operation {
                rooms.push((tag(operation), row(method, path, operation)));
            }
        }
    }
    rooms.sort_by(|a, b| a.0.cmp(&b.0));
    let mut present = None;
    for (room, row) in &rooms {
        if present != Some(room) {
            if present.is_some() {
                line(format_args!("</table>"));
            }
            line(format_args!("<h2>{}</h2><table>", escape(room)));
            present = Some(room);
        }
        line(format_args!("{row}"));
    }
    line(format_args!("</table></body></html>"));
    page
}

fn tag(operation: &Operation) -> String {
    operation
        .tags
        .as_ref()
        .and_then(|tags| tags.first())
        .cloned()
        .unwrap_or_else(|| "other".to_owned())
}

fn row(method: &str, path: &str, operation: &Operation) -> String {
    let what = operation
        .summary
        .as_deref()
        .or(operation.description.as_deref())
        .unwrap_or_default();
    format!(
        "<tr><td>{method}</td><td><code>{}</code></td><td>{}</td></tr>",
        escape(path),
        escape(what)
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
