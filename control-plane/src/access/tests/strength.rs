//! Which passwords are taken, through the calls that take them, on both databases.

use muster_base::{ExposeSecret, UserId};
use serde_json::{Value, json};

use crate::{
    access::{AccessError, store, strength, turns::Line},
    in_tx,
    testing::{Test, both_databases},
};

const OLD: &str = "letmein1";

both_databases!(a_new_password_is_hard_to_guess_wherever_it_is_set, |test| {
    let admin = test.admin().await;
    let body = |password: &str| json!({"username": "wilhelmina", "password": password, "email": "w@hohenzollern.example"});
    for weak in ["password123", "wilhelmina1", "hohenzollern", "1234567890123"] {
        let (status, refused) = admin.post("/api/v1/users", body(weak)).await;
        assert_eq!(
            (status, refused["errors"][0]["field"].as_str()),
            (422, Some("password")),
            "{weak}: {refused}"
        );
        assert!(!refused.to_string().contains(weak), "it is not repeated");
    }
    let (status, user) = admin.post("/api/v1/users", body("four quiet words here")).await;
    assert_eq!(status, 201);
    assert!(user["passwordStrength"].as_i64().unwrap() >= 3, "{user}");
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    assert_eq!(
        admin.patch(&path, json!({"password": "password123"})).await.0,
        422
    );
    assert_eq!(
        admin.patch(&path, json!({"nickName": "Mina"})).await.1["passwordStrength"],
        user["passwordStrength"]
    );

    let own = test.sign_in("wilhelmina", "four quiet words here").await;
    let change = |new: &str| json!({"oldPassword": "four quiet words here", "newPassword": new});
    let (status, refused) = own.post("/api/v1/me/password", change("wilhelmina99")).await;
    assert_eq!(
        (status, refused["errors"][0]["field"].as_str()),
        (422, Some("newPassword")),
        "{refused}"
    );
    assert_eq!(
        own.post("/api/v1/me/password", change("another quiet lot of words"))
            .await
            .0,
        204
    );
});

both_databases!(a_password_is_judged_while_it_is_typed, |test| {
    let admin = test.admin().await;
    let body = json!({"username": "wilhelmina", "password": "four quiet words here", "email": "w@hohenzollern.example"});
    assert_eq!(admin.post("/api/v1/users", body).await.0, 201);
    let own = test.sign_in("wilhelmina", "four quiet words here").await;
    let judge = async |password: &str| {
        let path = "/api/v1/me/password/strength";
        own.post(path, json!({"password": password})).await
    };
    let (status, judged) = judge("another quiet lot of words").await;
    assert_eq!((status, judged), (200, json!({"strength": 4, "enough": true})));
    for weak in ["", "wilhelmina99", "x7#Q!vz2"] {
        assert_eq!(judge(weak).await.1["enough"], false, "{weak}");
    }
    let own_words = judge("wilhelminahohenzollern").await.1;
    assert!(own_words["strength"].as_i64().unwrap() < 3, "{own_words}");
    let mut refused = false;
    for _ in 0..100 {
        refused |= judge("x").await.0 == 429;
    }
    assert!(refused, "nobody keeps the cores busy with it");
});

async fn stored(test: &Test, id: UserId) -> (String, Value) {
    let hash = store::user::password_hash(&test.app.db, id)
        .await
        .unwrap()
        .unwrap();
    let (_, user) = test.maker().await.get(&format!("/api/v1/users/{id}")).await;
    (hash, user["passwordStrength"].clone())
}

both_databases!(an_imported_bcrypt_hash_is_replaced_at_the_next_sign_in, |test| {
    let (id, _) = test.user("ann").await;
    let imported = bcrypt::hash(OLD, 4).unwrap();
    let import = async || -> Result<(), AccessError> {
        in_tx!(test.app.db, |tx| store::user::set_password(
            tx,
            id,
            (&imported, 0, false),
            test.app.clock.now()
        )
        .await?);
        Ok(())
    };
    import().await.unwrap();
    let login = async |password: &str| {
        let body = json!({"login": "ann", "password": password});
        test.nobody().post("/api/v1/auth/login", body).await.0
    };
    assert_eq!(login("not this one").await, 401);
    assert_eq!(
        stored(test, id).await.0,
        imported,
        "a wrong password changes nothing"
    );
    assert_eq!(login(OLD).await, 200);
    let (hash, strength) = stored(test, id).await;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert!(strength.as_i64().unwrap() < 3, "{strength}");
    assert_eq!(login(OLD).await, 200);
});

#[tokio::test]
async fn a_password_that_became_known_is_refused() {
    let test = Test::sqlite().await;
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "four quiet words here\nsomething else\n").unwrap();
    let app = test.app_with_config(|config| config.sign_in.breach_list = Some(list.path().to_owned()));
    let refused = strength::accept(&app, "four quiet words here".into(), Vec::new(), Line::Known).await;
    assert!(matches!(
        refused,
        Err(AccessError::Invalid {
            field: "password",
            ..
        })
    ));
    let taken = strength::accept(&app, "four quiet words there".into(), Vec::new(), Line::Known)
        .await
        .unwrap();
    assert!(taken.hash.expose_secret().starts_with("$argon2id$"));
    std::fs::remove_file(list.path()).unwrap();
    let unreadable = strength::accept(&app, "four quiet words there".into(), Vec::new(), Line::Known).await;
    assert!(
        matches!(unreadable, Err(AccessError::Refused(_))),
        "a list that is gone is no yes"
    );
    test.finish().await;
}
