//! What charts are told to mark, on both databases.

use axum::http::Method;
use muster_base::{HostId, UnixMs};
use serde_json::{Value, json};
use uuid::Uuid;

use super::MOST;
use crate::{
    access::Role,
    alerts::tests::new_alert,
    db::DbError,
    delivery::tests::{deploy, new_application, new_host},
    in_tx,
    schema::tests::{new_server, release},
    testing::{Client, Test, both_databases},
    with_tx,
};

/// The host takes part in the deployment from then to then, as if it had been asked.
async fn took_part(test: &Test, deployment: &str, host: HostId, (from, to): (UnixMs, Option<UnixMs>)) {
    const SQL: &str = "insert into deployment_hosts (deployment_id, host_id, host_name, status, started_at, ended_at) \
        values ($1, $2, 'web-1', 'success', $3, $4) on conflict (deployment_id, host_id) do update set \
        status = excluded.status, started_at = excluded.started_at, ended_at = excluded.ended_at";
    let id: Uuid = deployment.parse().unwrap();
    let insert = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(SQL)
                .bind(id)
                .bind(host)
                .bind(from)
                .bind(to)
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    insert().await.unwrap();
}

/// The execution ran from then to then, as if the host had said so.
async fn ran(test: &Test, execution: &str, (from, to): (UnixMs, UnixMs)) {
    const SQL: &str =
        "update executions set status = 'success', started_at = $2, ended_at = $3 where id = $1";
    let id: Uuid = execution.parse().unwrap();
    let update = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(SQL)
                .bind(id)
                .bind(from)
                .bind(to)
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    update().await.unwrap();
}

async fn annotations(client: &Client<'_>, host: HostId, query: &str) -> Value {
    let (status, answer) = client
        .get(&format!("/api/v1/hosts/{host}/annotations?{query}"))
        .await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn kinds(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap().iter();
    items.map(|item| item["kind"].as_str().unwrap()).collect()
}

/// An execution on a server of the host's.
async fn executed(olga: &Client<'_>, ann: &Client<'_>, host: HostId, dry_run: bool, version: &str) -> String {
    let release = release(ann, olga, version, &["pg"], "create table t (id int)").await;
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let body = json!({"server": "pg", "dryRun": dry_run});
    let (status, answer) = olga.post(&path, body).await;
    assert_eq!(status, 202, "{answer} for {host}");
    answer["executionId"].as_str().unwrap().to_owned()
}

both_databases!(a_host_is_told_what_happened_to_it, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let (host, other) = (new_host(test, "web-1").await, new_host(test, "web-2").await);
    let start = test.app.clock.now();
    let minute = |n: i64| start.plus_ms(n * UnixMs::MINUTE);

    let shop = new_application(&olga, &[host, other]).await;
    let first = deploy(&olga, &shop, "1.0").await;
    took_part(test, &first, host, (minute(1), Some(minute(2)))).await;
    took_part(test, &first, other, (minute(1), Some(minute(2)))).await;
    let (status, server) = olga
        .post("/api/v1/schema/servers", new_server("pg", "Postgres", host))
        .await;
    assert_eq!(status, 201, "{server}");
    let execution = executed(&olga, &ann, host, false, "2.0").await;
    ran(test, &execution, (minute(3), minute(4))).await;
    let tried = executed(&olga, &ann, host, true, "2.1").await;
    ran(test, &tried, (minute(3), minute(4))).await;
    test.app.clock.advance(5 * UnixMs::MINUTE);
    let (alert, _) = new_alert(test, &olga, host).await;

    let now = test.app.clock.now();
    let span = format!("from={}&to={}", start.0, now.0 + 1);
    let seen = annotations(&olga, host, &span).await;
    assert_eq!(kinds(&seen), ["deployment", "release", "alert"], "{seen}");
    assert_eq!(seen["truncated"], false);
    let [deployed, released, fired] = [0, 1, 2].map(|item| &seen["items"][item]);
    assert_eq!(
        *deployed,
        json!({"kind": "deployment", "id": first, "at": minute(1), "endedAt": minute(2), "application": "shop",
            "version": "1.0", "environment": "default", "status": "success"})
    );
    assert_eq!(
        (
            &released["id"],
            &released["database"],
            &released["version"],
            &released["server"]
        ),
        (&json!(execution), &json!("shop"), &json!("2.0"), &json!("pg"))
    );
    assert_eq!(
        (
            &fired["id"],
            &fired["rule"],
            &fired["severity"],
            &fired["endedAt"]
        ),
        (&json!(alert), &json!("busy"), &json!("critical"), &Value::Null)
    );
    assert_eq!(kinds(&annotations(&olga, other, &span).await), ["deployment"]);

    // What began before the range isn't in it, but an alert that still fires is.
    test.app.clock.advance(UnixMs::MINUTE);
    let later = format!("from={}", now.0 + 1);
    assert_eq!(kinds(&annotations(&olga, host, &later).await), ["alert"]);
    let early = format!("from={}&to={}", start.0, minute(3).0);
    assert_eq!(
        kinds(&annotations(&olga, host, &early).await),
        ["deployment"],
        "the end is not in it"
    );
    for wrong in ["from=2&to=1", "from=x", "limit=5"] {
        let path = format!("/api/v1/hosts/{host}/annotations?{wrong}");
        assert_eq!(olga.get(&path).await.0, 422, "{wrong}");
    }
});

