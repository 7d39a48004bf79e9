//! A container's log, while somebody looks.

use std::time::Duration;

use muster_base::{HostId, UnixMs};
use muster_identity::look::{Look, sign as sign_look};
use muster_protocol::latest::{LogEnd, LogLine, LogLook, LogStream, SignedLook, TailFrame, TailRequest};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::timeout};
use tracing::debug;
use utoipa::{IntoParams, ToSchema};

use super::{
    ContainersError,
    target::{self, Target},
};
use crate::{
    access::{self, Caller, Operation},
    app::App,
    flaw::Flaw,
    fleet::Host,
    link::{self, LinkError, TailStream},
};

/// Batches that wait for a slow reader.
const QUEUE: usize = 4;
/// Then the reader connects again, and is asked again who they are.
const LONGEST: Duration = Duration::from_mins(15);
/// The host has so long to begin.
const WISH_LASTS_MS: i64 = UnixMs::MINUTE;
const DEFAULT_TAIL: u32 = 200;
const MAX_TAIL: u32 = 10_000;
const MAX_SEARCH: usize = 200;
/// Characters of a line; our own agent stays below this.
const MAX_TEXT: usize = 8_192;
const NS_PER_MS: i64 = 1_000_000;

/// `GET …/log?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// The last so many lines that were written before now, 0–10000; 200 by default.
    #[param(minimum = 0, maximum = 10_000)]
    pub tail: Option<u32>,
    /// Only lines from this time on, such as `2026-01-31T09:30:00Z`.
    pub since: Option<UnixMs>,
    /// Only lines after the one with this event id: how a reader goes on where it was.
    #[param(minimum = 0)]
    pub after: Option<i64>,
    /// Go on with what it writes from now on; false by default.
    pub follow: Option<bool>,
    /// Only lines with this text in them, whatever its case; at most 200 characters.
    #[param(max_length = 200)]
    pub search: Option<String>,
}

/// Something of a log.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "type", content = "data")]
#[schema(as = ContainerLogNews)]
pub enum LogNews {
    /// A line.
    Line(Line),
    /// No more lines come.
    End(End),
}

/// A line that a container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContainerLogLine)]
pub struct Line {
    /// Nanoseconds since the epoch; the event's id.
    #[serde(skip)]
    pub at_ns: i64,
    /// When the engine got it.
    pub at: UnixMs,
    /// `stdout` or `stderr`.
    #[schema(value_type = String)]
    pub stream: &'static str,
    /// The line, without control characters and without the values of secrets.
    pub text: String,
    /// Whether it was longer.
    pub cut: bool,
}

/// Why no more lines come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContainerLogEnd)]
pub struct End {
    /// Why.
    pub reason: Reason,
    /// For a person, if there is more to say.
    pub detail: Option<String>,
}

/// Why no more lines come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContainerLogEndReason)]
pub enum Reason {
    /// That was all, and nobody asked for what comes.
    Complete,
    /// The container was removed.
    Gone,
    /// The host won't, or can't, show it: `detail` says why and what to do.
    Refused,
    /// The host went away.
    HostLost,
    /// It was a quarter of an hour: ask again, after the last line.
    TimeUp,
}

/// Opens a container's log. It ends when the receiver is dropped, the host goes, the caller may read it no more, or
/// after a quarter of an hour.
pub(super) async fn follow(
    app: &App,
    caller: &Caller,
    (host, name): (HostId, String),
    query: LogQuery,
) -> Result<mpsc::Receiver<Vec<LogNews>>, ContainersError> {
    const READ: Operation = Operation::ContainerLogRead;
    let Target { host, container } = target::find(app, caller, READ, host, &name).await?;
    let wish = wish(app, caller, &host, container.name, query)?;
    target::require_agent(app, &host)?;
    let request = TailRequest::Log(sign(app, &host, &wish).await?);
    let tail = match link::open_tail(app, host.id, request).await {
        Ok(tail) => tail,
        Err(LinkError::Offline(_)) => return Err(ContainersError::Offline(host.name)),
        Err(error) => return Err(error.into()),
    };
    let (news, receiver) = mpsc::channel(QUEUE);
    let stop = app.tasks.stopping();
    let id = host.id;
    let refused = access::until_refused(app.clone(), caller.clone(), move |app, caller| {
        let name = name.clone();
        async move {
            match target::find(&app, &caller, READ, id, &name).await {
                // One that is gone ends by itself: what is asked is who may read it.
                Ok(_) | Err(ContainersError::NoContainer) => true,
                Err(_) => false,
            }
        }
    });
    app.tasks.spawn("container log", async move {
        tokio::select! {
            () = refused => debug!(host.id = %id, "a log ended with the permission to read it"),
            ended = timeout(LONGEST, forward(tail, &news)) => {
                if ended.is_err() {
                    // A reader that does not read need not hear it.
                    drop(news.try_send(vec![LogNews::end(Reason::TimeUp, None)]));
                }
            }
            () = stop.cancelled() => {}
        }
    });
    Ok(receiver)
}

