//! Waits on a server, each with an end: for an answer, for the release's turn, for a statement.

use std::{fmt, future::poll_fn, time::Duration};

use muster_base::point;
use tokio::time::{Instant, sleep, timeout};

use super::{SqlContext, SqlError, report};

/// A server that is there answers a plain question within this time.
const ANSWER: Duration = Duration::from_secs(10);
/// Giving the release lock back takes no longer where there still is a network.
const GOODBYE: Duration = Duration::from_secs(3);
const LOCK_POLL: Duration = Duration::from_millis(200);
/// A session that has been idle for this long while we wait for its answer has lost it.
const LOST_AFTER: Duration = Duration::from_secs(2);
/// Who stands in the way of a statement is looked up no more often than this, and no more seldom than that.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long one session waits for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a lock, in the server.
    pub(super) lock: Duration,
    /// For a statement, in the server where it can.
    pub(super) statement: Duration,
    /// So much longer, until we stop a statement ourselves.
    pub(super) overtime: Duration,
    /// For a statement that was stopped to clean up after itself.
    pub(super) grace: Duration,
}

impl Limits {
    /// For bookkeeping, which may meet a lock and is quick otherwise.
    pub(super) fn answer(&self) -> Duration {
        self.lock + ANSWER
    }
}

/// What the server answers. One that keeps silent is as good as gone.
pub(super) async fn answer<T>(
    patience: Duration,
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(patience, asked).await.unwrap_or_else(|_| Err(silence()))
}

fn silence() -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "the server does not answer").into()
}

/// Tries until it succeeds. `false` when `patience` is over.
pub(super) async fn turn(
    ctx: &SqlContext,
    patience: Duration,
    mut take: impl AsyncFnMut() -> Result<bool, SqlError>,
) -> Result<bool, SqlError> {
    let give_up = Instant::now() + patience;
    while !take().await? {
        if Instant::now() >= give_up {
            return Ok(false);
        }
        tokio::select! {
            () = ctx.cancel.cancelled() => return Err(SqlError::Cancelled),
            () = sleep(LOCK_POLL) => {}
        }
    }
    Ok(true)
}

/// How a statement went, beside what the server said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Course {
    /// Who was seen in its way last.
    pub(super) in_the_way: Option<String>,
    /// Whether we stopped it, at its limit or because of a cancel.
    pub(super) stopped: bool,
}

/// What another session sees of ours while we wait for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// The server can't be asked now.
    Unknown,
    /// It works, or waits for whoever is named.
    Busy(Option<String>),
    /// It is gone, or waits for us: the answer that we wait for is lost, or has arrived by now.
    Idle,
}

/// What can be seen and done of our session from another one, while it is busy. Each connects anew: the network may have
/// changed.
pub(super) trait Outside {
    /// Looks what it does.
    fn look(&self) -> impl Future<Output = Look>;

    /// Stops what it runs, as well as can be; its own answer says what came of it.
    fn stop(&self) -> impl Future<Output = ()>;

    /// Ends it: nobody listens to it any more, and its locks would stand in our own way.
    fn end(&self) -> impl Future<Output = ()>;
}

/// Runs a statement. A cancel, or its time limit, has it stopped on the server. While it runs, we look who is in its way,
/// and whether it runs at all.
pub(super) async fn statement<T>(
    ctx: &SqlContext,
    limits: Limits,
    running: impl Future<Output = Result<T, sqlx::Error>>,
    outside: &impl Outside,
) -> (Result<T, sqlx::Error>, Course) {
    let running = asked(running);
    tokio::pin!(running);
    let mut course = Course::default();
    let ended = tokio::select! {
        result = &mut running => Some(result),
        () = watch(ctx, limits.lock, outside, &mut course.in_the_way) => Some(Err(lost(outside).await)),
        () = ctx.cancel.cancelled() => None,
        () = sleep(limits.statement + limits.overtime) => None,
    };
    if let Some(result) = ended {
        return (result, course);
    }
    course.stopped = true;
    outside.stop().await;
    (answer(limits.grace, running).await, course)
}

