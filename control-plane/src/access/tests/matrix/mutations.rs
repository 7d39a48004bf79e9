//! Whether the matrix would notice. Each check that a route comes to is taken out of it, as if somebody had forgotten it,
//! and the route's row must differ from the table's. And what a stranger is told is not there must be there for somebody
//! whom nothing stops: a 404 for a wrong id would look the same.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::http::Method;

use super::{NOTHING, calls, people, row, table};
use crate::{
    access::check::{self, Check},
    testing::Test,
};

/// Routes on which a check doesn't show, because another one refuses the same callers; the check shows on others.
const BESIDE_ANOTHER: &[(&str, &str)] = &[];

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
            if tried.contains(&check) {
                continue;
            }
            tried.push(check);
            let without = check::without(check, row(&test, &callers, &route, &objects)).await;
            let check = format!("{check:?}");
            let red = without != intact;
            *seen.entry(check.clone()).or_default() |= red;
            if !red && !BESIDE_ANOTHER.contains(&(name.as_str(), check.as_str())) {
                writeln!(green, "{name}: nobody notices that {check} is missing").unwrap();
            }
        }
    }
    for (check, red) in &seen {
        if !red {
            writeln!(green, "no route notices that {check} is missing").unwrap();
        }
    }
    assert!(seen.len() > 50, "only {} checks were come to", seen.len());
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
        .filter(|route| hidden(&route.name()))
        // A person's own things are hidden from the super administrator too.
        .filter(|route| {
            !["/me/", "/messages/"]
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
        let (status, body) = admin
            .client
            .call(route.method.clone(), &path, route.body.clone())
            .await;
        if status == 404 {
            writeln!(missing, "{} {path}: {body}", route.name()).unwrap();
        }
    }
    assert!(missing.is_empty(), "\n{missing}");
    test.finish().await;
}
