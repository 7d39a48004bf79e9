//! The routes, from the OpenAPI document, each with what is needed to call it.

use axum::http::Method;
use serde_json::{Value, json};

use super::{METHODS, bodies, pointer};
use crate::http;

/// A route and how it is called.
pub(super) struct Route {
    pub(super) method: Method,
    /// With its parameters in braces.
    template: String,
    query: String,
    pub(super) body: Option<Value>,
    /// What the document does not describe is the same for everybody.
    of_an_org: bool,
}

impl Route {
    /// As in the table.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// Whether it names something by id.
    pub(super) fn names_something(&self) -> bool {
        self.of_an_org && self.template.contains('{')
    }

    /// Whether calling it ends the caller's session.
    pub(super) fn ends_session(&self) -> bool {
        self.template.contains("/auth/logout") || self.template.ends_with("/me/password")
    }

    /// The path with its parameters filled in; `id` is given what is before a parameter.
    pub(super) fn path(&self, id: impl Fn(&str) -> String) -> String {
        let mut path = String::new();
        for part in self.template.split('/').skip(1) {
            let part = if part.starts_with('{') {
                id(&path)
            } else {
                part.to_owned()
            };
            // What follows is the same for every id.
            path = format!("{path}/{part}");
        }
        format!("{path}{}", self.query)
    }
}

/// Every route that there is.
pub(super) fn routes() -> Vec<Route> {
    let document = serde_json::to_value(http::document()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let operation = &item[method.as_str().to_lowercase()];
            if operation.is_object() {
                routes.push(route(&document, method, path, operation));
            }
        }
    }
    for (path, _) in http::undescribed() {
        let undescribed = Route {
            of_an_org: false,
            ..route(&document, Method::GET, path, &json!({}))
        };
        routes.push(undescribed);
    }
    // These end more than the session that they are called with.
    routes.sort_by_key(|route| route.template.ends_with("/logout-everywhere"));
    routes
}

fn route(document: &Value, method: Method, path: &str, operation: &Value) -> Route {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query: Vec<String> = parameters
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
        .map(|parameter| format!("{}=x", parameter["name"].as_str().unwrap()))
        .collect();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = operation["requestBody"]
        .is_object()
        .then(|| bodies::of(document, schema));
    Route {
        method,
        template: path.to_owned(),
        query: if query.is_empty() {
            String::new()
        } else {
            format!("?{}", query.join("&"))
        },
        body,
        of_an_org: true,
    }
}

/// Follows a reference.
pub(super) fn resolved<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(document, pointer(document, reference)),
        None => schema,
    }
}
