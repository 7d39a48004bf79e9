//! Calls whose bodies are bytes.

use super::{Body, BodyDataStream, Client, HeaderMap, Method, ServiceExt as _, Value, body, header};

impl Client<'_> {
    /// Puts bytes.
    pub(crate) async fn put_bytes(&self, path: &str, bytes: impl Into<Body>) -> (u16, Value) {
        let kind = [(header::CONTENT_TYPE.as_str(), "application/octet-stream")];
        let mut request = self.request(Method::PUT, path, None, &kind);
        *request.body_mut() = bytes.into();
        let (status, _, body) = self.answer(request).await;
        (status, body)
    }

    /// Gets bytes.
    pub(crate) async fn get_bytes(&self, path: &str, extra: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let request = self.request(Method::GET, path, None, extra);
        let response = self.test.router.clone().oneshot(request).await.unwrap();
        let (parts, bytes) = response.into_parts();
        let bytes = body::to_bytes(bytes, 64 << 20).await.unwrap();
        (parts.status.as_u16(), parts.headers, bytes.to_vec())
    }

    /// The status of an answer, and its body as a stream that is read as it comes.
    pub(crate) async fn open(&self, path: &str) -> (u16, BodyDataStream) {
        let request = self.request(Method::GET, path, None, &[]);
        let response = self.test.router.clone().oneshot(request).await.unwrap();
        (
            response.status().as_u16(),
            response.into_body().into_data_stream(),
        )
    }
}
