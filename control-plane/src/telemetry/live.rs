//! Live readings: a stream from the host's agent for as long as somebody looks, stored nowhere.

use std::{collections::BTreeMap, time::Duration};

use muster_base::{HostId, UnixMs};
use muster_metrics::{Sample, Subject, frame};
use muster_protocol::latest::{TailFrame, TailRequest};
use serde::{Deserialize, Serialize};
use tokio::{sync::mpsc, time::timeout};
use tracing::debug;
use utoipa::{IntoParams, ToSchema};

use super::{TelemetryError, query, values::shown};
use crate::{
    access::{self, Caller},
    app::App,
    link::{self, LinkError, TailStream},
};

/// Samples that wait for a slow reader.
const QUEUE: usize = 4;
/// Then the reader connects again, and is asked again who they are.
const LONGEST: Duration = Duration::from_mins(15);

/// How live.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LiveQuery {
    /// Seconds between samples, 1–60; 1 by default.
    #[param(minimum = 1, maximum = 60)]
    pub interval_s: Option<u32>,
}

/// A moment's readings.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveSample {
    /// When they were taken.
    pub at: UnixMs,
    /// The host's, by series.
    pub values: BTreeMap<String, f64>,
    /// The containers', by container and series.
    pub containers: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Opens a live view of a host. It ends when the receiver is dropped, the
/// host goes, the caller may see it no more, or after a quarter of an hour.
pub(super) async fn live(
    app: &App,
    caller: &Caller,
    host: HostId,
    query: &LiveQuery,
) -> Result<mpsc::Receiver<LiveSample>, TelemetryError> {
    query::require_host(app, caller, host).await?;
    let interval_ms = query.interval_s.unwrap_or(1).clamp(1, 60) * 1_000;
    let request = TailRequest::Samples { interval_ms };
    let tail = match link::open_tail(app, host, request).await {
        Ok(tail) => tail,
        Err(LinkError::Offline(_)) => return Err(TelemetryError::Offline),
        Err(error) => return Err(TelemetryError::Caller(Box::new(error.into()))),
    };
    let (samples, receiver) = mpsc::channel(QUEUE);
    let stop = app.tasks.stopping();
    let refused = access::until_refused(app.clone(), caller.clone(), move |app, caller| async move {
        query::require_host(&app, &caller, host).await.is_ok()
    });
    app.tasks.spawn("live", async move {
        tokio::select! {
            () = refused => debug!(host.id = %host, "a live view ended with the permission to see it"),
            ended = timeout(LONGEST, forward(tail, samples)) => debug!(host.id = %host, ?ended, "a live view ended"),
            () = stop.cancelled() => {}
        }
    });
    Ok(receiver)
}

async fn forward(mut tail: TailStream, samples: mpsc::Sender<LiveSample>) -> Result<(), LinkError> {
    while let Some(frame) = tail.next().await? {
        let sample = match frame {
            TailFrame::Sample(bytes) => frame::decode_one(&bytes),
            TailFrame::Log(_)
            | TailFrame::LogEnd(_)
            | TailFrame::Schema(_)
            | TailFrame::SchemaEnd(_)
            | TailFrame::Count(_)
            | TailFrame::Proof(_) => {
                break;
            }
            TailFrame::Refused(reason) => {
                debug!(reason, "the agent refused a live view");
                break;
            }
        };
        let Ok(sample) = sample else { break };
        if samples.send(LiveSample::of(&sample)).await.is_err() {
            break;
        }
    }
    Ok(())
}

impl LiveSample {
    fn of(sample: &Sample) -> Self {
        let mut live = Self {
            at: sample.at,
            values: BTreeMap::new(),
            containers: BTreeMap::new(),
        };
        for (subject, series, value) in sample.iter() {
            let values = match subject {
                Subject::Host => &mut live.values,
                Subject::Container(name) => live.containers.entry(name.to_string()).or_default(),
            };
            values.insert(series.to_string(), shown(series, value));
        }
        live
    }
}
