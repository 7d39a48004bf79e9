//! A database of before platforms, permissions and people had tables of their own: who and what is in it stays.

use muster_base::{ApiKeyId, ExposeSecret, OrgId, PlatformId, UnixMs, UserId, sha256};
use serde_json::json;
use uuid::Uuid;

use crate::{
    access,
    db::{Db, DbError},
    in_tx,
    testing::Test,
    with_tx,
};

/// The first step that this is about.
const PERMISSIONS: i64 = 20;
const KEY: &str = "dw_a-key-of-before";
const PASSWORD: &str = "a password of before";

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + number)
}

/// A platform, an org with its owner, a viewer and an application, and the owner's key.
async fn fill(db: &Db) -> Result<(), DbError> {
    const USER: &str = "insert into users (id, account, platform_id, username, email, password_hash, status, \
        registered_by, created_at, updated_at) values ($1, $2, $3, $2, $4, $5, 'active', 'root', $6, $6)";
    const MEMBER: &str =
        "insert into members (org_id, user_id, role, created_at, updated_at) values ($1, $2, $3, $4, $4)";
    let (platform, org) = (PlatformId::from_uuid(id(1)), OrgId::from_uuid(id(2)));
    let now = UnixMs(1_770_000_000_000);
    let hash = access::hash_password(PASSWORD.into()).await.unwrap();
    in_tx!(db, |tx| {
        with_tx!(tx, |conn| {
            sqlx::query(
                "insert into platforms (id, code, name, created_at) values ($1, 'default', 'Default', $2)",
            )
            .bind(platform)
            .bind(now)
            .execute(&mut *conn)
            .await?;
            sqlx::query(
                "insert into orgs (id, platform_id, name, slug, description, created_at, updated_at) \
                 values ($1, $2, 'Acme', 'acme', 'of before', $3, $3)",
            )
            .bind(org)
            .bind(platform)
            .bind(now)
            .execute(&mut *conn)
            .await?;
            for (user, name, role) in [(id(3), "olga", "OWNER"), (id(4), "vera", "VIEWER")] {
                sqlx::query(USER)
                    .bind(UserId::from_uuid(user))
                    .bind(name)
                    .bind(platform)
                    .bind(format!("{name}@example.com"))
                    .bind(hash.expose_secret())
                    .bind(now)
                    .execute(&mut *conn)
                    .await?;
                sqlx::query(MEMBER)
                    .bind(org)
                    .bind(UserId::from_uuid(user))
                    .bind(role)
                    .bind(now)
                    .execute(&mut *conn)
                    .await?;
            }
            sqlx::query(
                "insert into api_keys (id, org_id, user_id, name, kind, prefix, hash, created_at) \
                 values ($1, $2, $3, 'ci', 'full', 'dw_a-key-of', $4, $5)",
            )
            .bind(ApiKeyId::from_uuid(id(5)))
            .bind(org)
            .bind(UserId::from_uuid(id(3)))
            .bind(sha256(KEY.as_bytes()).0.to_vec())
            .bind(now)
            .execute(&mut *conn)
            .await?;
        });
    });
    Ok(())
}

#[tokio::test]
async fn nobody_of_before_is_lost_on_sqlite() {
    nobody_is_lost(Test::upgraded_sqlite(PERMISSIONS, async |db| fill(db).await.unwrap()).await).await;
}

#[tokio::test]
async fn nobody_of_before_is_lost_on_postgres() {
    nobody_is_lost(Test::upgraded_postgres(PERMISSIONS, async |db| fill(db).await.unwrap()).await).await;
}

async fn nobody_is_lost(test: Test) {
    let olga = test.sign_in("olga", PASSWORD).await;
    let vera = test.sign_in("vera@example.com", PASSWORD).await;
    let (_, members) = olga.get("/api/v1/members").await;
    let seen: Vec<_> = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            (
                member["username"].clone(),
                member["role"].clone(),
                member["status"].clone(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (json!("olga"), json!("OWNER"), json!(1)),
            (json!("vera"), json!("VIEWER"), json!(1)),
        ]
    );
    let (_, org) = vera.get("/api/v1/org").await;
    assert_eq!(
        (&org["name"], &org["description"]),
        (&json!("Acme"), &json!("of before"))
    );

    let cluster = json!({"name": "web"});
    assert_eq!(vera.post("/api/v1/clusters", cluster.clone()).await.0, 403);
    assert_eq!(olga.post("/api/v1/clusters", cluster).await.0, 201);
    let key = test.with_token(KEY);
    assert_eq!(key.post("/api/v1/clusters", json!({"name": "db"})).await.0, 201);

    // What orgs begin with now, this one has too, and it can be used.
    let (_, templates) = olga.get("/api/v1/permission-templates").await;
    assert!(
        templates["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty()),
        "{templates}"
    );
    let path = format!("/api/v1/members/{}/permissions", id(4));
    let body = json!({"operations": ["cluster:write"]});
    let (status, given) = olga.call(axum::http::Method::PUT, &path, Some(body)).await;
    assert_eq!(status, 200, "{given}");
    assert_eq!(
        vera.post("/api/v1/clusters", json!({"name": "more"})).await.0,
        201
    );
    test.finish().await;
}
