//! Files in a bucket: the same use-cases, over HTTP, with signatures that a server checks.

use futures_util::TryStreamExt as _;
use muster_base::SecretString;
use serde_json::json;

use super::{
    noise,
    s3_peer::{BUCKET, KEY_ID, Peer, REGION, SECRET},
    upload_of,
};
use crate::{
    access::Caller,
    app::App,
    config::FilesConfig,
    files::{
        FileItem, FilesError, complete, download,
        folder::{self, DeleteQuery},
        piece,
        range::Span,
        storage::StorageError,
        sweep, upload,
    },
    testing::Test,
};

fn bucket(config: &mut FilesConfig, endpoint: &str) {
    let file = json!({"url": format!("s3://{BUCKET}/muster/a"), "endpoint": endpoint, "region": REGION,
        "access_key_id": KEY_ID, "secret_access_key": SECRET});
    *config = serde_json::from_value(file).unwrap();
}

async fn put(app: &App, caller: &Caller, name: &str, bytes: &[u8]) -> Result<FileItem, FilesError> {
    let body = serde_json::from_value(upload_of(name, bytes)).unwrap();
    let begun = upload::begin(app, caller, body).await?;
    let mut offset = 0;
    for bytes in bytes.chunks(2 << 20) {
        let sent = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes.to_vec().into())]);
        let upload = piece::put(app, caller, begun.id, Some(offset), sent).await?;
        offset = upload.position;
    }
    complete::complete(app, caller, begun.id).await
}

async fn read(
    app: &App,
    caller: &Caller,
    file: &FileItem,
    range: Option<&str>,
) -> Result<Vec<u8>, FilesError> {
    let span = match range {
        Some(range) => Span::read(range, file.size)?,
        None => Span::all(file.size),
    };
    let bytes = download::bytes(app, caller, file.id, span).await?;
    let bytes: Vec<_> = bytes.try_collect().await?;
    Ok(bytes.concat())
}

#[tokio::test]
async fn files_in_a_bucket_are_stored_read_and_deleted() {
    let test = Test::sqlite().await;
    let (peer, endpoint) = Peer::open().await;
    let app = test.app_with_config(|config| bucket(&mut config.files, &endpoint));
    let org = test.default_org().await;
    let caller = Caller::system("test", org);
    let bytes = noise(5 << 20);
    let file = put(&app, &caller, "big", &bytes).await.unwrap();
    let names = peer.names();
    assert_eq!(names.len(), 3, "{names:?}");
    let prefix = format!("muster/a/{org}/");
    assert!(names.iter().all(|name| name.starts_with(&prefix)), "{names:?}");
    assert!(read(&app, &caller, &file, None).await.unwrap() == bytes);
    let part = read(&app, &caller, &file, Some("bytes=2097150-2097153")).await;
    assert_eq!(part.unwrap(), bytes[2_097_150..2_097_154]);

    folder::delete(&app, &caller, file.id, DeleteQuery::default())
        .await
        .unwrap();
    sweep::run(&app).await.unwrap();
    assert_eq!(peer.names(), Vec::<String>::new());
    // What is gone already counts as deleted.
    assert_eq!(crate::files::store::piece::count_for_tests(&app.db).await, 0);
    test.finish().await;
}

#[tokio::test]
async fn a_bucket_that_has_trouble_is_asked_again_and_then_told_of() {
    let test = Test::sqlite().await;
    let (peer, endpoint) = Peer::open().await;
    let app = test.app_with_config(|config| bucket(&mut config.files, &endpoint));
    let caller = Caller::system("test", test.default_org().await);
    peer.fail(2, 503, "<Error><Code>SlowDown</Code></Error>");
    let file = put(&app, &caller, "a", b"small").await.unwrap();
    assert_eq!(peer.calls("PUT"), 3, "twice it was busy");

    peer.fail(100, 500, "");
    let refused = put(&app, &caller, "b", b"b").await.unwrap_err();
    assert!(
        matches!(refused, FilesError::Storage(StorageError::Away)),
        "{refused}"
    );
    let error = crate::error::Error::from(refused);
    assert!(matches!(error, crate::error::Error::Upstream(_)));
    peer.fail(100, 507, "<Error><Code>XMinioStorageFull</Code></Error>");
    let refused = put(&app, &caller, "c", b"c").await.unwrap_err();
    assert!(
        matches!(refused, FilesError::Storage(StorageError::Full)),
        "{refused}"
    );
    peer.calm();
    let read = read(&app, &caller, &file, None).await;
    assert_eq!(read.unwrap(), b"small", "and what was there is there");
    test.finish().await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_shown_nowhere() {
    let test = Test::sqlite().await;
    let (peer, endpoint) = Peer::open().await;
    let secret = test.data().join("s3-secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let caller = Caller::system("test", test.default_org().await);
    let wrong = test.app_with_config(|config| {
        bucket(&mut config.files, &endpoint);
        config.files.secret_access_key = Some(SecretString::from("another secret"));
    });
    let refused = put(&wrong, &caller, "a", b"a").await.unwrap_err();
    assert!(
        matches!(refused, FilesError::Storage(StorageError::Away)),
        "{refused}"
    );
    for shown in [
        format!("{refused:?} {refused}"),
        format!("{:?}", wrong.files),
        format!("{:?}", wrong.config.files),
    ] {
        assert!(!shown.contains("another secret"), "{shown}");
    }
    let right = test.app_with_config(|config| {
        bucket(&mut config.files, &endpoint);
        config.files.secret_access_key = None;
        config.files.secret_access_key_file = Some(secret);
    });
    put(&right, &caller, "b", b"b").await.unwrap();
    assert_eq!(peer.names().len(), 1);
    let half = test.app_with_config(|config| {
        bucket(&mut config.files, &endpoint);
        config.files.access_key_id = None;
    });
    let refused = put(&half, &caller, "c", b"c").await.unwrap_err();
    assert!(matches!(refused, FilesError::Storage(StorageError::Config(_))));
    test.finish().await;
}
