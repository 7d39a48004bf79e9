//! Uploads: go on where they broke off, are what was said, and take no more than there is.

use axum::body::Body;
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{FILES, PIECE, UPLOADS, begin, names, new_file, new_folder, noise, send, upload_of};
use crate::{
    access::{Caller, Role},
    files::{
        FilesError, piece,
        storage::StorageError,
        upload::{self, UploadBody},
    },
    testing::both_databases,
};

both_databases!(an_upload_goes_on_where_it_broke_off, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bytes = noise(2 * PIECE + 1_000);
    let id = begin(&ann, upload_of("big.bin", &bytes)).await;
    let path = format!("{UPLOADS}/{id}");
    let content = |offset: usize| format!("{path}/content?offset={offset}");
    assert_eq!(
        ann.put_bytes(&content(0), bytes[..PIECE].to_vec()).await.1["position"],
        PIECE
    );

    // A line that breaks in the middle of a piece.
    let broken = futures_util::stream::iter([
        Ok(bytes[PIECE..PIECE + 10].to_vec()),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    let (status, problem) = ann.put_bytes(&content(PIECE), Body::from_stream(broken)).await;
    assert_eq!((status, &problem["type"]), (409, &json!("broke-off")));
    let (status, problem) = ann.put_bytes(&content(0), bytes[..PIECE].to_vec()).await;
    assert_eq!((status, &problem["type"]), (409, &json!("wrong-offset")));
    assert!(
        problem["detail"].as_str().unwrap().contains("65536 bytes"),
        "{problem}"
    );
    let (status, problem) = ann.post(&format!("{path}/complete"), json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("incomplete")));
    assert_eq!(
        names(&ann, "").await,
        Vec::<String>::new(),
        "nobody sees what is not complete"
    );

    let (_, upload) = ann.get(&path).await;
    assert_eq!(upload["position"], PIECE);
    assert_eq!(ann.get(UPLOADS).await.1["items"], json!([upload]));
    for rest in bytes[PIECE..].chunks(PIECE).enumerate() {
        let (status, _) = ann
            .put_bytes(&content((rest.0 + 1) * PIECE), rest.1.to_vec())
            .await;
        assert_eq!(status, 200);
    }
    let (status, file) = ann.post(&format!("{path}/complete"), json!({})).await;
    assert_eq!((status, &file["size"]), (201, &json!(bytes.len())), "{file}");
    // Whoever did not hear the answer asks again.
    let (status, again) = ann.post(&format!("{path}/complete"), json!({})).await;
    assert_eq!((status, &again), (201, &file));
    assert_eq!(ann.get(&path).await.0, 404);
    let file = format!("{FILES}/{}/content", file["id"].as_str().unwrap());
    assert!(ann.get_bytes(&file, &[]).await.2 == bytes);
});

both_databases!(bytes_that_are_not_what_was_said_make_no_file, |test| {
    let ann = test.member("ann", Role::Member).await;
    let mut body = upload_of("a", b"meant");
    body["hash"] = json!(muster_base::sha256(b"other").to_string());
    let id = begin(&ann, body).await;
    let content = format!("{UPLOADS}/{id}/content?offset=0");
    let (status, problem) = ann.put_bytes(&content, b"longer than that".to_vec()).await;
    assert_eq!(
        (status, &problem["type"]),
        (413, &json!("too-large")),
        "{problem}"
    );
    assert_eq!(ann.put_bytes(&content, Vec::new()).await.0, 422);
    assert_eq!(
        ann.put_bytes(&format!("{UPLOADS}/{id}/content"), b"meant".to_vec())
            .await
            .0,
        422
    );
    assert_eq!(ann.put_bytes(&content, b"meant".to_vec()).await.0, 200);
    let complete = format!("{UPLOADS}/{id}/complete");
    let (status, problem) = ann.post(&complete, json!({})).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("other-hash")),
        "{problem}"
    );
    assert_eq!(ann.post(&complete, json!({})).await.0, 404, "that was its end");
    assert_eq!(names(&ann, "").await, Vec::<String>::new());
    // No bytes are a file, too.
    let empty = new_file(&ann, "empty", None, b"").await;
    let (status, headers, bytes) = ann.get_bytes(&format!("{FILES}/{empty}/content"), &[]).await;
    assert_eq!((status, bytes.len()), (200, 0));
    assert_eq!(headers["content-length"], "0");
});

