//! The matrix: every route, called by everybody, with the outcome that is written down in `table.txt`.
//!
//! The routes come from the OpenAPI document, which is made from the router's own routes. A route that is not in the
//! table fails, and so does a line without a route. People of the default org call with ids that nothing has, so that
//! no call changes what the next one needs: *pass* means that nothing refused them (the answer may still be 404 or
//! 422). Strangers call with the ids of real things of the default org: whatever names one must be 404 to them.
//!
//! To see what a change of a route does to the table, run it with `MUSTER_MATRIX=print`.

mod bodies;
mod calls;
mod mutations;
mod objects;

use std::{collections::BTreeMap, fmt::Write as _};

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::{Value, json};

use self::{calls::Route, objects::Objects};
use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
};

const TABLE: &str = include_str!("table.txt");

/// Nothing has this id.
const NOTHING: &str = "0199c0de-0000-7000-8000-000000000000";

/// Who calls, in the order of the table's columns.
const CALLERS: [&str; 14] = [
    "nobody",
    "expired",
    "stranger",
    "viewer",
    "member",
    "admin",
    "owner",
    "operator",
    "manager",
    "superAdmin",
    "fullKey",
    "deployKey",
    "readKey",
    "appKey",
];

struct Caller<'t> {
    name: &'static str,
    client: Client<'t>,
    /// Calls with the ids of real things, which are not theirs.
    outside: bool,
}

both_databases!(every_route_lets_in_whom_the_table_says, |test| {
    let (callers, objects) = people(test).await;
    let mut found = BTreeMap::new();
    for route in calls::routes() {
        found.insert(route.name(), row(test, &callers, &route, &objects).await);
    }
    compare(&found);
});

/// Everybody who calls, and what is there in the default org.
async fn people(test: &Test) -> (Vec<Caller<'_>>, Objects) {
    let expired = expired(test).await;
    let objects = objects::make(test).await;
    let mut callers = vec![
        inside("nobody", test.nobody()),
        inside("expired", expired),
        Caller {
            name: "stranger",
            client: test.stranger("acme").await,
            outside: true,
        },
    ];
    for (name, role) in [
        ("viewer", Role::Viewer),
        ("member", Role::Member),
        ("admin", Role::Admin),
    ] {
        callers.push(inside(name, test.member(name, role).await));
    }
    let admin = test.admin().await;
    let owner = test.sign_in(objects::OWNER, objects::PASSWORD).await;
    let mut keys = Vec::new();
    for (name, body) in [
        ("fullKey", json!({"name": "full", "kind": "full"})),
        ("deployKey", json!({"name": "deploy", "kind": "deploy"})),
        ("readKey", json!({"name": "read", "kind": "readonly"})),
        (
            "appKey",
            json!({"name": "app", "kind": "full", "applicationId": objects.other_application}),
        ),
    ] {
        let (status, key) = owner.post("/api/v1/api-keys", body).await;
        assert_eq!(status, 201, "{key}");
        keys.push(Caller {
            name,
            client: test.with_token(key["key"].as_str().unwrap()),
            outside: name == "appKey",
        });
    }
    callers.push(inside("owner", owner));
    for kind in ["operator", "manager"] {
        let (user, client) = test.user(kind).await;
        let body = json!({"userId": user, "platformId": objects.platform, "kind": kind});
        let (status, made) = admin.post("/api/v1/administrators", body).await;
        assert_eq!(status, 201, "{made}");
        callers.push(inside(kind, client));
    }
    callers.push(inside("superAdmin", admin));
    callers.extend(keys);
    assert!(callers.iter().map(|caller| caller.name).eq(CALLERS));
    (callers, objects)
}

/// What comes of the route for each of them.
async fn row(test: &Test, callers: &[Caller<'_>], route: &Route, objects: &Objects) -> String {
    let mut outcomes = Vec::new();
    for caller in callers {
        outcomes.push(outcome(test, caller, route, objects).await);
    }
    outcomes.join(" ")
}

fn inside<'t>(name: &'static str, client: Client<'t>) -> Caller<'t> {
    Caller {
        name,
        client,
        outside: false,
    }
}

/// Somebody whose access token has expired.
async fn expired(test: &Test) -> Client<'_> {
    let (_, client) = test.user("late").await;
    test.app.clock.advance(16 * UnixMs::MINUTE);
    client
}

