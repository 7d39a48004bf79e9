//! The room on both databases, with a host whose agent's link is real and answers as it is told.

mod actions;
mod list;
mod logs;

use muster_base::{ApplicationId, HostId};
use muster_protocol::latest::{ContainerFacts, ContainerHealth, ContainerState};
use serde_json::{Value, json};

use crate::{
    link::{
        self,
        tests::host::{Host, Running},
    },
    telemetry::set_containers_for_tests,
    testing::{Client, Test},
};

/// A container as a host's agent describes it; `application`: deployed for that one's environment `default`.
pub(crate) fn container(name: &str, application: Option<&str>) -> ContainerFacts {
    let labels = application.map_or_else(Vec::new, |id| {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        vec![
            label("muster.application", id),
            label("muster.environment", "default"),
            label("muster.version", "1.2.3"),
        ]
    });
    ContainerFacts {
        id: format!("{:064x}", name.len()),
        name: name.to_owned(),
        image: format!("r.io/team/{name}:1"),
        image_id: "sha256:01".to_owned(),
        state: ContainerState::Running,
        health: ContainerHealth::None,
        restarts: 0,
        created_at: muster_base::UnixMs(1_780_000_000_000),
        started_at: Some(muster_base::UnixMs(1_780_000_000_000)),
        labels,
        memory_limit_bytes: None,
    }
}

pub(crate) async fn has(test: &Test, host: HostId, containers: &[ContainerFacts]) {
    set_containers_for_tests(&test.app, test.default_org().await, host, containers).await;
}

/// A host that is connected, with these containers.
pub(crate) async fn connected(
    test: &Test,
    by: &Client<'_>,
    containers: &[ContainerFacts],
) -> (Host, Running) {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let (status, grant) = by.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{grant}");
    let host = Host::join(&grant, &test.app.clock).await;
    let running = host.run();
    host.until_online(&test.app).await;
    has(test, host.id, containers).await;
    (host, running)
}

/// An application, on no host.
async fn application(by: &Client<'_>, name: &str) -> String {
    let body = json!({"name": name, "image": "team/shop", "environments": {"default": {}}});
    let (status, made) = by.post("/api/v1/applications", body).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.parse::<ApplicationId>().is_ok());
    id
}

/// A member who is narrowed to these objects, with these operations besides their role's.
async fn narrowed<'t>(test: &'t Test, name: &str, operations: Value, objects: Value) -> Client<'t> {
    let member = test.member(name, crate::access::Role::Viewer).await;
    let admin = test.admin().await;
    let body = json!({"name": name, "operations": operations, "objects": objects});
    let (status, template) = admin.post("/api/v1/permission-templates", body).await;
    assert_eq!(status, 201, "{template}");
    let (_, members) = admin.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap();
    let found = items.iter().find(|member| member["username"] == name).unwrap();
    let path = format!(
        "/api/v1/members/{}/permissions",
        found["userId"].as_str().unwrap()
    );
    let body = json!({"templateId": template["id"]});
    let (status, given) = admin.call(axum::http::Method::PUT, &path, Some(body)).await;
    assert_eq!(status, 200, "{given}");
    member
}
