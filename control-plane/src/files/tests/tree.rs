//! The tree: names, places, owners, and who sees what.

use axum::http::Method;
use serde_json::{Value, json};

use super::{FILES, UPLOADS, begin, names, new_file, new_folder, noise, upload_of};
use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
};

both_databases!(a_tree_grows_is_listed_and_found, |test| {
    let ann = test.member("ann", Role::Member).await;
    let docs = new_folder(&ann, "docs", None).await;
    let deep = new_folder(&ann, "Deep", Some(&docs)).await;
    new_file(&ann, "a.txt", None, b"a").await;
    let plan = new_file(&ann, "Plan_1.pdf", Some(&deep), b"plan").await;
    new_file(&ann, "plan-x1.pdf", Some(&docs), b"other").await;

    assert_eq!(names(&ann, "").await, ["docs", "a.txt"], "folders first");
    assert_eq!(
        names(&ann, &format!("?parentId={docs}")).await,
        ["Deep", "plan-x1.pdf"]
    );
    let (_, first) = ann.get(&format!("{FILES}?limit=1")).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!(names(&ann, &format!("?limit=1&cursor={cursor}")).await, ["a.txt"]);
    assert_eq!(names(&ann, "?search=PLAN").await, ["Plan_1.pdf", "plan-x1.pdf"]);
    assert_eq!(
        names(&ann, "?search=n_1").await,
        ["Plan_1.pdf"],
        "_ is no wildcard"
    );
    assert_eq!(
        names(&ann, &format!("?search=plan&parentId={deep}")).await,
        ["Plan_1.pdf"]
    );

    let (status, detail) = ann.get(&format!("{FILES}/{plan}")).await;
    assert_eq!(status, 200, "{detail}");
    assert_eq!(
        detail["folders"],
        json!([{"id": docs, "name": "docs"}, {"id": deep, "name": "Deep"}])
    );
    for (field, value) in [
        ("type", json!(0)),
        ("size", json!(4)),
        ("mime", json!("application/pdf")),
        ("hash", json!(muster_base::sha256(b"plan").to_string())),
        ("uploadedByName", json!("ann")),
        ("ownerType", json!(2)),
        ("ownerId", json!(test.default_org().await)),
        ("parentId", json!(deep)),
    ] {
        assert_eq!(detail[field], value, "{field}");
    }
    let (_, usage) = ann.get(&format!("{FILES}/usage")).await;
    assert_eq!(
        (&usage["bytes"], &usage["items"]),
        (&json!(10), &json!(5)),
        "{usage}"
    );

    let (_, log) = test.admin().await.get("/api/v1/audit?limit=1").await;
    assert_eq!(log["items"][0]["operation"], "file:write", "{log}");
});

both_databases!(what_is_wrong_with_a_name_or_a_place_is_said, |test| {
    let ann = test.member("ann", Role::Member).await;
    let docs = new_folder(&ann, "docs", None).await;
    let file = new_file(&ann, "a", None, b"a").await;
    let wrong = async |body: Value| {
        let (status, problem) = ann.post(FILES, body).await;
        let error = &problem["errors"][0];
        (
            status,
            format!("{} {}", error["field"], error["code"]).replace('"', ""),
        )
    };
    for name in ["", "..", "a/b", "a\u{1}", &"x".repeat(256)] {
        assert_eq!(
            wrong(json!({"name": name})).await,
            (422, "name file-name".to_owned())
        );
    }
    let nowhere = "0199c0de-0000-7000-8000-000000000000";
    assert_eq!(
        wrong(json!({"name": "x", "parentId": nowhere})).await,
        (422, "parentId no-such".to_owned())
    );
    assert_eq!(
        wrong(json!({"name": "x", "parentId": file})).await,
        (422, "parentId no-folder".to_owned())
    );
    assert_eq!(
        wrong(json!({"name": "x", "parentId": docs, "ownerType": 1})).await,
        (422, "ownerType other-owner".to_owned())
    );
    assert_eq!(ann.post(FILES, json!({"name": "x", "ownerType": 3})).await.0, 422);
    let (status, problem) = ann.post(FILES, json!({"name": "docs"})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("name-taken")));
    let (status, problem) = ann.post(UPLOADS, upload_of("docs", b"")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("name-taken")));
    for (field, value) in [
        ("hash", json!("abc")),
        ("mime", json!("text")),
        ("name", json!(".")),
    ] {
        let mut body = upload_of("b", b"");
        body[field] = value;
        let (status, problem) = ann.post(UPLOADS, body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!(field)));
    }
    // Names differ by their case, as on the disks that they come from.
    new_folder(&ann, "DOCS", None).await;
});

