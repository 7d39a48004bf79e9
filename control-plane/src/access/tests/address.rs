//! Whose an address is: what changes it, who is told, and what a mailed link is worth, on both databases.

use muster_base::UserId;
use serde_json::json;

use super::{
    mail::{forgot, idle, reset, token},
    second_factor::{answer, code, login, verified, with_app},
};
use crate::{
    db::{Db, DbError},
    in_tx,
    testing::both_databases,
    with_tx,
};

const PASSWORD: &str = "a password for tests";
const PROFILE: &str = "/api/v1/me/profile";

both_databases!(another_address_or_number_takes_the_password, |test| {
    let (_, nora) = verified(test, "nora").await;
    for wish in [
        json!({"email": "eve@example.com"}),
        json!({"email": "eve@example.com", "password": "not hers at all"}),
        json!({"email": ""}),
        json!({"mobile": "13900000000"}),
    ] {
        let (status, body) = nora.patch(PROFILE, wish.clone()).await;
        assert_eq!(
            (status, body["errors"][0]["field"].as_str()),
            (422, Some("password")),
            "{wish}: {body}"
        );
    }
    let (_, user) = nora.get(PROFILE).await;
    assert_eq!(
        (&user["email"], user["mobile"].is_null()),
        (&json!("nora@example.com"), true)
    );
    let same = json!({"nickName": "N", "email": "nora@example.com"});
    assert_eq!(nora.patch(PROFILE, same).await.0, 200, "what stays needs none");

    let other = json!({"email": "n@example.com", "password": PASSWORD});
    assert_eq!(nora.patch(PROFILE, other).await.0, 200);
    let mails = test.post.wait_for("nora@example.com", 2).await;
    assert!(
        mails[1].text.contains("was changed") && mails[1].text.contains("nora"),
        "the old address is told: {}",
        mails[1].text
    );
});

