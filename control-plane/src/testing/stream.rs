//! Streams that are followed.

use std::{pin::Pin, time::Duration};

use futures_util::StreamExt as _;

use super::{BodyDataStream, Client, Method, ServiceExt as _};

impl Client<'_> {
    /// Opens a stream, which is to answer 200.
    pub(crate) async fn follow(&self, path: &str) -> Followed {
        let request = self.request(Method::GET, path, None, &[]);
        let response = self.test.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        Followed(Box::pin(response.into_body().into_data_stream()))
    }
}

/// An open stream.
pub(crate) struct Followed(Pin<Box<BodyDataStream>>);

impl Followed {
    /// What comes until the stream ends, which it is to do within this time.
    pub(crate) async fn end_within(mut self, time: Duration) -> String {
        let mut text = String::new();
        let read = async {
            while let Some(piece) = self.0.next().await {
                text.push_str(&String::from_utf8_lossy(&piece.unwrap()));
            }
        };
        assert!(
            tokio::time::timeout(time, read).await.is_ok(),
            "still open: {text}"
        );
        text
    }

    /// Waits until `text` has come.
    pub(crate) async fn wait_for(&mut self, wanted: &str) {
        let mut text = String::new();
        let read = async {
            while !text.contains(wanted) {
                let piece = self.0.next().await.expect("the stream ended").unwrap();
                text.push_str(&String::from_utf8_lossy(&piece));
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(found.is_ok(), "{wanted:?} did not come");
    }

    /// Whether the rest breaks off instead of ending.
    pub(crate) async fn breaks_off(mut self) -> bool {
        while let Some(piece) = self.0.next().await {
            if piece.is_err() {
                return true;
            }
        }
        false
    }
}
