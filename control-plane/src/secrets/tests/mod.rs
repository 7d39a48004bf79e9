//! The secrets room through its HTTP calls and on both databases.

mod infisical_peer;
mod sync;

use muster_base::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CredentialKind, delete_credential, find_credential, put_credential, resolve};
use crate::{
    access::Role,
    app::App,
    db::DbError,
    error::Error,
    in_tx,
    secrets::SecretsError,
    testing::{Client, both_databases},
    with_tx,
};

const PLANTED: &str = "planted-7f3a-value";

async fn new_group(client: &Client<'_>, name: &str) -> String {
    let (status, body) = client.post("/api/v1/secrets/groups", json!({"name": name})).await;
    assert_eq!(status, 201, "{body}");
    body["id"].as_str().unwrap().to_owned()
}

async fn new_secret(client: &Client<'_>, group: &str, name: &str, value: &str) -> Value {
    let body = json!({"groupId": group, "name": name, "value": value});
    let (status, body) = client.post("/api/v1/secrets", body).await;
    assert_eq!(status, 201, "{body}");
    body
}

both_databases!(a_value_is_shown_only_by_a_reveal_that_leaves_a_row, |test| {
    let admin = test.admin().await;
    let group = new_group(&admin, "production-db").await;
    let secret = new_secret(&admin, &group, "DATABASE_URL", PLANTED).await;
    let path = format!("/api/v1/secrets/{}", secret["id"].as_str().unwrap());
    assert_eq!(secret["version"], 1);
    assert_eq!(secret["source"], "manual");

    let versions = admin.get(&format!("{path}/versions")).await;
    let seen = [
        admin.get("/api/v1/secrets").await,
        admin.get(&format!("/api/v1/secrets?groupId={group}")).await,
        admin.get(&path).await,
        admin.get("/api/v1/secrets/groups").await,
        versions,
    ];
    for (status, body) in seen {
        assert_eq!(status, 200, "{body}");
        assert!(!body.to_string().contains(PLANTED), "{body}");
    }

    let (status, shown) = admin.post(&format!("{path}/reveal"), Value::Null).await;
    assert_eq!((status, &shown["value"]), (200, &json!(PLANTED)));
    let (_, audit) = admin.get("/api/v1/audit").await;
    assert_eq!(audit["items"][0]["operation"], "secret:reveal");
    assert_eq!(audit["items"][0]["outcome"], "done");
    assert!(!audit.to_string().contains(PLANTED));
});

both_databases!(a_new_value_is_a_new_version_and_an_old_one_comes_back, |test| {
    let admin = test.admin().await;
    let group = new_group(&admin, "g").await;
    let secret = new_secret(&admin, &group, "TOKEN", "first").await;
    let path = format!("/api/v1/secrets/{}", secret["id"].as_str().unwrap());

    let (status, changed) = admin.patch(&path, json!({"value": "second"})).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)), "{changed}");
    let (_, shown) = admin.post(&format!("{path}/reveal"), Value::Null).await;
    assert_eq!(shown["value"], "second");
    let (_, shown) = admin.post(&format!("{path}/reveal?version=1"), Value::Null).await;
    assert_eq!(shown["value"], "first");

    let (status, back) = admin
        .post(&format!("{path}/rollback"), json!({"version": 1}))
        .await;
    assert_eq!((status, &back["version"]), (200, &json!(3)), "{back}");
    let (_, shown) = admin.post(&format!("{path}/reveal"), Value::Null).await;
    assert_eq!(shown["value"], "first");
    let (_, versions) = admin.get(&format!("{path}/versions")).await;
    assert_eq!(versions["items"].as_array().unwrap().len(), 3);
    let (status, _) = admin
        .post(&format!("{path}/rollback"), json!({"version": 9}))
        .await;
    assert_eq!(status, 404);
});

/// Does to the tables what somebody who may write to the database would.
async fn by_hand(app: &App, sql: &'static str, ids: [Uuid; 2]) {
    let done = async || -> Result<(), DbError> {
        in_tx!(app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(sql).bind(ids[0]).bind(ids[1]).execute(conn).await?;
        }));
        Ok(())
    };
    done().await.unwrap();
}

