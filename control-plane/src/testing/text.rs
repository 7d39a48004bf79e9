//! Calls with a body that is no JSON.

use super::{Body, Client, Method, Value};

impl Client<'_> {
    /// Posts documents.
    pub(crate) async fn post_text(&self, path: &str, text: &str) -> (u16, Value) {
        let mut request = self.request(Method::POST, path, None, &[("content-type", "application/yaml")]);
        *request.body_mut() = Body::from(text.to_owned());
        let (status, _, body) = self.answer(request).await;
        (status, body)
    }
}