both_databases!(strangers_at_the_door_keep_nobody_from_another_password, |test| {
    let (_, nora) = test.user("nora").await;
    let wrong = json!({"login": "nora", "password": "guessed by a stranger"});
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(test.nobody().post("/api/v1/auth/login", wrong.clone()).await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    let body = json!({"oldPassword": PASSWORD, "newPassword": "an altogether different one"});
    assert_eq!(nora.post("/api/v1/me/password", body).await.0, 204);
});

both_databases!(a_link_goes_to_no_address_that_was_only_typed, |test| {
    let (id, nora) = test.user("nora").await;
    let typed = json!({"email": "stranger@example.com", "password": PASSWORD});
    assert_eq!(nora.patch(PROFILE, typed).await.0, 200);
    test.post.wait_for("stranger@example.com", 1).await;
    assert_eq!(forgot(test, "nora").await.0, 202);
    idle(test).await;
    assert_eq!(test.post.mails().len(), 1, "only the one that verifies");

    // What an administrator wrote down counts.
    let given = json!({"email": "nora@example.com"});
    let path = format!("/api/v1/users/{id}");
    assert_eq!(test.admin().await.patch(&path, given).await.0, 200);
    assert_eq!(forgot(test, "nora").await.0, 202);
    let mails = test.post.wait_for("nora@example.com", 1).await;
    assert_eq!(
        reset(test, &token(&mails[0].text), "an altogether different one").await,
        204
    );
    let (_, user) = test.admin().await.get(&path).await;
    assert!(
        user["emailVerifiedAt"].is_string(),
        "who reads the mail has the address: {user}"
    );
});

both_databases!(a_mailbox_alone_is_no_match_for_an_app, |test| {
    let (_, ann) = verified(test, "ann").await;
    let (secret, _) = with_app(test, &ann).await;
    let door = test.nobody();
    let methods = async || login(&door, "ann", None).await.1;
    assert_eq!(methods().await["methods"], json!(["totp", "recovery", "email"]));

    forgot(test, "ann").await;
    let mails = test.post.wait_for("ann@example.com", 2).await;
    assert_eq!(reset(test, &token(&mails[1].text), PASSWORD).await, 204);
    let asked = methods().await;
    assert_eq!(asked["methods"], json!(["totp", "recovery"]));
    let mailed = json!({"challenge": asked["challenge"]});
    assert_eq!(door.post("/api/v1/auth/challenge/code", mailed).await.0, 422);

    // The user themselves has the app, and may set another password then.
    test.app.clock.advance(60_000);
    let (status, signed_in) = answer(&door, &asked, "totp", &code(test, &secret)).await;
    assert_eq!(status, 200, "{signed_in}");
    let ann = test.with_token(signed_in["accessToken"].as_str().unwrap());
    let passwords = json!({"oldPassword": PASSWORD, "newPassword": "an altogether different one"});
    assert_eq!(ann.post("/api/v1/me/password", passwords).await.0, 204);
    let other = json!({"login": "ann", "password": "an altogether different one"});
    let (_, asked) = door.post("/api/v1/auth/login", other).await;
    assert_eq!(asked["methods"], json!(["totp", "recovery", "email"]));
});

both_databases!(an_address_is_one_however_it_is_written, |test| {
    let (_, nora) = test.user("nora").await;
    let (_, paul) = test.user("paul").await;
    let hers = json!({"email": "Nora@Example.com", "password": PASSWORD});
    let (status, user) = nora.patch(PROFILE, hers).await;
    assert_eq!(
        (status, &user["email"]),
        (200, &json!("Nora@Example.com")),
        "kept as she wrote it"
    );
    for spelling in ["nora@example.com", "NORA@EXAMPLE.COM", "Nora@Example.com"] {
        assert_eq!(login(&test.nobody(), spelling, None).await.0, 200, "{spelling}");
        let same = json!({"email": spelling, "password": PASSWORD});
        let (status, body) = paul.patch(PROFILE, same).await;
        assert_eq!(
            (status, body["type"].as_str()),
            (409, Some("taken")),
            "{spelling}"
        );
    }
    let body = json!({"username": "eve", "password": PASSWORD, "email": "nora@example.com"});
    assert_eq!(test.admin().await.post("/api/v1/users", body).await.0, 409);
    let lower = json!({"email": "nora@example.com", "password": PASSWORD});
    assert_eq!(nora.patch(PROFILE, lower).await.0, 200, "her own");
    let gone = json!({"email": "", "password": PASSWORD});
    assert_eq!(nora.patch(PROFILE, gone).await.0, 200);
    let free = json!({"email": "nora@Example.com", "password": PASSWORD});
    assert_eq!(paul.patch(PROFILE, free).await.0, 200);
});

/// What the upgrade does with addresses that there are.
async fn fold(db: &Db, addresses: &[(UserId, &str)]) -> Result<(), DbError> {
    let step = match db {
        Db::Sqlite(_) => include_str!("../../../../migrations/sqlite/0072_accounts.sql"),
        Db::Postgres(_) => include_str!("../../../../migrations/postgres/0072_accounts.sql"),
    };
    let begins = step.find("update users set email_key").unwrap();
    let sql = step[begins..].split(';').next().unwrap();
    in_tx!(db, |tx| with_tx!(tx, |conn| {
        for (user, address) in addresses {
            sqlx::query("update users set email = $2, email_key = null where id = $1")
                .bind(user)
                .bind(*address)
                .execute(&mut *conn)
                .await?;
        }
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(conn).await?;
    }));
    Ok(())
}

both_databases!(two_of_before_who_differ_in_letters_only_both_sign_in, |test| {
    let (first, _) = test.user("first").await;
    test.app.clock.advance(1);
    let (second, _) = test.user("second").await;
    let addresses = [(first, "Ann@example.com"), (second, "ann@example.com")];
    fold(&test.app.db, &addresses).await.unwrap();
    let who = async |spelling: &str| {
        let (status, signed_in) = login(&test.nobody(), spelling, None).await;
        assert_eq!(status, 200, "{signed_in}");
        signed_in["user"]["username"].as_str().unwrap().to_owned()
    };
    assert_eq!(who("Ann@example.com").await, "first");
    assert_eq!(who("ann@example.com").await, "second");
    assert_eq!(who("ANN@example.com").await, "first");
    let body = json!({"username": "third", "password": PASSWORD, "email": "aNN@example.com"});
    assert_eq!(test.admin().await.post("/api/v1/users", body).await.0, 409);
});

both_databases!(
    several_names_of_one_user_are_one_budget_that_tells_nothing,
    |test| {
        let (_, ann) = test.user("ann").await;
        let profile = json!({"email": "ann@example.com", "mobile": "13800000000", "password": PASSWORD});
        assert_eq!(ann.patch(PROFILE, profile).await.0, 200);
        let (_, user) = ann.get(PROFILE).await;
        let account = user["account"].as_str().unwrap();
        let from = |last: u8| test.nobody().at([192, 0, 2, last].into());
        let wrong = async |name: &str| {
            let body = json!({"login": name, "password": "guessed by a stranger"});
            from(1).post("/api/v1/auth/login", body).await
        };
        // As it is for names that nobody has, whatever comes of it.
        let mut tried = 0;
        for (known, unknown) in [("ann", "bea"), ("ann@example.com", "bea@example.com")] {
            for count in 0..10 {
                let answers = (wrong(known).await, wrong(unknown).await);
                assert_eq!((answers.0.0, answers.1.0), (401, 401), "{known} {count}");
                tried += 1;
            }
        }
        assert!(tried > 12);
        let right = |name: &str| json!({"login": name, "password": PASSWORD});
        for name in ["13800000000", account] {
            let (status, body) = from(9).post("/api/v1/auth/login", right(name)).await;
            assert_eq!(
                (status, body["type"].as_str()),
                (401, Some("unauthenticated")),
                "right, and one too many from this network"
            );
        }
        let elsewhere = test.nobody().at([198, 51, 100, 1].into());
        assert_eq!(elsewhere.post("/api/v1/auth/login", right("ann")).await.0, 200);
    }
);
