//! Documents: applied, listed, compared, restored, deleted.

use serde_json::{Value, json};

use super::host;
use crate::{
    access::Role,
    testing::{Client, both_databases},
};

pub(super) const APPLY: &str = "/api/v1/schema/apply";
pub(super) const SEED: [&str; 4] = [
    include_str!("../../../../shared/documents/tests/seed/environments.yaml"),
    include_str!("../../../../shared/documents/tests/seed/server.yaml"),
    include_str!("../../../../shared/documents/tests/seed/database.yaml"),
    include_str!("../../../../shared/documents/tests/seed/table.yaml"),
];
const RELEASE: &str = include_str!("../../../../shared/documents/tests/seed/release.yaml");

pub(super) const SHOP: &str = "apiVersion: v1alpha1
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

pub(super) fn changes(applied: &Value) -> Vec<(String, String, i64)> {
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
pub(super) async fn id(client: &Client<'_>, name: &str) -> String {
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

both_databases!(two_databases_may_have_tables_of_one_name, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let other = SHOP
        .replace("database: shop", "database: stock")
        .replace("shop", "stock");
    let made = changes(&admin.post_text(APPLY, &other).await.1);
    assert!(made.iter().all(|(_, change, _)| change == "created"), "{made:?}");
    let (_, page) = admin
        .get("/api/v1/schema/documents?kind=TableSnapshot&database=stock")
        .await;
    assert_eq!(page["items"].as_array().unwrap().len(), 2, "{page}");
    let again = changes(&admin.post_text(APPLY, SHOP).await.1);
    assert!(
        again.iter().all(|(_, change, _)| change == "unchanged"),
        "{again:?}"
    );
});

both_databases!(a_draft_is_filled_in, |test| {
    let admin = test.admin().await;
    let draft = "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {name: t_org}\nspec: {forms: []}\n";
    admin.post_text(APPLY, draft).await;
    let draft = id(&admin, "t_org").await;
    let filled = changes(&admin.post_text(APPLY, SHOP).await.1);
    assert!(
        filled.contains(&("t_org".into(), "changed".into(), 2)),
        "{filled:?}"
    );
    let path = format!("/api/v1/schema/documents/{draft}");
    assert_eq!(admin.get(&path).await.1["database"], "shop");
    let needed = admin
        .post(&format!("{path}/restore"), json!({"revision": 1}))
        .await;
    assert_eq!(needed.0, 422, "{}", needed.1);
    let user = id(&admin, "t_user").await;
    admin.delete(&format!("/api/v1/schema/documents/{user}")).await;
    let (status, restored) = admin
        .post(&format!("{path}/restore"), json!({"revision": 1}))
        .await;
    assert_eq!((status, &restored["database"]), (200, &Value::Null), "{restored}");
    assert_eq!(restored["draft"], true);
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

both_databases!(projects_and_flows_name_what_is_there, |test| {
    let admin = test.admin().await;
    let project =
        "apiVersion: v1alpha1\nkind: Project\nmetadata: {name: orders}\nspec: {databases: [shop]}\n";
    let flow = "apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {name: strict}\nspec:\n  environments: [nowhere]\n  \
                steps: [{name: lead, role: ADMIN}]\n";
    let (status, refused) = admin.post_text(APPLY, &format!("{project}---\n{flow}")).await;
    assert_eq!(status, 422, "{refused}");
    let said = refused["errors"].to_string();
    assert!(
        said.contains("there is no DatabaseSnapshot shop")
            && said.contains("there is no environment nowhere"),
        "{said}"
    );
    let environment =
        "apiVersion: v1alpha1\nkind: Environment\nmetadata: {name: nowhere}\nspec: {label: Nowhere}\n";
    let whole = format!("{project}---\n{flow}---\n{environment}---\n{SHOP}");
    let (status, applied) = admin.post_text(APPLY, &whole).await;
    assert_eq!(status, 200, "{applied}");
    for name in ["t_user", "t_org"] {
        let path = format!("/api/v1/schema/documents/{}", id(&admin, name).await);
        assert_eq!(admin.delete(&path).await.0, 204);
    }
    let shop = format!("/api/v1/schema/documents/{}", id(&admin, "shop").await);
    let (status, needed) = admin.delete(&shop).await;
    assert_eq!(status, 409, "{needed}");
    assert!(
        needed["detail"].as_str().unwrap().contains("Project orders"),
        "{needed}"
    );
    let orders = format!("/api/v1/schema/documents/{}", id(&admin, "orders").await);
    assert_eq!(admin.delete(&orders).await.0, 204);
    assert_eq!(admin.delete(&shop).await.0, 204);
});

both_databases!(a_server_s_document_makes_the_server, |test| {
    let admin = test.admin().await;
    let host = host(test).await;
    let text = |port: u16, password: &str| {
        format!(
            "apiVersion: v1alpha1\nkind: Server\nmetadata: {{name: main}}\nspec:\n  basic: {{ip: 10.0.0.9, environment: qa}}\n  \
             database: {{port: {port}, username: release, password: {password}, type: Postgres, agent: {host}, \
             databases: [shop]}}\n---\n\
             apiVersion: v1alpha1\nkind: Environment\nmetadata: {{name: qa}}\nspec: {{label: Quality}}\n"
        )
    };
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
