//! What every call may answer beside what its handler says, in the OpenAPI document.
//!
//! A handler names the refusals that are its own (409, 429, 502). What follows from the shape of a call is added
//! here, in one place: a call with credentials may be refused them, one with a body may be given no JSON, one that
//! takes input may be given the wrong one. There is no `default` answer on purpose: a status that isn't listed is a
//! mistake of this document or of the handler, and `cargo verify api` finds it.

use utoipa::openapi::{
    Content, Header, Object, OpenApi, Ref, RefOr, Response, Type,
    path::{Operation, ParameterIn, PathItem},
    security::SecurityRequirement,
};

/// Status, name, what it says, and whether it says when to try again.
const REFUSALS: [(&str, &str, &str, bool); 13] = [
    ("400", "BadRequest", "The body can't be read as JSON.", false),
    (
        "401",
        "Unauthenticated",
        "The credentials don't hold, or there are none.",
        false,
    ),
    ("403", "Forbidden", "Not allowed.", false),
    (
        "404",
        "NotFound",
        "Not there, or not yours; the org in `Muster-Org` too.",
        false,
    ),
    (
        "409",
        "Conflict",
        "The present state is in the way; `type` and `detail` say what.",
        false,
    ),
    ("413", "TooLarge", "The body is larger than 2 MiB.", false),
    (
        "415",
        "UnsupportedMediaType",
        "The body is not declared as JSON.",
        false,
    ),
    (
        "416",
        "OutOfRange",
        "The range begins after the end; `Content-Range` says how long it is.",
        false,
    ),
    (
        "422",
        "Invalid",
        "The input is wrong; `errors` says where.",
        false,
    ),
    ("429", "RateLimited", "Too often.", true),
    ("500", "Internal", "Our own fault; the log says more.", false),
    (
        "502",
        "Upstream",
        "An agent, a registry or a provider did not answer as it should.",
        false,
    ),
    (
        "503",
        "Unavailable",
        "The database does not answer, or it took too long.",
        true,
    ),
];

/// Adds what is missing, and lets every refusal be a problem.
pub(super) fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (_, name, description, retry) in REFUSALS {
        components
            .responses
            .insert(name.to_owned(), problem(description, retry).into());
    }
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            add(operation);
        }
    }
}

fn problem(description: &str, retry: bool) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let mut response = Response::new(description);
    response
        .content
        .insert("application/problem+json".to_owned(), content.into());
    if retry {
        let mut header = Header::new(Object::with_type(Type::Integer));
        header.description = Some("Seconds until another try makes sense.".to_owned());
        response.headers.insert("Retry-After".to_owned(), header.into());
    }
    response
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        item.get.as_mut(),
        item.put.as_mut(),
        item.post.as_mut(),
        item.patch.as_mut(),
        item.delete.as_mut(),
    ]
    .into_iter()
    .flatten()
}

fn add(operation: &mut Operation) {
    let implied = implied(operation);
    let responses = &mut operation.responses.responses;
    for (status, name, ..) in REFUSALS {
        if responses.contains_key(status) || implied.contains(&status) {
            let reference = RefOr::Ref(Ref::from_response_name(name));
            responses.insert(status.to_owned(), reference);
        }
    }
}

/// The refusals that follow from how the operation is called.
fn implied(operation: &Operation) -> Vec<&'static str> {
    let mut statuses = vec!["500", "503"];
    let open = SecurityRequirement::default();
    let needs_credentials = operation
        .security
        .as_ref()
        .is_none_or(|ways| ways.iter().any(|way| *way != open));
    if needs_credentials {
        statuses.extend(["401", "403", "404"]);
    }
    if operation.request_body.is_some() {
        statuses.extend(["400", "413", "415", "422"]);
    }
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match parameter.parameter_in {
            ParameterIn::Path => statuses.push("404"),
            ParameterIn::Query | ParameterIn::Header | ParameterIn::Cookie | ParameterIn::QueryString => {
                statuses.push("422");
            }
        }
    }
    statuses
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn every_refusal_is_a_problem() {
        let document = serde_json::to_value(crate::http::document()).unwrap();
        let mut calls = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                calls += 1;
                let answers = operation["responses"].as_object().unwrap();
                assert!(answers.contains_key("500"), "{method} {path}");
                for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "400") {
                    let reference = answer["$ref"].as_str().unwrap();
                    let answer = document.pointer(reference.trim_start_matches('#')).unwrap();
                    let types: Vec<&String> = answer["content"].as_object().unwrap().keys().collect();
                    assert_eq!(types, ["application/problem+json"], "{method} {path} {status}");
                }
            }
        }
        assert!(calls > 150, "{calls}");
    }

    #[test]
    fn what_can_be_refused_follows_from_the_call() {
        let document = serde_json::to_value(crate::http::document()).unwrap();
        let statuses = |path: &str, method: &str| {
            let answers: &Value = &document["paths"][path][method]["responses"];
            answers
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(statuses("/api/v1/auth/ways", "get"), "200 500 503");
        assert_eq!(statuses("/api/v1/me", "get"), "200 401 403 404 500 503");
        assert_eq!(
            statuses("/api/v1/clusters/{id}", "patch"),
            "200 400 401 403 404 409 413 415 422 500 503"
        );
    }
}
