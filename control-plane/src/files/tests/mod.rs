//! Files by the API, on both databases; storages by their use-cases.

mod downloads;
mod s3;
mod s3_peer;
mod sends;
mod sweep;
mod tree;
mod uploads;

use futures_util::TryStreamExt as _;
use muster_base::FileId;
use serde_json::{Value, json};

use super::range::Span;
use crate::{
    access::{Caller, Operation},
    app::App,
    testing::Client,
};

pub(super) const FILES: &str = "/api/v1/files";
pub(super) const UPLOADS: &str = "/api/v1/files/uploads";
/// The smallest piece that is not a last one.
pub(super) const PIECE: usize = 64 << 10;

/// Bytes that differ everywhere.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

pub(super) fn upload_of(name: &str, bytes: &[u8]) -> Value {
    json!({"name": name, "size": bytes.len(), "hash": muster_base::sha256(bytes).to_string()})
}

/// A folder; its id.
pub(crate) async fn new_folder(client: &Client<'_>, name: &str, parent: Option<&str>) -> String {
    let body = json!({"name": name, "parentId": parent});
    let (status, folder) = client.post(FILES, body).await;
    assert_eq!(status, 201, "{folder}");
    folder["id"].as_str().unwrap().to_owned()
}

/// An upload; its id.
pub(crate) async fn begin(client: &Client<'_>, body: Value) -> String {
    let (status, upload) = client.post(UPLOADS, body).await;
    assert_eq!(status, 201, "{upload}");
    upload["id"].as_str().unwrap().to_owned()
}

/// Sends all of it, in pieces.
pub(super) async fn send(client: &Client<'_>, upload: &str, bytes: &[u8], piece: usize) {
    for (n, bytes) in bytes.chunks(piece).enumerate() {
        let path = format!("{UPLOADS}/{upload}/content?offset={}", n * piece);
        let (status, answer) = client.put_bytes(&path, bytes.to_vec()).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["position"], n * piece + bytes.len());
    }
}

/// A file with these bytes; its id.
pub(crate) async fn new_file(client: &Client<'_>, name: &str, parent: Option<&str>, bytes: &[u8]) -> String {
    let mut body = upload_of(name, bytes);
    body["parentId"] = json!(parent);
    let upload = begin(client, body).await;
    send(client, &upload, bytes, 4 << 20).await;
    let (status, file) = client
        .post(&format!("{UPLOADS}/{upload}/complete"), json!({}))
        .await;
    assert_eq!(status, 201, "{file}");
    file["id"].as_str().unwrap().to_owned()
}

/// All bytes of a file, without asking who reads.
pub(crate) async fn read(app: &App, caller: &Caller, id: FileId) -> Vec<u8> {
    let item = super::reachable(app, caller, Operation::FileRead, id)
        .await
        .unwrap();
    let bytes = super::download::bytes(app, caller, id, Span::all(item.size)).await;
    let bytes: Vec<_> = bytes.unwrap().try_collect().await.unwrap();
    bytes.concat()
}

/// Names in a page, in its order.
pub(super) async fn names(client: &Client<'_>, query: &str) -> Vec<String> {
    let (status, page) = client.get(&format!("{FILES}{query}")).await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}
