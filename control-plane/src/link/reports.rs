//! Reports on their way from a session to the telemetry room, and their acknowledgements back.

use std::sync::atomic::Ordering;

use futures_util::{Stream, StreamExt, stream};
use muster_base::point;
use muster_protocol::{
    FrameError,
    latest::{Ack, Report, ServerControl},
    read_frame,
};
use quinn::{Connection, RecvStream};
use tokio::sync::mpsc;

use super::{LinkError, registry::SessionHandle};
use crate::{
    app::App,
    telemetry::{LastSample, ReadReport},
};

/// Reports of one host that are being stored at a time; the agent has no more on their way.
const IN_FLIGHT: usize = 8;

/// Takes reports until the connection ends. A report that can't be stored is not acknowledged; the agent sends it
/// again in its next session.
pub(super) async fn receive(
    app: &App,
    connection: &Connection,
    session: &SessionHandle,
    control: &mpsc::Sender<ServerControl>,
) -> LinkError {
    loop {
        let receive = match connection.accept_uni().await {
            Ok(receive) => receive,
            Err(error) => return error.into(),
        };
        let mut last = LastSample::default();
        let mut stored = std::pin::pin!(
            frames(receive)
                // Read one after the other: each may begin where the one before it ended.
                .map(|report| store(app, read(app, session, report, &mut last)))
                .buffer_unordered(IN_FLIGHT)
        );
        while let Some(stored) = stored.next().await {
            match stored {
                Ok(batch) => {
                    point!("reports.before-ack");
                    if control.send(ServerControl::Ack(Ack { batch })).await.is_err() {
                        return LinkError::Refused;
                    }
                    point!("reports.after-ack");
                }
                Err(error) => return error,
            }
        }
    }
}

fn frames(receive: RecvStream) -> impl Stream<Item = Result<Report, FrameError>> {
    stream::unfold(Some(receive), async |receive| {
        let mut receive = receive?;
        match read_frame(&mut receive).await {
            Ok(Some(report)) => Some((Ok(report), Some(receive))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    })
}

fn read(
    app: &App,
    session: &SessionHandle,
    report: Result<Report, FrameError>,
    last: &mut LastSample,
) -> Result<(u64, ReadReport), LinkError> {
    let report = report?;
    session.last_report_at.store(app.clock.now().0, Ordering::Relaxed);
    let batch = report.batch;
    let read = ReadReport::new(session.org, session.host, report, last);
    if read.is_err() {
        // What follows can't go on from what is missing.
        *last = LastSample::default();
    }
    Ok((batch, read?))
}

/// Answers the batch's number once everything in the report is committed.
async fn store(app: &App, read: Result<(u64, ReadReport), LinkError>) -> Result<u64, LinkError> {
    let (batch, report) = read?;
    app.ingest.store(report).await?;
    Ok(batch)
}
