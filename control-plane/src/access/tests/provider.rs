//! Signing in by GitHub, Gitee and OpenID Connect, and bindings, on both databases.

use axum::http::{HeaderMap, Method};
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::second_factor::{cookie, verified};
use crate::testing::{Client, Test, both_databases};

const PASSWORD: &str = "a password for tests";

/// What a token says that it should not.
type Twist = (&'static str, fn(&mut Value));

/// A browser that was sent away.
struct Away {
    url: String,
    cookie: String,
}

async fn send(client: &Client<'_>, path: &str, body: Option<Value>) -> Away {
    let (status, headers, body) = client.respond(Method::POST, path, body, &[]).await;
    assert_eq!(status, 200, "{body}");
    let set = cookie(&headers, "muster_provider").unwrap();
    for part in [
        "HttpOnly",
        "SameSite=Lax",
        "Path=/api/v1/auth/providers",
        "Max-Age=600",
    ] {
        assert!(set.contains(part), "{set}");
    }
    Away {
        url: body["url"].as_str().unwrap().to_owned(),
        cookie: set.split(';').next().unwrap().to_owned(),
    }
}

async fn start(test: &Test, provider: &str) -> Away {
    let path = format!("/api/v1/auth/providers/{provider}/start");
    send(&test.nobody(), &path, Some(json!({}))).await
}

/// The browser comes back: where it goes on to, and what it keeps.
async fn back(
    test: &Test,
    provider: &str,
    (code, state): (&str, &str),
    cookies: &str,
) -> (String, HeaderMap) {
    let path = format!("/api/v1/auth/providers/{provider}/callback?code={code}&state={state}");
    let (status, headers, body) = test
        .nobody()
        .respond(Method::GET, &path, None, &[("cookie", cookies)])
        .await;
    assert_eq!(status, 303, "{body}");
    (headers["location"].to_str().unwrap().to_owned(), headers)
}

/// Goes there and comes back as `subject`.
async fn through(test: &Test, provider: &str, subject: &str) -> (String, HeaderMap) {
    let away = start(test, provider).await;
    let (code, state) = test.provider.consent(&away.url, subject);
    back(test, provider, (&code, &state), &away.cookie).await
}

async fn bind(test: &Test, client: &Client<'_>, provider: &str, subject: &str) -> String {
    let path = format!("/api/v1/me/bindings/{provider}");
    let away = send(client, &path, Some(json!({"password": PASSWORD}))).await;
    let (code, state) = test.provider.consent(&away.url, subject);
    back(test, provider, (&code, &state), &away.cookie).await.0
}

both_databases!(an_account_at_each_provider_is_bound_and_signs_in, |test| {
    let (_, ann) = test.user("ann").await;
    let (_, bob) = test.user("bob").await;
    for (provider, subject) in [("corp", "s-1"), ("github", "17"), ("gitee", "17")] {
        let (to, headers) = through(test, provider, subject).await;
        assert_eq!(
            to, "/sign-in#error=not-bound",
            "nobody is let in whom nobody let in"
        );
        assert!(cookie(&headers, "muster_session").is_none());
        assert_eq!(
            bind(test, &ann, provider, subject).await,
            format!("/profile#bound={provider}")
        );
        let (to, headers) = through(test, provider, subject).await;
        assert_eq!(to, "/");
        let session = cookie(&headers, "muster_session").unwrap();
        assert!(
            session.contains("HttpOnly") && session.contains("SameSite=Strict"),
            "{session}"
        );
        let sent = session.split(';').next().unwrap();
        let (status, _, me) = test
            .nobody()
            .respond(Method::GET, "/api/v1/me", None, &[("cookie", sent)])
            .await;
        assert_eq!((status, &me["user"]["username"]), (200, &json!("ann")));
        assert_eq!(
            bind(test, &bob, provider, subject).await,
            "/sign-in#error=taken",
            "one user's at most"
        );
    }
    let (_, bindings) = ann.get("/api/v1/me/bindings").await;
    let items = bindings["items"].as_array().unwrap();
    assert_eq!(items.len(), 3, "{bindings}");
    let github = items.iter().find(|item| item["type"] == "github").unwrap();
    assert_eq!(github["other"], "octo17");
    let account = github["typeAccount"]
        .as_str()
        .unwrap()
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('|', "%7C");
    let path = format!("/api/v1/me/bindings?type=github&typeAccount={account}");
    assert_eq!(bob.delete(&path).await.0, 404, "not his");
    assert_eq!(ann.delete(&path).await.0, 204);
    assert_eq!(ann.delete(&path).await.0, 404);
    assert_eq!(through(test, "github", "17").await.0, "/sign-in#error=not-bound");
    assert_eq!(
        bind(test, &bob, "github", "17").await,
        "/profile#bound=github",
        "it is free again"
    );
    assert_eq!(
        ann.delete("/api/v1/me/bindings?type=email&typeAccount=x").await.0,
        409
    );
    let (_, log) = test.admin().await.get("/api/v1/audit").await;
    assert!(!log.to_string().contains("access-17") && !log.to_string().contains("planted"));
});

both_databases!(a_session_alone_adds_no_way_in, |test| {
    let (_, ann) = test.user("ann").await;
    let path = "/api/v1/me/bindings/github";
    let (status, headers, refused) = ann
        .respond(
            Method::POST,
            path,
            Some(json!({"password": "a stranger's guess"})),
            &[],
        )
        .await;
    assert_eq!(
        (status, &refused["errors"][0]["field"]),
        (422, &json!("password")),
        "{refused}"
    );
    assert!(
        cookie(&headers, "muster_provider").is_none(),
        "nobody is sent away"
    );
    assert_eq!(ann.call(Method::POST, path, Some(json!({}))).await.0, 422);
    assert!((400..500).contains(&ann.call(Method::POST, path, None).await.0));
    let nowhere = "/api/v1/me/bindings/nowhere";
    assert_eq!(ann.post(nowhere, json!({"password": PASSWORD})).await.0, 404);
    // Guesses are counted.
    let mut last = 0;
    for _ in 0..20 {
        last = ann.post(path, json!({"password": "a stranger's guess"})).await.0;
        if last == 429 {
            break;
        }
    }
    assert_eq!(last, 429);
    let (_, bindings) = ann.get("/api/v1/me/bindings").await;
    assert_eq!(bindings["items"], json!([]), "{bindings}");
});

both_databases!(nobody_comes_back_with_what_another_browser_began, |test| {
    let (_, ann) = test.user("ann").await;
    assert_eq!(bind(test, &ann, "corp", "s-1").await, "/profile#bound=corp");
    let (mine, theirs) = (start(test, "corp").await, start(test, "corp").await);
    let (code, state) = test.provider.consent(&theirs.url, "s-1");
    let expired = "/sign-in#error=expired";
    assert_eq!(
        back(test, "corp", (&code, &state), &mine.cookie).await.0,
        expired,
        "another's cookie"
    );
    assert_eq!(
        back(test, "corp", (&code, &state), "").await.0,
        expired,
        "no cookie"
    );
    assert_eq!(
        back(test, "corp", (&code, "mst_made-up"), &theirs.cookie).await.0,
        expired
    );
    assert_eq!(
        back(test, "github", (&code, &state), &theirs.cookie).await.0,
        expired,
        "another provider"
    );
    let (_, my_state) = test.provider.consent(&mine.url, "s-1");
    // The code was made for another's verifier and nonce.
    assert_eq!(
        back(test, "corp", (&code, &my_state), &mine.cookie).await.0,
        "/sign-in#error=failed"
    );

    let away = start(test, "corp").await;
    let (code, state) = test.provider.consent(&away.url, "s-1");
    assert_eq!(back(test, "corp", (&code, &state), &away.cookie).await.0, "/");
    assert_eq!(
        back(test, "corp", (&code, &state), &away.cookie).await.0,
        expired,
        "once"
    );
    let away = start(test, "corp").await;
    let (code, state) = test.provider.consent(&away.url, "s-1");
    test.app.clock.advance(10 * UnixMs::MINUTE);
    assert_eq!(back(test, "corp", (&code, &state), &away.cookie).await.0, expired);
    let path = format!("/api/v1/auth/providers/corp/callback?error=access_denied&state={state}");
    let (status, headers, _) = test.nobody().respond(Method::GET, &path, None, &[]).await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (303, expired));
    let path = "/api/v1/auth/providers/nowhere/start";
    assert_eq!(test.nobody().post(path, json!({})).await.0, 404);
});

