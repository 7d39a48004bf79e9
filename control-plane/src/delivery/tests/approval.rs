//! Environments: what is different there, what variables come to, and deployments that somebody else must approve of.

use serde_json::{Value, json};

use super::{asked, created, get_deployment, moves, new_host, orders};
use crate::{
    access::Role,
    testing::{Client, both_databases},
    work::OrderState,
};

async fn application(client: &Client<'_>, environments: Value) -> String {
    let body = json!({"name": "shop", "image": "team/shop", "environments": environments,
        "container": {"ports": [{"host": 8080, "container": 80}], "user": "web"}});
    let made = created(client, "/api/v1/applications", body).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn deploy_to(client: &Client<'_>, application: &str, environment: &str, version: &str) -> String {
    client.test().app.clock.advance(10);
    let (status, body) = client
        .post(
            &format!("/api/v1/applications/{application}/deployments"),
            json!({"version": version, "environment": environment}),
        )
        .await;
    assert_eq!(status, 202, "{body}");
    body["deploymentId"].as_str().unwrap().to_owned()
}

both_databases!(
    an_environment_that_asks_for_approval_gets_it_from_somebody_else,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let environments =
            json!({"prod": {"hosts": [host], "approvalRequired": true}, "test": {"hosts": [host]}});
        let application = application(&admin, environments).await;
        let (ann, mia) = (
            test.member("ann", Role::Admin).await,
            test.member("mia", Role::Member).await,
        );
        let call = |id: &str, what: &str| format!("/api/v1/deployments/{id}/{what}");

        let qa = deploy_to(&ann, &application, "test", "1").await;
        assert_ne!(get_deployment(&ann, &qa).await["status"], "waitingApproval");
        let (status, body) = admin.post(&call(&qa, "approve"), Value::Null).await;
        assert_eq!(
            (status, &body["type"]),
            (409, &json!("not-waiting-approval")),
            "{body}"
        );

        let prod = deploy_to(&ann, &application, "prod", "1").await;
        assert_eq!(get_deployment(&ann, &prod).await["status"], "waitingApproval");
        let (status, body) = ann.post(&call(&prod, "approve"), Value::Null).await;
        assert_eq!(status, 403, "{body}");
        assert!(
            body["detail"].as_str().unwrap().contains("somebody else"),
            "{body}"
        );
        assert_eq!(mia.post(&call(&prod, "approve"), Value::Null).await.0, 403);
        let stranger = test.stranger("elsewhere").await;
        assert_eq!(stranger.post(&call(&prod, "approve"), Value::Null).await.0, 404);
        let (status, body) = admin
            .post(&call(&prod, "approve"), json!({"comment": "go"}))
            .await;
        assert_eq!(
            (status, &body["approvals"][0]["comment"]),
            (202, &json!("go")),
            "{body}"
        );
        let order = orders(&admin, &prod).await[0];
        moves(test, order, OrderState::Done, None).await;
        assert_eq!(get_deployment(&ann, &prod).await["status"], "success");

        // A newer one takes the place of one that waits, and a rejected one ends.
        let second = deploy_to(&mia, &application, "prod", "2").await;
        let third = deploy_to(&mia, &application, "prod", "3").await;
        assert_eq!(get_deployment(&ann, &second).await["status"], "cancelled");
        let (status, body) = ann
            .post(&call(&third, "reject"), json!({"comment": "not on Friday"}))
            .await;
        assert_eq!((status, &body["status"]), (200, &json!("cancelled")), "{body}");
        assert_eq!(body["error"], "rejected by ann: not on Friday");

        // Whoever may decide was asked, and nobody of their own; whoever asked heard what was decided.
        let heard = async |by: &Client<'_>| {
            let (_, page) = by.get("/api/v1/messages").await;
            let items = page["items"].as_array().unwrap().iter().rev();
            let said = |one: &Value| {
                let params = &one["params"];
                format!(
                    "{} {} {}",
                    one["code"].as_str().unwrap(),
                    params["name"].as_str().unwrap(),
                    params["version"].as_str().unwrap()
                )
            };
            items.map(said).collect::<Vec<_>>()
        };
        let of_ann = heard(&ann).await;
        assert_eq!(
            of_ann[0].split(' ').next(),
            Some("deploymentApproved"),
            "{of_ann:?}"
        );
        assert_eq!(of_ann[1..], ["deploymentAsks mia 2", "deploymentAsks mia 3"]);
        assert_eq!(heard(&mia).await, ["deploymentRejected ann 3"]);

        // Going back needs none.
        test.app.clock.advance(10);
        let (status, body) = ann.post(&call(&prod, "rollback"), json!({"to": prod})).await;
        assert_eq!(status, 202, "{body}");
        let back = body["deploymentId"].as_str().unwrap();
        assert_ne!(get_deployment(&ann, back).await["status"], "waitingApproval");
        let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
        let approvals = audit["items"].as_array().unwrap().iter();
        let approvals =
            approvals.filter(|row| row["operation"] == "deployment:approve" && row["outcome"] == "done");
        assert_eq!(approvals.count(), 2, "{audit}");
    }
);