async fn outcome(test: &Test, caller: &Caller<'_>, route: &Route, objects: &Objects) -> String {
    let path = if caller.outside {
        route.path(|parent| {
            if route.names_something() {
                objects.id(parent)
            } else {
                NOTHING.to_owned()
            }
        })
    } else {
        // Platforms and the fleet's keys are not an org's: what an administrator may do shows only on real ones.
        route.path(|parent| {
            if parent.ends_with("/platforms") {
                objects.platform.clone()
            } else if parent.ends_with("/keys") {
                objects.id(parent)
            } else {
                NOTHING.to_owned()
            }
        })
    };
    let mut body = route.body.clone();
    if let Some(platform) = body.as_mut().and_then(|body| body.get_mut("platformId")) {
        *platform = json!(objects.platform);
    }
    // A name for each sign-in, or the throttle would answer.
    if let Some(login) = body.as_mut().and_then(|body| body.get_mut("login")) {
        *login = json!(caller.name);
    }
    // These end the session that they are called with.
    let own = match caller.name {
        name if !route.ends_session() || name.ends_with("Key") => None,
        "nobody" | "expired" => None,
        "stranger" => Some(test.sign_in("owner-of-acme", objects::PASSWORD).await),
        "superAdmin" => Some(test.admin().await),
        "owner" => Some(test.sign_in(objects::OWNER, objects::PASSWORD).await),
        name => Some(test.sign_in(name, objects::PASSWORD).await),
    };
    let client = own.as_ref().unwrap_or(&caller.client);
    let status = client.status(route.method.clone(), &path, body).await;
    // Whoever is let in may hear that what the route speaks to is not there: 502.
    let sound = status < 500 || status == 502;
    assert!(sound, "{} by {}: {status}", route.name(), caller.name);
    match status {
        401 | 403 => status.to_string(),
        404 if caller.outside && route.names_something() => "404".to_owned(),
        422 if caller.outside && route.names_something() => "422".to_owned(),
        _ => "pass".to_owned(),
    }
}

/// The table: outcomes by route.
fn table() -> BTreeMap<String, String> {
    let mut written = BTreeMap::new();
    for line in TABLE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
    {
        let (route, outcomes) = line.split_once('|').expect("METHOD PATH | outcomes");
        let outcomes = outcomes.split_whitespace().collect::<Vec<_>>().join(" ");
        let route = route.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            written.insert(route, outcomes).is_none(),
            "twice in the table: {line}"
        );
    }
    written
}

fn compare(found: &BTreeMap<String, String>) {
    if std::env::var("MUSTER_MATRIX").is_ok_and(|wanted| wanted == "print") {
        let mut table = String::new();
        for (route, outcomes) in found {
            writeln!(table, "{route} | {outcomes}").unwrap();
        }
        eprintln!("{table}");
    }
    let mut written = table();
    let mut wrong = String::new();
    for (route, outcomes) in found {
        match written.remove(route) {
            None => {
                writeln!(wrong, "not in the table: {route} | {outcomes}").unwrap();
            }
            Some(expected) if expected != *outcomes => {
                let differing = CALLERS
                    .iter()
                    .zip(expected.split(' ').zip(outcomes.split(' ')))
                    .filter(|(_, (expected, found))| expected != found);
                for (caller, (expected, found)) in differing {
                    writeln!(wrong, "{route}: {caller} should get {expected} and gets {found}").unwrap();
                }
            }
            Some(_) => {}
        }
    }
    for route in written.keys() {
        writeln!(wrong, "in the table, but no such route: {route}").unwrap();
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn what_the_table_says_makes_sense() {
    for line in TABLE
        .lines()
        .filter(|line| line.contains('|') && !line.starts_with('#'))
    {
        let outcomes: Vec<&str> = line.split_once('|').unwrap().1.split_whitespace().collect();
        assert_eq!(outcomes.len(), CALLERS.len(), "{line}");
        let of = |name: &str| outcomes[CALLERS.iter().position(|caller| *caller == name).unwrap()];
        assert_eq!(
            of("nobody"),
            of("expired"),
            "an expired token is worth nothing: {line}"
        );
        // These carry their credential in the request, and the made-up one is nobody's.
        let in_request = [
            "/auth/login",
            "/auth/refresh",
            "/auth/challenge",
            "/webhook/deploy",
            "/webhook/git/",
            "/webhook/release/",
            "/webhook/version",
        ];
        if in_request.iter().any(|part| line.contains(part)) {
            assert!(outcomes.iter().all(|outcome| *outcome == "401"), "{line}");
        } else if of("nobody") == "401" {
            for (higher, lower) in [("member", "viewer"), ("admin", "member"), ("owner", "admin")] {
                assert!(
                    of(lower) != "pass" || of(higher) == "pass",
                    "{higher} has less than {lower}: {line}"
                );
            }
            let own = [
                "/me/",
                "/messages",
                "/api-keys",
                "/invitations/accept",
                "POST /api/v1/join-requests",
                // They execute in the name of whoever saves them.
                "/schema/projects/{id}/hooks",
            ];
            let personal = own.iter().any(|part| line.contains(part));
            assert!(
                personal || of("superAdmin") == "pass",
                "the super administrator may not: {line}"
            );
            assert!(
                of("manager") == "pass" || of("operator") != "pass",
                "an operator only looks: {line}"
            );
            let names_something = line.contains('{');
            assert!(
                !names_something || of("stranger") != "pass",
                "a stranger gets in: {line}"
            );
        }
    }
}

/// A value that is put together from the document.
fn pointer<'v>(document: &'v Value, reference: &str) -> &'v Value {
    document
        .pointer(reference.trim_start_matches('#'))
        .unwrap_or(&Value::Null)
}

/// Methods that the document may have.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];