both_databases!(a_token_that_does_not_hold_signs_nobody_in, |test| {
    let (_, ann) = test.user("ann").await;
    assert_eq!(bind(test, &ann, "corp", "s-1").await, "/profile#bound=corp");
    let now_s = test.app.clock.now().0 / 1_000;
    let twists: [Twist; 9] = [
        ("nonce", |claims| claims["nonce"] = json!("another")),
        ("no nonce", |claims| {
            drop(claims.as_object_mut().unwrap().remove("nonce"));
        }),
        ("audience", |claims| claims["aud"] = json!("somebody-else")),
        ("one of several, for another", |claims| {
            claims["aud"] = json!(["muster-client", "other"]);
            claims["azp"] = json!("other");
        }),
        ("issuer", |claims| claims["iss"] = json!("https://evil.example")),
        ("expired", |claims| {
            claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 120);
        }),
        ("of tomorrow", |claims| {
            claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 86_400);
        }),
        ("unsigned", |claims| claims["alg"] = json!("none")),
        ("signed with our secret", |claims| claims["alg"] = json!("HS256")),
    ];
    for (what, twist) in twists {
        test.provider.twist(twist);
        assert_eq!(
            through(test, "corp", "s-1").await.0,
            "/sign-in#error=failed",
            "{what}"
        );
    }
    test.provider.twist(|_| {});
    test.provider.forge(true);
    assert_eq!(
        through(test, "corp", "s-1").await.0,
        "/sign-in#error=failed",
        "another's key"
    );
    test.provider.forge(false);
    assert_eq!(through(test, "corp", "s-1").await.0, "/");
    test.provider.set_time(now_s - 3_600);
    assert_eq!(
        through(test, "corp", "s-1").await.0,
        "/sign-in#error=failed",
        "an hour old"
    );
});

