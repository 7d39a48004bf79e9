//! A deployment's events: what its log replays, and how waiting readers learn that there are more.

use std::collections::VecDeque;

use futures_util::{Stream, StreamExt as _, stream};
use muster_base::{DeploymentId, HostId, OrgId, UnixMs};
use serde::Serialize;
use tokio::sync::broadcast;

use super::{
    DeliveryError,
    deployment::{self, DeploymentStep, Status, StepStatus},
    store,
};
use crate::{
    access::{self, Caller, Operation},
    app::App,
    db::{DbError, Tx},
};

const COLUMN: &str = "deployment_events.data";
const BATCH: i64 = 500;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventKind {
    Status,
    Step,
    Log,
    /// How it ended on a host, or how the host's way back did.
    Host,
    /// The last one of a stream; never stored.
    End,
}

impl EventKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Step => "step",
            Self::Log => "log",
            Self::Host => "host",
            Self::End => "end",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::Status, Self::Step, Self::Log, Self::Host]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("deployment_events.kind".to_owned()))
    }
}

/// An event as it is stored and sent.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub seq: i64,
    pub kind: EventKind,
    /// JSON.
    pub data: String,
}

/// A change of the whole deployment's status, and the end of a stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusData<'a> {
    status: Status,
    error: Option<&'a str>,
    at: UnixMs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogData<'a> {
    /// None: the control plane itself.
    host_id: Option<HostId>,
    line: &'a str,
    at: UnixMs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostData<'a> {
    host_id: HostId,
    status: Status,
    error: Option<&'a str>,
    at: UnixMs,
}

pub(super) async fn note_status(
    tx: &mut Tx,
    deployment: DeploymentId,
    status: Status,
    error: Option<&str>,
    at: UnixMs,
) -> Result<(), DbError> {
    let data = store::to_json(&StatusData { status, error, at }, COLUMN)?;
    let source = format!("status:{}", status.as_str());
    store::progress::insert_event(tx, deployment, &source, at, EventKind::Status, &data).await?;
    Ok(())
}

/// Notes where a host is now. Whoever follows the deployment learns of it at once: a host's last step comes before its end.
pub(super) async fn note_host(
    tx: &mut Tx,
    deployment: DeploymentId,
    source: &str,
    host_id: HostId,
    (status, error): (Status, Option<&str>),
    at: UnixMs,
) -> Result<(), DbError> {
    let data = HostData {
        host_id,
        status,
        error,
        at,
    };
    let data = store::to_json(&data, COLUMN)?;
    store::progress::insert_event(tx, deployment, source, at, EventKind::Host, &data).await?;
    Ok(())
}

/// Notes a step and its event. False if the event was noted before.
pub(super) async fn note_step(
    tx: &mut Tx,
    deployment: DeploymentId,
    source: &str,
    step: &DeploymentStep,
) -> Result<bool, DbError> {
    let data = store::to_json(step, COLUMN)?;
    let new = store::progress::insert_event(tx, deployment, source, step.at, EventKind::Step, &data).await?;
    if new {
        store::progress::upsert_step(tx, deployment, step).await?;
    }
    Ok(new)
}

/// Notes one of the control plane's own steps.
pub(super) async fn note_own_step(
    tx: &mut Tx,
    deployment: DeploymentId,
    position: i64,
    (name, status, detail): (&str, StepStatus, &str),
    (began, now): (UnixMs, UnixMs),
) -> Result<(), DbError> {
    let step = DeploymentStep {
        host_id: None,
        position,
        name: name.to_owned(),
        status,
        duration_ms: (status != StepStatus::Running).then(|| now.ms_since(began)),
        detail: detail.to_owned(),
        at: now,
    };
    let source = format!("own:{position}:{}", status.as_str());
    note_step(tx, deployment, &source, &step).await?;
    Ok(())
}

