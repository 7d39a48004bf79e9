//! What people get by mail and what its links do, on both databases.

use std::time::Duration;

use muster_base::UnixMs;
use serde_json::{Value, json};

use super::second_factor::verified;
use crate::{
    access::{Role, store},
    testing::{Test, both_databases},
};

const PASSWORD: &str = "a password for tests";
const NEW: &str = "an altogether different one";

/// What stands behind `#` in the link of a mail.
pub(super) fn token(mail: &str) -> String {
    let (_, rest) = mail
        .split_once('#')
        .unwrap_or_else(|| panic!("no link in {mail}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

pub(super) async fn forgot(test: &Test, login: &str) -> (u16, Value) {
    test.nobody()
        .post("/api/v1/auth/password/forgot", json!({"login": login}))
        .await
}

pub(super) async fn reset(test: &Test, token: &str, password: &str) -> u16 {
    let body = json!({"token": token, "password": password});
    test.nobody().post("/api/v1/auth/password/reset", body).await.0
}

async fn login(test: &Test, password: &str) -> u16 {
    let body = json!({"login": "nora", "password": password});
    test.nobody().post("/api/v1/auth/login", body).await.0
}

both_databases!(a_forgotten_password_is_set_by_mail_once, |test| {
    let (_, nora) = verified(test, "nora").await;

    let known = forgot(test, "nora@example.com").await;
    assert_eq!(
        known,
        forgot(test, "nobody@example.com").await,
        "one answer for all"
    );
    assert_eq!(known.0, 202);
    let mails = test.post.wait_for("nora@example.com", 2).await;
    let link = token(&mails[1].text);
    assert!(
        mails[1].text.contains("/reset-password#prf_") && mails[1].text.contains("nora"),
        "{}",
        mails[1].text
    );

    assert_eq!(reset(test, "prf_made-up", NEW).await, 422);
    assert_eq!(reset(test, &link, "short").await, 422, "and the link still works");
    assert_eq!(reset(test, &link, NEW).await, 204);
    assert_eq!(nora.get("/api/v1/me").await.0, 401, "every session ended");
    assert_eq!((login(test, PASSWORD).await, login(test, NEW).await), (401, 200));
    assert_eq!(reset(test, &link, PASSWORD).await, 422, "once");
    let mails = test.post.wait_for("nora@example.com", 3).await;
    assert!(
        mails[2].text.contains("password was changed"),
        "{}",
        mails[2].text
    );
    let (_, rows) = test.admin().await.get("/api/v1/outbox").await;
    assert!(!rows.to_string().contains("prf_"));
});

both_databases!(links_expire_and_die_with_the_address, |test| {
    // Not verified, or she would be asked for a second factor below; an administrator wrote it down.
    let (id, _) = test.user("nora").await;
    let given = json!({"email": "nora@example.com"});
    let path = format!("/api/v1/users/{id}");
    assert_eq!(test.maker().await.patch(&path, given).await.0, 200);
    let mut links = Vec::new();
    for count in 1..=3 {
        forgot(test, "nora").await;
        let mails = test.post.wait_for("nora@example.com", count).await;
        links.push(token(&mails[count - 1].text));
    }
    // A fourth is not sent: three work, and nobody fills somebody's mailbox.
    forgot(test, "nora").await;
    idle(test).await;
    assert_eq!(test.post.wait_for("nora@example.com", 3).await.len(), 3);

    test.app.clock.advance(UnixMs::HOUR);
    assert_eq!(reset(test, &links[0], NEW).await, 422, "expired");
    forgot(test, "nora").await;
    let mails = test.post.wait_for("nora@example.com", 4).await;
    let link = token(&mails[3].text);
    let nora = test.sign_in("nora", PASSWORD).await;
    let other = json!({"email": "other@example.com", "password": PASSWORD});
    assert_eq!(nora.patch("/api/v1/me/profile", other).await.0, 200);
    assert_eq!(
        reset(test, &link, NEW).await,
        422,
        "it was for the address of before"
    );

    // One mail verifies, the others reset; using one reset uses up the others.
    let mails = test.post.wait_for("other@example.com", 1).await;
    let body = json!({"token": token(&mails[0].text)});
    assert_eq!(test.nobody().post("/api/v1/auth/email/verify", body).await.0, 204);
    forgot(test, "other@example.com").await;
    let mails = test.post.wait_for("other@example.com", 2).await;
    let first = token(&mails[1].text);
    forgot(test, "nora").await;
    let mails = test.post.wait_for("other@example.com", 3).await;
    assert_eq!(reset(test, &token(&mails[2].text), NEW).await, 204);
    assert_eq!(reset(test, &first, PASSWORD).await, 422);
});

/// Waits until nothing is done aside and nothing waits in the outbox.
pub(super) async fn idle(test: &Test) {
    for _ in 0..400 {
        let (_, state) = test.maker().await.get("/api/v1/outbox/state").await;
        if test.app.throttle.nothing_aside() && state["waiting"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("something is still being done");
}

both_databases!(no_answer_s_time_says_whether_there_is_such_an_account, |test| {
    let _ = verified(test, "nora").await;
    // Nothing can be written while this is open: an answer that waited for its letter would wait for ever.
    let mut tx = test.app.db.begin().await.unwrap();
    let id = nora_id(test).await;
    store::user::lock(&mut tx, &test.app.db, id).await.unwrap();
    for who in ["nora", "nobody"] {
        let answered = tokio::time::timeout(Duration::from_secs(5), forgot(test, who)).await;
        assert_eq!(
            answered.expect("an answer that waits for nothing").0,
            202,
            "{who}"
        );
    }
    tx.commit().await.unwrap();
    test.post.wait_for("nora@example.com", 2).await;
});

async fn nora_id(test: &Test) -> muster_base::UserId {
    let found = store::user::find_login(&test.app.db, "default", "nora")
        .await
        .unwrap();
    found.unwrap().id
}

both_databases!(an_address_is_verified_by_its_link, |test| {
    let (_, nora) = test.user("nora").await;
    let ask = "/api/v1/me/email/verification";
    assert_eq!(nora.post(ask, Value::Null).await.0, 409, "no address");
    let profile = json!({"email": "nora@example.com", "password": PASSWORD});
    let (_, user) = nora.patch("/api/v1/me/profile", profile.clone()).await;
    assert!(user["emailVerifiedAt"].is_null());
    let mails = test.post.wait_for("nora@example.com", 1).await;
    let first = token(&mails[0].text);
    assert_eq!(nora.post(ask, Value::Null).await.0, 202);
    let mails = test.post.wait_for("nora@example.com", 2).await;
    assert_eq!(nora.post(ask, Value::Null).await.0, 202);
    assert_eq!(nora.post(ask, Value::Null).await.0, 409, "three work already");

    let verify = async |token: &str| {
        let body = json!({"token": token});
        test.nobody().post("/api/v1/auth/email/verify", body).await.0
    };
    assert_eq!(reset(test, &first, NEW).await, 422, "it sets no password");
    assert_eq!(verify("prf_made-up").await, 422);
    assert_eq!(verify(&token(&mails[1].text)).await, 204);
    assert_eq!(verify(&first).await, 422, "the others are used up");
    let (_, user) = nora.get("/api/v1/me/profile").await;
    assert!(user["emailVerifiedAt"].is_string());
    assert_eq!(nora.post(ask, Value::Null).await.0, 409, "verified");
    // Another address is another proof; the same one is not.
    let (_, user) = nora.patch("/api/v1/me/profile", profile).await;
    assert!(user["emailVerifiedAt"].is_string());
    let (_, user) = nora
        .patch(
            "/api/v1/me/profile",
            json!({"email": "n@example.com", "password": PASSWORD}),
        )
        .await;
    assert!(user["emailVerifiedAt"].is_null());
});

both_databases!(an_invitation_is_mailed_in_the_inviter_s_language, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let body = json!({"role": "VIEWER", "email": "vera@example.com"});
    let chinese = Some(("accept-language", "zh-CN,zh;q=0.9"));
    let (status, made) = olga
        .call_with(
            axum::http::Method::POST,
            "/api/v1/invitations",
            Some(body),
            chinese,
        )
        .await;
    assert_eq!(status, 201, "{made}");
    let mails = test.post.wait_for("vera@example.com", 1).await;
    let text = &mails[0].text;
    assert!(
        text.contains(made["link"].as_str().unwrap()) && text.contains("邀请您成为 Muster 上 Default 的成员"),
        "{text}"
    );
    let (_, link_only) = olga.post("/api/v1/invitations", json!({"role": "VIEWER"})).await;
    assert!(link_only["link"].as_str().unwrap().starts_with("http://"));
    assert_eq!(test.post.mails().len(), 1, "nobody to mail it to");
    for bad in ["vera", "a b@c.org", "a@b\r\nBcc: x@y"] {
        let body = json!({"role": "VIEWER", "email": bad});
        assert_eq!(olga.post("/api/v1/invitations", body).await.0, 422, "{bad}");
    }
});

both_databases!(
    a_changed_password_is_told_and_a_disabled_user_gets_no_link,
    |test| {
        let (id, nora) = test.user("nora").await;
        assert_eq!(
            nora.patch(
                "/api/v1/me/profile",
                json!({"email": "nora@example.com", "password": PASSWORD})
            )
            .await
            .0,
            200
        );
        let body = json!({"oldPassword": PASSWORD, "newPassword": NEW});
        assert_eq!(nora.post("/api/v1/me/password", body).await.0, 204);
        let mails = test.post.wait_for("nora@example.com", 2).await;
        assert!(
            mails
                .iter()
                .any(|mail| mail.text.contains("password was changed"))
        );
        let disabled = json!({"status": "disabled"});
        let admin = test.admin().await;
        assert_eq!(admin.patch(&format!("/api/v1/users/{id}"), disabled).await.0, 200);
        assert_eq!(forgot(test, "nora").await.0, 202);
        idle(test).await;
        assert_eq!(test.post.mails().len(), 2);
    }
);