both_databases!(no_value_can_be_moved_in_the_tables, |test| {
    let admin = test.admin().await;
    let group = new_group(&admin, "g").await;
    // $1 is what somebody wants to read, $2 what they may reveal. Each takes secrets of its own.
    let swaps: [(&str, &'static str); 7] = [
        (
            "the value into another row",
            "update secret_versions set value = (select value from secret_versions where secret_id = $1 \
             and version = 1) where secret_id = $2",
        ),
        (
            "the row under another secret",
            "update secret_versions set secret_id = $2, version = 9 where secret_id = $1 and version = 1",
        ),
        (
            "an old version as the present one",
            "update secret_versions set value = (select value from secret_versions where secret_id = $2 \
             and version = 1) where secret_id = $2 and version = 2 and $1 = $1",
        ),
        (
            "the version's number",
            "update secret_versions set version = version + 7 where secret_id = $2 and $1 = $1",
        ),
        (
            "a value of another table's column",
            "insert into credentials (org_id, kind, owner_id, value, updated_at) select org_id, \
             'credential/registry', $2, value, 0 from secret_versions where secret_id = $1 and version = 1",
        ),
        (
            "one character of it",
            "update secret_versions set value = substr(value, 1, length(value) - 3) || 'AA=' \
             where secret_id = $2 and $1 = $1",
        ),
        (
            "another key's name before it",
            "update secret_versions set value = '0000000000000000' || substr(value, 17) \
             where secret_id = $2 and $1 = $1",
        ),
    ];
    for (n, (what, sql)) in swaps.into_iter().enumerate() {
        let theirs = new_secret(&admin, &group, &format!("THEIRS_{n}"), PLANTED).await;
        let mine = new_secret(&admin, &group, &format!("MINE_{n}"), "first").await;
        let path = format!("/api/v1/secrets/{}", mine["id"].as_str().unwrap());
        admin.patch(&path, json!({"value": "second"})).await;
        let ids: [Uuid; 2] = [&theirs, &mine].map(|secret| secret["id"].as_str().unwrap().parse().unwrap());
        by_hand(&test.app, sql, ids).await;
        if what.contains("column") {
            let (app, org) = (&test.app, test.default_org().await);
            let moved = find_credential(app, org, CredentialKind::Registry, ids[1]).await;
            assert!(matches!(moved, Err(SecretsError::Seal(_))), "{what}: {moved:?}");
            continue;
        }
        let versions = admin.get(&format!("{path}/versions")).await.1;
        for version in versions["items"].as_array().unwrap() {
            let reveal = format!("{path}/reveal?version={}", version["version"]);
            let (status, body) = admin.post(&reveal, Value::Null).await;
            let untouched = status == 200 && matches!(body["value"].as_str(), Some("first" | "second"));
            let own = body["version"].as_i64() == Some(if body["value"] == "first" { 1 } else { 2 });
            assert!(untouched && own || matches!(status, 404 | 500), "{what}: {body}");
            assert!(!body.to_string().contains(PLANTED), "{what}: {body}");
        }
        if !what.contains("under another") {
            let (status, body) = admin.post(&format!("{path}/reveal"), Value::Null).await;
            assert!(matches!(status, 404 | 500), "{what}: {body}");
            let org = test.default_org().await;
            let resolved = resolve(&test.app, org, &[ids[1].to_string().parse().unwrap()]).await;
            assert!(
                matches!(resolved, Err(SecretsError::Seal(_) | SecretsError::Gone(_))),
                "{what}"
            );
        }
    }

    // The whole secret, with its row, into the stranger's org and group.
    let theirs = new_secret(&admin, &group, "MOVED", PLANTED).await;
    let stranger = test.stranger("elsewhere").await;
    let their_group = new_group(&stranger, "g").await;
    let id: Uuid = theirs["id"].as_str().unwrap().parse().unwrap();
    for sql in [
        "update secrets set group_id = $2, org_id = (select org_id from secret_groups where id = $2) where id = $1",
        "update secret_versions set org_id = (select org_id from secret_groups where id = $2) where secret_id = $1",
    ] {
        by_hand(&test.app, sql, [id, their_group.parse().unwrap()]).await;
    }
    assert_eq!(stranger.get(&format!("/api/v1/secrets/{id}")).await.0, 200);
    let (status, body) = stranger
        .post(&format!("/api/v1/secrets/{id}/reveal"), Value::Null)
        .await;
    assert_eq!(status, 500, "{body}");
    assert!(!body.to_string().contains(PLANTED));
});

both_databases!(who_may_do_what, |test| {
    let admin = test.admin().await;
    let group = new_group(&admin, "g").await;
    let secret = new_secret(&admin, &group, "TOKEN", PLANTED).await;
    let path = format!("/api/v1/secrets/{}", secret["id"].as_str().unwrap());

    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get("/api/v1/secrets").await.0, 403);
    let member = test.member("mia", Role::Member).await;
    assert_eq!(member.get(&path).await.0, 200);
    let (status, body) = member.post(&format!("{path}/reveal"), Value::Null).await;
    assert_eq!(status, 403);
    assert!(!body.to_string().contains(PLANTED));
    assert_eq!(member.patch(&path, json!({"value": "x"})).await.0, 403);
    let (_, audit) = admin.get("/api/v1/audit").await;
    let refused = audit["items"].as_array().unwrap().iter();
    assert_eq!(
        refused.filter(|row| row["outcome"] == "refused").count(),
        3,
        "{audit}"
    );

    let stranger = test.stranger("elsewhere").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(stranger.post(&format!("{path}/reveal"), Value::Null).await.0, 404);
    assert_eq!(stranger.patch(&path, json!({"value": "x"})).await.0, 404);
    assert_eq!(stranger.delete(&path).await.0, 404);
    assert_eq!(
        stranger.get(&format!("/api/v1/secrets/groups/{group}")).await.0,
        404
    );
    let (_, list) = stranger.get("/api/v1/secrets").await;
    assert_eq!(list["items"], json!([]));
    let into_mine = json!({"groupId": group, "name": "X", "value": "x"});
    assert_eq!(stranger.post("/api/v1/secrets", into_mine).await.0, 404);
    assert_eq!(test.nobody().get("/api/v1/secrets").await.0, 401);
});

