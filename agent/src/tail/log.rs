//! A container's log: a worker reads it, this passes it on. The worker checks the wish and ends when nobody listens.

use muster_protocol::{
    latest::{SignedLook, TailFrame},
    read_frame,
};
use tokio::sync::mpsc;

use super::Tails;
use crate::worker::wire::Answer;

impl Tails {
    /// Serves one reader. Whoever slows down slows the worker down: nothing is kept here.
    pub(super) async fn serve_log(self, look: SignedLook, frames: mpsc::Sender<TailFrame>) {
        let keys = self.keys.borrow().clone();
        let mut worker = match self.workers.log(look, keys).await {
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
                    Ok(Some(Answer::Failed(why))) => (TailFrame::Refused(why), true),
                    Ok(Some(Answer::Reply(_) | Answer::Containers { .. } | Answer::WantBytes { .. })) => {
                        continue;
                    }
                    Ok(None) | Err(_) => {
                        let why = "the worker ended before the log did; look again".to_owned();
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
}