both_databases!(the_narrow_are_told_what_they_may_see_elsewhere, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    let start = test.app.clock.now();
    let shop = new_application(&olga, &[host]).await;
    let first = deploy(&olga, &shop, "1.0").await;
    took_part(test, &first, host, (start, None)).await;
    let (status, server) = olga
        .post("/api/v1/schema/servers", new_server("pg", "Postgres", host))
        .await;
    assert_eq!(status, 201, "{server}");
    let execution = executed(&olga, &ann, host, false, "2.0").await;
    ran(test, &execution, (start, start)).await;
    test.app.clock.advance(UnixMs::MINUTE);
    assert_eq!(
        kinds(&annotations(&ann, host, "").await),
        ["deployment", "release"]
    );

    let narrow = async |objects: Value| {
        let name = objects.to_string();
        let template = json!({"name": name, "operations": [], "objects": objects});
        let (status, template) = olga.post("/api/v1/permission-templates", template).await;
        assert_eq!(status, 201, "{template}");
        let (_, members) = olga.get("/api/v1/members?search=ann").await;
        let member = members["items"][0]["userId"].as_str().unwrap();
        let path = format!("/api/v1/members/{member}/permissions");
        let body = json!({"templateId": template["id"]});
        assert_eq!(olga.call(Method::PUT, &path, Some(body)).await.0, 200);
    };
    narrow(json!({"databases": ["stock"]})).await;
    assert_eq!(kinds(&annotations(&ann, host, "").await), ["deployment"]);
    let mail = json!({"name": "mail", "image": "team/mail", "environments": {"default": {"hosts": [host]}}});
    let (status, mail) = olga.post("/api/v1/applications", mail).await;
    assert_eq!(status, 201, "{mail}");
    narrow(json!({"applications": [mail["id"]]})).await;
    assert_eq!(kinds(&annotations(&ann, host, "").await), ["release"]);
    narrow(json!({"environments": ["prod"]})).await;
    let path = format!("/api/v1/hosts/{host}/annotations");
    assert_eq!(ann.get(&path).await.0, 404, "the host is in none of them");
});

/// Many deployments of the same: rows are what counts here.
const COPY: &str = "insert into deployments (id, org_id, application_id, environment, version, image, status, spec, \
    trigger_type, triggered_by, created_at) select $1, org_id, application_id, environment, $2, image, 'success', \
    spec, trigger_type, triggered_by, created_at from deployments where id = $3";

both_databases!(of_very_much_the_newest_is_told, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let host = new_host(test, "web-1").await;
    let start = test.app.clock.now();
    let shop = new_application(&olga, &[host]).await;
    let first = deploy(&olga, &shop, "1.0").await;
    let original: Uuid = first.parse().unwrap();
    for number in 0..=MOST {
        let id: Uuid = test
            .app
            .clock
            .new_id::<muster_base::DeploymentId>()
            .as_uuid()
            .to_owned();
        let insert = async || -> Result<(), DbError> {
            in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
                sqlx::query(COPY)
                    .bind(id)
                    .bind(number.to_string())
                    .bind(original)
                    .execute(conn)
                    .await?;
            }));
            Ok(())
        };
        insert().await.unwrap();
        took_part(test, &id.to_string(), host, (start.plus_ms(number * 1_000), None)).await;
    }
    test.app.clock.advance(5 * UnixMs::MINUTE);
    let seen = annotations(&olga, host, "").await;
    let items = seen["items"].as_array().unwrap();
    assert_eq!(
        (i64::try_from(items.len()).unwrap(), &seen["truncated"]),
        (MOST, &json!(true))
    );
    assert_eq!(items[0]["version"], "1", "the oldest is left out");
});