both_databases!(pieces_are_neither_too_small_nor_too_large, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bytes = noise((4 << 20) + PIECE);
    let id = begin(&ann, upload_of("a", &bytes)).await;
    let content = format!("{UPLOADS}/{id}/content?offset=0");
    let (status, problem) = ann.put_bytes(&content, bytes[..PIECE - 1].to_vec()).await;
    assert_eq!((status, &problem["type"]), (409, &json!("small-piece")));
    let (status, _) = ann.put_bytes(&content, bytes[..=(4 << 20)].to_vec()).await;
    assert_eq!(status, 413);
    send(&ann, &id, &bytes, 4 << 20).await;
});

both_databases!(nobody_else_goes_on_with_an_upload, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Owner).await;
    let folder = new_folder(&ann, "in", None).await;
    let mut body = upload_of("a", b"a");
    body["parentId"] = json!(folder);
    let id = begin(&ann, body.clone()).await;
    let path = format!("{UPLOADS}/{id}");
    assert_eq!(bob.get(UPLOADS).await.1["items"], json!([]));
    assert_eq!(bob.get(&path).await.0, 404);
    assert_eq!(bob.delete(&path).await.0, 404);
    let content = format!("{path}/content?offset=0");
    assert_eq!(bob.put_bytes(&content, b"a".to_vec()).await.0, 404);
    assert_eq!(bob.post(&format!("{path}/complete"), json!({})).await.0, 404);

    // Two with the same name: the first to be complete has it.
    let twin = begin(&ann, body).await;
    for id in [&id, &twin] {
        send(&ann, id, b"a", PIECE).await;
    }
    assert_eq!(
        ann.post(&format!("{UPLOADS}/{twin}/complete"), json!({})).await.0,
        201
    );
    let (status, problem) = ann.post(&format!("{path}/complete"), json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("name-taken")));
    assert_eq!(ann.delete(&path).await.0, 204);
    assert_eq!(ann.get(&path).await.0, 404);

    // A folder that is deleted takes what is on its way into it along.
    let mut body = upload_of("b", b"b");
    body["parentId"] = json!(folder);
    let late = begin(&ann, body).await;
    assert_eq!(
        ann.delete(&format!("{FILES}/{folder}?recursive=true")).await.0,
        204
    );
    let content = format!("{UPLOADS}/{late}/content?offset=0");
    assert_eq!(ann.put_bytes(&content, b"b".to_vec()).await.0, 404);
});

both_databases!(the_same_piece_sent_twice_at_once_counts_once, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bytes = noise(2 * PIECE);
    let id = begin(&ann, upload_of("a", &bytes)).await;
    let content = format!("{UPLOADS}/{id}/content?offset=0");
    let piece = || ann.put_bytes(&content, bytes[..PIECE].to_vec());
    let (one, two) = tokio::join!(piece(), piece());
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one:?} {two:?}");
    let rest = format!("{UPLOADS}/{id}/content?offset={PIECE}");
    assert_eq!(ann.put_bytes(&rest, bytes[PIECE..].to_vec()).await.0, 200);
    assert_eq!(
        ann.post(&format!("{UPLOADS}/{id}/complete"), json!({})).await.0,
        201
    );
    let (_, _, read) = ann.get_bytes(&format!("{FILES}/{id}/content"), &[]).await;
    assert!(read == bytes);
});

both_databases!(what_is_completed_twice_at_once_is_one_file, |test| {
    let ann = test.member("ann", Role::Member).await;
    let id = begin(&ann, upload_of("a", b"a")).await;
    send(&ann, &id, b"a", PIECE).await;
    let path = format!("{UPLOADS}/{id}/complete");
    let complete = || ann.post(&path, json!({}));
    let (one, two) = tokio::join!(complete(), complete());
    assert_eq!((one.0, two.0), (201, 201), "{one:?} {two:?}");
    assert_eq!(one.1, two.1);
});

