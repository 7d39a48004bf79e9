//! Whether the matrix would notice. Each check that a route comes to is taken out of it, as if somebody had forgotten it,
//! and the route's row must differ from the table's. And what a stranger is told is not there must be there for somebody
//! whom nothing stops: a 404 for a wrong id would look the same.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::http::Method;

use super::{NOTHING, calls, people, row, table};
use crate::{
    access::{
        Operation,
        check::{self, Check},
    },
    testing::Test,
};

/// These are made in one place, for every route, and refuse nobody on many: that one shows them is enough.
const EVERYWHERE: &[Check] = &[Check::Expiry, Check::KeyKind];

/// What every member and every kind of key may do: the checks refuse nobody who got as far.
const EVERYBODY_S: &[Check] = &[
    Check::Operation(Operation::ApplicationRead),
    Check::Operation(Operation::DeploymentRead),
];

/// Routes on which a check doesn't show, with the reason; the check shows on others.
const BESIDE_ANOTHER: &[(&str, &str)] = &[
    // One's own keys need nothing; the operation decides whose are looked for, and there are none with that id.
    ("GET /api/v1/api-keys", "Operation(MemberWrite)"),
    ("DELETE /api/v1/api-keys/{id}", "Operation(MemberWrite)"),
    // What is out of reach is not among the applications that are looked for.
    ("GET /api/v1/applications/{id}/environments/{name}/env", "Reach"),
    (
        "GET /api/v1/applications/{id}/environments/{name}/targets",
        "Reach",
    ),
    (
        "POST /api/v1/applications/{id}/environments/{name}/reconcile",
        "Reach",
    ),
    // What else one may do with a container is said beside it and refuses nobody here.
    ("GET /api/v1/containers", "Operation(ContainerOperate)"),
    ("GET /api/v1/containers", "Operation(ContainerLogRead)"),
    // Kinds that one may not read are left out, and refuse nobody.
    ("GET /api/v1/hosts/{id}/annotations", "Operation(ReleaseRead)"),
    ("GET /api/v1/hosts/{id}/annotations", "Operation(AlertRead)"),
    // Who may not read environments exports without them.
    ("GET /api/v1/schema/export", "Operation(EnvironmentRead)"),
    // Everybody here who reads servers reads designs, and whoever writes or releases reads both.
    (
        "GET /api/v1/schema/documents/{id}/published",
        "Operation(ServerRead)",
    ),
    (
        "GET /api/v1/schema/documents/{id}/published",
        "Operation(DesignRead)",
    ),
    ("GET /api/v1/schema/drift", "Operation(ServerRead)"),
    ("GET /api/v1/schema/drift", "Operation(DesignRead)"),
    ("GET /api/v1/schema/set-asides", "Operation(ServerRead)"),
    ("GET /api/v1/schema/set-asides", "Operation(DesignRead)"),
    ("GET /api/v1/schema/servers/{id}/drift", "Operation(ServerRead)"),
    ("GET /api/v1/schema/servers/{id}/drift", "Operation(DesignRead)"),
    ("POST /api/v1/schema/servers/{id}/drift", "Operation(DesignRead)"),
    ("POST /api/v1/schema/servers/{id}/sync", "Operation(ServerRead)"),
    (
        "POST /api/v1/schema/servers/{id}/take-over",
        "Operation(DesignRead)",
    ),
    // Whoever executes releases may write designs; the other way round it shows.
    (
        "DELETE /api/v1/schema/projects/{id}/hooks/{hookId}",
        "Operation(DesignWrite)",
    ),
    (
        "POST /api/v1/schema/projects/{id}/hooks",
        "Operation(DesignWrite)",
    ),
    (
        "POST /api/v1/schema/projects/{id}/hooks/{hookId}/secret",
        "Operation(DesignWrite)",
    ),
    (
        "PUT /api/v1/schema/projects/{id}/hooks/{hookId}",
        "Operation(DesignWrite)",
    ),
    // Whether a ticket waits for somebody is said beside it, by what everybody may do, and refuses nobody.
    ("GET /api/v1/schema/tickets", "Operation(ReleaseApprove)"),
    // Whoever administers no platform manages none either, and is asked for that next.
    ("PATCH /api/v1/orgs/{id}", "Administrator"),
    ("PATCH /api/v1/users/{id}", "Administrator"),
    ("POST /api/v1/orgs", "Administrator"),
    ("POST /api/v1/outbox/test", "Administrator"),
    ("POST /api/v1/outbox/{id}/retry", "Administrator"),
];

