//! Codes instead of passwords through their calls, on both databases.

use std::time::Duration;

use muster_base::{SecretString, UnixMs};
use serde_json::{Value, json};

use super::second_factor::{six_digits, verified};
use crate::{
    access::{code, device::Tokens, session::Mode, sign_in::Visitor},
    notify::Language,
    testing::{Client, Test, both_databases},
};

const PASSWORD: &str = "a password for tests";

async fn ask(door: &Client<'_>, login: &str, by: &str, device: Option<&str>) -> (u16, Value) {
    let mut body = json!({"login": login, "by": by});
    if let Some(device) = device {
        body["deviceToken"] = json!(device);
    }
    door.post("/api/v1/auth/code", body).await
}

async fn answer(door: &Client<'_>, asked: &Value, method: &str, code: &str) -> (u16, Value) {
    let body = json!({"challenge": asked["challenge"], "method": method, "code": code});
    door.post("/api/v1/auth/challenge", body).await
}

async fn idle(test: &Test) {
    for _ in 0..400 {
        if test.app.throttle.nothing_aside() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("something is still being done");
}

both_databases!(a_code_by_mail_signs_in, |test| {
    let (_, _) = verified(test, "ann").await;
    let door = test.nobody();
    let (status, asked) = ask(&door, "ann@example.com", "email", None).await;
    assert_eq!(status, 202, "{asked}");
    let mails = test.post.wait_for("ann@example.com", 2).await;
    let code = six_digits(&mails[1].text);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(answer(&door, &asked, "email", wrong).await.0, 401);
    assert_eq!(
        answer(&door, &asked, "sms", &code).await.0,
        401,
        "it came another way"
    );
    let (status, signed_in) = answer(&door, &asked, "email", &code).await;
    assert_eq!(
        (status, &signed_in["mfaRequired"]),
        (200, &json!(false)),
        "{signed_in}"
    );
    assert_eq!(answer(&door, &asked, "email", &code).await.0, 401, "once");
    let me = test
        .with_token(signed_in["accessToken"].as_str().unwrap())
        .get("/api/v1/me")
        .await;
    assert_eq!(me.1["user"]["username"], "ann");
    let more = json!({"challenge": asked["challenge"]});
    assert_eq!(
        door.post("/api/v1/auth/challenge/code", more).await.0,
        401,
        "it has ended"
    );
});

both_databases!(who_is_not_there_or_not_verified_is_asked_the_same, |test| {
    let (_, bob) = test.user("bob").await;
    assert_eq!(
        bob.patch(
            "/api/v1/me/profile",
            json!({"email": "bob@example.com", "password": PASSWORD})
        )
        .await
        .0,
        200
    );
    test.post.wait_for("bob@example.com", 1).await;
    let door = test.nobody();
    for login in ["bob", "nobody"] {
        for by in ["email", "sms"] {
            let (status, asked) = ask(&door, login, by, None).await;
            assert_eq!(status, 202);
            assert!(asked["challenge"].as_str().unwrap().starts_with("mch_"));
            idle(test).await;
            assert_eq!(answer(&door, &asked, by, "123456").await.0, 401);
        }
    }
    assert_eq!(test.post.mails().len(), 1, "nothing was sent");
    assert!(test.gateway.texts().is_empty());
});

both_databases!(a_stranger_who_asks_for_codes_leaves_the_user_hers, |test| {
    verified(test, "ann").await;
    let door = test.nobody();
    let (_, asked) = ask(&door, "ann", "email", None).await;
    let mails = test.post.wait_for("ann@example.com", 2).await;
    let (_, signed_in) = answer(&door, &asked, "email", &six_digits(&mails[1].text)).await;
    let device = signed_in["deviceToken"].as_str().unwrap();
    for _ in 0..9 {
        assert_eq!(ask(&door, "ann", "email", None).await.0, 202);
        idle(test).await;
    }
    test.post.wait_for("ann@example.com", 6).await;
    let (_, asked) = ask(&door, "ann", "email", Some(device)).await;
    let mails = test.post.wait_for("ann@example.com", 7).await;
    assert_eq!(mails.len(), 7, "the stranger's ended after five");
    let newest = mails
        .iter()
        .map(|mail| six_digits_or_none(&mail.text))
        .collect::<Vec<_>>();
    let mut statuses = Vec::new();
    for code in newest.iter().flatten().rev().take(4) {
        statuses.push(answer(&door, &asked, "email", code).await.0);
    }
    assert!(statuses.contains(&200), "{statuses:?}");
});

fn six_digits_or_none(mail: &str) -> Option<String> {
    let (_, text) = mail.split_once("\r\n\r\n")?;
    let digits = |line: &&str| line.len() == 6 && line.chars().all(|c| c.is_ascii_digit());
    text.lines().map(str::trim).find(digits).map(str::to_owned)
}

both_databases!(a_number_is_verified_by_a_code_and_then_signs_in, |test| {
    let (_, ann) = test.user("ann").await;
    let ask_verification = "/api/v1/me/mobile/verification";
    assert_eq!(ann.post(ask_verification, Value::Null).await.0, 409, "no number");
    let number = "+8613800000000";
    assert_eq!(
        ann.patch(
            "/api/v1/me/profile",
            json!({"mobile": number, "password": PASSWORD})
        )
        .await
        .0,
        200
    );
    let (status, asked) = ann.post(ask_verification, Value::Null).await;
    assert_eq!(status, 202, "{asked}");
    let texts = test.gateway.wait_for(number, 1).await;
    let code = in_text(&texts[0]);
    let prove = async |code: &str| {
        let body = json!({"challenge": asked["challenge"], "code": code});
        ann.post("/api/v1/me/mobile/verify", body).await.0
    };
    assert_eq!(
        answer(&test.nobody(), &asked, "sms", &code).await.0,
        401,
        "it signs nobody in"
    );
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(prove(wrong).await, 422);
    let (_, eve) = test.user("eve").await;
    let body = json!({"challenge": asked["challenge"], "code": code});
    assert_eq!(
        eve.post("/api/v1/me/mobile/verify", body).await.0,
        422,
        "not hers"
    );
    assert_eq!(prove(&code).await, 204);
    assert_eq!(prove(&code).await, 422, "once");
    let (_, user) = ann.get("/api/v1/me/profile").await;
    assert!(user["mobileVerifiedAt"].is_string());

    let door = test.nobody();
    let (_, asked) = ask(&door, number, "sms", None).await;
    let texts = test.gateway.wait_for(number, 2).await;
    assert_eq!(answer(&door, &asked, "sms", &in_text(&texts[1])).await.0, 200);
    let (_, user) = ann
        .patch(
            "/api/v1/me/profile",
            json!({"mobile": "13900000000", "password": PASSWORD}),
        )
        .await;
    assert!(
        user["mobileVerifiedAt"].is_null(),
        "another number is another proof"
    );
    let (_, rows) = test.admin().await.get("/api/v1/outbox").await;
    assert_eq!(rows["items"][0]["kind"], "sms");
    assert!(!rows.to_string().contains(&code));
});

fn in_text(text: &str) -> String {
    let mut digits = text.split(|c: char| !c.is_ascii_digit());
    digits.find(|word| word.len() == 6).unwrap().to_owned()
}

both_databases!(text_messages_have_their_limit_for_a_day, |test| {
    let (id, ann) = test.user("ann").await;
    let number = "+8613800000000";
    assert_eq!(
        ann.patch(
            "/api/v1/me/profile",
            json!({"mobile": number, "password": PASSWORD})
        )
        .await
        .0,
        200
    );
    let app = test.app_with_config(|config| {
        let sms = config.sms.as_mut().unwrap();
        sms.per_number_per_day = 2;
    });
    let visitor = Visitor {
        mode: Mode::Bearer,
        ip: None,
        user_agent: None,
        devices: Tokens::read(""),
        language: Language::En,
        spoken: None,
    };
    let who = crate::access::Identity {
        actor: crate::access::Actor::User {
            user: id,
            username: "ann".to_owned(),
            session: app.clock.new_id(),
        },
        ip: None,
        platform: None,
    };
    for _ in 0..2 {
        code::ask_mobile(&app, &who, &visitor).await.unwrap();
    }
    assert!(code::ask_mobile(&app, &who, &visitor).await.is_err(), "two a day");
    test.app.clock.advance(UnixMs::DAY + 1);
    code::ask_mobile(&app, &who, &visitor).await.unwrap();

    let without = test.app_with_config(|config| (config.sms, config.mail) = (None, None));
    assert!(code::ask_mobile(&without, &who, &visitor).await.is_err());
    let wish = |by| code::CodeSignIn {
        login: "ann".to_owned(),
        platform: None,
        by,
        device_token: None::<SecretString>,
    };
    for by in [code::CodeWay::Email, code::CodeWay::Sms] {
        assert!(code::ask(&without, wish(by), visitor.clone()).is_err(), "{by:?}");
    }
});

both_databases!(a_code_by_mail_is_no_second_factor_of_itself, |test| {
    let (_, ann) = verified(test, "ann").await;
    let always = json!({"mfa": "always", "password": PASSWORD});
    let path = "/api/v1/me/second-factor";
    assert_eq!(ann.call(axum::http::Method::PUT, path, Some(always)).await.0, 200);
    let door = test.nobody();
    let (_, asked) = ask(&door, "ann", "email", None).await;
    let mails = test.post.wait_for("ann@example.com", 2).await;
    let (status, body) = answer(&door, &asked, "email", &six_digits(&mails[1].text)).await;
    assert_eq!(
        (status, body["type"].as_str()),
        (403, Some("no-second-factor")),
        "{body}"
    );
});
