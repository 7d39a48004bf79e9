//! Hashes from another system: who brings them, what becomes of them, and that they tell nobody of their user.

use serde_json::{Value, json};

use crate::{
    access::{
        Role, store,
        turns::{Line, crowd},
    },
    testing::{Test, both_databases},
};

const OLD: &str = "as it was there";
const PATH: &str = "/api/v1/users";

async fn kept(test: &Test, login: &str) -> (String, String) {
    let found = store::user::find_login(&test.app.db, "default", login)
        .await
        .unwrap();
    let found = found.unwrap();
    (found.password_hash, found.hash_kind)
}

async fn login(test: &Test, login: &str, password: &str) -> u16 {
    let body = json!({"login": login, "password": password});
    test.nobody().post("/api/v1/auth/login", body).await.0
}

both_databases!(an_imported_hash_signs_in_and_is_replaced, |test| {
    let hash = bcrypt::hash(OLD, 4).unwrap();
    let body = json!({"username": "ann", "passwordHash": hash, "legacyId": "7"});
    let eve = test.member("eve", Role::Owner).await;
    assert_eq!(eve.post(PATH, body.clone()).await.0, 403, "administrators only");
    let admin = test.admin().await;
    let (status, user) = admin.post(PATH, body).await;
    assert_eq!((status, &user["passwordStrength"]), (201, &Value::Null), "{user}");
    assert!(!user.to_string().contains(&hash));
    assert_eq!(kept(test, "ann").await, (hash, "$2b$04$".to_owned()));
    assert_eq!(login(test, "ann", "something else").await, 401);
    assert_eq!(kept(test, "ann").await.1, "$2b$04$");
    assert_eq!(login(test, "ann", OLD).await, 200);
    let (hash, kind) = kept(test, "ann").await;
    assert!(hash.starts_with("$argon2id$") && kind.is_empty(), "{hash} {kind}");
    assert_eq!(login(test, "ann", OLD).await, 200);

    let costly = format!("$2b$15${}", "a".repeat(53));
    for (body, field) in [
        (json!({"username": "bea", "passwordHash": costly}), "passwordHash"),
        (json!({"username": "bea", "passwordHash": OLD}), "passwordHash"),
        (
            json!({"username": "bea", "passwordHash": hash, "password": "a password for tests"}),
            "passwordHash",
        ),
        (json!({"username": "bea"}), "password"),
    ] {
        let (status, problem) = admin.post(PATH, body).await;
        assert_eq!(
            (status, problem["errors"][0]["field"].as_str()),
            (422, Some(field)),
            "{problem}"
        );
    }
});

both_databases!(
    names_that_nobody_has_are_given_the_work_of_those_who_were_imported,
    |test| {
        let names: Vec<_> = (0..64).map(|number| format!("nobody-{number}")).collect();
        let work = async || {
            test.app.clock.advance(11 * 60_000);
            let shares = test.app.decoys.shares(&test.app).await.unwrap();
            let costly = |name: &&String| shares.of(&test.app, "default", name).is_some();
            names.iter().filter(costly).cloned().collect::<Vec<_>>()
        };
        assert!(work().await.is_empty(), "nobody was imported");
        let hash = bcrypt::hash(OLD, 4).unwrap();
        for name in ["ann", "bea", "cat"] {
            let body = json!({"username": name, "passwordHash": hash});
            assert_eq!(test.maker().await.post(PATH, body).await.0, 201);
        }
        assert_eq!(work().await, names, "everybody was");
        for name in ["dan", "eve", "flo"] {
            test.user(name).await;
        }
        let half = work().await;
        assert!(!half.is_empty() && half.len() < names.len(), "{half:?}");
        assert_eq!(work().await, half, "each name the same again");
        assert_eq!(login(test, "ann", OLD).await, 200);
        let fewer = work().await;
        assert!(
            fewer.iter().all(|name| half.contains(name)),
            "none comes to it later"
        );
        assert_eq!(login(test, &half[0], OLD).await, 401, "whatever its work is");
    }
);

both_databases!(a_crowd_keeps_only_those_out_who_stand_in_its_line, |test| {
    let hash = bcrypt::hash(OLD, 4).unwrap();
    for name in ["ann", "bea"] {
        let body = json!({"username": name, "passwordHash": hash});
        assert_eq!(test.maker().await.post(PATH, body).await.0, 201);
    }
    for name in ["dan", "eve"] {
        test.user(name).await;
    }
    let shares = test.app.decoys.shares(&test.app).await.unwrap();
    let imported = |name: &String| shares.of(&test.app, "default", name).is_some();
    let mut names = (0..64).map(|number| format!("nobody-{number}"));
    let like_ann = names.find(imported).unwrap();
    let like_dan = names.find(|name| !imported(name)).unwrap();
    let strangers = crowd(Line::Strangers);
    assert_eq!(login(test, "ann", OLD).await, 200);
    for ours in ["dan", like_dan.as_str()] {
        assert_eq!(login(test, ours, OLD).await, 429, "{ours}");
    }
    drop(strangers);
    let imported = crowd(Line::Imported);
    for ours in ["dan", like_dan.as_str()] {
        assert_eq!(login(test, ours, OLD).await, 401, "{ours}");
    }
    // Whether there is such a user is not told by a full line either.
    for other in ["bea", like_ann.as_str()] {
        assert_eq!(login(test, other, OLD).await, 429, "{other}");
    }
    drop(imported);
    assert_eq!(login(test, "bea", OLD).await, 200);
});
