//! A long body that is made beside its reader, as the reader asks for it: nothing is made ahead, and a reader who asks
//! for nothing any more gives back what the body holds, although their connection stays.

use std::{future::Future, time::Duration};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};

use crate::app::App;

/// So long a reader may leave the next piece waiting.
pub const STALLED: Duration = Duration::from_mins(1);

/// What comes of `source`, and its end. `cut` comes instead, once, if the reader stalled or `until` came before the end.
pub fn feed<T, E, S, F, C>(
    app: &App,
    name: &'static str,
    source: S,
    until: F,
    cut: C,
) -> impl Stream<Item = Result<T, E>> + Send + use<T, E, S, F, C>
where
    F: Future<Output = ()> + Send + 'static,
    C: FnOnce() -> E + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    S: Stream<Item = Result<T, E>> + Send + 'static,
{
    let (ask, asked) = mpsc::channel(1);
    // A stop of the process ends it with its reader, whom the server lets read on for a moment.
    app.tasks.spawn(name, async move {
        tokio::select! {
            () = serve(source, asked, STALLED) => {}
            () = until => {}
        }
    });
    stream::unfold(Some((ask, cut)), |reader| async move {
        let (ask, cut) = reader?;
        let (answer, item) = oneshot::channel();
        // If nobody hears it, nobody answers.
        ask.send(answer).await.ok();
        match item.await {
            Ok(Some(Ok(item))) => Some((Ok(item), Some((ask, cut)))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err(cut()), None)),
        }
    })
    .fuse()
}

/// An item for each question, until the end, an error, or a reader who is gone or has stalled.
async fn serve<T, E, S>(
    source: S,
    mut asked: mpsc::Receiver<oneshot::Sender<Option<Result<T, E>>>>,
    stalled: Duration,
) where
    S: Stream<Item = Result<T, E>> + Send,
    T: Send,
    E: Send,
{
    let mut source = Box::pin(source);
    while let Ok(Some(mut answer)) = tokio::time::timeout(stalled, asked.recv()).await {
        let item = tokio::select! {
            item = source.next() => item,
            () = answer.closed() => return,
        };
        if !matches!(item, Some(Ok(_))) {
            // Whatever it holds is free when the reader hears of the end.
            drop(source);
            answer.send(item).ok();
            return;
        }
        if answer.send(item).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    type Question = oneshot::Sender<Option<Result<u8, ()>>>;

    #[tokio::test]
    async fn a_reader_who_asks_no_more_gives_it_back_and_one_who_asks_gets_all() {
        let held = Arc::new(());
        let source = |held: Arc<()>| {
            stream::iter([1, 2]).map(move |number| {
                assert!(Arc::strong_count(&held) > 0);
                Ok(number)
            })
        };
        let (ask, asked) = mpsc::channel::<Question>(1);
        serve(source(Arc::clone(&held)), asked, Duration::from_millis(1)).await;
        assert_eq!(Arc::strong_count(&held), 1, "although the reader is there");
        assert!(ask.is_closed());

        let (ask, asked) = mpsc::channel::<Question>(1);
        let reader = async {
            let mut all = Vec::new();
            loop {
                let (answer, item) = oneshot::channel();
                ask.send(answer).await.unwrap();
                match item.await.unwrap() {
                    Some(item) => all.push(item.unwrap()),
                    None => return all,
                }
            }
        };
        let served = serve(source(held), asked, STALLED);
        assert_eq!(tokio::join!(reader, served).0, [1, 2]);
    }
}
