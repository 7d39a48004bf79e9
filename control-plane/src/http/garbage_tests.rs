//! Whatever comes in a body or a query, it is the caller's mistake and not ours: never a 5xx, on either database. The
//! calls and their shapes are taken from the OpenAPI document.

use std::fmt::Write as _;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::document;
use crate::testing::{Client, both_databases};

const ID: &str = "0199c0de-0000-7000-8000-000000000000";
/// Deeper bodies than this are built no further: a schema may hold itself.
const DEPTH: usize = 6;

struct Call {
    method: Method,
    path: String,
    /// An example of the body.
    body: Option<Value>,
    query: Vec<String>,
}

/// Every call that ends, except those of the session itself.
fn calls() -> Vec<Call> {
    let document = serde_json::to_value(document()).unwrap();
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            let endless = operation["responses"].to_string().contains("text/event-stream");
            if !operation.is_object() || endless || path.contains("/auth/") {
                continue;
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            calls.push(Call {
                method,
                path: path
                    .split('/')
                    .map(|part| if part.starts_with('{') { ID } else { part })
                    .collect::<Vec<_>>()
                    .join("/"),
                body: schema.is_object().then(|| example(&document, schema, 0)),
                query: parameters
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .collect(),
            });
        }
    }
    calls
}

/// Something of the schema's shape, with every field.
fn example(document: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(target) = schema["$ref"].as_str() {
        return example(
            document,
            document.pointer(target.trim_start_matches('#')).unwrap(),
            depth,
        );
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[choice].as_array() {
            let real = all.iter().find(|one| one["type"] != "null");
            return real.map_or(Value::Null, |one| example(document, one, depth));
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "string" if schema["format"] == "uuid" => json!(ID),
        "string" if schema["format"] == "date-time" => json!("2026-01-31T09:30:00Z"),
        "string" => json!("example"),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" if depth < DEPTH => json!([example(document, &schema["items"], depth + 1)]),
        "object" if depth < DEPTH => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let object: Map<String, Value> = fields
                .map(|(name, schema)| (name.clone(), example(document, schema, depth + 1)))
                .collect();
            Value::Object(object)
        }
        _ => Value::Null,
    }
}

/// What stands in the place of one value.
fn garbage() -> Vec<Value> {
    vec![
        json!("\u{0}"),
        json!(""),
        json!("\u{202e}\u{1b}[2J😀'; drop table users; --/../\\"),
        json!("x".repeat(20_000)),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(null),
        json!([]),
        json!({}),
    ]
}

/// The JSON pointers of all values in `body`.
fn places(body: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{here}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                places(value, &format!("{here}/{number}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn is_no_fault_of_ours(admin: &Client<'_>, call: &Call, path: &str, body: Option<Value>) -> u16 {
    let shown = body
        .as_ref()
        .map_or_else(String::new, |body| body.to_string().chars().take(300).collect());
    let (status, answer) = admin.call(call.method.clone(), path, body).await;
    assert!(status < 500, "{} {path} {shown}: {status} {answer}", call.method);
    assert_ne!(status, 401, "{} {path} ended the session", call.method);
    status
}

both_databases!(garbage_in_a_body_is_the_caller_s_mistake, |test| {
    let admin = test.admin().await;
    for call in calls() {
        let Some(body) = &call.body else { continue };
        // The webhook says no more than 401 to a session; it has a fuzz target of its own.
        if call.path.starts_with("/webhook/") {
            continue;
        }
        let mut found = Vec::new();
        places(body, "", &mut found);
        for place in found {
            for value in garbage() {
                let mut body = body.clone();
                *body.pointer_mut(&place).unwrap() = value;
                is_no_fault_of_ours(&admin, &call, &call.path, Some(body)).await;
            }
        }
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        is_no_fault_of_ours(&admin, &call, &call.path, Some(deep)).await;
        if let Value::Object(fields) = body {
            let mut fields = fields.clone();
            fields.insert("noSuchField".to_owned(), json!(1));
            let status = is_no_fault_of_ours(&admin, &call, &call.path, Some(Value::Object(fields))).await;
            assert!(
                matches!(status, 403 | 404 | 422),
                "{} {} takes an unknown field: {status}",
                call.method,
                call.path
            );
        }
    }
});

both_databases!(garbage_in_a_query_is_the_caller_s_mistake, |test| {
    let admin = test.admin().await;
    let values = [
        "",
        "%00",
        "%ff%fe",
        "-1",
        "99999999999999999999",
        "1e9",
        "%F0%9F%98%80",
        "true",
        "*",
        "a,b,,c=d",
        "2026-01-31T09:30:00Z",
        "-9223372036854775808",
        "9223372036854775807",
        // Cursors: a list, an object, a text with U+0000, numbers at the ends.
        "W10",
        "e30",
        "IlwiXHUwMDAwIg",
        "Ilx1MDAwMCI",
        "LTkyMjMzNzIwMzY4NTQ3NzU4MDg",
    ];
    for call in calls().iter().filter(|call| call.method == Method::GET) {
        for name in &call.query {
            for value in values {
                let path = format!("{}?{name}={value}", call.path);
                is_no_fault_of_ours(&admin, call, &path, None).await;
            }
            let path = format!("{}?{name}={}", call.path, "x".repeat(20_000));
            is_no_fault_of_ours(&admin, call, &path, None).await;
        }
        let mut all = call.path.clone();
        for (number, name) in call.query.iter().enumerate() {
            write!(all, "{}{name}=1", if number == 0 { '?' } else { '&' }).unwrap();
        }
        is_no_fault_of_ours(&admin, call, &all, None).await;
        let garbled = call.path.replace(ID, "%00");
        is_no_fault_of_ours(&admin, call, &garbled, None).await;
    }
});

both_databases!(what_the_document_names_is_there, |test| {
    let nobody = test.nobody();
    for call in calls() {
        let (status, answer) = nobody.call(call.method.clone(), &call.path, call.body).await;
        let missing = status == 405 || answer["detail"].to_string().contains("no such call");
        assert!(!missing, "{} {}: {status} {answer}", call.method, call.path);
    }
});
