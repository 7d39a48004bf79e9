//! An order that is under way, and the streams that listen to it: each hears everything from the beginning, whenever
//! it came.

use std::sync::{Mutex, MutexGuard, PoisonError};

use muster_protocol::latest::OrderReply;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// An order under way.
#[derive(Debug)]
pub(super) struct Running {
    replies: Mutex<Vec<OrderReply>>,
    heard: watch::Sender<usize>,
    /// Cancelled when a person wants it stopped.
    pub(super) cancel: CancellationToken,
}

impl Running {
    /// An order of which `replies` are known.
    pub(super) fn new(replies: Vec<OrderReply>) -> Self {
        Self {
            heard: watch::Sender::new(replies.len()),
            replies: Mutex::new(replies),
            cancel: CancellationToken::new(),
        }
    }

    /// Tells every listener.
    pub(super) fn push(&self, reply: OrderReply) {
        let mut replies = self.lock();
        replies.push(reply);
        let count = replies.len();
        drop(replies);
        self.heard.send_replace(count);
    }

    /// Sends everything that is known and will be, until the order's end or until nobody listens any more.
    pub(super) async fn feed(&self, listener: &mpsc::Sender<OrderReply>) {
        let mut heard = self.heard.subscribe();
        let mut next = 0;
        loop {
            let news: Vec<OrderReply> = self.lock()[next..].to_vec();
            next += news.len();
            for reply in news {
                let last = is_end(&reply);
                if listener.send(reply).await.is_err() || last {
                    return;
                }
            }
            tokio::select! {
                changed = heard.wait_for(|count| *count > next) => if changed.is_err() { return },
                () = listener.closed() => return,
            }
        }
    }

    /// Whether the end was told, and so is in the journal.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().last().is_some_and(is_end)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<OrderReply>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing comes after this.
pub(super) const fn is_end(reply: &OrderReply) -> bool {
    match reply {
        OrderReply::Refused(_) | OrderReply::Outcome(_) => true,
        OrderReply::Accepted | OrderReply::Event(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use muster_protocol::latest::OrderRefusal;
    use tokio_util::task::TaskTracker;

    use super::*;

    #[tokio::test]
    async fn a_late_listener_hears_everything_and_all_hear_the_end() {
        let running = Arc::new(Running::new(vec![OrderReply::Accepted]));
        let tasks = TaskTracker::new();
        let (early, mut first) = mpsc::channel(1);
        let fed = Arc::clone(&running);
        tasks.spawn(async move { fed.feed(&early).await });
        assert_eq!(first.recv().await, Some(OrderReply::Accepted));
        let end = OrderReply::Refused(OrderRefusal::Replay);
        running.push(end.clone());
        assert_eq!(first.recv().await, Some(end.clone()));
        assert_eq!(first.recv().await, None);
        assert!(running.has_ended());

        let (late, mut second) = mpsc::channel(4);
        running.feed(&late).await;
        assert_eq!(second.recv().await, Some(OrderReply::Accepted));
        assert_eq!(second.recv().await, Some(end));
    }
}