pub(super) async fn note_log(
    tx: &mut Tx,
    deployment: DeploymentId,
    source: &str,
    host_id: HostId,
    (at, line): (UnixMs, &str),
) -> Result<(), DbError> {
    let host_id = Some(host_id);
    let data = store::to_json(&LogData { host_id, line, at }, COLUMN)?;
    store::progress::insert_event(tx, deployment, source, at, EventKind::Log, &data).await?;
    Ok(())
}

/// A line of the control plane itself.
pub(super) async fn note_line(
    tx: &mut Tx,
    deployment: DeploymentId,
    source: &str,
    (at, line): (UnixMs, &str),
) -> Result<(), DbError> {
    let host_id = None;
    let data = store::to_json(&LogData { host_id, line, at }, COLUMN)?;
    store::progress::insert_event(tx, deployment, source, at, EventKind::Log, &data).await?;
    Ok(())
}

/// A reader of one deployment's events.
struct Reader {
    app: App,
    org: OrgId,
    id: DeploymentId,
    after: i64,
    buffer: VecDeque<Event>,
    ended: bool,
    changes: broadcast::Receiver<DeploymentId>,
}

/// Everything after event `after`, then what happens from now on; ends with the deployment, or when the
/// caller may read it no more.
pub(super) async fn follow(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
    after: i64,
) -> Result<impl Stream<Item = Event> + Send + use<>, DeliveryError> {
    deployment::find_for(app, caller, Operation::DeploymentRead, id).await?;
    let reader = Reader {
        app: app.clone(),
        org: caller.org(),
        id,
        after,
        buffer: VecDeque::new(),
        ended: false,
        changes: app.delivery.changes.subscribe(),
    };
    let refused = access::until_refused(app.clone(), caller.clone(), move |app, caller| async move {
        let found = deployment::find_for(&app, &caller, Operation::DeploymentRead, id).await;
        found.is_ok()
    });
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((event, reader))
    });
    Ok(events.take_until(Box::pin(refused)))
}

impl Reader {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.buffer.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            match self.load().await {
                Ok(true) => {}
                Ok(false) => {
                    let stopping = self.app.tasks.stopping();
                    tokio::select! {
                        () = wait_for(&mut self.changes, self.id) => {}
                        () = stopping.cancelled() => return None,
                    }
                }
                Err(error) => {
                    tracing::warn!(deployment.id = %self.id, error = %error, "a deployment's log could not be read");
                    return None;
                }
            }
        }
    }

    /// Fills the buffer; false if there is nothing new yet.
    async fn load(&mut self) -> Result<bool, DeliveryError> {
        // The status is read first: events that come before the end are then all there.
        let deployment = deployment::find(&self.app, self.org, self.id).await?;
        let events = store::progress::list_events(&self.app.db, self.id, self.after, BATCH).await?;
        if let Some(last) = events.last() {
            self.after = last.seq;
            self.buffer = events.into();
            return Ok(true);
        }
        if !deployment.status.is_final() {
            return Ok(false);
        }
        let at = deployment.completed_at.unwrap_or(deployment.created_at);
        let end = StatusData {
            status: deployment.status,
            error: deployment.error.as_deref(),
            at,
        };
        let data = store::to_json(&end, COLUMN)?;
        self.ended = true;
        self.buffer.push_back(Event {
            seq: self.after,
            kind: EventKind::End,
            data,
        });
        Ok(true)
    }
}

/// Waits until something happened to the deployment, or a second: another control plane may have written it.
pub(super) async fn wait_for(changes: &mut broadcast::Receiver<DeploymentId>, id: DeploymentId) {
    let heard = async {
        loop {
            match changes.recv().await {
                Ok(changed) if changed != id => {}
                Ok(_) | Err(_) => return,
            }
        }
    };
    let second = std::time::Duration::from_secs(1);
    if tokio::time::timeout(second, heard).await.is_err() {
        tracing::trace!(deployment.id = %id, "nothing heard for a second; looking anyway");
    }
}