/// Passes a point when the server has been asked, and has hardly answered yet.
async fn asked<T>(running: impl Future<Output = T>) -> T {
    let mut is_asked = false;
    tokio::pin!(running);
    poll_fn(|context| {
        let polled = running.as_mut().poll(context);
        if !is_asked {
            is_asked = true;
            point!("sql.statement.inside");
        }
        polled
    })
    .await
}

/// Waits for the end of something that is not stopped half way: a commit. Its answer may get lost, too.
pub(super) async fn end<T>(
    ctx: &SqlContext,
    limits: Limits,
    running: impl Future<Output = Result<T, sqlx::Error>>,
    outside: &impl Outside,
) -> Result<T, sqlx::Error> {
    let mut in_the_way = None;
    tokio::select! {
        result = answer(limits.statement + limits.grace, running) => result,
        () = watch(ctx, limits.lock, outside, &mut in_the_way) => Err(lost(outside).await),
    }
}

/// Gives the release lock back, and hears that it is. Without an answer nobody is there any more who could close the
/// session: it is ended from outside.
pub(super) async fn give_back<T>(
    giving: impl Future<Output = Result<T, sqlx::Error>>,
    outside: &impl Outside,
) {
    if answer(GOODBYE, giving).await.is_err() {
        outside.end().await;
    }
}

async fn lost(outside: &impl Outside) -> sqlx::Error {
    outside.end().await;
    let why = "the connection was lost: the server has done with it, and its answer did not come";
    std::io::Error::new(std::io::ErrorKind::ConnectionAborted, why).into()
}

/// Ends when the answer will not come: the connection is dead, and nothing else would tell us so. A network that was cut
/// and an address that changed leave such connections, and a statement may take as long as its limit says.
async fn watch(ctx: &SqlContext, lock_timeout: Duration, outside: &impl Outside, seen: &mut Option<String>) {
    // Often enough to have seen who it is when the server gives up.
    let every = (lock_timeout / 4).clamp(LOOK_EVERY.0, LOOK_EVERY.1);
    let mut idle_since: Option<Instant> = None;
    loop {
        sleep(every).await;
        match outside.look().await {
            Look::Unknown => {}
            Look::Idle => {
                let since = *idle_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= LOST_AFTER {
                    return;
                }
            }
            Look::Busy(who) => {
                idle_since = None;
                let Some(now) = who else { continue };
                if seen.is_none() {
                    report::log(ctx, format!("waiting for a lock held by {now}")).await;
                }
                *seen = Some(now);
            }
        }
    }
}

/// A session of the server that holds a lock, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its number on the server.
    pub(super) id: i64,
    pub(super) user: Option<String>,
    pub(super) program: Option<String>,
    pub(super) from: Option<String>,
    /// How long it has been in its transaction.
    pub(super) seconds: Option<i64>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.id)?;
        let named = [
            ("user", &self.user),
            ("program", &self.program),
            ("from", &self.from),
        ];
        let mut about: Vec<String> = named
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        about.extend(self.seconds.map(|s| format!("in a transaction for {s} s")));
        if about.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", about.join(", "))
    }
}

/// All of them in a row; nothing if there is none.
pub(super) fn holders(found: Vec<Holder>) -> Option<String> {
    let words: Vec<String> = found.iter().map(Holder::to_string).collect();
    (!words.is_empty()).then(|| words.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_described_by_what_is_known_of_it() {
        let mut holder = Holder {
            id: 7,
            user: Some("app".into()),
            program: Some(String::new()),
            from: None,
            seconds: Some(35),
        };
        assert_eq!(
            holder.to_string(),
            "process 7 (user app, in a transaction for 35 s)"
        );
        (holder.user, holder.seconds) = (None, None);
        assert_eq!(
            holders(vec![holder.clone(), holder]).unwrap(),
            "process 7 and process 7"
        );
        assert_eq!(holders(Vec::new()), None);
    }
}
