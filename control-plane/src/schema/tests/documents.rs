//! Documents: applied, listed, compared, restored, deleted.

use serde_json::{Value, json};

use super::host;
use crate::{
    access::Role,
    testing::{Client, both_databases},
};

const APPLY: &str = "/api/v1/schema/apply";
const SEED: [&str; 4] = [
    include_str!("../../../../shared/documents/tests/seed/environments.yaml"),
    include_str!("../../../../shared/documents/tests/seed/server.yaml"),
    include_str!("../../../../shared/documents/tests/seed/database.yaml"),
    include_str!("../../../../shared/documents/tests/seed/table.yaml"),
];
const RELEASE: &str = include_str!("../../../../shared/documents/tests/seed/release.yaml");

const SHOP: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_user}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
    - {name: mail, dataType: varchar(64)}
    - {name: org_id, dataType: bigint, reference: {table: t_org, column: id}}
---
apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_org}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
---
apiVersion: v1alpha1
kind: DatabaseSnapshot
metadata: {name: shop}
spec:
  basic: {name: shop, comment: Orders, type: Postgres}
";

fn changes(applied: &Value) -> Vec<(String, String, i64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |of: &Value| {
        (
            text(&of["name"]),
            text(&of["change"]),
            of["revision"].as_i64().unwrap_or_default(),
        )
    };
    applied["applied"]
        .as_array()
        .unwrap_or_else(|| panic!("{applied}"))
        .iter()
        .map(one)
        .collect()
}

/// Id of the document of that name.
async fn id(client: &Client<'_>, name: &str) -> String {
    let (_, page) = client.get("/api/v1/schema/documents").await;
    let mut items = page["items"].as_array().unwrap().iter();
    let found = items
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("{page}"));
    found["id"].as_str().unwrap().to_owned()
}

both_databases!(the_seed_is_applied_as_it_stands, |test| {
    let admin = test.admin().await;
    let (status, applied) = admin.post_text(APPLY, &SEED.join("\n---\n")).await;
    assert_eq!(status, 200, "{applied}");
    let made = changes(&applied);
    assert_eq!(made.len(), 6, "{made:?}");
    assert!(
        made.contains(&("halo_db".into(), "created".into(), 1)),
        "{made:?}"
    );
    let drafts = applied["applied"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["draft"] == true);
    assert_eq!(drafts.count(), 3);
    let (_, environments) = admin.get("/api/v1/environments").await;
    let dev = environments["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "dev")
        .unwrap();
    assert_eq!(dev["label"], "开发环境");
    let again = changes(&admin.post_text(APPLY, &SEED.join("\n---\n")).await.1);
    assert!(
        again.iter().all(|(_, change, _)| change == "unchanged"),
        "{again:?}"
    );

    let (status, refused) = admin.post_text(APPLY, RELEASE).await;
    assert_eq!(status, 422);
    assert!(
        refused
            .to_string()
            .contains("made by the last approval of a ticket"),
        "{refused}"
    );
});

both_databases!(a_text_is_applied_whole_or_not_at_all, |test| {
    let admin = test.admin().await;
    let broken = SHOP.replace("column: id}", "column: number}");
    let (status, refused) = admin.post_text(APPLY, &broken).await;
    assert_eq!(status, 422);
    assert_eq!(
        refused["errors"][0]["field"], "spec.columns.org_id.reference",
        "{refused}"
    );
    assert!(
        refused["errors"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("line 1: TableSnapshot t_user: ")
    );
    let (_, page) = admin.get("/api/v1/schema/documents").await;
    assert_eq!(page["items"], json!([]));
    let (status, tried) = admin.post_text(&format!("{APPLY}?dryRun=true"), SHOP).await;
    assert_eq!((status, changes(&tried).len()), (200, 3));
    assert_eq!(admin.get("/api/v1/schema/documents").await.1["items"], json!([]));

    assert_eq!(admin.post_text(APPLY, SHOP).await.0, 200);
    let (_, page) = admin
        .get("/api/v1/schema/documents?kind=TableSnapshot&database=shop")
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let alone = "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {name: x}\nspec:\n  database: nowhere\n  columns: \
                 [{name: a, dataType: int}]\n";
    assert!(
        admin
            .post_text(APPLY, alone)
            .await
            .1
            .to_string()
            .contains("there is no DatabaseSnapshot nowhere")
    );
});

both_databases!(a_renamed_column_keeps_its_id_and_every_revision_stays, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let user = id(&admin, "t_user").await;
    let path = format!("/api/v1/schema/documents/{user}");
    let (_, before) = admin.get(&path).await;
    let renamed = SHOP.replace("{name: mail,", "{name: email, renamedFrom: mail,");
    let applied = changes(&admin.post_text(APPLY, &renamed).await.1);
    assert!(
        applied.contains(&("t_user".into(), "changed".into(), 2)),
        "{applied:?}"
    );
    assert!(
        applied.contains(&("t_org".into(), "unchanged".into(), 1)),
        "{applied:?}"
    );
    let again = changes(&admin.post_text(APPLY, &renamed).await.1);
    assert!(
        again.contains(&("t_user".into(), "unchanged".into(), 2)),
        "{again:?}"
    );
    let (_, after) = admin.get(&path).await;
    assert_eq!(after["spec"]["columns"][1]["name"], "email");
    assert_eq!(
        after["spec"]["columns"][1]["id"],
        before["spec"]["columns"][1]["id"]
    );

    let (status, diff) = admin.get(&format!("{path}/diff")).await;
    assert_eq!(status, 200, "{diff}");
    assert_eq!(
        diff["changes"],
        json!([{"path": "columns[mail].name", "before": "mail", "after": "email"}])
    );
    let (status, restored) = admin
        .post(&format!("{path}/restore"), json!({"revision": 1}))
        .await;
    assert_eq!((status, &restored["revision"]), (200, &json!(3)), "{restored}");
    assert_eq!(restored["spec"], before["spec"]);
    let (_, revisions) = admin.get(&format!("{path}/revisions")).await;
    let kinds: Vec<_> = revisions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["change"].clone())
        .collect();
    assert_eq!(kinds, ["restored", "changed", "created"]);
    assert_eq!(
        admin
            .post(&format!("{path}/restore"), json!({"revision": 9}))
            .await
            .0,
        422
    );
});

