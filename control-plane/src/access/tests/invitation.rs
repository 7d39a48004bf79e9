//! An invitation is worth what its maker may do, on both databases.

use serde_json::{Value, json};

use crate::{
    access::Role,
    db::{Db, DbError},
    in_tx,
    testing::{Client, Test, both_databases},
    with_pool, with_tx,
};

async fn link(client: &Client<'_>, role: &str) -> String {
    let (status, made) = client.post("/api/v1/invitations", json!({"role": role})).await;
    assert_eq!(status, 201, "{made}");
    let link = made["link"].as_str().unwrap();
    link.rsplit('/').next().unwrap().to_owned()
}

async fn accept(client: &Client<'_>, token: &str) -> (u16, Value) {
    let body = json!({"token": token});
    client.post("/api/v1/invitations/accept", body).await
}

async fn member(olga: &Client<'_>, name: &str) -> String {
    let (_, found) = olga.get(&format!("/api/v1/members?search={name}")).await;
    format!(
        "/api/v1/members/{}",
        found["items"][0]["userId"].as_str().unwrap()
    )
}

both_databases!(an_invitation_ends_with_its_maker_s_right_to_make_it, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let (_, paul) = test.user("paul").await;
    let ann = test.member("ann", Role::Admin).await;
    let bea = test.member("bea", Role::Admin).await;
    let (cat_id, cat) = test.user("cat").await;
    let body = json!({"username": "cat", "role": "ADMIN"});
    assert_eq!(olga.post("/api/v1/members", body).await.0, 201);
    let (anns, beas, cats) = (
        link(&ann, "ADMIN").await,
        link(&bea, "ADMIN").await,
        link(&cat, "MEMBER").await,
    );

    assert_eq!(olga.delete(&member(&olga, "ann").await).await.0, 204);
    assert_eq!(
        accept(&ann, &anns).await.0,
        404,
        "nobody lets themselves in again"
    );
    assert_eq!(accept(&paul, &anns).await.0, 404);
    let look = json!({"token": anns});
    assert_eq!(test.nobody().post("/api/v1/invitations/look", look).await.0, 404);

    let lowered = json!({"role": "VIEWER"});
    assert_eq!(olga.patch(&member(&olga, "bea").await, lowered).await.0, 200);
    assert_eq!(accept(&paul, &beas).await.0, 404, "a viewer invites nobody");

    let path = format!("/api/v1/users/{cat_id}");
    let admin = test.admin().await;
    assert_eq!(admin.patch(&path, json!({"status": "disabled"})).await.0, 200);
    assert_eq!(accept(&paul, &cats).await.0, 404);
    assert_eq!(admin.patch(&path, json!({"status": "active"})).await.0, 200);
    assert_eq!(accept(&paul, &cats).await.0, 200, "a refusal used nothing up");

    // Who was removed and is back has to invite anew.
    let body = json!({"username": "ann", "role": "ADMIN"});
    assert_eq!(olga.post("/api/v1/members", body).await.0, 201);
    let (_, rita) = test.user("rita").await;
    assert_eq!(accept(&rita, &anns).await.0, 404);
    assert_eq!(accept(&rita, &link(&admin, "ADMIN").await).await.0, 200);
});

/// Both wait for the org's row, in this order, and then go on one after the other: what each holds meanwhile is nothing that
/// the other needs.
#[tokio::test]
async fn accepting_and_removing_the_maker_wait_for_each_other_in_one_order() {
    let test = Test::postgres().await;
    race(&test).await;
    test.finish().await;
}

async fn race(test: &Test) {
    let Db::Postgres(pool) = &test.app.db else {
        panic!("another database");
    };
    let olga = test.member("olga", Role::Owner).await;
    let org = test.default_org().await;
    for round in 0..4 {
        test.app.clock.advance(60_000);
        let (maker, guest) = (format!("maker{round}"), format!("guest{round}"));
        let ann = test.member(&maker, Role::Admin).await;
        let (_, paul) = test.user(&guest).await;
        let token = link(&ann, "MEMBER").await;
        let path = member(&olga, &maker).await;
        let mut first = pool.begin().await.unwrap();
        sqlx::query("select id from orgs where id = $1 for update")
            .bind(org)
            .execute(&mut *first)
            .await
            .unwrap();
        let removing_first = round % 2 == 0;
        let removing = async {
            waiters(pool, usize::from(!removing_first)).await;
            olga.delete(&path).await
        };
        let accepting = async {
            waiters(pool, usize::from(removing_first)).await;
            accept(&paul, &token).await
        };
        let letting = async {
            waiters(pool, 2).await;
            first.commit().await.unwrap();
        };
        let (removed, accepted, ()) = tokio::join!(removing, accepting, letting);
        assert_eq!(removed.0, 204, "{removed:?}");
        let expected = if removing_first { 404 } else { 200 };
        assert_eq!(accepted.0, expected, "{accepted:?}");
    }
}

/// Waits until so many sessions of this test's database wait for a lock.
async fn waiters(pool: &sqlx::PgPool, count: usize) {
    const SQL: &str = "select count(*) from pg_stat_activity where datname = current_database() \
        and wait_event_type = 'Lock'";
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let waiting: i64 = sqlx::query_scalar(SQL).fetch_one(pool).await.unwrap();
        if usize::try_from(waiting).unwrap() >= count {
            return;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "{waiting} of {count} wait for a lock"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// What the upgrade does with invitations that there are.
async fn upgrade(db: &Db) -> Result<(), DbError> {
    let step = match db {
        Db::Sqlite(_) => include_str!("../../../../migrations/sqlite/0072_accounts.sql"),
        Db::Postgres(_) => include_str!("../../../../migrations/postgres/0072_accounts.sql"),
    };
    let begins = step.find("update invitations").unwrap();
    let sql = step[begins..].split(';').next().unwrap();
    in_tx!(db, |tx| with_tx!(tx, |conn| {
        sqlx::query("update invitations set created_by_id = null")
            .execute(&mut *conn)
            .await?;
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(conn).await?;
    }));
    Ok(())
}

both_databases!(whoever_made_one_before_that_was_kept_is_found, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let ann = test.member("ann", Role::Admin).await;
    let (_, key) = ann
        .post("/api/v1/api-keys", json!({"name": "ci", "kind": "full"}))
        .await;
    let by_key = test.with_token(key["key"].as_str().unwrap());
    for maker in [&ann, &by_key, &test.admin().await] {
        link(maker, "MEMBER").await;
        // Ids of one millisecond have no order.
        test.app.clock.advance(1);
    }
    upgrade(&test.app.db).await.unwrap();
    let sql =
        "select u.username from invitations i left join users u on u.id = i.created_by_id order by i.id";
    let makers: Vec<Option<String>> =
        with_pool!(test.app.db, |pool| sqlx::query_scalar(sql).fetch_all(pool).await).unwrap();
    assert_eq!(makers, [Some("ann".to_owned()), Some("ann".to_owned()), None]);
    assert_eq!(
        olga.get("/api/v1/invitations").await.1["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
});
