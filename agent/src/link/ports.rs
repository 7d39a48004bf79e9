//! Where the link meets the agent's other rooms.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, pending};
use muster_base::OrderId;
use muster_protocol::latest::{
    AgentConfig, CloudFacts, OrderReply, Report, SignedOrder, SigningKeyNotice, TailFrame, TailRequest,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::Downloads;

/// Reports sent and not yet acknowledged, at most.
pub const MAX_UNACKNOWLEDGED: usize = 8;

/// The rooms that the link serves. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Where reports come from.
    pub reports: Arc<dyn ReportSource>,
    /// Work orders go here. When the queue is full, streams wait.
    pub orders: mpsc::Sender<IncomingOrder>,
    /// Requests for live data go here.
    pub tails: mpsc::Sender<IncomingTail>,
    /// The control plane's settings; holds the defaults until the first session.
    pub config: Arc<watch::Sender<AgentConfig>>,
    /// The signing keys that the control plane named last. Named is not trusted: the worker pins a new one only if
    /// a key it pinned before vouches for it.
    pub signing_keys: Arc<watch::Sender<Vec<SigningKeyNotice>>>,
    /// Version of the container engine, as a worker last heard it.
    pub engine: watch::Receiver<Option<String>>,
    /// What the cloud's metadata service said last.
    pub cloud: watch::Receiver<Option<CloudFacts>>,
    /// Where orders' bytes come from.
    pub downloads: Downloads,
}

/// Batches for the control plane, in order, until it has acknowledged them.
pub trait ReportSource: Send + Sync + 'static {
    /// A session of this protocol version begins: batches count from 0 again, and start with the oldest that was not
    /// acknowledged. They are sent in order, over one stream.
    fn begin_session(&self, version: u16);

    /// The next batch; waits until there is one. Dropping the future loses nothing.
    fn next(&self) -> BoxFuture<'_, Report>;

    /// Everything in this session's batch is stored: it may be forgotten.
    fn acknowledged(&self, batch: u64) -> BoxFuture<'_, ()>;
}

/// A source that never has anything to say.
pub struct NoReports;

impl ReportSource for NoReports {
    fn begin_session(&self, _version: u16) {}

    fn next(&self) -> BoxFuture<'_, Report> {
        pending().boxed()
    }

    fn acknowledged(&self, _batch: u64) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// What is asked on an order's stream.
#[derive(Debug)]
pub enum OrderRequest {
    /// Do this, or say what became of it.
    Run(Box<SignedOrder>),
    /// Stop an order that has not ended.
    Cancel(OrderId),
}

/// A work order on its own stream.
///
/// Send replies; drop `replies` when there are no more. `stored` yields `Ok` when the control plane has stored what
/// was sent and closed its half, and an error when the stream was lost: then keep the outcome, the order comes again.
#[derive(Debug)]
pub struct IncomingOrder {
    pub request: OrderRequest,
    pub replies: mpsc::Sender<OrderReply>,
    pub stored: oneshot::Receiver<()>,
}

/// A request for live data on its own stream. `frames` is closed when nobody looks any more.
#[derive(Debug)]
pub struct IncomingTail {
    pub request: TailRequest,
    pub frames: mpsc::Sender<TailFrame>,
}