both_databases!(two_people_do_not_overwrite_each_other, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let with = |revision: i64, comment: &str| {
        let head = format!("metadata: {{name: t_user, revision: {revision}}}");
        SHOP.replacen("metadata: {name: t_user}", &head, 1).replacen(
            "database: shop",
            &format!("database: shop\n  comment: {comment}"),
            1,
        )
    };
    assert_eq!(admin.post_text(APPLY, &with(1, "first")).await.0, 200);
    let (status, late) = admin.post_text(APPLY, &with(1, "second")).await;
    assert_eq!((status, &late["type"]), (409, &json!("stale-revision")), "{late}");
    assert!(late["detail"].as_str().unwrap().contains("revision 2"), "{late}");
    assert_eq!(admin.post_text(APPLY, &with(2, "second")).await.0, 200);
});

both_databases!(what_others_need_is_not_deleted, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let delete = async |name: &str| {
        let path = format!("/api/v1/schema/documents/{}", id(&admin, name).await);
        let (status, answer) = admin.delete(&path).await;
        (status, answer["detail"].as_str().unwrap_or_default().to_owned())
    };
    let (status, why) = delete("shop").await;
    assert_eq!(status, 409);
    assert!(why.contains("TableSnapshot t_org, TableSnapshot t_user"), "{why}");
    let (status, why) = delete("t_org").await;
    assert!(
        status == 409 && why.contains("needed by TableSnapshot t_user"),
        "{why}"
    );
    for name in ["t_user", "t_org", "shop"] {
        assert_eq!(delete(name).await.0, 204, "{name}");
    }
    assert_eq!(admin.get("/api/v1/schema/documents").await.1["items"], json!([]));
    assert_eq!(
        admin.post_text(APPLY, SHOP).await.0,
        200,
        "a deleted name is free"
    );
});

both_databases!(an_export_can_be_applied, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, &format!("{SHOP}---\n{}", SEED[2])).await;
    let (status, text) = admin.get("/api/v1/schema/export").await;
    assert_eq!(status, 200);
    let text = text.as_str().unwrap();
    let again = changes(&admin.post_text(APPLY, text).await.1);
    assert_eq!(again.len(), 4, "{text}");
    assert!(
        again.iter().all(|(_, change, _)| change == "unchanged"),
        "{again:?}\n{text}"
    );
    let (_, part) = admin.get("/api/v1/schema/export?kind=DatabaseSnapshot").await;
    assert!(!part.as_str().unwrap().contains("TableSnapshot"));
    assert_eq!(admin.get("/api/v1/schema/export?kind=Pod").await.0, 422);
});