both_databases!(things_are_renamed_moved_and_deleted, |test| {
    let ann = test.member("ann", Role::Member).await;
    let a = new_folder(&ann, "a", None).await;
    let b = new_folder(&ann, "b", Some(&a)).await;
    let file = new_file(&ann, "f", Some(&b), &noise(10)).await;
    let change = async |id: &str, body: Value| ann.patch(&format!("{FILES}/{id}"), body).await;

    for into in [&a, &b] {
        let (status, problem) = change(&a, json!({"parentId": into})).await;
        assert_eq!(
            (status, &problem["errors"][0]["code"]),
            (422, &json!("in-itself"))
        );
    }
    let (status, problem) = change(&b, json!({"parentId": file})).await;
    assert_eq!(
        (status, &problem["errors"][0]["code"]),
        (422, &json!("no-folder"))
    );

    let (status, moved) = change(&b, json!({"parentId": null, "name": "c"})).await;
    assert_eq!(
        (status, &moved["name"], &moved["parentId"]),
        (200, &json!("c"), &Value::Null)
    );
    let (_, detail) = ann.get(&format!("{FILES}/{file}")).await;
    assert_eq!(
        detail["folders"],
        json!([{"id": b, "name": "c"}]),
        "what is in it goes with it"
    );
    assert_eq!(names(&ann, &format!("?search=f&parentId={b}")).await, ["f"]);
    let (status, problem) = change(&b, json!({"name": "a"})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("name-taken")));
    assert_eq!(change(&a, json!({"parentId": b})).await.0, 200);
    assert_eq!(change(&b, json!({"parentId": a})).await.0, 422, "a is in b now");

    let path = format!("{FILES}/{b}");
    let (status, problem) = ann.delete(&path).await;
    assert_eq!((status, &problem["type"]), (409, &json!("not-empty")));
    assert_eq!(ann.delete(&format!("{path}?recursive=true")).await.0, 204);
    for id in [&a, &b, &file] {
        assert_eq!(ann.get(&format!("{FILES}/{id}")).await.0, 404);
    }
    assert_eq!(names(&ann, "").await, Vec::<String>::new());
});

both_databases!(a_tree_has_twenty_levels, |test| {
    let ann = test.member("ann", Role::Member).await;
    let mut above: Option<String> = None;
    let mut folders = Vec::new();
    for level in 0..19 {
        let id = new_folder(&ann, &format!("l{level}"), above.as_deref()).await;
        folders.push(id.clone());
        above = Some(id);
    }
    let two = new_folder(&ann, "two", None).await;
    new_folder(&ann, "levels", Some(&two)).await;
    let (status, problem) = ann
        .patch(&format!("{FILES}/{two}"), json!({"parentId": folders[18]}))
        .await;
    assert_eq!((status, &problem["errors"][0]["code"]), (422, &json!("too-deep")));
    let into = json!({"parentId": folders[17]});
    assert_eq!(ann.patch(&format!("{FILES}/{two}"), into).await.0, 200);
    let last = new_folder(&ann, "last", Some(&folders[18])).await;
    let (status, _) = ann.post(FILES, json!({"name": "x", "parentId": last})).await;
    assert_eq!(status, 422);
    let mut file = upload_of("x", b"");
    file["parentId"] = json!(last);
    assert_eq!(ann.post(UPLOADS, file).await.0, 422);
});

