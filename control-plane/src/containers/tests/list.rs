//! The list of the fleet's containers.

use muster_base::HostId;
use muster_protocol::latest::{ContainerFacts, ContainerHealth, ContainerState};
use serde_json::{Value, json};

use super::{application, container, has, narrowed};
use crate::{
    access::Role,
    delivery::tests::new_host,
    testing::{Client, Test, both_databases},
};

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    items
        .iter()
        .map(|item| format!("{}@{}", text(item, "name"), text(item, "hostName")))
        .collect()
}

async fn listed(client: &Client<'_>, query: &str) -> Vec<String> {
    let (status, page) = client.get(&format!("/api/v1/containers?{query}")).await;
    assert_eq!(status, 200, "{page}");
    names(&page)
}

/// Whose ids are in the order in which they were made, as the list is.
async fn two_hosts(test: &Test) -> [HostId; 2] {
    let one = new_host(test, "one").await;
    test.app.clock.advance(1);
    [one, new_host(test, "two").await]
}

both_databases!(containers_of_all_hosts_are_listed_filtered_and_paged, |test| {
    let admin = test.admin().await;
    let [one, two] = two_hosts(test).await;
    let shop = application(&admin, "shop").await;
    let sick = ContainerFacts {
        health: ContainerHealth::Unhealthy,
        ..container("shop", Some(&shop))
    };
    let down = ContainerFacts {
        state: ContainerState::Exited,
        ..container("a_b", None)
    };
    has(test, one, &[down, container("web", None), container("axb", None)]).await;
    has(
        test,
        two,
        &[sick, container("web", None), container("gone", None)],
    )
    .await;
    let left = [ContainerFacts {
        health: ContainerHealth::Unhealthy,
        ..container("shop", Some(&shop))
    }];
    has(test, two, &[left[0].clone(), container("web", None)]).await;

    assert_eq!(
        listed(&admin, "").await,
        ["a_b@one", "axb@one", "shop@two", "web@one", "web@two"]
    );
    assert_eq!(listed(&admin, "search=a_b").await, ["a_b@one"], "no wildcard");
    assert_eq!(listed(&admin, "search=TEAM/WEB").await, ["web@one", "web@two"]);
    assert_eq!(listed(&admin, "state=exited").await, ["a_b@one"]);
    assert_eq!(listed(&admin, "health=unhealthy").await, ["shop@two"]);
    assert_eq!(
        listed(&admin, &format!("host={two}")).await,
        ["shop@two", "web@two"]
    );
    assert_eq!(listed(&admin, &format!("application={shop}")).await, ["shop@two"]);
    assert_eq!(
        listed(&admin, &format!("host={two}&gone=true")).await,
        ["gone@two", "shop@two", "web@two"]
    );

    let mut pages = Vec::new();
    let mut next = String::new();
    loop {
        let (_, page) = admin.get(&format!("/api/v1/containers?limit=2{next}")).await;
        pages.push(names(&page));
        match page["nextCursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        pages,
        [
            vec!["a_b@one", "axb@one"],
            vec!["shop@two", "web@one"],
            vec!["web@two"]
        ]
    );

    let (_, page) = admin.get("/api/v1/containers?search=shop").await;
    let item = &page["items"][0];
    assert_eq!(
        item["application"],
        json!({"id": shop, "name": "shop", "environment": "default", "version": "1.2.3"})
    );
    assert_eq!(
        (&item["hostStatus"], &item["state"]),
        (&json!("offline"), &json!("running"))
    );
    for query in ["state=asleep", "limit=x", "cursor=x", "who=me"] {
        assert_eq!(
            admin.get(&format!("/api/v1/containers?{query}")).await.0,
            422,
            "{query}"
        );
    }
    let (status, item) = admin.get(&format!("/api/v1/hosts/{two}/containers/gone")).await;
    assert_eq!((status, &item["present"]), (200, &json!(false)));
    assert_eq!(
        admin
            .get(&format!("/api/v1/hosts/{two}/containers/never"))
            .await
            .0,
        404
    );
});

both_databases!(
    everybody_sees_what_they_reach_and_what_they_may_do_with_it,
    |test| {
        let admin = test.admin().await;
        let [one, two] = two_hosts(test).await;
        let shop = application(&admin, "shop").await;
        has(
            test,
            one,
            &[container("plain", None), container("shop", Some(&shop))],
        )
        .await;
        has(test, two, &[container("plain", None)]).await;
        let may = async |client: &Client<'_>| {
            let (status, page) = client.get("/api/v1/containers").await;
            assert_eq!(status, 200, "{page}");
            let items = page["items"].as_array().unwrap().clone();
            let flags = |item: &Value| format!("{} {}", item["mayOperate"], item["mayReadLog"]);
            names(&page)
                .into_iter()
                .zip(items.iter().map(flags))
                .map(|(name, flags)| format!("{name} {flags}"))
                .collect::<Vec<_>>()
        };
        let vera = test.member("vera", Role::Viewer).await;
        assert_eq!(
            may(&vera).await,
            [
                "plain@one false false",
                "plain@two false false",
                "shop@one false false"
            ]
        );
        let mia = test.member("mia", Role::Member).await;
        assert_eq!(
            may(&mia).await,
            [
                "plain@one false true",
                "plain@two false true",
                "shop@one false true"
            ]
        );
        let operate = json!(["container:operate", "containerLog:read"]);
        let here = narrowed(test, "here", operate.clone(), json!({"hosts": [one]})).await;
        assert_eq!(may(&here).await, ["plain@one true true", "shop@one true true"]);
        // Of one application: what belongs to none is not theirs.
        let theirs = narrowed(test, "theirs", operate, json!({"applications": [shop]})).await;
        assert_eq!(
            may(&theirs).await,
            [
                "plain@one false false",
                "plain@two false false",
                "shop@one true true"
            ]
        );
    }
);