both_databases!(a_server_s_document_makes_the_server, |test| {
    let admin = test.admin().await;
    let text = |port: u16, password: &str| {
        format!(
            "apiVersion: v1alpha1\nkind: Server\nmetadata: {{name: main}}\nspec:\n  basic: {{ip: 10.0.0.9, environment: qa}}\n  \
             database: {{port: {port}, username: release, password: {password}, type: Postgres, agent: {}, databases: [shop]}}\n\
             ---\napiVersion: v1alpha1\nkind: Environment\nmetadata: {{name: qa}}\nspec: {{label: Quality}}\n",
            HOST
        )
    };
    const HOST: &str = "{host}";
    let host = host(test).await.to_string();
    let text = |port, password| text(port, password).replace(HOST, &host);
    let (status, applied) = admin
        .post_text(APPLY, &text(5432, "hunter2-planted-password"))
        .await;
    assert_eq!(status, 200, "{applied}");
    let (_, servers) = admin.get("/api/v1/schema/servers").await;
    assert_eq!(servers["items"][0]["label"], "main");
    assert_eq!(servers["items"][0]["environment"], "qa");
    let again = changes(
        &admin
            .post_text(APPLY, &text(5432, "hunter2-planted-password"))
            .await
            .1,
    );
    assert!(
        again.iter().all(|(_, change, _)| change == "unchanged"),
        "{again:?}"
    );
    let other = changes(
        &admin
            .post_text(APPLY, &text(6432, "hunter2-planted-password"))
            .await
            .1,
    );
    assert!(other.contains(&("main".into(), "changed".into(), 2)), "{other:?}");
    let password = changes(
        &admin
            .post_text(APPLY, &text(6432, "hunter3-planted-password"))
            .await
            .1,
    );
    assert!(
        password.contains(&("main".into(), "changed".into(), 3)),
        "{password:?}"
    );
    for path in [
        "/api/v1/schema/export",
        "/api/v1/audit?limit=500",
        "/api/v1/schema/documents",
    ] {
        let (_, shown) = admin.get(path).await;
        assert!(!shown.to_string().contains("planted-password"), "{path}");
    }
});

both_databases!(documents_want_permission_and_are_their_org_s, |test| {
    let admin = test.admin().await;
    let member = test.member("mia", Role::Member).await;
    assert_eq!(member.post_text(APPLY, SHOP).await.0, 200);
    assert_eq!(member.post_text(APPLY, SEED[1]).await.0, 403, "a server");
    assert_eq!(member.post_text(APPLY, SEED[0]).await.0, 403, "an environment");
    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.post_text(APPLY, SHOP).await.0, 403);
    let path = format!("/api/v1/schema/documents/{}", id(&viewer, "t_user").await);
    assert_eq!(viewer.get(&path).await.0, 200);
    assert_eq!(viewer.delete(&path).await.0, 403);
    let stranger = test.stranger("others").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(
        stranger.get("/api/v1/schema/documents").await.1["items"],
        json!([])
    );
    let flow = "apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {name: usual}\nspec:\n  steps:\n    - {name: lead, role: ADMIN}\n";
    assert_eq!(member.post_text(APPLY, flow).await.0, 403);
    assert_eq!(admin.post_text(APPLY, flow).await.0, 200);
});

both_databases!(forms_are_served_in_both_languages, |test| {
    let admin = test.admin().await;
    let (status, form) = admin
        .get("/api/v1/schema/forms/TableSnapshot?language=zh-CN")
        .await;
    assert_eq!(status, 200);
    assert_eq!(form["groups"][0]["label"], "基本设置");
    assert_eq!(form["groups"][0]["formSchema"][1]["$formkit"], "text");
    assert_eq!(
        admin.get("/api/v1/schema/forms/TableSnapshot").await.1["groups"][0]["label"],
        "Basics"
    );
    assert_eq!(admin.get("/api/v1/schema/forms/Release").await.0, 404);
    assert_eq!(admin.get("/api/v1/schema/forms/Server?language=fr").await.0, 422);
});

both_databases!(ddl_comes_in_beside_what_is_there, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let sql = "create table t_user (id bigint primary key, mail varchar(128) not null, org_id bigint);
        create table t_new (id int primary key); create type mood as enum ('a');";
    let import = async |dialect: &str, sql: &str| {
        let body = json!({"dialect": dialect, "database": "shop", "sql": sql});
        admin.post("/api/v1/schema/import", body).await
    };
    let (status, imported) = import("postgres", sql).await;
    assert_eq!(status, 200, "{imported}");
    let found = |name: &str| {
        let mut documents = imported["documents"].as_array().unwrap().iter();
        documents
            .find(|document| document["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(found("t_new")["change"], "created");
    let user = found("t_user");
    let paths: Vec<_> = user["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].clone())
        .collect();
    assert!(
        paths.contains(&json!("columns[mail].dataType")) && paths.contains(&json!("columns[mail].notNull")),
        "{user}"
    );
    assert!(
        user["yaml"].as_str().unwrap().contains("t_org"),
        "a reference on paper stays: {user}"
    );
    assert_eq!(imported["notCarried"][0]["object"], "enumeration public.mood");
    let (status, applied) = admin.post_text(APPLY, user["yaml"].as_str().unwrap()).await;
    assert_eq!((status, changes(&applied)[0].2), (200, 2), "{applied}");
    assert_eq!(import("mysql", "create table a (id int);").await.0, 422);
    let (_, unreadable) = import("postgres", "create table a (id int);\ncreate nonsense;").await;
    assert!(
        unreadable["errors"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("line 2"),
        "{unreadable}"
    );
});
