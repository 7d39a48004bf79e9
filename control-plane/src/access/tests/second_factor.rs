//! Second factors, devices and the throttle through their calls, on both databases.

use axum::http::{HeaderMap, Method};
use muster_base::{UnixMs, UserId};
use serde_json::{Value, json};

use super::mail::token;
use crate::{
    access::{
        AccessError,
        device::Tokens,
        session::Mode,
        sign_in::{self, PasswordAttempt, SignIn, Visitor},
        store, totp,
    },
    config::Mfa,
    notify::Language,
    testing::{Client, Test, both_databases},
};

const PASSWORD: &str = "a password for tests";

/// A user whose address is verified.
pub(super) async fn verified<'t>(test: &'t Test, name: &str) -> (UserId, Client<'t>) {
    let (id, client) = test.user(name).await;
    let address = format!("{name}@example.com");
    assert_eq!(
        client
            .patch(
                "/api/v1/me/profile",
                json!({"email": address, "password": PASSWORD})
            )
            .await
            .0,
        200
    );
    let mails = test.post.wait_for(&address, 1).await;
    let body = json!({"token": token(&mails[0].text)});
    assert_eq!(test.nobody().post("/api/v1/auth/email/verify", body).await.0, 204);
    (id, client)
}

pub(super) async fn login(client: &Client<'_>, name: &str, device: Option<&str>) -> (u16, Value) {
    let mut body = json!({"login": name, "password": PASSWORD});
    if let Some(device) = device {
        body["deviceToken"] = json!(device);
    }
    client.post("/api/v1/auth/login", body).await
}

pub(super) async fn answer(client: &Client<'_>, asked: &Value, method: &str, code: &str) -> (u16, Value) {
    let body = json!({"challenge": asked["challenge"], "method": method, "code": code});
    client.post("/api/v1/auth/challenge", body).await
}

