//! One real thing of each kind in the default org, for strangers to ask for.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    access::Role,
    alerts::tests::new_alert,
    containers::tests::container,
    delivery::tests::deploy,
    files::tests::{begin, new_file, new_folder},
    schema::tests as schema,
    telemetry::set_containers_for_tests,
    testing::Test,
};

/// Owner of the default org.
pub(super) const OWNER: &str = "olga";
pub(super) const PASSWORD: &str = "a password for tests";

/// Ids by the part of the path before them.
pub(super) struct Objects {
    ids: BTreeMap<&'static str, String>,
    /// The default platform.
    pub(super) platform: String,
    /// An application that none of the deployments is of.
    pub(super) other_application: String,
}

impl Objects {
    /// The id that belongs after this path.
    pub(super) fn id(&self, path: &str) -> String {
        let mut parts = path.rsplit('/');
        let last = parts.next().unwrap_or_default();
        // Two rooms may have the same word, and a thing within another, whose id comes between, too.
        let before = parts.next().unwrap_or_default();
        let within = parts.next().unwrap_or_default();
        self.ids
            .get(format!("{within}/{last}").as_str())
            .or_else(|| self.ids.get(format!("{before}/{last}").as_str()))
            .or_else(|| self.ids.get(last))
            .unwrap_or_else(|| panic!("make a real thing whose id belongs after {path}"))
            .clone()
    }
}