both_databases!(what_is_a_person_s_is_seen_by_that_person_alone, |test| {
    let ann = test.member("ann", Role::Member).await;
    let olga = test.member("olga", Role::Owner).await;
    let (status, mine) = ann.post(FILES, json!({"name": "mine", "ownerType": 1})).await;
    assert_eq!((status, &mine["ownerType"]), (201, &json!(1)), "{mine}");
    let mine = mine["id"].as_str().unwrap();
    let file = new_file(&ann, "diary", Some(mine), b"dear").await;
    assert_eq!(names(&ann, "?ownerType=1").await, ["mine"]);
    assert_eq!(names(&ann, "").await, Vec::<String>::new());
    assert_eq!(names(&olga, "?ownerType=1").await, Vec::<String>::new());
    assert_eq!(names(&olga, "?search=diary").await, Vec::<String>::new());
    for path in [
        format!("{FILES}/{mine}"),
        format!("{FILES}/{file}"),
        format!("{FILES}/{file}/content"),
    ] {
        assert_eq!(olga.get(&path).await.0, 404, "{path}");
        assert_eq!(ann.status(Method::GET, &path, None).await, 200, "{path}");
    }
    assert_eq!(olga.delete(&format!("{FILES}/{file}")).await.0, 404);
    // It counts, and it stays what it is.
    assert_eq!(olga.get(&format!("{FILES}/usage")).await.1["bytes"], 4);
    let org = new_folder(&ann, "ours", None).await;
    let (status, problem) = ann
        .patch(&format!("{FILES}/{file}"), json!({"parentId": org}))
        .await;
    assert_eq!(
        (status, &problem["errors"][0]["code"]),
        (422, &json!("other-owner"))
    );
    // Names of persons' tops don't meet.
    let theirs = json!({"name": "mine", "ownerType": 1});
    assert_eq!(olga.post(FILES, theirs.clone()).await.0, 201);
    assert_eq!(
        test.admin().await.post(FILES, theirs).await.0,
        403,
        "no user of this org"
    );
});

both_databases!(a_key_does_not_see_what_is_its_person_s_alone, |test| {
    let ann = test.member("ann", Role::Member).await;
    let (status, mine) = ann.post(FILES, json!({"name": "mine", "ownerType": 1})).await;
    assert_eq!(status, 201, "{mine}");
    let mine = mine["id"].as_str().unwrap();
    let file = new_file(&ann, "diary", Some(mine), b"dear").await;
    let mut body = upload_of("more", b"x");
    body["ownerType"] = json!(1);
    let upload = begin(&ann, body).await;
    let ours = new_file(&ann, "ours", None, b"ours").await;
    let (status, key) = ann
        .post("/api/v1/api-keys", json!({"name": "k", "kind": "full"}))
        .await;
    assert_eq!(status, 201, "{key}");
    let key = test.with_token(key["key"].as_str().unwrap());
    assert_eq!(names(&key, "").await, ["ours"]);
    assert_eq!(key.get(&format!("{FILES}/{ours}/content")).await.0, 200);
    for path in [
        format!("{FILES}/{mine}"),
        format!("{FILES}/{file}/content"),
        format!("{UPLOADS}/{upload}"),
    ] {
        assert_eq!(key.get(&path).await.0, 404, "{path}");
        assert_eq!(ann.status(Method::GET, &path, None).await, 200, "{path}");
    }
    assert_eq!(key.get(UPLOADS).await.1["items"], json!([]));
    assert_eq!(key.delete(&format!("{UPLOADS}/{upload}")).await.0, 404);
    assert_eq!(key.get(&format!("{FILES}?ownerType=1")).await.0, 403);
    let theirs = json!({"name": "theirs", "ownerType": 1});
    assert_eq!(key.post(FILES, theirs).await.0, 403);
});

async fn narrowed<'t>(test: &'t Test, name: &str, role: Role, objects: Value) -> Client<'t> {
    let client = test.member(name, role).await;
    narrow(test, name, objects).await;
    client
}

/// Narrows a member to these objects.
pub(super) async fn narrow(test: &Test, name: &str, objects: Value) {
    let admin = test.admin().await;
    let body = json!({"name": name, "operations": [], "objects": objects});
    let (status, template) = admin.post("/api/v1/permission-templates", body).await;
    assert_eq!(status, 201, "{template}");
    let (_, members) = admin.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap();
    let member = items.iter().find(|member| member["username"] == name).unwrap();
    let path = format!(
        "/api/v1/members/{}/permissions",
        member["userId"].as_str().unwrap()
    );
    let given = json!({"templateId": template["id"]});
    let (status, answer) = admin.call(Method::PUT, &path, Some(given)).await;
    assert_eq!(status, 200, "{answer}");
}