/// Routes that are not to be found for another reason, and where else it shows that theirs is there.
const FOUND_ELSEWHERE: &[&str] = &[
    // Nobody has set up a way to sign in; they are no org's.
    "GET /api/v1/auth/providers/{provider}/callback",
    "POST /api/v1/auth/providers/{provider}/start",
    // There is none of that kind; those that there are belong to no org.
    "GET /api/v1/schema/forms/{kind}",
    // The request is gone after its approval, which finds it.
    "POST /api/v1/join-requests/{userId}/reject",
];

#[tokio::test]
async fn a_check_that_is_taken_out_of_a_route_turns_its_row_red() {
    let test = Test::sqlite().await;
    let (callers, objects) = people(&test).await;
    let table = table();
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    let mut green = String::new();
    for route in calls::routes() {
        let name = route.name();
        let (intact, checks) = check::noting(row(&test, &callers, &route, &objects)).await;
        assert_eq!(table.get(&name), Some(&intact), "{name}");
        let mut tried: Vec<Check> = Vec::new();
        for check in checks {
            if tried.contains(&check) || EVERYBODY_S.contains(&check) {
                continue;
            }
            tried.push(check);
            let without = check::without(check, row(&test, &callers, &route, &objects)).await;
            let everywhere = EVERYWHERE.contains(&check);
            let check = format!("{check:?}");
            let red = without != intact;
            *seen.entry(check.clone()).or_default() |= red;
            if !red && !everywhere && !BESIDE_ANOTHER.contains(&(name.as_str(), check.as_str())) {
                writeln!(green, "{name}: nobody notices that {check} is missing").unwrap();
            }
        }
    }
    for (check, red) in &seen {
        if !red {
            writeln!(green, "no route notices that {check} is missing").unwrap();
        }
    }
    assert!(seen.len() > 40, "only {} checks were come to", seen.len());
    assert!(green.is_empty(), "\n{green}");
    test.finish().await;
}

#[tokio::test]
async fn what_strangers_do_not_find_is_there() {
    let test = Test::sqlite().await;
    let (callers, objects) = people(&test).await;
    let admin = callers.iter().find(|caller| caller.name == "superAdmin").unwrap();
    let table = table();
    let stranger = super::CALLERS
        .iter()
        .position(|name| *name == "stranger")
        .unwrap();
    let hidden = |name: &str| table[name].split(' ').nth(stranger) == Some("404");
    let mut routes: Vec<_> = calls::routes()
        .into_iter()
        .filter(|route| hidden(&route.name()) && !FOUND_ELSEWHERE.contains(&route.name().as_str()))
        // A person's own things are hidden from the super administrator too.
        .filter(|route| {
            !["/me/", "/messages/", "/files/uploads/"]
                .iter()
                .any(|own| route.name().contains(own))
        })
        .collect();
    // First who looks, then who changes, and who takes away last, first what others stand on.
    let rank = |name: &str| {
        let stands = [
            "/departments",
            "/secrets/{id}",
            "/env-vars",
            "/accounts",
            "/invitations",
            "/servers",
        ];
        let holds = ["/groups", "/applications", "/hosts", "/clusters", "/environments"];
        let last = ["/members"];
        let place = |list: &[&str]| list.iter().any(|part| name.contains(part));
        (place(&last), place(&holds), !place(&stands))
    };
    routes.sort_by_key(|route| {
        let removes = route.method == Method::DELETE;
        (
            removes,
            route.method != Method::GET,
            removes.then(|| rank(&route.name())),
        )
    });
    assert!(routes.len() > 50, "{}", routes.len());
    let mut missing = String::new();
    for route in &routes {
        let path = route.path(|parent| objects.id(parent));
        assert!(!path.contains(NOTHING), "{path}");
        let mut body = route.body.clone();
        if let Some(group) = body.as_mut().and_then(|body| body.get_mut("groupId")) {
            *group = objects.id("/secrets/groups").into();
        }
        if admin.client.status(route.method.clone(), &path, body).await == 404 {
            writeln!(missing, "{} {path}", route.name()).unwrap();
        }
    }
    assert!(missing.is_empty(), "\n{missing}");
    test.finish().await;
}