/// Makes them.
pub(super) async fn make(test: &Test) -> Objects {
    let owner = test.member(OWNER, Role::Owner).await;
    let helper = test.member("helper", Role::Admin).await;
    let made = async |path: &str, body: Value| {
        let (status, made) = owner.post(path, body).await;
        assert_eq!(status, 201, "{path}: {made}");
        made["id"].as_str().unwrap().to_owned()
    };
    let host = schema::host(test).await;
    let server = schema::new_server("one", "Postgres", host);
    let org = test.default_org().await;
    set_containers_for_tests(&test.app, org, host, &[container("web", None)]).await;
    let mut ids = BTreeMap::from([
        ("hosts", host.to_string()),
        ("containers", "web".to_owned()),
        ("keys", "ca".to_owned()),
        ("outbox", host.to_string()),
        ("providers", "nowhere".to_owned()),
        ("bindings", "nowhere".to_owned()),
        ("third-parts", "github".to_owned()),
        ("forms", "nowhere".to_owned()),
        ("policies", "qa".to_owned()),
        ("binding-types", "nowhere".to_owned()),
        ("orgs", org.to_string()),
        ("devices", host.to_string()),
        ("clusters", made("/api/v1/clusters", json!({"name": "web"})).await),
        (
            "environments",
            made("/api/v1/environments", json!({"name": "qa", "type": "testing"})).await,
        ),
        ("join-tokens", made("/api/v1/join-tokens", json!({})).await),
        (
            "groups",
            made("/api/v1/secrets/groups", json!({"name": "shop"})).await,
        ),
        (
            "registries",
            made(
                "/api/v1/registries",
                json!({"name": "r", "url": "http://127.0.0.1:9"}),
            )
            .await,
        ),
        ("servers", made("/api/v1/schema/servers", server).await),
        (
            "permission-templates",
            made("/api/v1/permission-templates", json!({"name": "mine"})).await,
        ),
        (
            "roles",
            made(
                "/api/v1/roles",
                json!({"code": "mine", "name": "Mine", "operations": []}),
            )
            .await,
        ),
        (
            "api-keys",
            made("/api/v1/api-keys", json!({"name": "mine", "kind": "readonly"})).await,
        ),
    ]);
    ids.insert("files", new_folder(&owner, "docs", None).await);
    let file = new_file(&owner, "sent", None, b"s").await;
    let send = json!({"fileIds": [file], "hosts": [host], "destination": "/srv/"});
    let (status, sent) = owner.post("/api/v1/files/sends", send).await;
    assert_eq!(status, 202, "{sent}");
    ids.insert("sends", sent["id"].as_str().unwrap().to_owned());
    let upload = json!({"name": "a", "size": 1, "hash": "0".repeat(64)});
    ids.insert("uploads", begin(&owner, upload).await);
    let image = json!({"name": "Nginx", "image": "team/nginx", "source": "private", "type": "server"});
    ids.insert("images", made("/api/v1/images", image).await);
    let word = json!({"kind": "type", "code": "proxy", "name": "Proxy"});
    assert_eq!(owner.post("/api/v1/image-words", word).await.0, 201);
    ids.insert("image-words", "type".to_owned());
    ids.insert("image-words/type", "proxy".to_owned());
    let provider = json!({"name": "vault", "url": "http://127.0.0.1:9", "clientId": "c", "clientSecret": "s",
        "projectId": "p", "environment": "prod"});
    let provider = made("/api/v1/secrets/providers", provider).await;
    ids.insert("secrets/providers", provider);
    let instances = json!({"instances": [{"provider": "aws", "instanceId": "i-1"}]});
    assert_eq!(owner.post("/api/v1/instances/import", instances).await.0, 200);
    let (_, instances) = owner.get("/api/v1/instances").await;
    let instance = instances["items"][0]["id"].as_str().unwrap();
    ids.insert("instances", instance.to_owned());
    let secret = json!({"groupId": ids["groups"], "name": "KEY", "value": "v"});
    ids.insert("secrets", made("/api/v1/secrets", secret).await);
    let shop = json!({"name": "shop", "image": "team/shop", "environments": {"default": {"hosts": [host]}}});
    let shop = made("/api/v1/applications", shop).await;
    let variable = json!({"applicationId": shop, "name": "A", "value": "1"});
    ids.insert("env-vars", made("/api/v1/env-vars", variable).await);
    ids.insert("deployments", deploy(&owner, &shop, "1").await);
    ids.insert("git", shop.clone());
    ids.insert("applications", shop);
    ids.insert("applications/environments", "default".to_owned());
    ids.insert("applications/webhook-guards", "default".to_owned());
    ids.insert("applications/versions", "1".to_owned());

    let project =
        "apiVersion: v1alpha1\nkind: Project\nmetadata: {name: shop}\nspec: {description: Orders}\n";
    let (_, applied) = helper.post_text("/api/v1/schema/apply", project).await;
    let document = applied["applied"][0]["id"].as_str().unwrap().to_owned();
    let hook = json!({"provider": "github", "repository": "acme/shop"});
    let hook = made(&format!("/api/v1/schema/projects/{document}/hooks"), hook).await;
    ids.insert("webhook/release", hook.clone());
    ids.insert("projects/hooks", hook);
    ids.insert("projects", document.clone());
    ids.insert("documents", document);
    let (_, proposed) = schema::propose(&helper, "1", &["one"], "create table a (id int);").await;
    ids.insert("tickets", proposed["ticketId"].as_str().unwrap().to_owned());
    let release = schema::release(&helper, &owner, "2", &["one"], "create table b (id int);").await;
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let (status, executing) = owner.post(&path, json!({"server": "one"})).await;
    assert_eq!(status, 202, "{executing}");
    let path = format!("/api/v1/schema/releases/{release}/rollouts");
    let (status, rolling) = owner.post(&path, json!({})).await;
    assert_eq!(status, 202, "{rolling}");
    ids.insert("rollouts", rolling["rolloutId"].as_str().unwrap().to_owned());
    ids.insert("releases", release);
    ids.insert(
        "executions",
        executing["executionId"].as_str().unwrap().to_owned(),
    );
    let aside = schema::asides::one_aside(test, (&helper, &owner), ("stock", "one")).await;
    ids.insert("set-asides", aside);
    let account = json!({"username": "root", "password": "planted"});
    let path = format!("/api/v1/hosts/{host}/accounts");
    ids.insert("hosts/accounts", made(&path, account).await);
    let (_, orders) = owner.get("/api/v1/orders").await;
    ids.insert("orders", orders["items"][0]["id"].as_str().unwrap().to_owned());
    let body = json!({"role": "VIEWER"});
    let (alert, rule) = new_alert(test, &owner, host).await;
    ids.insert("alerts", alert);
    ids.insert("alerts/rules", rule);
    let silence = json!({"endsAt": test.app.clock.now().plus_ms(3_600_000), "reason": "none"});
    ids.insert("alerts/silences", made("/api/v1/alerts/silences", silence).await);
    let receiver = json!({"name": "ops", "kind": "mail", "addresses": ["ops@example.org"]});
    ids.insert(
        "alerts/receivers",
        made("/api/v1/alerts/receivers", receiver).await,
    );
    ids.insert("invitations", made("/api/v1/invitations", body).await);
    ids.insert(
        "departments",
        made("/api/v1/departments", json!({"name": "IT"})).await,
    );
    assert_eq!(helper.patch("/api/v1/org", json!({"alias": "d"})).await.0, 200);
    let token = json!({"provider": "github", "accessToken": "none"});
    let path = "/api/v1/org/third-parts";
    assert_eq!(owner.call(Method::PUT, path, Some(token)).await.0, 200);
    let (_, messages) = owner.get("/api/v1/messages").await;
    ids.insert(
        "messages",
        messages["items"][0]["id"].as_str().unwrap().to_owned(),
    );
    let (_, platforms) = test.admin().await.get("/api/v1/platforms").await;
    let platform = platforms["items"][0]["id"].as_str().unwrap().to_owned();
    ids.insert("platforms", platform.clone());
    let (_, members) = owner.get("/api/v1/members").await;
    let user = members["items"][0]["userId"].as_str().unwrap().to_owned();
    for people in ["members", "administrators", "operations", "modules"] {
        ids.insert(people, user.clone());
    }
    let (applicant, knocking) = test.user("applicant").await;
    let body = json!({"fields": []});
    let (_, entry) = owner.call(Method::PUT, "/api/v1/org/entry", Some(body)).await;
    let body = json!({"code": entry["code"]});
    assert_eq!(knocking.post("/api/v1/join-requests", body).await.0, 202);
    ids.insert("join-requests", applicant.to_string());
    ids.insert("users", user);
    Objects {
        ids,
        platform,
        other_application: made(
            "/api/v1/applications",
            json!({"name": "other", "image": "team/other"}),
        )
        .await,
    }
}
