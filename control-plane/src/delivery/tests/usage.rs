//! What a change of a secret would reach, and secrets that stop deployments.

use axum::http::Method;
use muster_base::SecretId;
use serde_json::{Value, json};

use super::{created, deploy, new_application, new_host, wait_until};
use crate::{
    access::Role,
    db::DbError,
    in_tx,
    testing::{Client, Test, both_databases},
    with_tx,
};

async fn secret(client: &Client<'_>, name: &str) -> (String, String) {
    let group = created(client, "/api/v1/secrets/groups", json!({"name": name})).await;
    let body = json!({"groupId": group["id"], "name": name, "value": "x"});
    let secret = created(client, "/api/v1/secrets", body).await;
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    (id(&group), id(&secret))
}

/// `application/environment: variables`, a line each.
fn places(usage: &Value) -> Vec<String> {
    let applications = usage["applications"].as_array().unwrap().iter();
    applications
        .map(|place| {
            let names = place["variables"].as_array().unwrap().iter();
            let names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
            format!(
                "{}/{}: {}",
                place["applicationName"].as_str().unwrap(),
                place["environment"].as_str().unwrap(),
                names.join(" ")
            )
        })
        .collect()
}

/// As a sync does with a secret that vanished at its provider.
async fn set_stale(test: &Test, id: SecretId, stale: bool) {
    let set = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query("update secrets set stale = $2 where id = $1")
                .bind(id)
                .bind(stale)
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    set().await.unwrap();
}

both_databases!(usage_is_what_variables_come_to, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let shop = new_application(&admin, &[host]).await;
    let other =
        json!({"name": "other", "image": "team/other", "environments": {"default": {"hosts": [host]}}});
    let other = created(&admin, "/api/v1/applications", other).await;
    let (group, id) = secret(&admin, "db").await;
    let (_, unused) = secret(&admin, "unused").await;
    for body in [
        json!({"name": "DATABASE_URL", "value": format!("@secret:{id}")}),
        json!({"applicationId": shop, "environment": "prod", "name": "DATABASE_URL", "value": "elsewhere"}),
        json!({"applicationId": shop, "name": "SPARE_URL", "value": format!("@secret:{id}")}),
    ] {
        created(&admin, "/api/v1/env-vars", body).await;
    }

    let mut paths = Vec::new();
    for path in [
        format!("/api/v1/secrets/{id}/usage"),
        format!("/api/v1/secrets/groups/{group}/usage"),
    ] {
        let (status, usage) = admin.get(&path).await;
        assert_eq!(status, 200, "{usage}");
        assert_eq!(
            places(&usage),
            [
                "other/default: DATABASE_URL",
                "shop/default: DATABASE_URL SPARE_URL",
                "shop/prod: SPARE_URL"
            ]
        );
        assert_eq!(usage["variables"].as_array().unwrap().len(), 2, "{usage}");
        assert_eq!(usage["hidden"], 0);
        paths.push(path);
    }
    let (_, usage) = admin.get(&format!("/api/v1/secrets/{unused}/usage")).await;
    assert_eq!(usage, json!({"variables": [], "applications": [], "hidden": 0}));

    // Who reaches one application only hears that there is another.
    let member = test.member("mia", Role::Member).await;
    let (_, members) = admin.get("/api/v1/members").await;
    let mia = members["items"].as_array().unwrap().iter();
    let mia = mia
        .clone()
        .find(|member| member["username"] == "mia")
        .unwrap_or_else(|| panic!("{members}"));
    let template =
        json!({"name": "other only", "operations": [], "objects": {"applications": [other["id"]]}});
    let template = created(&admin, "/api/v1/permission-templates", template).await;
    let path = format!("/api/v1/members/{}/permissions", mia["userId"].as_str().unwrap());
    let given = json!({"templateId": template["id"]});
    let (status, answer) = admin.call(Method::PUT, &path, Some(given)).await;
    assert_eq!(status, 200, "{answer}");
    let (status, usage) = member.get(&format!("/api/v1/secrets/{id}/usage")).await;
    assert_eq!(status, 200, "{usage}");
    assert_eq!(places(&usage), ["other/default: DATABASE_URL"]);
    assert_eq!(usage["hidden"], 1);

    let stranger = test.stranger("elsewhere").await;
    for path in paths {
        assert_eq!(stranger.get(&path).await.0, 404);
    }
});

both_databases!(a_stale_secret_stops_the_deployments_that_need_it, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let (_, id) = secret(&admin, "db").await;
    let variable = json!({"applicationId": application, "environment": "default", "name": "DATABASE_URL",
        "value": format!("@secret:{id}")});
    created(&admin, "/api/v1/env-vars", variable).await;
    set_stale(test, id.parse().unwrap(), true).await;

    let stopped = deploy(&admin, &application, "1.0.0").await;
    let stopped = wait_until(&admin, &stopped, |d| d["status"] == "failure").await;
    assert!(
        stopped["error"].as_str().unwrap().contains("is stale"),
        "{stopped}"
    );
    assert_eq!(stopped["hosts"], json!([]), "no host was asked");
    test.app.clock.advance(10);
    let (status, answer) = admin
        .post(
            &format!("/api/v1/applications/{application}/deployments"),
            json!({"version": "1.0.0", "environment": "prod"}),
        )
        .await;
    assert_eq!(status, 202, "{answer}");
    let elsewhere = answer["deploymentId"].as_str().unwrap();
    wait_until(&admin, elsewhere, |d| d["hosts"].as_array().unwrap().len() == 1).await;

    set_stale(test, id.parse().unwrap(), false).await;
    let goes = deploy(&admin, &application, "1.0.0").await;
    wait_until(&admin, &goes, |d| d["hosts"].as_array().unwrap().len() == 1).await;
});
