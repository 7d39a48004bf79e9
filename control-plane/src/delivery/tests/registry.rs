//! Registries: a real one with htpasswd, and what is between it and us when it asks for tokens.

use std::{env, net::SocketAddr};

use axum::{
    Router,
    extract::Query,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::get,
};
use muster_base::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::created;
use crate::{
    access::Role,
    delivery::{
        registry_client::{Pass, RegistryAuth, RegistryClient, RegistryFault},
        registry_url::RegistryUrl,
    },
    testing::both_databases,
};

/// The workbench's registry: address, user, password.
pub(super) fn real() -> (String, String, String) {
    let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo verify`"));
    let password = std::fs::read_to_string(variable("MUSTER_TEST_REGISTRY_PASSWORD_FILE")).unwrap();
    (
        format!("http://{}", variable("MUSTER_TEST_REGISTRY")),
        variable("MUSTER_TEST_REGISTRY_USER"),
        password.trim().to_owned(),
    )
}

both_databases!(the_test_does_the_real_handshake, |test| {
    let admin = test.admin().await;
    let (url, username, password) = real();
    let body = json!({"name": "main", "url": url, "authType": "username-password",
        "username": username, "password": password});
    let registry = created(&admin, "/api/v1/registries", body).await;
    assert!(!registry.to_string().contains(&password));
    let path = format!("/api/v1/registries/{}", registry["id"].as_str().unwrap());

    let (status, tested) = admin.post(&format!("{path}/test"), Value::Null).await;
    assert_eq!((status, &tested["ok"]), (200, &json!(true)), "{tested}");
    assert_eq!(admin.get(&path).await.1["lastTest"], tested);

    let (status, _) = admin.patch(&path, json!({"password": "wrong"})).await;
    assert_eq!(status, 200);
    let (_, tested) = admin.post(&format!("{path}/test"), Value::Null).await;
    assert_eq!(tested["ok"], false);
    assert!(
        tested["message"]
            .as_str()
            .unwrap()
            .contains("refuses the credentials"),
        "{tested}"
    );

    let (_, list) = admin.get("/api/v1/registries").await;
    let (_, audit) = admin.get("/api/v1/audit?limit=500").await;
    for text in [list.to_string(), audit.to_string()] {
        assert!(!text.contains(&password) && !text.contains("wrong\""), "{text}");
    }
});

both_databases!(credentials_do_not_follow_a_changed_address, |test| {
    let admin = test.admin().await;
    let body =
        json!({"name": "main", "url": "https://registry.example", "authType": "token", "token": "t0k"});
    let registry = created(&admin, "/api/v1/registries", body).await;
    let path = format!("/api/v1/registries/{}", registry["id"].as_str().unwrap());

    let (status, body) = admin.patch(&path, json!({"url": "https://evil.example"})).await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (422, &json!("token")),
        "{body}"
    );
    let (status, _) = admin.patch(&path, json!({"name": "other"})).await;
    assert_eq!(status, 200);
    let change = json!({"url": "https://evil.example", "token": "another"});
    assert_eq!(admin.patch(&path, change).await.0, 200);
});

both_databases!(who_may_see_and_change_registries, |test| {
    let admin = test.admin().await.in_org("default");
    let body = json!({"name": "main", "url": "https://registry.example"});
    let registry = created(&admin, "/api/v1/registries", body.clone()).await;
    let path = format!("/api/v1/registries/{}", registry["id"].as_str().unwrap());
    assert_eq!(admin.post("/api/v1/registries", body.clone()).await.0, 409);

    let member = test.member("mia", Role::Member).await;
    assert_eq!(member.get(&path).await.0, 200);
    assert_eq!(member.post("/api/v1/registries", body).await.0, 403);
    assert_eq!(member.post(&format!("{path}/test"), Value::Null).await.0, 403);
    let stranger = test.stranger("elsewhere").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(stranger.delete(&path).await.0, 404);
    assert_eq!(stranger.post(&format!("{path}/test"), Value::Null).await.0, 404);

    for wrong in [
        json!({"name": "x", "url": "ftp://registry.example"}),
        json!({"name": "x", "url": "https://a:b@registry.example"}),
        json!({"name": "x", "url": "https://r.example", "password": "p"}),
        json!({"name": "x", "url": "https://r.example", "authType": "username-password", "username": "u"}),
        json!({"name": "x", "url": "https://r.example", "extra": 1}),
    ] {
        assert_eq!(
            admin.post("/api/v1/registries", wrong.clone()).await.0,
            422,
            "{wrong}"
        );
    }
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
});

#[tokio::test]
async fn the_digest_of_a_tag_is_asked_of_the_real_registry() {
    let (url, username, password) = real();
    let (http, url) = (
        crate::outbound::client().unwrap(),
        url.parse::<RegistryUrl>().unwrap(),
    );
    let auth = RegistryAuth::Basic {
        username,
        password: SecretString::from(password),
    };
    let client = RegistryClient::new(&http, &url, &auth);
    let digest = client.digest("muster/web", "1.0.0").await.unwrap();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    let gone = client.digest("muster/web", "no-such-tag").await.unwrap_err();
    assert!(matches!(gone, RegistryFault::NoImage(_)), "{gone:?}");

    let nobody = RegistryClient::new(&http, &url, &RegistryAuth::None);
    let refused = nobody.digest("muster/web", "1.0.0").await.unwrap_err();
    assert!(
        matches!(refused, RegistryFault::CredentialsMissing),
        "{refused:?}"
    );
}

/// A registry that wants bearer tokens, with its token server, on one port.
async fn token_registry() -> SocketAddr {
    async fn token(Query(query): Query<Vec<(String, String)>>, headers: HeaderMap) -> impl IntoResponse {
        // user:secret
        let known = headers
            .get(header::AUTHORIZATION)
            .is_some_and(|value| value == "Basic dXNlcjpzZWNyZXQ=");
        let service = query.contains(&("service".to_owned(), "tests".to_owned()));
        if known && service {
            (StatusCode::OK, r#"{"token":"signed"}"#)
        } else {
            (StatusCode::UNAUTHORIZED, "")
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let guarded = get(async move |headers: HeaderMap| {
        if headers
            .get(header::AUTHORIZATION)
            .is_some_and(|value| value == "Bearer signed")
        {
            let digest = format!("sha256:{}", "ab".repeat(32));
            return ([("docker-content-digest", digest)], "{}").into_response();
        }
        let challenge = format!(r#"Bearer realm="http://{address}/token",service="tests""#);
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response()
    });
    let router = Router::new()
        .route("/v2/", guarded.clone())
        .route("/v2/team/shop/manifests/{tag}", guarded)
        .route(
            "/moved/v2/",
            get(async || Redirect::temporary("http://127.0.0.1:1/v2/")),
        )
        .route("/page/v2/", get(async || (StatusCode::NOT_FOUND, "a web page")))
        .route("/token", get(token));
    let serving = axum::serve(listener, router);
    tokio_util::task::TaskTracker::new().spawn(async move { serving.await.unwrap() });
    address
}

#[tokio::test]
async fn a_registry_that_wants_tokens_gets_them_from_its_token_server() {
    let address = token_registry().await;
    let (http, url) = (
        crate::outbound::client().unwrap(),
        format!("http://{address}").parse::<RegistryUrl>().unwrap(),
    );
    let basic = |password: &str| RegistryAuth::Basic {
        username: "user".to_owned(),
        password: SecretString::from(password),
    };
    let good = basic("secret");
    let client = RegistryClient::new(&http, &url, &good);
    assert!(client.handshake().await.unwrap().contains("token"));
    assert_eq!(
        client.digest("team/shop", "1").await.unwrap(),
        format!("sha256:{}", "ab".repeat(32))
    );

    let own = RegistryAuth::Token(SecretString::from("signed"));
    RegistryClient::new(&http, &url, &own).handshake().await.unwrap();
    for bad in [basic("wrong"), RegistryAuth::Token(SecretString::from("wrong"))] {
        let fault = RegistryClient::new(&http, &url, &bad)
            .handshake()
            .await
            .unwrap_err();
        assert!(matches!(fault, RegistryFault::CredentialsRefused), "{fault:?}");
    }
}

#[tokio::test]
async fn what_is_no_registry_or_points_elsewhere_is_told_apart() {
    let address = token_registry().await;
    let http = crate::outbound::client().unwrap();
    let shake = async |url: String| {
        let url: RegistryUrl = url.parse().unwrap();
        RegistryClient::new(&http, &url, &RegistryAuth::None)
            .handshake()
            .await
            .unwrap_err()
    };
    assert!(matches!(
        shake(format!("http://{address}/moved")).await,
        RegistryFault::Redirect
    ));
    assert!(matches!(
        shake(format!("http://{address}/page")).await,
        RegistryFault::NotARegistry(_)
    ));
    assert!(matches!(
        shake("http://127.0.0.1:1".to_owned()).await,
        RegistryFault::Unreachable(_)
    ));
}

/// A registry whose token server gives tokens for one scope only, and that pages by words of its own.
async fn paging_registry() -> SocketAddr {
    async fn token(Query(query): Query<Vec<(String, String)>>) -> impl IntoResponse {
        let scope = query.into_iter().find(|(name, _)| name == "scope");
        let scope = scope.map(|(_, scope)| scope).unwrap_or_default();
        axum::Json(json!({"token": scope.replace([':', '/'], "-")}))
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tags = get(
        async move |headers: HeaderMap, Query(query): Query<Vec<(String, String)>>| {
            let allowed = headers
                .get(header::AUTHORIZATION)
                .is_some_and(|value| value == "Bearer repository-team-shop-pull");
            if !allowed {
                let challenge =
                    format!(r#"Bearer realm="http://{address}/token",service="tests",scope="other""#);
                return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
            }
            let second = query.contains(&("next_page".to_owned(), "2".to_owned()));
            if second {
                return axum::Json(json!({"name": "team/shop", "tags": ["3", "not a tag"]})).into_response();
            }
            // The next page is said to be elsewhere; only its query is taken.
            let link = "<http://127.0.0.1:1/v2/team/shop/tags/list?next_page=2>; rel=\"next\"";
            ([(header::LINK, link)], axum::Json(json!({"tags": ["1", "2"]}))).into_response()
        },
    );
    let router = Router::new()
        .route("/v2/team/shop/tags/list", tags)
        .route(
            "/v2/empty/tags/list",
            get(async || axum::Json(json!({"name": "empty", "tags": null}))),
        )
        .route("/v2/_catalog", get(async || StatusCode::FORBIDDEN))
        .route("/token", get(token));
    let serving = axum::serve(listener, router);
    tokio_util::task::TaskTracker::new().spawn(async move { serving.await.unwrap() });
    address
}

#[tokio::test]
async fn pages_in_a_registry_s_own_words_are_followed_with_a_token_for_that_repository() {
    let address = paging_registry().await;
    let (http, url) = (
        crate::outbound::client().unwrap(),
        format!("http://{address}").parse::<RegistryUrl>().unwrap(),
    );
    let client = RegistryClient::new(&http, &url, &RegistryAuth::None);
    let mut pass = Pass::default();
    let first = client.tags("team/shop", None, 2, &mut pass).await.unwrap();
    assert_eq!(first.names, ["1", "2"]);
    let second = client
        .tags("team/shop", first.next.as_ref(), 2, &mut pass)
        .await
        .unwrap();
    assert_eq!((second.names, second.next), (vec!["3".to_owned()], None));

    let empty = client.tags("empty", None, 2, &mut Pass::default()).await.unwrap();
    assert!(empty.names.is_empty() && empty.next.is_none());
    let catalog = client
        .repositories(None, 2, &mut Pass::default())
        .await
        .unwrap_err();
    assert!(matches!(catalog, RegistryFault::NoCatalog), "{catalog:?}");
}