/// Sets an authenticator app up; its secret and the recovery codes.
pub(super) async fn with_app(test: &Test, client: &Client<'_>) -> (Vec<u8>, Vec<String>) {
    let again = json!({"password": PASSWORD});
    let (status, begun) = client.post("/api/v1/me/second-factor/totp", again).await;
    assert_eq!(status, 201, "{begun}");
    let secret = unbase32(begun["secret"].as_str().unwrap());
    assert!(
        begun["uri"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/Muster:")
    );
    let code = json!({"code": code(test, &secret)});
    let (status, confirmed) = client.post("/api/v1/me/second-factor/totp/confirm", code).await;
    assert_eq!(status, 200, "{confirmed}");
    let codes = confirmed["recoveryCodes"].as_array().unwrap();
    (
        secret,
        codes
            .iter()
            .map(|code| code.as_str().unwrap().to_owned())
            .collect(),
    )
}

pub(super) fn code(test: &Test, secret: &[u8]) -> String {
    totp::code_at(secret, totp::step(test.app.clock.now()))
}

fn unbase32(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_usize, 0);
    for c in text.chars() {
        bits = ((bits << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap()) & 0xffff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    bytes
}

both_databases!(an_app_s_code_is_asked_for_on_a_new_device, |test| {
    let (id, ann) = test.user("ann").await;
    let begin = "/api/v1/me/second-factor/totp";
    assert_eq!(ann.post(begin, json!({"password": "not this one"})).await.0, 422);
    let confirm = json!({"code": "000000"});
    assert_eq!(
        ann.post("/api/v1/me/second-factor/totp/confirm", confirm).await.0,
        409,
        "nothing begun"
    );
    let (secret, recovery) = with_app(test, &ann).await;
    assert_eq!(recovery.len(), 10);
    assert_eq!(
        ann.post(begin, json!({"password": PASSWORD})).await.0,
        409,
        "one at a time"
    );
    let stored = store::second_factor::for_tests_secret(&test.app.db, id).await;
    assert_eq!(stored.split(':').count(), 4, "sealed");

    let door = test.nobody();
    let (status, asked) = login(&door, "ann", None).await;
    assert_eq!((status, &asked["mfaRequired"]), (200, &json!(true)), "{asked}");
    assert_eq!(asked["methods"], json!(["totp", "recovery"]));
    assert!(
        asked.get("accessToken").is_none() && asked.get("user").is_none(),
        "{asked}"
    );
    assert_eq!(
        answer(&door, &asked, "totp", &code(test, &secret)).await.0,
        401,
        "its step was used to set it up"
    );
    test.app.clock.advance(30_000);
    assert_eq!(answer(&door, &asked, "totp", "000000").await.0, 401);
    assert_eq!(
        answer(&door, &asked, "email", &code(test, &secret)).await.0,
        401,
        "not one of the methods"
    );
    let (status, signed_in) = answer(&door, &asked, "totp", &code(test, &secret)).await;
    assert_eq!(
        (status, &signed_in["mfaRequired"]),
        (200, &json!(false)),
        "{signed_in}"
    );
    let device = signed_in["deviceToken"].as_str().unwrap();
    let ann = test.with_token(signed_in["accessToken"].as_str().unwrap());
    assert_eq!(ann.get("/api/v1/me").await.0, 200);
    assert_eq!(
        answer(&door, &asked, "totp", &code(test, &secret)).await.0,
        401,
        "once"
    );

    let (_, again) = login(&door, "ann", Some(device)).await;
    assert_eq!(again["mfaRequired"], false, "a known device: {again}");
    assert!(again.get("deviceToken").is_none());
    let (_, strange) = login(&door, "ann", Some("mdv_made-up")).await;
    assert_eq!(strange["mfaRequired"], true);
    // A recovery code counts once, however it is typed.
    let typed = recovery[0].to_lowercase().replace('-', " ");
    assert_eq!(answer(&door, &strange, "recovery", &typed).await.0, 200);
    let (_, strange) = login(&door, "ann", None).await;
    assert_eq!(answer(&door, &strange, "recovery", &recovery[0]).await.0, 401);
    let (_, factor) = ann.get("/api/v1/me/second-factor").await;
    assert_eq!(
        (&factor["totp"], &factor["recoveryCodesLeft"]),
        (&json!(true), &json!(9))
    );

    let again = json!({"password": PASSWORD});
    let (_, renewed) = ann
        .post("/api/v1/me/second-factor/recovery-codes", again.clone())
        .await;
    assert_eq!(renewed["recoveryCodes"].as_array().unwrap().len(), 10);
    assert_eq!(
        answer(&door, &strange, "recovery", &recovery[1]).await.0,
        401,
        "the old ones are gone"
    );
    assert_eq!(
        ann.post("/api/v1/me/second-factor/totp/remove", again).await.0,
        204
    );
    assert_eq!(
        login(&door, "ann", None).await.1["mfaRequired"],
        false,
        "nothing to ask for"
    );
    let (_, log) = test.admin().await.get("/api/v1/audit").await;
    for planted in [recovery[0].as_str(), device] {
        assert!(!log.to_string().contains(planted));
    }
});

both_databases!(a_challenge_takes_five_answers_and_ten_minutes, |test| {
    let (_, ann) = test.user("ann").await;
    let (secret, _) = with_app(test, &ann).await;
    test.app.clock.advance(30_000);
    let door = test.nobody();
    let (_, asked) = login(&door, "ann", None).await;
    for _ in 0..5 {
        assert_eq!(answer(&door, &asked, "totp", "12345").await.0, 401);
    }
    assert_eq!(
        answer(&door, &asked, "totp", &code(test, &secret)).await.0,
        401,
        "used up"
    );
    let (_, asked) = login(&door, "ann", None).await;
    test.app.clock.advance(10 * UnixMs::MINUTE);
    assert_eq!(
        answer(&door, &asked, "totp", &code(test, &secret)).await.0,
        401,
        "expired"
    );
    // Ever new challenges do not help: ten answers, and then one in two minutes.
    let (_, asked) = login(&door, "ann", None).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(answer(&door, &asked, "totp", "12345").await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
});

both_databases!(a_code_is_mailed_where_the_address_is_verified, |test| {
    let (_, ann) = verified(test, "ann").await;
    let from = |ip: [u8; 4]| test.nobody().at(ip.into());
    let home = from([192, 0, 2, 1]);
    let (_, asked) = login(&home, "ann", None).await;
    assert_eq!(asked["methods"], json!(["email"]), "{asked}");
    let send = async |asked: &Value| {
        let body = json!({"challenge": asked["challenge"]});
        home.post("/api/v1/auth/challenge/code", body).await.0
    };
    let body = json!({"challenge": "mch_made-up"});
    assert_eq!(home.post("/api/v1/auth/challenge/code", body).await.0, 401);
    let mut codes = Vec::new();
    for count in 2..=4 {
        assert_eq!(send(&asked).await, 202);
        let mails = test.post.wait_for("ann@example.com", count).await;
        codes.push(six_digits(&mails[count - 1].text));
    }
    assert_eq!(send(&asked).await, 429, "three codes for a challenge");
    if codes[0] != codes[2] {
        assert_eq!(
            answer(&home, &asked, "email", &codes[0]).await.0,
            401,
            "a newer one was sent"
        );
    }
    let (status, signed_in) = answer(&home, &asked, "email", &codes[2]).await;
    assert_eq!(status, 200, "{signed_in}");
    let device = signed_in["deviceToken"].as_str().unwrap();

    assert_eq!(login(&home, "ann", Some(device)).await.1["mfaRequired"], false);
    let neighbour = from([192, 0, 77, 1]);
    assert_eq!(
        login(&neighbour, "ann", Some(device)).await.1["mfaRequired"],
        false,
        "the same /16"
    );
    let away = from([198, 51, 100, 1]);
    assert_eq!(
        login(&away, "ann", Some(device)).await.1["mfaRequired"],
        true,
        "a new region"
    );
    let (_, rows) = test.admin().await.get("/api/v1/outbox").await;
    assert!(!rows.to_string().contains(&codes[2]), "no code is shown");
    drop(ann);
});

pub(super) fn six_digits(mail: &str) -> String {
    let (_, text) = mail.split_once("\r\n\r\n").unwrap();
    let digits = |line: &&str| line.len() == 6 && line.chars().all(|c| c.is_ascii_digit());
    text.lines()
        .map(str::trim)
        .find(digits)
        .unwrap_or_else(|| panic!("no code in {mail}"))
        .to_owned()
}

both_databases!(always_is_always, |test| {
    let (_, ann) = test.user("ann").await;
    let always = json!({"mfa": "always", "password": PASSWORD});
    assert_eq!(
        ann.call(Method::PUT, "/api/v1/me/second-factor", Some(always.clone()))
            .await
            .0,
        409,
        "with what?"
    );
    let (secret, _) = with_app(test, &ann).await;
    let (status, factor) = ann
        .call(Method::PUT, "/api/v1/me/second-factor", Some(always))
        .await;
    assert_eq!((status, &factor["mfa"]), (200, &json!("always")), "{factor}");
    test.app.clock.advance(30_000);
    let door = test.nobody();
    let (_, asked) = login(&door, "ann", None).await;
    let (_, signed_in) = answer(&door, &asked, "totp", &code(test, &secret)).await;
    let device = signed_in["deviceToken"].as_str().unwrap();
    assert_eq!(login(&door, "ann", Some(device)).await.1["mfaRequired"], true);

    // For everybody, by the configuration: with a mailed code, or not at all.
    let app = test.app_with_config(|config| config.sign_in.mfa = Mfa::Always);
    let visitor = Visitor {
        mode: Mode::Bearer,
        ip: None,
        user_agent: None,
        devices: Tokens::read(""),
        language: Language::En,
        spoken: None,
    };
    let attempt = |login: &str| PasswordAttempt {
        login: login.to_owned(),
        password: PASSWORD.into(),
        platform: None,
    };
    test.user("bob").await;
    let refused = sign_in::with_password(&app, attempt("bob"), &visitor).await;
    assert!(matches!(refused, Err(AccessError::NoSecondFactor)));
    let (_, zoe) = test.user("zoe").await;
    assert_eq!(
        zoe.patch(
            "/api/v1/me/profile",
            json!({"email": "zoe@example.com", "password": PASSWORD})
        )
        .await
        .0,
        200
    );
    let asked = sign_in::with_password(&app, attempt("zoe"), &visitor)
        .await
        .unwrap();
    assert!(
        matches!(asked, SignIn::Asked(asked) if asked.methods.len() == 1),
        "an address is written down"
    );
});

both_databases!(a_revoked_device_is_a_stranger_and_signed_out, |test| {
    let (id, _) = verified(test, "ann").await;
    let door = test.nobody();
    let sign_in = async |mails: usize| {
        let (_, asked) = login(&door, "ann", None).await;
        let body = json!({"challenge": asked["challenge"]});
        assert_eq!(door.post("/api/v1/auth/challenge/code", body).await.0, 202);
        let mails = test.post.wait_for("ann@example.com", mails).await;
        answer(&door, &asked, "email", &six_digits(&mails.last().unwrap().text))
            .await
            .1
    };
    test.app.clock.advance(1_000);
    let (phone, laptop) = (sign_in(2).await, sign_in(3).await);
    let client = |signed_in: &Value| test.with_token(signed_in["accessToken"].as_str().unwrap());
    let (status, devices) = client(&laptop).get("/api/v1/me/devices").await;
    assert_eq!(status, 200);
    let items = devices["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "the one that she was made with, too: {devices}");
    let other = items
        .iter()
        .find(|device| device["current"] == false && device["seenAt"] == items[0]["seenAt"]);
    let path = format!("/api/v1/me/devices/{}", other.unwrap()["id"].as_str().unwrap());
    let (_, stranger) = test.user("eve").await;
    assert_eq!(stranger.delete(&path).await.0, 404);
    assert_eq!(client(&laptop).delete(&path).await.0, 204);
    assert_eq!(client(&phone).get("/api/v1/me").await.0, 401, "signed out");
    assert_eq!(client(&laptop).get("/api/v1/me").await.0, 200);
    let token = phone["deviceToken"].as_str().unwrap();
    assert_eq!(login(&door, "ann", Some(token)).await.1["mfaRequired"], true);
    assert_eq!(client(&laptop).delete(&path).await.0, 404, "once");

    let admin = test.admin().await;
    let reset = json!({"resetSecondFactor": true});
    assert_eq!(admin.patch(&format!("/api/v1/users/{id}"), reset).await.0, 200);
    assert_eq!(client(&laptop).get("/api/v1/me").await.0, 401);
    let token = laptop["deviceToken"].as_str().unwrap();
    assert_eq!(login(&door, "ann", Some(token)).await.1["mfaRequired"], true);
});

both_databases!(
    a_stranger_at_the_door_locks_out_nobody_who_was_there_before,
    |test| {
        test.user("ann").await;
        let stranger = test.nobody().at([203, 0, 113, 9].into());
        let (_, signed_in) = login(&test.nobody().at([192, 0, 2, 1].into()), "ann", None).await;
        let device = signed_in["deviceToken"].as_str().unwrap();
        let wrong = json!({"login": "ann", "password": "not this one"});
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(stranger.post("/api/v1/auth/login", wrong.clone()).await.0);
        }
        assert_eq!(statuses[..10], [401; 10]);
        assert_eq!(statuses[10..], [429, 429]);
        assert_eq!(
            login(&stranger, "ann", None).await.0,
            429,
            "from there not even with the password"
        );
        assert_eq!(
            login(&stranger, "nobody", None).await.0,
            401,
            "who is not there has a budget, too"
        );
        let office = test.nobody().at([198, 51, 100, 7].into());
        assert_eq!(login(&office, "ann", None).await.0, 200, "from elsewhere");
        assert_eq!(
            login(&stranger, "ann", Some(device)).await.0,
            200,
            "and from there, on her own device"
        );
        // Her device's token lets nobody try for ever.
        let mut with_device = wrong;
        with_device["deviceToken"] = json!(device);
        let mut last = 0;
        for _ in 0..10 {
            last = stranger.post("/api/v1/auth/login", with_device.clone()).await.0;
        }
        assert_eq!(last, 429);
    }
);

both_databases!(nobody_locks_the_super_administrator_out, |test| {
    let stranger = test.nobody().at([203, 0, 113, 9].into());
    let (status, signed_in) = login(&test.nobody().at([192, 0, 2, 1].into()), "root", None).await;
    assert_eq!(status, 200, "{signed_in}");
    let device = signed_in["deviceToken"].as_str().unwrap();
    let wrong = json!({"login": "root", "password": "not this one"});
    for _ in 0..10 {
        assert_eq!(stranger.post("/api/v1/auth/login", wrong.clone()).await.0, 401);
    }
    assert_eq!(login(&stranger, "root", None).await.0, 429);
    let (status, again) = login(&stranger, "root", Some(device)).await;
    assert_eq!(status, 200);
    assert!(again.get("deviceToken").is_none(), "it is known: {again}");
    let (status, _) = login(&stranger, "root", Some("mda_made_1780000000000_up")).await;
    assert_eq!(status, 429);
});

both_databases!(
    a_browser_keeps_its_device_in_a_cookie_that_scripts_can_t_read,
    |test| {
        test.user("ann").await;
        let body = json!({"login": "ann", "password": PASSWORD});
        let path = "/api/v1/auth/login?mode=cookie";
        let (status, headers, signed_in) = test
            .nobody()
            .respond(Method::POST, path, Some(body.clone()), &[])
            .await;
        assert_eq!(status, 200);
        assert!(
            signed_in["csrfToken"].is_string() && signed_in.get("deviceToken").is_none(),
            "{signed_in}"
        );
        let device = cookie(&headers, "muster_device").unwrap();
        for part in [
            "HttpOnly",
            "SameSite=Lax",
            "Path=/api/v1/auth",
            "Max-Age=34560000",
        ] {
            assert!(device.contains(part), "{device}");
        }
        assert!(cookie(&headers, "muster_session").unwrap().contains("HttpOnly"));
        let sent = device.split(';').next().unwrap();
        let (_, headers, _) = test
            .nobody()
            .respond(Method::POST, path, Some(body), &[("cookie", sent)])
            .await;
        assert_eq!(cookie(&headers, "muster_device"), None, "it is known");
        // Another user of the same browser gets a token beside the first's.
        test.user("bob").await;
        let bob = json!({"login": "bob", "password": PASSWORD});
        let (_, headers, _) = test
            .nobody()
            .respond(Method::POST, path, Some(bob), &[("cookie", sent)])
            .await;
        let both = cookie(&headers, "muster_device").unwrap();
        let first = sent.split('=').nth(1).unwrap();
        assert!(
            both.contains(first) && both.split(';').next().unwrap().contains('.'),
            "{both}"
        );
    }
);

pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut all = headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap());
    let found = all.find(|cookie| cookie.starts_with(&format!("{name}=")));
    found.map(str::to_owned)
}
