//! Downloads: all of it, parts of it, and their end.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;

use super::{FILES, PIECE, UPLOADS, begin, new_file, new_folder, noise, send, tree::narrow, upload_of};
use crate::{access::Role, testing::both_databases};

both_databases!(a_file_is_read_whole_and_in_parts, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bytes = noise(3 * PIECE);
    let id = begin(&ann, upload_of("Bericht \"ä\".html", &bytes)).await;
    send(&ann, &id, &bytes, PIECE + 5).await;
    assert_eq!(
        ann.post(&format!("{UPLOADS}/{id}/complete"), json!({})).await.0,
        201
    );
    let path = format!("{FILES}/{id}/content");
    let tag = format!("\"{}\"", muster_base::sha256(&bytes));

    let zipped = [("accept-encoding", "gzip")];
    let (status, headers, read) = ann.get_bytes(&path, &zipped).await;
    assert_eq!(status, 200);
    assert!(read == bytes);
    for (name, value) in [
        ("etag", tag.as_str()),
        ("content-length", "196608"),
        ("content-type", "application/octet-stream"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        (
            "content-disposition",
            "attachment; filename=\"Bericht ___.html\"; filename*=UTF-8''Bericht%20%22%C3%A4%22.html",
        ),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(!headers.contains_key("content-encoding"));

    // Over the seam of two pieces.
    let range = [("range", "bytes=65530-65549"), ("if-range", tag.as_str())];
    let (status, headers, read) = ann.get_bytes(&path, &range).await;
    assert_eq!((status, read.as_slice()), (206, &bytes[65_530..65_550]));
    assert_eq!(headers["content-range"], "bytes 65530-65549/196608");
    assert_eq!(headers["content-length"], "20");
    let (status, _, read) = ann.get_bytes(&path, &[("range", "bytes=-1")]).await;
    assert_eq!((status, read.as_slice()), (206, &bytes[bytes.len() - 1..]));
    let other = [("range", "bytes=0-1"), ("if-range", "\"other\"")];
    assert_eq!(ann.get_bytes(&path, &other).await.0, 200);
    let (status, headers, _) = ann.get_bytes(&path, &[("range", "bytes=196608-")]).await;
    assert_eq!(status, 416);
    assert_eq!(headers["content-range"], "bytes */196608");
    let (status, headers, read) = ann.get_bytes(&path, &[("if-none-match", tag.as_str())]).await;
    assert_eq!((status, read.len()), (304, 0));
    assert_eq!(headers["etag"], tag.as_str());

    let folder = new_folder(&ann, "docs", None).await;
    let (status, problem) = ann.get(&format!("{FILES}/{folder}/content")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("is-folder")));
});

both_databases!(a_download_ends_with_its_permission, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bytes = noise(20 << 20);
    let file = new_file(&ann, "big", None, &bytes).await;
    let (status, mut stream) = ann.open(&format!("{FILES}/{file}/content")).await;
    assert_eq!(status, 200);
    let first = stream.next().await.unwrap().unwrap();
    assert!(first == bytes[..first.len()]);
    let admin = test.admin().await;
    let (_, members) = admin.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap();
    let member = items.iter().find(|member| member["username"] == "ann").unwrap();
    let path = format!("/api/v1/members/{}", member["userId"].as_str().unwrap());
    assert_eq!(admin.delete(&path).await.0, 204);
    assert!(breaks_off(stream).await);
});

both_databases!(a_download_ends_with_the_scope_that_brought_it, |test| {
    let ann = test.member("ann", Role::Member).await;
    let file = new_file(&ann, "big", None, &noise(20 << 20)).await;
    let other = new_folder(&ann, "other", None).await;
    let (status, mut stream) = ann.open(&format!("{FILES}/{file}/content")).await;
    assert_eq!(status, 200);
    stream.next().await.unwrap().unwrap();
    narrow(test, "ann", json!({"files": [other]})).await;
    assert!(breaks_off(stream).await);
    assert_eq!(ann.get(&format!("{FILES}/{file}/content")).await.0, 404);
});

both_databases!(nobody_has_all_the_seats, |test| {
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Member).await;
    let file = new_file(&ann, "big", None, &noise(4 << 20)).await;
    let path = format!("{FILES}/{file}/content");
    let mut open = Vec::new();
    for _ in 0..8 {
        let (status, stream) = ann.open(&path).await;
        assert_eq!(status, 200);
        open.push(stream);
    }
    assert_eq!(ann.open(&path).await.0, 429);
    assert_eq!(bob.open(&path).await.0, 200);
    drop(open);
    let given_back = async {
        while ann.open(&path).await.0 == 429 {
            tokio::task::yield_now().await;
        }
    };
    let given_back = tokio::time::timeout(Duration::from_secs(10), given_back).await;
    assert!(given_back.is_ok(), "whoever reads no more has none");
});

/// Whether a reader on a slow line, who would need some seconds, is told that there is more than they got.
async fn breaks_off(mut stream: axum::body::BodyDataStream) -> bool {
    while let Some(piece) = stream.next().await {
        if piece.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

both_databases!(bytes_that_are_gone_are_an_error_and_not_an_empty_file, |test| {
    let ann = test.member("ann", Role::Member).await;
    let file = new_file(&ann, "f", None, &noise(100)).await;
    std::fs::remove_dir_all(test.data().join("files")).unwrap();
    let (status, problem) = ann.get(&format!("{FILES}/{file}/content")).await;
    assert_eq!((status, &problem["type"]), (502, &json!("upstream")), "{problem}");
});
