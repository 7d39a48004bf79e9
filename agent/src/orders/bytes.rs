//! Bytes for a worker: the control plane's, passed on as they come. The worker believes none of them before their digest
//! is what was signed.

use std::future::pending;

use muster_protocol::latest::{BytesReply, BytesWish};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{link::Downloads, worker::wire};

/// Pieces that wait for the worker, at most.
const PIECES: usize = 2;

/// What comes of the wish that a worker has, if it has one.
#[derive(Debug, Default)]
pub(super) struct Coming(Option<mpsc::Receiver<wire::Coming>>);

impl Coming {
    /// Asks for what the worker wants now, in the place of what it wanted before.
    pub(super) fn ask(&mut self, downloads: &Downloads, wish: BytesWish, tasks: &TaskTracker) {
        let (out, coming) = mpsc::channel(PIECES);
        let downloads = downloads.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = pass_on(&downloads, wish, &out) => {}
                // The worker is gone, or wants something else.
                () = out.closed() => {}
            }
        });
        self.0 = Some(coming);
    }

    /// The next that comes; waits for ever where nothing does. Cancel-safe.
    pub(super) async fn next(&mut self) -> wire::Coming {
        if let Some(coming) = &mut self.0 {
            if let Some(reply) = coming.recv().await {
                return reply;
            }
            self.0 = None;
        }
        pending().await
    }
}

/// Passes on all that comes, and at last an end.
async fn pass_on(downloads: &Downloads, wish: BytesWish, out: &mpsc::Sender<wire::Coming>) {
    let why = match downloads.open(wish).await {
        Ok(mut download) => loop {
            match download.next().await {
                Ok(Some(reply)) => {
                    let is_last = !matches!(reply, BytesReply::Piece(_));
                    if out.send(wire::Coming::Said(reply)).await.is_err() || is_last {
                        return;
                    }
                }
                Ok(None) => break "the control plane ended them early".to_owned(),
                Err(e) => break e.to_string(),
            }
        },
        Err(e) => e.to_string(),
    };
    drop(out.send(wire::Coming::Away(why)).await);
}
