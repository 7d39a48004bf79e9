//! Tokens at git hosts: set, replaced and forgotten, and shown to nobody.

use axum::http::Method;
use muster_base::ExposeSecret;
use serde_json::json;

use crate::{
    access::{Role, third_part::git_token},
    testing::both_databases,
};

const PATH: &str = "/api/v1/org/third-parts";
const GITHUB: &str = "/api/v1/org/third-parts/github";

both_databases!(a_git_host_s_token_is_kept_sealed_and_never_shown, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let mona = test.member("mona", Role::Member).await;
    let org = test.default_org().await;
    let token = async || {
        let found = git_token(&test.app, org, "github").await.unwrap();
        found.map(|token| token.expose_secret().to_owned())
    };
    let put = async |secret: &str| {
        let body = json!({"provider": "github", "accessToken": secret, "owner": "acme", "accountId": "42"});
        olga.call(Method::PUT, PATH, Some(body)).await
    };
    let (status, first) = put("planted-one").await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(
        (&first["provider"], &first["owner"]),
        (&json!("github"), &json!("acme"))
    );
    assert_eq!(token().await.as_deref(), Some("planted-one"));

    test.app.clock.advance(1_000);
    let (_, second) = put("planted-two").await;
    assert_eq!(second["createdAt"], first["createdAt"]);
    assert_ne!(second["updatedAt"], first["updatedAt"], "it was replaced");
    assert_eq!(token().await.as_deref(), Some("planted-two"));

    let (status, list) = mona.get("/api/v1/org/third-parts").await;
    assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 1));
    let body = json!({"provider": "Git Hub", "accessToken": "x"});
    assert_eq!(mona.call(Method::PUT, PATH, Some(body.clone())).await.0, 403);
    assert_eq!(mona.delete(GITHUB).await.0, 403);
    assert_eq!(olga.call(Method::PUT, PATH, Some(body)).await.0, 422);
    let stranger = test.stranger("acme").await;
    assert_eq!(stranger.delete(GITHUB).await.0, 404, "another org's own list");
    assert_eq!(
        stranger.get("/api/v1/org/third-parts").await.1["items"],
        json!([])
    );

    assert_eq!(olga.delete(GITHUB).await.0, 204);
    assert_eq!(olga.delete(GITHUB).await.0, 404);
    assert_eq!(token().await, None);
    let (_, log) = olga.get("/api/v1/audit").await;
    for text in [first, second, list, log] {
        assert!(!text.to_string().contains("planted"), "{text}");
    }
});