both_databases!(a_scope_brings_a_folder_with_what_is_in_it, |test| {
    let ann = test.member("ann", Role::Member).await;
    let secret = new_folder(&ann, "secret", None).await;
    let shared = new_folder(&ann, "shared", Some(&secret)).await;
    let inner = new_folder(&ann, "inner", Some(&shared)).await;
    let file = new_file(&ann, "f", Some(&inner), b"f").await;
    let other = new_file(&ann, "other", Some(&secret), b"o").await;

    let nora = narrowed(test, "nora", Role::Admin, json!({"files": [shared]})).await;
    assert_eq!(names(&nora, "").await, ["shared"], "their top is what they reach");
    assert_eq!(names(&nora, "?search=r").await, ["inner", "shared"]);
    let (_, detail) = nora.get(&format!("{FILES}/{file}")).await;
    assert_eq!(
        detail["folders"],
        json!([{"id": shared, "name": "shared"}, {"id": inner, "name": "inner"}]),
        "a folder that is out of reach is not named"
    );
    for id in [&secret, &other] {
        assert_eq!(nora.get(&format!("{FILES}/{id}")).await.0, 404);
        assert_eq!(nora.delete(&format!("{FILES}/{id}?recursive=true")).await.0, 404);
    }
    assert_eq!(nora.get(&format!("{FILES}?parentId={secret}")).await.0, 404);
    let own = new_file(&nora, "new", Some(&inner), b"n").await;
    assert_eq!(nora.post(FILES, json!({"name": "top"})).await.0, 403);
    assert_eq!(nora.post(UPLOADS, upload_of("top", b"")).await.0, 403);
    let path = format!("{FILES}/{own}");
    assert_eq!(nora.patch(&path, json!({"parentId": null})).await.0, 403);
    assert_eq!(nora.patch(&path, json!({"parentId": secret})).await.0, 422);
    assert_eq!(nora.patch(&path, json!({"parentId": shared})).await.0, 200);

    let one = narrowed(test, "otto", Role::Viewer, json!({"files": [file]})).await;
    assert_eq!(names(&one, "").await, ["f"]);
    assert_eq!(
        one.get_bytes(&format!("{FILES}/{file}/content"), &[]).await.2,
        b"f"
    );
    let question = json!({"operation": "file:read", "objectKind": "files", "objectId": file});
    let (_, answer) = one.post("/api/v1/me/permissions/check", question).await;
    assert_eq!(answer["allowed"], true, "{answer}");
});

both_databases!(another_org_s_files_are_not_there, |test| {
    let ann = test.member("ann", Role::Member).await;
    let folder = new_folder(&ann, "docs", None).await;
    let file = new_file(&ann, "f", None, b"f").await;
    // The first org of all is everybody's default; let there be no doubt which that is.
    test.app.clock.advance(1);
    let stranger = test.stranger("elsewhere").await;
    assert_eq!(names(&stranger, "").await, Vec::<String>::new());
    assert_eq!(stranger.get(&format!("{FILES}?parentId={folder}")).await.0, 404);
    for path in [format!("{FILES}/{file}"), format!("{FILES}/{file}/content")] {
        assert_eq!(stranger.get(&path).await.0, 404);
    }
    assert_eq!(stranger.delete(&format!("{FILES}/{file}")).await.0, 404);
    assert_eq!(
        stranger
            .post(FILES, json!({"name": "x", "parentId": folder}))
            .await
            .0,
        422
    );
    assert_eq!(
        stranger
            .patch(&format!("{FILES}/{file}"), json!({"name": "x"}))
            .await
            .0,
        404
    );
    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(names(&viewer, "").await, ["docs", "f"]);
    assert_eq!(viewer.delete(&format!("{FILES}/{file}")).await.0, 403);
});