both_databases!(a_file_has_all_of_its_bytes_or_is_not_made, |test| {
    let ann = test.member("ann", Role::Member).await;
    // Given up, or forgotten, while it is completed: one of both is the case, whole.
    for n in 0..4 {
        let id = begin(&ann, upload_of(&format!("f{n}"), b"a")).await;
        send(&ann, &id, b"a", PIECE).await;
        let path = format!("{UPLOADS}/{id}");
        let complete = format!("{path}/complete");
        let (completed, cancelled) = tokio::join!(ann.post(&complete, json!({})), ann.delete(&path));
        match (completed.0, cancelled.0) {
            (201, 404) => {
                let (status, _, bytes) = ann.get_bytes(&format!("{FILES}/{id}/content"), &[]).await;
                assert_eq!((status, bytes.as_slice()), (200, b"a".as_slice()));
            }
            (404, 204) => assert_eq!(ann.get(&format!("{FILES}/{id}")).await.0, 404),
            other => panic!("{other:?}"),
        }
    }
    // An upload that says it is all there, and a piece of it is not.
    let id = begin(&ann, upload_of("lost", b"a")).await;
    send(&ann, &id, b"a", PIECE).await;
    crate::files::store::piece::forget_all_for_tests(&test.app.db).await;
    let (status, _) = ann.post(&format!("{UPLOADS}/{id}/complete"), json!({})).await;
    assert_eq!(status, 500);
    assert_eq!(ann.get(&format!("{FILES}/{id}")).await.0, 404);
    assert_eq!(ann.get(&format!("{UPLOADS}/{id}")).await.0, 200);
});

both_databases!(uploads_are_forgotten_after_a_day_and_count_until_then, |test| {
    let ann = test.member("ann", Role::Member).await;
    let id = begin(&ann, upload_of("a", &noise(2 * PIECE))).await;
    let used = async || ann.get(&format!("{FILES}/usage")).await.1["bytes"].clone();
    assert_eq!(used().await, 2 * PIECE);
    for n in 1..20 {
        begin(&ann, upload_of(&format!("more-{n}"), b"")).await;
    }
    let (status, problem) = ann.post(UPLOADS, upload_of("one more", b"")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("too-many-uploads")));
    test.app.clock.advance(UnixMs::DAY + 1);
    let ann = test.sign_in("ann", "a password for tests").await;
    assert_eq!(ann.get(&format!("{UPLOADS}/{id}")).await.0, 404);
    assert_eq!(ann.get(UPLOADS).await.1["items"], json!([]));
    crate::files::sweep::run(&test.app).await.unwrap();
    assert_eq!(
        ann.get(&format!("{FILES}/usage")).await.1["bytes"],
        Value::from(0)
    );
    begin(&ann, upload_of("a", b"")).await;
});

fn body(name: &str, size: u64) -> UploadBody {
    serde_json::from_value(json!({"name": name, "size": size, "hash": "0".repeat(64)})).unwrap()
}

both_databases!(
    a_quota_and_a_full_disk_are_said_before_anything_is_stored,
    |test| {
        let caller = Caller::system("test", test.default_org().await);
        let app = test.app_with_config(|config| {
            config.files.org_bytes = 100;
            config.files.org_items = 2;
            config.files.file_bytes = 90;
        });
        let begin = async |name: &str, size| upload::begin(&app, &caller, body(name, size)).await;
        assert!(matches!(
            begin("a", 91).await,
            Err(FilesError::Invalid { field: "size", .. })
        ));
        begin("a", 60).await.unwrap();
        let quota = begin("b", 41).await;
        let wanted = FilesError::Quota {
            unit: "bytes",
            wanted: 101,
            most: 100,
        };
        assert_eq!(quota.unwrap_err().to_string(), wanted.to_string());
        begin("b", 40).await.unwrap();
        let items = begin("c", 0).await;
        assert!(matches!(
            items,
            Err(FilesError::Quota {
                wanted: 3,
                most: 2,
                ..
            })
        ));

        let full = test.app_with_config(|config| config.files.keep_free_bytes = u64::MAX);
        let refused = upload::begin(&full, &caller, body("d", 1)).await;
        assert!(matches!(refused, Err(FilesError::Storage(StorageError::Full))));
        let begun = upload::begin(&test.app, &caller, body("d", 1)).await.unwrap();
        let sent = futures_util::stream::iter([Ok::<_, std::io::Error>("x".into())]);
        let refused = piece::put(&full, &caller, begun.id, Some(0), sent).await;
        assert!(matches!(refused, Err(FilesError::Storage(StorageError::Full))));
    }
);