fn wish(
    app: &App,
    caller: &Caller,
    host: &Host,
    container: String,
    query: LogQuery,
) -> Result<LogLook, ContainersError> {
    let tail = query.tail.unwrap_or(DEFAULT_TAIL);
    if tail > MAX_TAIL {
        return Err(ContainersError::invalid("tail", Flaw::Range(0, 10_000)));
    }
    if query.after.is_some_and(|after| after < 0) {
        return Err(ContainersError::invalid("after", Flaw::AtLeast(0)));
    }
    let search = query.search.filter(|text| !text.is_empty());
    if search
        .as_ref()
        .is_some_and(|text| text.chars().count() > MAX_SEARCH)
    {
        return Err(ContainersError::invalid("search", Flaw::TooLong(MAX_SEARCH)));
    }
    // From this time on is after the nanosecond before it.
    let since = query
        .since
        .map(|since| since.0.saturating_mul(NS_PER_MS).saturating_sub(1));
    Ok(LogLook {
        org: caller.org(),
        host: host.id,
        expires: app.clock.now().plus_ms(WISH_LASTS_MS),
        container,
        tail,
        after_ns: since.max(query.after).filter(|ns| *ns > 0),
        follow: query.follow.unwrap_or(false),
        search,
    })
}

/// Under the key that the host believes.
async fn sign(app: &App, host: &Host, wish: &LogLook) -> Result<SignedLook, ContainersError> {
    let keys = app.fleet_keys().await?;
    let known = app.links.signing_keys_of(host.id).unwrap_or_default();
    let signer = keys.signer_for(&known);
    let body = muster_protocol::encode(wish)?;
    let (key_id, signature) = sign_look(Look::Log, &signer, &body);
    Ok(SignedLook {
        body,
        key_id,
        signature,
    })
}

async fn forward(mut tail: TailStream, news: &mpsc::Sender<Vec<LogNews>>) {
    loop {
        let frame = tokio::select! {
            frame = tail.next() => frame,
            () = news.closed() => return,
        };
        let (batch, last) = match frame {
            Ok(Some(TailFrame::Log(lines))) => (lines.into_iter().map(LogNews::line).collect(), false),
            Ok(Some(TailFrame::LogEnd(end))) => (vec![LogNews::end(end.into(), None)], true),
            Ok(Some(TailFrame::Refused(why))) => {
                (vec![LogNews::end(Reason::Refused, Some(plain(&why)))], true)
            }
            Ok(
                Some(
                    TailFrame::Sample(_)
                    | TailFrame::Schema(_)
                    | TailFrame::SchemaEnd(_)
                    | TailFrame::Count(_)
                    | TailFrame::Proof(_),
                )
                | None,
            )
            | Err(_) => (vec![LogNews::end(Reason::HostLost, None)], true),
        };
        if news.send(batch).await.is_err() || last {
            return;
        }
    }
}

impl LogNews {
    fn line(line: LogLine) -> Self {
        Self::Line(Line {
            at_ns: line.at_ns,
            at: UnixMs(line.at_ns / NS_PER_MS),
            stream: match line.stream {
                LogStream::Stdout => "stdout",
                LogStream::Stderr => "stderr",
            },
            cut: line.cut || line.text.chars().nth(MAX_TEXT).is_some(),
            text: plain(&line.text),
        })
    }

    const fn end(reason: Reason, detail: Option<String>) -> Self {
        Self::End(End { reason, detail })
    }
}

impl From<LogEnd> for Reason {
    fn from(end: LogEnd) -> Self {
        match end {
            LogEnd::Complete => Self::Complete,
            LogEnd::Gone => Self::Gone,
        }
    }
}

/// A host may be mad: nothing of it may reach a terminal.
fn plain(text: &str) -> String {
    let shown = |c: &char| !c.is_control() || *c == '\t';
    text.chars().filter(shown).take(MAX_TEXT).collect()
}