both_databases!(a_redeploy_is_approved_of_by_the_rule_of_today, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let application = application(&admin, json!({"prod": {"hosts": [host]}})).await;
    let path = format!("/api/v1/applications/{application}");
    let ann = test.member("ann", Role::Admin).await;
    let old = deploy_to(&ann, &application, "prod", "1").await;
    let order = orders(&admin, &old).await[0];
    moves(test, order, OrderState::Done, None).await;
    let redeployed = async |status: &str| {
        test.app.clock.advance(10);
        let (code, body) = ann
            .post(&format!("/api/v1/deployments/{old}/redeploy"), Value::Null)
            .await;
        assert_eq!(code, 202, "{body}");
        let id = body["deploymentId"].as_str().unwrap().to_owned();
        assert_eq!(
            get_deployment(&ann, &id).await["status"] == "waitingApproval",
            status == "waitingApproval"
        );
        id
    };
    let rule = async |required: bool| {
        let body = json!({"environments": {"prod": {"hosts": [host], "approvalRequired": required}}});
        let (status, body) = admin.patch(&path, body).await;
        assert_eq!(status, 200, "{body}");
    };
    rule(true).await;
    let waits = redeployed("waitingApproval").await;
    let approve = format!("/api/v1/deployments/{waits}/approve");
    assert_eq!(ann.post(&approve, Value::Null).await.0, 403);
    rule(false).await;
    redeployed("goes").await;
});

both_databases!(what_waited_for_approval_counts_from_when_it_ran, |test| {
    let admin = test.admin().await;
    let host = new_host(test, "one").await;
    let environments =
        json!({"prod": {"hosts": [host], "approvalRequired": true, "rollout": {"queue": "queue"}}});
    let application = application(&admin, environments).await;
    let ann = test.member("ann", Role::Admin).await;
    let call = |id: &str, what: &str| format!("/api/v1/deployments/{id}/{what}");
    let approved = async |id: &str| {
        test.app.clock.advance(10);
        let (status, body) = admin.post(&call(id, "approve"), Value::Null).await;
        assert_eq!(status, 202, "{body}");
        let order = orders(&admin, id).await[0];
        moves(test, order, OrderState::Done, None).await;
    };
    let first = deploy_to(&ann, &application, "prod", "1").await;
    approved(&first).await;
    let second = deploy_to(&ann, &application, "prod", "2").await;
    approved(&second).await;
    // The third waits, meanwhile somebody goes back, then it is approved of.
    let third = deploy_to(&ann, &application, "prod", "3").await;
    test.app.clock.advance(10);
    let (_, body) = ann.post(&call(&second, "rollback"), json!({"to": first})).await;
    let back = body["deploymentId"].as_str().unwrap();
    let order = orders(&admin, back).await[0];
    moves(test, order, OrderState::Done, None).await;
    approved(&third).await;

    let path = format!("/api/v1/applications/{application}");
    let (_, list) = admin.get(&format!("{path}/environments")).await;
    assert_eq!(list["items"][0]["version"], "3", "{list}");
    let (_, versions) = admin.get(&format!("{path}/versions")).await;
    let runs = versions["items"].as_array().unwrap().iter();
    let runs: Vec<_> = runs
        .filter(|one| !one["runs"].as_array().unwrap().is_empty())
        .map(|one| one["version"].as_str().unwrap())
        .collect();
    assert_eq!(runs, ["3"], "{versions}");
    test.app.clock.advance(10);
    let (status, body) = ann.post(&call(&third, "rollback"), Value::Null).await;
    assert_eq!(status, 202, "{body}");
    let id = body["deploymentId"].as_str().unwrap();
    let gone_back = get_deployment(&admin, id).await;
    assert_eq!(
        (&gone_back["version"], &gone_back["originId"]),
        (&json!("1"), &json!(back)),
        "what ran before it, not what was asked for before it"
    );
});

