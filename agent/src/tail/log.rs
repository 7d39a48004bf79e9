//! A container's log, a database's catalogue or a number of rows: a worker reads it, this passes it on. The worker checks the wish and ends
//! when nobody listens.

use muster_protocol::{
    latest::{ProofNote, SignedLook, TailFrame},
    read_frame,
};
use tokio::sync::mpsc;

use super::Tails;
use crate::{
    orders::workers::{Worker, WorkerError},
    worker::wire::Answer,
};

impl Tails {
    /// Serves one reader. Whoever slows down slows the worker down: nothing is kept here.
    pub(super) async fn serve_log(self, look: SignedLook, frames: mpsc::Sender<TailFrame>) {
        let keys = self.keys.borrow().clone();
        pass_on(self.workers.log(look, keys).await, frames).await;
    }

    /// Serves one who compares a database.
    pub(super) async fn serve_schema(self, look: SignedLook, frames: mpsc::Sender<TailFrame>) {
        let keys = self.keys.borrow().clone();
        pass_on(self.workers.schema(look, keys).await, frames).await;
    }

    /// Serves one who wants to know how many rows a statement would touch.
    pub(super) async fn serve_count(self, look: SignedLook, frames: mpsc::Sender<TailFrame>) {
        let keys = self.keys.borrow().clone();
        pass_on(self.workers.count(look, keys).await, frames).await;
    }

    /// Serves one who wants a change proven.
    pub(super) async fn serve_proof(self, look: SignedLook, frames: mpsc::Sender<TailFrame>) {
        let keys = self.keys.borrow().clone();
        pass_on(self.workers.prove(look, keys).await, frames).await;
    }
}

async fn pass_on(worker: Result<Worker, WorkerError>, frames: mpsc::Sender<TailFrame>) {
    let mut worker = match worker {
        Ok(worker) => worker,
        Err(e) => {
            drop(frames.send(TailFrame::Refused(e.to_string())).await);
            return;
        }
    };
    let mut answers = worker.take_answers();
    let pass_on = async {
        loop {
            let (frame, last) = match read_frame::<Answer>(&mut answers).await {
                Ok(Some(Answer::Log(lines))) => (TailFrame::Log(lines), false),
                Ok(Some(Answer::LogEnd(end))) => (TailFrame::LogEnd(end), true),
                Ok(Some(Answer::Schema(rows))) => (TailFrame::Schema(rows), false),
                Ok(Some(Answer::SchemaEnd(version))) => (TailFrame::SchemaEnd(version), true),
                Ok(Some(Answer::Counted(rows))) => (TailFrame::Count(rows), true),
                Ok(Some(Answer::Proof(note))) => {
                    let last = matches!(note, ProofNote::Ended { .. });
                    (TailFrame::Proof(note), last)
                }
                Ok(Some(Answer::Failed(why))) => (TailFrame::Refused(why), true),
                Ok(Some(Answer::Reply(_) | Answer::Containers { .. } | Answer::WantBytes { .. })) => continue,
                Ok(None) | Err(_) => {
                    let why = "the worker ended in the middle of it; ask again".to_owned();
                    (TailFrame::Refused(why), true)
                }
            };
            if frames.send(frame).await.is_err() || last {
                return;
            }
        }
    };
    tokio::select! {
        () = pass_on => {}
        () = frames.closed() => {}
    }
    // Its input ends with this, and so does it.
    drop(answers);
    worker.reap().await;
}
