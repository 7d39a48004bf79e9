//! What the pages of designs look at: a search, a table's SQL, a diagram, what publishing would do.

use serde_json::{Value, json};

use super::{
    documents::{APPLY, SHOP, changes},
    server,
};
use crate::{access::Role, testing::both_databases};

const SQL: &str = "/api/v1/schema/sql";

fn user(columns: &str) -> String {
    format!(
        "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: t_user}}\nspec:\n  database: shop\n  columns:\n    \
         - {{name: id, dataType: bigint, primaryKey: true}}\n{columns}"
    )
}

both_databases!(documents_are_searched_by_name_and_label, |test| {
    let admin = test.admin().await;
    let text = SHOP.replace("{name: t_org}", "{name: t_org, label: 100%_Sure}");
    assert_eq!(admin.post_text(APPLY, &text).await.0, 200);
    let found = async |search: &str| -> Vec<String> {
        let path = format!("/api/v1/schema/documents?search={search}");
        let (status, page) = admin.get(&path).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(found("USER").await, ["t_user"]);
    assert_eq!(found("100%25_s").await, ["t_org"]);
    assert_eq!(found("%25_").await, ["t_org"], "no wildcard of SQL is one here");
    assert_eq!(found("nothing").await, Vec::<String>::new());
});

both_databases!(a_document_says_what_needs_it, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let (_, page) = admin.get("/api/v1/schema/documents").await;
    let needed_by = async |name: &str| -> Vec<String> {
        let mut items = page["items"].as_array().unwrap().iter();
        let id = items.find(|item| item["name"] == name).unwrap()["id"]
            .as_str()
            .unwrap();
        let (_, document) = admin.get(&format!("/api/v1/schema/documents/{id}")).await;
        let users = document["usedBy"].as_array().unwrap().iter();
        users
            .map(|user| {
                format!(
                    "{} {}",
                    user["kind"].as_str().unwrap(),
                    user["name"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(needed_by("t_user").await, Vec::<String>::new());
    assert_eq!(needed_by("t_org").await, ["TableSnapshot t_user"]);
    assert_eq!(needed_by("shop").await.len(), 2);
});

both_databases!(a_table_is_shown_as_sql_while_it_is_edited, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let edited = user(
        "    - {name: address, renamedFrom: mail, dataType: varchar(128)}\n    \
         - {name: org_id, dataType: bigint, reference: {table: t_org, column: id, enforced: true}}\n",
    );
    let (status, sql) = admin.post_text(SQL, &edited).await;
    assert_eq!(status, 200, "{sql}");
    let text = |field: &str| sql[field].as_str().unwrap().to_owned();
    let (create, change) = (text("create"), text("change"));
    assert!(
        create.starts_with("create table public.t_user") && create.contains("foreign key"),
        "{create}"
    );
    assert!(!create.contains("create table public.t_org"), "{create}");
    assert!(change.contains("rename column mail to address"), "{change}");
    assert!(!sql["reasons"].as_array().unwrap().is_empty(), "{sql}");

    // Nothing was kept, and a new table has no change.
    let kept = changes(&admin.post_text(&format!("{APPLY}?dryRun=true"), SHOP).await.1);
    assert!(
        kept.iter().all(|(_, change, _)| change == "unchanged"),
        "{kept:?}"
    );
    let (_, new) = admin
        .post_text(
            SQL,
            &edited
                .replace("t_user", "t_new")
                .replace("renamedFrom: mail, ", ""),
        )
        .await;
    assert_eq!(new["change"], "", "{new}");
    assert!(new["create"].as_str().unwrap().contains("t_new"), "{new}");

    // What can't be SQL is said by its column.
    let (status, wrong) = admin
        .post_text(
            SQL,
            &user("    - {name: mail, dataType: \"text); drop table x\"}\n"),
        )
        .await;
    assert_eq!(status, 422);
    assert_eq!(
        wrong["errors"][0]["field"], "t_user.columns.mail.dataType",
        "{wrong}"
    );
    let (status, draft) = admin.post_text(SQL, SHOP).await;
    assert_eq!((status, &draft["errors"][0]["field"]), (422, &json!("kind")));
});

both_databases!(a_diagram_tells_references_apart, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let (status, diagram) = admin.get("/api/v1/schema/diagram?database=shop").await;
    assert_eq!(status, 200, "{diagram}");
    let tables = diagram["tables"].as_array().unwrap();
    let find = |name: &str| -> &Value { tables.iter().find(|table| table["name"] == name).unwrap() };
    let columns = &find("t_user")["columns"];
    assert_eq!(
        columns[2]["reference"],
        json!({"table": "t_org", "column": "id", "enforced": false})
    );
    assert_eq!(
        (&columns[0]["primaryKey"], &columns[1]["reference"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(tables.len(), 2);
    let (_, other) = admin.get("/api/v1/schema/diagram?database=nothing").await;
    assert_eq!(other["tables"], json!([]));
});

both_databases!(what_publishing_would_do_is_looked_at_first, |test| {
    let admin = test.admin().await;
    server(test, "pg", "Postgres").await;
    let member = test.member("mia", Role::Member).await;
    test.member("olga", Role::Admin).await;
    member.post_text(APPLY, SHOP).await;
    let wanted = json!({"database": "shop", "environment": "prod", "servers": ["pg"]});
    let (status, preview) = member
        .post("/api/v1/schema/publish/preview", wanted.clone())
        .await;
    assert_eq!(status, 200, "{preview}");
    let sql = preview["servers"][0]["sql"].as_str().unwrap();
    assert!(sql.contains("create table public.t_user"), "{sql}");
    assert!(
        preview["servers"][0]["rollbackSql"]
            .as_str()
            .unwrap()
            .contains("drop table")
    );
    assert_eq!(
        admin.get("/api/v1/schema/tickets").await.1["items"],
        json!([]),
        "nothing is proposed"
    );
    // Nobody is told yet who would have to look at it, but whoever publishes is.
    let steps = preview["approval"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "{steps:?}");
    assert_eq!(
        (&steps[0]["state"], &steps[0]["needed"]),
        (&json!("current"), &json!(1))
    );
    let open = steps[0]["openTo"].to_string();
    assert!(open.contains("olga") && !open.contains("mia"), "{steps:?}");
    let mut wrong = wanted.clone();
    wrong["project"] = json!("no such name");
    assert_eq!(member.post("/api/v1/schema/publish/preview", wrong).await.0, 422);
    let mut none = wanted;
    none["servers"] = json!([]);
    assert_eq!(member.post("/api/v1/schema/publish/preview", none).await.0, 422);
});
