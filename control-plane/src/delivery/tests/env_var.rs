//! Variables: scopes, references to secrets, imports, and where values never show.

use muster_base::ExposeSecret;
use muster_protocol::latest as wire;
use serde_json::json;

use super::{DeployOrders, asked, created, deploy, new_application, new_host, order, orders, stored};
use crate::{
    access::Role,
    testing::{Client, both_databases},
    work::Listener,
};

const PLANTED: &str = "planted-51ab-value";

async fn secret(client: &Client<'_>, group: &str, name: &str, value: &str) -> String {
    let body = json!({"groupId": group, "name": name, "value": value});
    let secret = created(client, "/api/v1/secrets", body).await;
    secret["id"].as_str().unwrap().to_owned()
}

async fn group(client: &Client<'_>) -> String {
    let group = created(client, "/api/v1/secrets/groups", json!({"name": "production-db"})).await;
    group["id"].as_str().unwrap().to_owned()
}

both_databases!(
    the_later_scope_wins_and_secrets_stay_references_until_the_hand_over,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let application = new_application(&admin, &[host]).await;
        let secret = secret(&admin, &group(&admin).await, "DATABASE_URL", PLANTED).await;
        for body in [
            json!({"scope": "global", "name": "LEVEL", "value": "global"}),
            json!({"scope": "global", "name": "ZONE", "value": "global"}),
            json!({"name": "LEVEL", "value": "org"}),
            json!({"applicationId": application, "name": "LEVEL", "value": "application"}),
            json!({"applicationId": application, "environment": "default", "name": "LEVEL", "value": "environment"}),
            json!({"applicationId": application, "environment": "prod", "name": "ZONE", "value": "other place"}),
            json!({"applicationId": application, "name": "DATABASE_URL", "value": format!("@secret:{secret}")}),
        ] {
            created(&admin, "/api/v1/env-vars", body).await;
        }

        let id = deploy(&admin, &application, "1.0.0").await;
        let order_id = orders(&admin, &id).await[0];
        let env = asked(test, order_id).await.container.env;
        let plain = |name: &str, value: &str| wire::EnvVar::Plain {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let name = format!("secret:{secret}");
        let referred = wire::EnvVar::Secret {
            name: "DATABASE_URL".to_owned(),
            secret: name.clone(),
        };
        assert_eq!(
            env,
            [referred, plain("LEVEL", "environment"), plain("ZONE", "global")]
        );

        let values = DeployOrders
            .secrets(&test.app, &order(test, order_id).await)
            .await
            .unwrap();
        assert_eq!(values.len(), 1);
        assert_eq!(
            (values[0].0.as_str(), values[0].1.expose_secret()),
            (name.as_str(), PLANTED)
        );

        let stored = stored(test).await;
        assert!(stored.contains("DATABASE_URL"), "{stored}");
        assert!(!stored.contains(PLANTED), "{stored}");

        // The value that counts is the one at the hand-over.
        admin
            .patch(&format!("/api/v1/secrets/{secret}"), json!({"value": "newer"}))
            .await;
        let values = DeployOrders
            .secrets(&test.app, &order(test, order_id).await)
            .await
            .unwrap();
        assert_eq!(values[0].1.expose_secret(), "newer");

        for path in [
            "/api/v1/env-vars".to_owned(),
            "/api/v1/audit?limit=500".to_owned(),
            "/api/v1/deployments".to_owned(),
            format!("/api/v1/deployments/{id}"),
            format!("/api/v1/applications/{application}"),
        ] {
            let (status, body) = admin.get(&path).await;
            assert_eq!(status, 200);
            assert!(!body.to_string().contains(PLANTED), "{path}: {body}");
        }
    }
);

both_databases!(a_secret_in_use_stays_and_one_that_is_gone_is_refused, |test| {
    let admin = test.admin().await;
    let secret = secret(&admin, &group(&admin).await, "TOKEN", PLANTED).await;
    let body = json!({"name": "TOKEN", "valueType": "secretRef", "secretId": secret});
    let variable = created(&admin, "/api/v1/env-vars", body).await;
    assert_eq!(variable["value"], format!("@secret:{secret}"));

    let path = format!("/api/v1/secrets/{secret}");
    let (status, body) = admin.delete(&path).await;
    assert_eq!((status, &body["type"]), (409, &json!("secret-in-use")));
    let variable = format!("/api/v1/env-vars/{}", variable["id"].as_str().unwrap());
    assert_eq!(admin.delete(&variable).await.0, 204);
    assert_eq!(admin.delete(&path).await.0, 204);
    let body = json!({"name": "TOKEN", "value": format!("@secret:{secret}")});
    assert_eq!(admin.post("/api/v1/env-vars", body).await.0, 422);
});

both_databases!(another_org_s_secret_can_t_be_referred_to, |test| {
    let admin = test.admin().await;
    let secret = secret(&admin, &group(&admin).await, "TOKEN", PLANTED).await;
    let stranger = test.stranger("elsewhere").await;
    let body = json!({"name": "TOKEN", "value": format!("@secret:{secret}")});
    let (status, body) = stranger.post("/api/v1/env-vars", body).await;
    assert_eq!(status, 422, "{body}");
});

both_databases!(variables_have_rules, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    for wrong in [
        json!({"name": "1A", "value": "x"}),
        json!({"name": "A"}),
        json!({"name": "A", "value": "x", "environment": "prod"}),
        json!({"name": "A", "value": "x", "scope": "org", "applicationId": application}),
        json!({"name": "A", "value": "x", "valueType": "secretRef"}),
        json!({"name": "A", "value": "x", "kind": "y"}),
    ] {
        let (status, body) = admin.post("/api/v1/env-vars", wrong.clone()).await;
        assert_eq!(status, 422, "{wrong} {body}");
    }
    let variable = json!({"name": "A", "value": "x"});
    created(&admin, "/api/v1/env-vars", variable.clone()).await;
    assert_eq!(admin.post("/api/v1/env-vars", variable).await.0, 409);

    let owner = test.stranger("elsewhere").await;
    let global = json!({"scope": "global", "name": "B", "value": "x"});
    assert_eq!(owner.post("/api/v1/env-vars", global).await.0, 403);
    let member = test.member("mia", Role::Member).await;
    assert_eq!(
        member
            .post("/api/v1/env-vars", json!({"name": "C", "value": "x"}))
            .await
            .0,
        403
    );
});

both_databases!(a_group_is_imported_once, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = new_application(&admin, &[host]).await;
    let group = group(&admin).await;
    for name in ["DATABASE_URL", "REDIS_URL", "not-a-variable"] {
        secret(&admin, &group, name, PLANTED).await;
    }
    let path = format!("/api/v1/applications/{application}/import-secrets");
    let (status, done) = admin.post(&path, json!({"groupId": group})).await;
    assert_eq!(
        (status, &done["imported"], &done["skipped"]),
        (200, &json!(2), &json!(1)),
        "{done}"
    );
    let (_, again) = admin.post(&path, json!({"groupId": group})).await;
    assert_eq!((&again["imported"], &again["skipped"]), (&json!(0), &json!(3)));
    assert!(!again.to_string().contains(PLANTED));
    let (_, list) = admin
        .get(&format!("/api/v1/env-vars?applicationId={application}"))
        .await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["items"][0]["valueType"], "secretRef");
});