both_databases!(wrong_input_is_told, |test| {
    let admin = test.admin().await;
    let group = new_group(&admin, "g").await;
    let (status, body) = admin.post("/api/v1/secrets/groups", json!({"name": "g"})).await;
    assert_eq!((status, &body["type"]), (409, &json!("name-taken")));
    new_secret(&admin, &group, "TOKEN", "x").await;
    for (wrong, status) in [
        (json!({"groupId": group, "name": "TOKEN", "value": "x"}), 409),
        (json!({"groupId": group, "name": "A B", "value": "x"}), 422),
        (json!({"groupId": group, "name": "A", "value": ""}), 422),
        (json!({"groupId": group, "name": "A", "value": "nul\u{0}"}), 422),
        (
            json!({"groupId": group, "name": "A", "value": "x", "other": 1}),
            422,
        ),
        (json!({"groupId": Uuid::nil(), "name": "A", "value": "x"}), 404),
    ] {
        let (answered, body) = admin.post("/api/v1/secrets", wrong.clone()).await;
        assert_eq!(answered, status, "{wrong} {body}");
    }
    let (status, body) = admin.delete(&format!("/api/v1/secrets/groups/{group}")).await;
    assert_eq!((status, &body["type"]), (409, &json!("group-not-empty")));
});

both_databases!(credentials_of_other_rooms_are_kept_sealed, |test| {
    let (app, org, owner) = (&test.app, test.default_org().await, Uuid::from_u128(5));
    let kind = CredentialKind::DatabaseServer;
    let work = async || -> Result<(), Error> {
        for value in ["first", PLANTED] {
            let secret = SecretString::from(value);
            in_tx!(app.db, |tx| put_credential(app, tx, org, kind, owner, &secret)
                .await?);
        }
        let found = find_credential(app, org, kind, owner).await?.unwrap();
        assert_eq!(found.expose_secret(), PLANTED);
        assert!(
            find_credential(app, org, CredentialKind::Registry, owner)
                .await?
                .is_none()
        );
        in_tx!(app.db, |tx| delete_credential(tx, org, kind, owner).await?);
        assert!(find_credential(app, org, kind, owner).await?.is_none());
        Ok(())
    };
    work().await.unwrap();
});
