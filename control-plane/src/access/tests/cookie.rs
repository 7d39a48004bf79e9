//! The console's cookie sessions, and what strangers learn from a sign-in.

use axum::http::{HeaderMap, Method};
use muster_base::UnixMs;
use serde_json::{Value, json};

use crate::{
    http::{CSRF_HEADER, SESSION_COOKIE},
    testing::{Test, both_databases},
};

const PASSWORD: &str = "correct horse battery 9";

/// Signs in as the console does: the cookie, and the CSRF token.
async fn signed_in(test: &Test, login: &str) -> (String, String) {
    let body = json!({"login": login, "password": PASSWORD});
    let nobody = test.nobody();
    let (status, headers, body) = nobody
        .respond(Method::POST, "/api/v1/auth/login?mode=cookie", Some(body), &[])
        .await;
    assert_eq!(status, 200, "{body}");
    (
        cookie_of(&headers),
        body["csrfToken"].as_str().unwrap().to_owned(),
    )
}

fn cookie_of(headers: &HeaderMap) -> String {
    let set = headers.get_all("set-cookie").iter();
    let ours = set
        .map(|value| value.to_str().unwrap())
        .find(|value| value.starts_with(&format!("{SESSION_COOKIE}=")));
    let ours = ours.unwrap();
    assert!(
        ours.contains("Max-Age=2592000"),
        "a session may last so long: {ours}"
    );
    assert!(
        ours.contains("HttpOnly") && ours.contains("SameSite=Lax") || ours.contains("SameSite=Strict"),
        "{ours}"
    );
    ours.split(';').next().unwrap().to_owned()
}

both_databases!(a_cookie_changes_nothing_without_its_csrf_token, |test| {
    let admin = test.admin().await;
    for name in ["anna", "berta"] {
        let body = json!({"username": name, "password": PASSWORD});
        assert_eq!(admin.post("/api/v1/users", body).await.0, 201);
    }
    let (cookie, token) = signed_in(test, "anna").await;
    let (_, hers) = signed_in(test, "berta").await;
    let nobody = test.nobody();
    let call = async |method: Method, csrf: Option<&str>| {
        let body = (method != Method::GET).then(|| json!({"nickName": "A"}));
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(csrf.map(|csrf| (CSRF_HEADER, csrf)));
        nobody.respond(method, "/api/v1/me/profile", body, &headers).await
    };
    assert_eq!(call(Method::GET, None).await.0, 200, "reads need none");
    for wrong in [None, Some(""), Some("x"), Some(hers.as_str())] {
        let (status, _, problem) = call(Method::PATCH, wrong).await;
        assert_eq!(
            (status, &problem["type"]),
            (403, &json!("csrf")),
            "{wrong:?}: {problem}"
        );
    }
    let (_, _, me) = call(Method::GET, None).await;
    assert_ne!(me["nickName"], "A");
    assert_eq!(call(Method::PATCH, Some(&token)).await.0, 200);

    let out = [("cookie", cookie.as_str())];
    let path = "/api/v1/auth/logout";
    assert_eq!(nobody.respond(Method::POST, path, None, &out).await.0, 403);
    let out = [("cookie", cookie.as_str()), (CSRF_HEADER, token.as_str())];
    assert_eq!(nobody.respond(Method::POST, path, None, &out).await.0, 204);
    assert_eq!(call(Method::GET, None).await.0, 401);
});

both_databases!(a_wrong_password_and_no_such_account_answer_alike, |test| {
    let body = json!({"username": "anna", "password": PASSWORD});
    assert_eq!(test.admin().await.post("/api/v1/users", body).await.0, 201);
    let nobody = test.nobody();
    let answer = async |login: &str| -> (u16, Vec<String>, Value) {
        let body = json!({"login": login, "password": "another-horse-battery-9"});
        let (status, headers, mut body) = nobody
            .respond(Method::POST, "/api/v1/auth/login", Some(body), &[])
            .await;
        if let Some(problem) = body.as_object_mut() {
            // An id of the request, if there is one.
            problem.remove("instance");
        }
        let names = headers.keys().map(ToString::to_string).collect();
        (status, names, body)
    };
    let known = answer("anna").await;
    assert_eq!(known.0, 401);
    assert_eq!(known, answer("nobody-of-this-name").await);
    assert_eq!(known, answer("nobody@example.com").await);
});

both_databases!(a_console_that_is_used_stays_signed_in_up_to_thirty_days, |test| {
    let admin = test.admin().await;
    for name in ["anna", "berta"] {
        let body = json!({"username": name, "password": PASSWORD});
        assert_eq!(admin.post("/api/v1/users", body).await.0, 201);
    }
    let (used, _) = signed_in(test, "anna").await;
    let (idle, _) = signed_in(test, "berta").await;
    let nobody = test.nobody();
    let look = async |cookie: &str| {
        let headers = [("cookie", cookie)];
        nobody.respond(Method::GET, "/api/v1/me", None, &headers).await.0
    };
    for day in 1..30 {
        test.app.clock.advance(UnixMs::DAY);
        assert_eq!(look(&used).await, 200, "day {day}");
        if day == 8 {
            assert_eq!(look(&idle).await, 401, "nobody used it for a week");
        }
    }
    test.app.clock.advance(UnixMs::DAY);
    assert_eq!(look(&used).await, 401, "thirty days in any case");
});

both_databases!(a_session_in_use_is_written_once_an_hour, |test| {
    let body = json!({"username": "anna", "password": PASSWORD});
    assert_eq!(test.admin().await.post("/api/v1/users", body).await.0, 201);
    let (cookie, _) = signed_in(test, "anna").await;
    let begun = test.app.clock.now();
    let used_at = async || -> UnixMs {
        let sql = "select used_at from sessions where kind = 'cookie'";
        crate::with_pool!(test.app.db, |pool| sqlx::query_scalar(sql).fetch_one(pool).await).unwrap()
    };
    for (minutes, written) in [(59, 0), (2, 61), (59, 61), (2, 122)] {
        test.app.clock.advance(minutes * UnixMs::MINUTE);
        let headers = [("cookie", cookie.as_str())];
        let answer = test
            .nobody()
            .respond(Method::GET, "/api/v1/me", None, &headers)
            .await;
        assert_eq!(answer.0, 200);
        assert_eq!(used_at().await.ms_since(begun), written * UnixMs::MINUTE);
    }
});
