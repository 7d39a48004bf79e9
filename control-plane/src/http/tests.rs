//! What holds for every route, taken from the OpenAPI document.

use axum::http::Method;
use serde_json::{Value, json};

use super::document;
use crate::testing::{Test, both_databases};

/// Every call of the document: method, path with ids filled in, and whether it needs credentials.
fn calls() -> Vec<(Method, String, bool)> {
    let document = serde_json::to_value(document()).unwrap();
    let mut calls = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                continue;
            };
            // `security: [{}]` is how a handler says that anybody may call it.
            let open = operation["security"]
                .as_array()
                .is_some_and(|any| any.contains(&json!({})));
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { ID } else { part });
            calls.push((method, path.collect::<Vec<_>>().join("/"), !open));
        }
    }
    calls
}

const ID: &str = "0199c0de-0000-7000-8000-000000000000";

both_databases!(nothing_answers_without_credentials, |test| {
    let calls = calls();
    assert!(calls.len() > 15, "the document lists the calls");
    for (method, path, guarded) in calls {
        if guarded {
            for client in [
                test.nobody(),
                test.with_token("dw_guessed"),
                test.with_token("a.b.c"),
            ] {
                let (status, body) = client.call(method.clone(), &path, Some(json!({}))).await;
                assert_eq!(status, 401, "{method} {path}: {body}");
                assert_eq!(body["type"], "unauthenticated");
            }
        }
    }
});

both_databases!(the_owner_of_another_org_finds_nothing_by_id, |test| {
    let stranger = test.stranger("acme").await;
    for (method, path, guarded) in calls() {
        if guarded && path.contains(ID) && method == Method::GET {
            let (status, body) = stranger.call(method.clone(), &path, None).await;
            // What is above orgs is refused by that, whatever its id.
            let above = ["/api/v1/platforms/", "/api/v1/users/", "/api/v1/orgs/"]
                .iter()
                .any(|start| path.starts_with(start));
            let expected = if above {
                status == 403
            } else {
                matches!(status, 404 | 422)
            };
            assert!(expected, "{method} {path}: {status} {body}");
        }
    }
});

/// Portraits and logos may be addresses; whatever else a page loads comes from here.
#[tokio::test]
async fn pages_load_pictures_from_elsewhere_and_nothing_else() {
    let test = Test::sqlite().await;
    let (_, headers, _) = test.nobody().respond(Method::GET, "/", None, &[]).await;
    let policy = headers["content-security-policy"].to_str().unwrap();
    let elsewhere: Vec<_> = policy
        .split(';')
        .filter(|rule| rule.contains("http") || rule.contains('*'))
        .map(str::trim)
        .collect();
    assert_eq!(elsewhere, ["img-src 'self' data: https:"], "{policy}");
    assert_eq!(headers["referrer-policy"], "same-origin");
    test.finish().await;
}

#[test]
fn the_document_names_every_call_once_and_describes_it() {
    let document = serde_json::to_value(document()).unwrap();
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, operation)| operation.is_object())
        {
            let text = |field: &str| operation[field].as_str().unwrap_or_default().to_owned();
            assert!(
                !text("operationId").is_empty() && !text("summary").is_empty(),
                "{method} {path} is not described"
            );
            assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
            let answers = operation["responses"].as_object().unwrap();
            assert!(
                answers.keys().any(|status| status.starts_with(['2', '3'])),
                "{method} {path} has no good answer"
            );
            ids.push(text("operationId"));
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
    let mut dangling = Vec::new();
    find_dangling(&document, &document, &mut dangling);
    assert!(
        dangling.is_empty(),
        "these lead nowhere (an enum in a query needs #[param(inline)]): {dangling:?}"
    );
}

fn find_dangling<'v>(document: &Value, value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => {
                        if document.pointer(target.trim_start_matches('#')).is_none() {
                            found.push(target);
                        }
                    }
                    _ => find_dangling(document, value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_dangling(document, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
