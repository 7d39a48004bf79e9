//! What somebody may do who is in no org: what their role in the platform gives of its own operations.

use serde_json::json;

use crate::testing::both_databases;

both_databases!(whoever_is_in_no_org_has_what_their_platform_gives_them, |test| {
    let admin = test.admin().await;
    let (id, paul) = test.user("paul").await;
    let (_, platforms) = admin.get("/api/v1/platforms").await;
    let platform = format!(
        "/api/v1/platforms/{}",
        platforms["items"][0]["id"].as_str().unwrap()
    );
    let (_, module) = admin
        .post(&format!("{platform}/modules"), json!({"name": "CRM"}))
        .await;
    for code in ["crm:read", "crm:write"] {
        let body = json!({"moduleId": module["id"], "code": code, "name": code});
        let (status, made) = admin.post(&format!("{platform}/operations"), body).await;
        assert_eq!(status, 201, "{made}");
    }
    let role = json!({"code": "sales", "name": "Sales", "operations": ["crm:read", "host:read"]});
    let (status, role) = admin.post(&format!("{platform}/roles"), role).await;
    assert_eq!(status, 201, "{role}");

    let (status, mine) = paul.get("/api/v1/me/permissions").await;
    assert_eq!((status, &mine["operations"]), (200, &json!([])), "{mine}");
    assert!(mine["orgId"].is_null() && mine["role"].is_null(), "{mine}");
    let check = async |operation: &str| {
        let body = json!({"operation": operation});
        paul.post("/api/v1/me/permissions/check", body).await
    };
    assert_eq!(check("crm:read").await.1["allowed"], false);

    let of_paul = format!("/api/v1/users/{id}");
    let body = json!({"roleId": role["id"]});
    assert_eq!(admin.patch(&of_paul, body).await.0, 200);
    let (_, mine) = paul.get("/api/v1/me/permissions").await;
    assert_eq!(
        mine["operations"],
        json!(["crm:read"]),
        "built-in operations are an org's to give: {mine}"
    );
    let (_, answer) = check("crm:read").await;
    assert_eq!(
        (&answer["allowed"], &answer["chain"][0]["name"]),
        (&json!(true), &json!("Sales")),
        "{answer}"
    );
    for not_given in ["crm:write", "host:read"] {
        assert_eq!(check(not_given).await.1["allowed"], false, "{not_given}");
    }
    assert_eq!(check("no:such").await.0, 422);
    let on_a_host = json!({"operation": "host:read", "objectKind": "hosts",
        "objectId": "0199c0de-0000-7000-8000-000000000000"});
    assert_eq!(paul.post("/api/v1/me/permissions/check", on_a_host).await.0, 404);

    // Nothing else is theirs by that, and an org that they name must be one that they are in.
    assert_eq!(paul.get("/api/v1/hosts").await.0, 403);
    let paul = paul.in_org("default");
    assert_eq!(paul.get("/api/v1/me/permissions").await.0, 404);

    let gone = json!({"roleId": null});
    assert_eq!(admin.patch(&of_paul, gone).await.0, 200);
    let (_, body) = paul.get("/api/v1/me").await;
    assert_eq!(body["orgs"], json!([]), "{body}");
});
