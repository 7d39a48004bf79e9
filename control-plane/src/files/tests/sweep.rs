//! Whatever dies in the middle leaves no bytes behind for good, and takes none away that somebody has.

use std::path::Path;

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::json;

use super::{FILES, PIECE, UPLOADS, begin, new_file, new_folder, noise, upload_of};
use crate::{
    access::{Caller, Role},
    files::{store, sweep, upload},
    in_tx,
    testing::{Test, both_databases},
};

/// Objects in the storage.
fn objects(data: &Path) -> usize {
    let Ok(orgs) = std::fs::read_dir(data.join("files")) else {
        return 0;
    };
    let count = |org: std::fs::DirEntry| std::fs::read_dir(org.path()).unwrap().count();
    orgs.map(|org| count(org.unwrap())).sum()
}

async fn swept(test: &Test) -> (usize, i64) {
    sweep::run(&test.app).await.unwrap();
    let rows = store::piece::count_for_tests(&test.app.db).await;
    (objects(test.data()), rows)
}

both_databases!(bytes_go_when_nothing_has_them_any_more, |test| {
    let ann = test.member("ann", Role::Member).await;
    let folder = new_folder(&ann, "docs", None).await;
    let gone = new_file(&ann, "gone", Some(&folder), &noise(10)).await;
    let kept = new_file(&ann, "kept", None, &noise(20)).await;
    let unfinished = begin(&ann, upload_of("unfinished", &noise(2 * PIECE))).await;
    let content = format!("{UPLOADS}/{unfinished}/content?offset=0");
    assert_eq!(ann.put_bytes(&content, noise(PIECE)).await.0, 200);
    assert_eq!(swept(test).await, (3, 3), "nothing is swept that somebody has");

    assert_eq!(
        ann.delete(&format!("{FILES}/{folder}?recursive=true")).await.0,
        204
    );
    assert_eq!(ann.get(&format!("{FILES}/{gone}")).await.0, 404);
    assert_eq!(swept(test).await, (2, 2));
    assert_eq!(ann.delete(&format!("{UPLOADS}/{unfinished}")).await.0, 204);
    assert_eq!(swept(test).await, (1, 1));
    assert_eq!(
        ann.get_bytes(&format!("{FILES}/{kept}/content"), &[]).await.2,
        noise(20)
    );
});

both_databases!(a_crash_in_the_middle_leaves_nothing_behind, |test| {
    let org = test.default_org().await;
    let caller = Caller::system("test", org);
    let bytes = noise(2 * PIECE);
    let body = serde_json::from_value(upload_of("a", &bytes)).unwrap();
    let begun = upload::begin(&test.app, &caller, body).await.unwrap();
    let piece = |size: usize| crate::files::piece::Piece {
        id: test.app.clock.new_id(),
        position: 0,
        size: size as u64,
    };
    // It died before the bytes were stored, and after.
    let (early, late) = (piece(PIECE), piece(PIECE));
    let now = test.app.clock.now();
    let note = async || -> Result<(), crate::db::DbError> {
        in_tx!(test.app.db, |tx| {
            store::piece::insert(tx, org, begun.id, &early, now).await?;
            store::piece::insert(tx, org, begun.id, &late, now).await?;
        });
        Ok(())
    };
    note().await.unwrap();
    let storage = test.app.files.storage(&test.app).await.unwrap();
    storage.put(org, late.id, noise(PIECE).into()).await.unwrap();

    // It goes on as if nothing had been: what was not acknowledged was not counted.
    for (n, bytes) in bytes.chunks(PIECE).enumerate() {
        let sent = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes.to_vec().into())]);
        let offset = Some((n * PIECE) as u64);
        crate::files::piece::put(&test.app, &caller, begun.id, offset, sent)
            .await
            .unwrap();
    }
    let file = crate::files::complete::complete(&test.app, &caller, begun.id)
        .await
        .unwrap();
    assert_eq!(swept(test).await, (3, 4), "it may still be being stored");
    test.app.clock.advance(UnixMs::HOUR + 1);
    assert_eq!(swept(test).await, (2, 2));
    let admin = test.admin().await;
    let (_, _, read) = admin
        .get_bytes(&format!("{FILES}/{}/content", file.id), &[])
        .await;
    assert!(read == bytes);
});

