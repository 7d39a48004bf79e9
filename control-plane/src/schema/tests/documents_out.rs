//! Documents as they go out and come in: exports, forms, DDL.

use serde_json::json;

use super::documents::{APPLY, SEED, SHOP, changes};
use crate::testing::both_databases;

both_databases!(an_export_can_be_applied, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, &format!("{SHOP}---\n{}", SEED[2])).await;
    let (status, text) = admin.get("/api/v1/schema/export").await;
    assert_eq!(status, 200);
    let text = text.as_str().unwrap();
    let again = changes(&admin.post_text(APPLY, text).await.1);
    let environments = again.iter().filter(|(_, _, revision)| *revision == 0).count();
    assert_eq!(
        (again.len() - environments, environments > 0),
        (4, true),
        "{text}"
    );
    assert!(
        again.iter().all(|(_, change, _)| change == "unchanged"),
        "{again:?}\n{text}"
    );
    let (_, part) = admin.get("/api/v1/schema/export?kind=DatabaseSnapshot").await;
    assert!(!part.as_str().unwrap().contains("TableSnapshot"));
    assert_eq!(admin.get("/api/v1/schema/export?kind=Pod").await.0, 422);
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