both_databases!(
    an_environment_says_what_is_different_and_what_goes_on_there,
    |test| {
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let environments = json!({
            "prod": {"hosts": [host], "overrides": {"container": {"name": "shop-prod", "user": null,
                "ports": [{"host": 80, "container": 80}]}}},
            "test": {"selector": {"web": "one"}},
        });
        let application = application(&admin, environments).await;
        let path = format!("/api/v1/applications/{application}");
        for wrong in [
            json!({"prod": {"overrides": {"container": {"prots": []}}}}),
            json!({"prod": {"rollout": {"batchSize": 0}}}),
            json!({"prod": {"rollout": {"waitS": 1}}}),
            json!({"prod": {"rollout": {"maxFailures": "200%"}}}),
        ] {
            let (status, body) = admin.patch(&path, json!({"environments": wrong})).await;
            assert_eq!(status, 422, "{wrong} {body}");
        }

        let prod = deploy_to(&admin, &application, "prod", "1").await;
        let order = orders(&admin, &prod).await[0];
        let container = asked(test, order).await.container;
        assert_eq!((container.user, container.ports[0].host_port), (None, 80));
        moves(test, order, OrderState::Done, None).await;
        let qa = deploy_to(&admin, &application, "test", "2").await;
        let container = asked(test, orders(&admin, &qa).await[0]).await.container;
        assert_eq!(
            (container.user.as_deref(), container.ports[0].host_port),
            (Some("web"), 8080)
        );

        let (status, list) = admin.get(&format!("{path}/environments")).await;
        assert_eq!(status, 200, "{list}");
        let (one, two) = (&list["items"][0], &list["items"][1]);
        assert_eq!(
            (&one["name"], &one["type"], &one["version"]),
            (&json!("prod"), &json!("production"), &json!("1"))
        );
        assert_eq!(one["latestTask"]["taskId"], prod.as_str());
        assert_eq!(
            (&one["latestTask"]["status"], &one["latestTask"]["completed"]),
            (&json!("success"), &json!(true))
        );
        assert_eq!((&two["name"], &two["version"]), (&json!("test"), &Value::Null));
        assert_eq!(
            (&two["latestTask"]["taskId"], &two["latestTask"]["completed"]),
            (&json!(qa), &json!(false))
        );
        assert_eq!(two["selector"]["web"], "one");
    }
);

both_databases!(
    a_preview_shows_where_each_variable_comes_from_and_no_secret,
    |test| {
        const PLANTED: &str = "planted-77c1-value";
        let admin = test.admin().await;
        let host = new_host(test, "one").await;
        let application = application(&admin, json!({"prod": {"hosts": [host]}})).await;
        let group = created(&admin, "/api/v1/secrets/groups", json!({"name": "db"})).await;
        let secret = json!({"groupId": group["id"], "name": "DB", "value": PLANTED});
        let secret = created(&admin, "/api/v1/secrets", secret).await;
        let reference = format!("@secret:{}", secret["id"].as_str().unwrap());
        for body in [
            json!({"scope": "global", "name": "LEVEL", "value": "global"}),
            json!({"name": "LEVEL", "value": "org"}),
            json!({"applicationId": application, "environment": "prod", "name": "LEVEL", "value": "prod"}),
            json!({"applicationId": application, "name": "DATABASE_URL", "value": reference}),
        ] {
            created(&admin, "/api/v1/env-vars", body).await;
        }
        let path = format!("/api/v1/applications/{application}/environments/prod/env");
        let (status, shown) = admin.get(&path).await;
        assert_eq!(status, 200, "{shown}");
        assert!(!shown.to_string().contains(PLANTED), "{shown}");
        let (database, level) = (&shown["items"][0], &shown["items"][1]);
        assert_eq!(
            (&database["name"], &database["value"]),
            (&json!("DATABASE_URL"), &Value::Null)
        );
        assert_eq!(
            (&database["secret"]["name"], &database["secret"]["version"]),
            (&json!("DB"), &json!(1))
        );
        assert_eq!(database["origin"]["scope"], "application");
        assert_eq!(
            (&level["value"], &level["origin"]["scope"]),
            (&json!("prod"), &json!("environment"))
        );
        let overridden = level["overridden"].as_array().unwrap().iter();
        let overridden: Vec<_> = overridden
            .map(|origin| origin["scope"].as_str().unwrap())
            .collect();
        assert_eq!(overridden, ["org", "global"]);
        let stranger = test.stranger("elsewhere").await;
        assert_eq!(stranger.get(&path).await.0, 404);
        assert_eq!(admin.get(&path.replace("/prod/", "/nowhere/")).await.0, 404);
    }
);