both_databases!(bytes_count_until_they_are_gone, |test| {
    let ann = test.member("ann", Role::Member).await;
    let file = new_file(&ann, "f", None, &noise(1_000)).await;
    let used = async || ann.get(&format!("{FILES}/usage")).await.1;
    assert_eq!(ann.delete(&format!("{FILES}/{file}")).await.0, 204);
    let usage = used().await;
    assert_eq!(
        (&usage["bytes"], &usage["items"]),
        (&json!(1_000), &json!(0)),
        "{usage}"
    );
    assert_eq!(swept(test).await, (0, 0));
    assert_eq!(used().await["bytes"], 0);
});

both_databases!(the_files_of_whoever_left_wait_a_while, |test| {
    let mut ids = Vec::new();
    for name in ["ann", "bob"] {
        let client = test.member(name, Role::Member).await;
        let (_, mine) = client.post(FILES, json!({"name": "mine", "ownerType": 1})).await;
        let mine = mine["id"].as_str().unwrap().to_owned();
        new_file(&client, "diary", Some(&mine), &noise(10)).await;
        ids.push(mine);
    }
    let admin = test.admin().await;
    let (_, members) = admin.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap();
    let ann = items.iter().find(|member| member["username"] == "ann").unwrap();
    let path = format!("/api/v1/members/{}", ann["userId"].as_str().unwrap());
    assert_eq!(admin.delete(&path).await.0, 204);
    sweep::left(&test.app).await.unwrap();
    test.app.clock.advance(30 * UnixMs::DAY);
    sweep::left(&test.app).await.unwrap();
    assert_eq!(swept(test).await, (2, 2));
    test.app.clock.advance(1);
    sweep::left(&test.app).await.unwrap();
    assert_eq!(swept(test).await, (1, 1));
    let bob = test.sign_in("bob", "a password for tests").await;
    assert_eq!(bob.get(&format!("{FILES}/{}", ids[1])).await.0, 200);
});

both_databases!(the_files_of_an_org_that_is_deleted_go, |test| {
    let ann = test.member("ann", Role::Member).await;
    new_file(&ann, "kept", None, &noise(10)).await;
    test.app.clock.advance(1);
    let stranger = test.stranger("elsewhere").await;
    let folder = new_folder(&stranger, "docs", None).await;
    new_file(&stranger, "gone", Some(&folder), &noise(20)).await;
    assert_eq!(swept(test).await, (2, 2));
    let (_, org) = stranger.get("/api/v1/org").await;
    let body = json!({"name": org["name"]});
    let deleted = stranger.call(Method::DELETE, "/api/v1/org", Some(body)).await;
    assert_eq!(deleted.0, 204, "{deleted:?}");
    assert_eq!(swept(test).await, (1, 1));
});

both_databases!(what_can_t_be_deleted_now_is_deleted_later, |test| {
    let ann = test.member("ann", Role::Member).await;
    let file = new_file(&ann, "f", None, &noise(10)).await;
    let path = format!("{FILES}/{file}");
    assert_eq!(ann.delete(&path).await.0, 204);
    let folder = test.data().join("files");
    let away = test.data().join("away");
    std::fs::rename(&folder, &away).unwrap();
    // A file stands where a folder should be.
    std::fs::write(&folder, "").unwrap();
    sweep::run(&test.app).await.unwrap();
    assert_eq!(
        store::piece::count_for_tests(&test.app.db).await,
        1,
        "its row is kept"
    );
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(swept(test).await, (0, 0));
    let jobs: Vec<_> = crate::files::jobs().iter().map(|job| job.name).collect();
    assert_eq!(json!(jobs), json!(["files.sweep", "files.left"]));
});
