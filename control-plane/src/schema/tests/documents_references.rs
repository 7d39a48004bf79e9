//! What documents name stays there: whoever changes, restores or deletes it is told who needs it.

use serde_json::json;

use super::documents::{APPLY, SHOP, changes, id};
use crate::testing::both_databases;

/// The table that others refer to, with its column under another name.
const OTHER_KEY: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_org}
spec:
  database: shop
  columns:
    - {name: number, dataType: bigint, primaryKey: true}
";

both_databases!(a_column_that_others_refer_to_stays, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let (status, refused) = admin.post_text(APPLY, OTHER_KEY).await;
    assert_eq!(status, 422, "{refused}");
    let fault = &refused["errors"][0];
    assert_eq!(
        (&fault["field"], &fault["message"]),
        (
            &json!("t_user.spec.columns.org_id.reference"),
            &json!("shop has no table t_org with a column id: change t_user in the same text")
        )
    );
    let follows = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_user}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
    - {name: org_id, dataType: bigint, reference: {table: t_org, column: number}}
";
    let both = changes(
        &admin
            .post_text(APPLY, &format!("{OTHER_KEY}---\n{follows}"))
            .await
            .1,
    );
    assert!(both.iter().all(|(_, change, _)| change == "changed"), "{both:?}");
});

both_databases!(a_restored_table_refers_to_what_is_there, |test| {
    let admin = test.admin().await;
    admin.post_text(APPLY, SHOP).await;
    let without = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_user}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
";
    assert_eq!(admin.post_text(APPLY, without).await.0, 200);
    let (user, org) = (id(&admin, "t_user").await, id(&admin, "t_org").await);
    let deleted = admin.delete(&format!("/api/v1/schema/documents/{org}")).await;
    assert_eq!(deleted.0, 204, "{}", deleted.1);
    let path = format!("/api/v1/schema/documents/{user}");
    let (status, refused) = admin
        .post(&format!("{path}/restore"), json!({"revision": 1}))
        .await;
    assert_eq!(status, 422, "{refused}");
    assert_eq!(
        refused["errors"][0]["field"],
        "t_user.spec.columns.org_id.reference"
    );
    assert_eq!(admin.get(&path).await.1["revision"], 2, "nothing was restored");
});

both_databases!(whoever_comes_first_is_seen_by_the_other, |test| {
    let admin = test.admin().await;
    let refers = SHOP.split("---\n").next().unwrap();
    for _ in 0..8 {
        admin.post_text(APPLY, SHOP).await;
        let user = id(&admin, "t_user").await;
        admin.delete(&format!("/api/v1/schema/documents/{user}")).await;
        let org = format!("/api/v1/schema/documents/{}", id(&admin, "t_org").await);
        let (applied, deleted) = tokio::join!(admin.post_text(APPLY, refers), admin.delete(&org));
        let ended = (applied.0, deleted.0);
        assert!(matches!(ended, (200, 409) | (422, 204)), "{ended:?} {applied:?}");
    }
});