both_databases!(after_a_provider_comes_the_second_factor, |test| {
    let (_, ann) = verified(test, "ann").await;
    assert_eq!(bind(test, &ann, "corp", "s-1").await, "/profile#bound=corp");
    let (to, headers) = through(test, "corp", "s-1").await;
    assert!(
        to.starts_with("/sign-in#challenge=mch_") && to.ends_with("&methods=email"),
        "{to}"
    );
    assert!(cookie(&headers, "muster_session").is_none());
    // A session that ended binds nothing.
    let away = send(
        &ann,
        "/api/v1/me/bindings/github",
        Some(json!({"password": PASSWORD})),
    )
    .await;
    let (code, state) = test.provider.consent(&away.url, "17");
    assert_eq!(ann.post("/api/v1/auth/logout", json!({})).await.0, 204);
    assert_eq!(
        back(test, "github", (&code, &state), &away.cookie).await.0,
        "/sign-in#error=expired"
    );
});

both_databases!(the_ways_and_the_dictionary_are_known, |test| {
    let (status, ways) = test.nobody().get("/api/v1/auth/ways").await;
    assert_eq!(status, 200);
    assert_eq!((&ways["email"], &ways["sms"]), (&json!(true), &json!(true)));
    assert_eq!(ways["manyPlatforms"], false);
    let shop = json!({"code": "shop", "name": "Shop"});
    let admin = test.admin().await;
    let (status, made) = admin.post("/api/v1/platforms", shop).await;
    assert_eq!(status, 201, "{made}");
    let several = async || test.nobody().get("/api/v1/auth/ways").await.1["manyPlatforms"].clone();
    assert_eq!(several().await, true);
    let path = format!("/api/v1/platforms/{}", made["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, json!({"status": "disabled"})).await.0, 200);
    assert_eq!(several().await, false, "nobody gets in by a disabled one");
    let codes: Vec<_> = ways["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| way["code"].clone())
        .collect();
    assert_eq!(codes, ["corp", "gitee", "github"]);
    assert!(
        !ways.to_string().contains("planted") && !ways.to_string().contains("client"),
        "{ways}"
    );
    let (_, ann) = test.user("ann").await;
    let (_, types) = ann.get("/api/v1/binding-types").await;
    let codes: Vec<_> = types["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["code"].clone())
        .collect();
    assert_eq!(codes, ["email", "gitee", "github", "mobile", "oidc"]);
    let body = Some(json!({"name": "Firmenkonto"}));
    let path = "/api/v1/binding-types/oidc";
    assert_eq!(ann.call(Method::PUT, path, body.clone()).await.0, 403);
    let (status, kind) = test.admin().await.call(Method::PUT, path, body.clone()).await;
    assert_eq!((status, &kind["name"]), (200, &json!("Firmenkonto")));
    assert_eq!(
        test.admin()
            .await
            .call(Method::PUT, "/api/v1/binding-types/Ä", body)
            .await
            .0,
        422
    );
});

both_databases!(a_type_without_a_code_uses_its_id, |test| {
    let admin = test.admin().await;
    let path = "/api/v1/binding-types";
    let (status, badge) = admin.post(path, json!({"name": "Badge"})).await;
    assert_eq!(status, 201, "{badge}");
    assert_eq!(badge["code"], badge["id"]);
    let of_badge = format!("{path}/{}", badge["code"].as_str().unwrap());
    let body = json!({"name": "Company badge"});
    let (status, renamed) = admin.call(Method::PUT, &of_badge, Some(body)).await;
    assert_eq!(
        (status, &renamed["id"], &renamed["name"]),
        (200, &badge["id"], &json!("Company badge"))
    );

    let body = json!({"code": "card", "name": "Card"});
    assert_eq!(admin.post(path, body.clone()).await.1["code"], "card");
    let (status, again) = admin.post(path, body).await;
    assert_eq!(
        (status, &again["errors"][0]["field"]),
        (409, &json!("code")),
        "{again}"
    );
    let long = json!({"code": "x".repeat(37), "name": "Long"});
    assert_eq!(admin.post(path, long).await.0, 422);
    let (_, ann) = test.user("ann").await;
    assert_eq!(ann.post(path, json!({"name": "Mine"})).await.0, 403);
});
