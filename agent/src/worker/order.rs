//! One order, from the frame to the outcome.

use std::{io, time::Duration};

use muster_base::{UnixMs, point};
use muster_identity::order::OrderHead;
use muster_protocol::latest::{
    ContainerMore, DeploySpec, OrderOutcome, OrderPayload, OrderRefusal, OrderReply, OrderStatus,
    SignedOrder, SigningKeyNotice, SqlGuard, SqlSpec, SqlTarget,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    WorkerConfig,
    cancel::{self, InLine},
    container::{self, Act},
    deploy::{self, Deploy, Ending, Handover},
    docker::Engine,
    events::{Events, reply_of},
    lane::{self, Lane},
    put::{self, Put},
    secrets::{MissingSecret, Secrets},
    sql::{self, SqlContext, SqlOutcome},
    trust,
    wire::{Answer, Coming},
};
use crate::{
    identity::{IdentityError, WorkerIdentity},
    orders::{
        journal::{End, History, Journal, OrderLog, Started},
        sequence::Sequences,
        verify::{Verified, check_time, verify_counts, verify_origin},
    },
    policy::Policy,
};

const JOURNAL: &str = "journal";
/// Which images deploys brought.
const IMAGES: &str = "images.json";
/// Reports of statements that wait to be journalled, at most.
const REPORTS: usize = 16;
/// A database server that is restarted is back within this time, or somebody has to look.
const RECONNECT_FOR: Duration = Duration::from_mins(2);
/// A worker that says nothing to the database for so long between two statements is gone: they follow on each other at once.
const IDLE_FOR: Duration = Duration::from_mins(1);

/// Why nothing was begun.
enum Stop {
    /// The order was refused, or had ended before.
    Answer(OrderReply),
    /// The worker itself is not usable.
    Failed(String),
}

impl From<OrderRefusal> for Stop {
    fn from(refusal: OrderRefusal) -> Self {
        Self::Answer(OrderReply::Refused(refusal))
    }
}

impl From<IdentityError> for Stop {
    fn from(error: IdentityError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("the worker's journal can't be used: {error}"))
    }
}

/// Verifies the order, does it or what is left of it, and reports.
pub(super) async fn run(
    config: &WorkerConfig,
    order: &SignedOrder,
    keys: &[SigningKeyNotice],
    (cancel, bytes): (&CancellationToken, mpsc::Receiver<Coming>),
    answers: mpsc::Sender<Answer>,
) {
    let stop = match begin(config, order, keys, (cancel, bytes), &answers).await {
        Ok(()) => return,
        Err(stop) => stop,
    };
    let answer = match stop {
        Stop::Answer(reply) => Answer::Reply(reply),
        Stop::Failed(why) => {
            tracing::error!("{why}");
            Answer::Failed(why)
        }
    };
    drop(answers.send(answer).await);
}

async fn begin(
    config: &WorkerConfig,
    order: &SignedOrder,
    keys: &[SigningKeyNotice],
    (cancel, bytes): (&CancellationToken, mpsc::Receiver<Coming>),
    answers: &mpsc::Sender<Answer>,
) -> Result<(), Stop> {
    let mut identity = WorkerIdentity::load(&config.data)?;
    trust::offer(&mut identity, &config.data, keys)?;
    let Verified { head, payload } = verify_origin(&trust::trust(&identity), order)?;

    let journal = Journal::open(&config.data.worker().join(JOURNAL))?;
    // Before the journal is looked at: whoever had the order before us ends it while he holds the lane.
    let (dir, lane) = (config.data.worker(), Lane::of(&payload));
    let _held = match lane::take(&dir, lane, cancel).await? {
        Some(held) => held,
        None => match cancel::in_line(&dir, lane, &journal, &head, config.clock.now()).await? {
            InLine::Ours(held) => held,
            InLine::Never(outcome) => return Err(Stop::Answer(OrderReply::Outcome(outcome))),
        },
    };
    let mut history = journal.read(head.order)?;
    if history
        .as_ref()
        .is_some_and(|h| h.is_superseded_by(head.sequence))
    {
        // Checked before the old attempt is forgotten: whatever is refused now leaves the old answer as it is.
        verify_counts(&trust::trust(&identity), order)?;
        check_fresh(config, &head)?;
        journal.forget(head.order)?;
        history = None;
    }
    // Whoever asked before may not have heard it all; events are told apart by their number.
    if history.as_ref().is_some_and(|h| h.accepted) {
        drop(answers.send(Answer::Reply(OrderReply::Accepted)).await);
    }
    for event in history.iter().flat_map(|h| &h.events) {
        drop(
            answers
                .send(Answer::Reply(OrderReply::Event(event.clone())))
                .await,
        );
    }
    if let Some(end) = history.as_ref().and_then(|h| h.end.clone()) {
        return Err(Stop::Answer(reply_of(end)));
    }
    let resuming = history.is_some();
    let mut log = if resuming {
        journal.resume(head.order)?
    } else {
        verify_counts(&trust::trust(&identity), order)?;
        start(config, &journal, &head)?
    };
    // Again for one that was interrupted: the crash may have come between the two.
    Sequences::new(&config.data.worker()).take(head.sequence)?;

    let accepted_before = history.as_ref().is_some_and(|h| h.accepted);
    let secrets = match admit(config, &identity, order, &head, &payload) {
        Ok(secrets) => secrets,
        // It was begun: what is half done is finished or undone, whatever the policy says by now.
        Err(Stop::Answer(_)) if accepted_before => {
            trust::open(&identity, &order.sealed, head.order).unwrap_or_default()
        }
        Err(Stop::Answer(OrderReply::Refused(refusal))) => {
            log.end(End::Refused(refusal.clone()))?;
            return Err(refusal.into());
        }
        Err(stop) => return Err(stop),
    };
    if !accepted_before {
        log.accepted(config.clock.now())?;
        drop(answers.send(Answer::Reply(OrderReply::Accepted)).await);
    }
    let job = Job {
        config,
        head: &head,
        payload: &payload,
        secrets: &secrets,
        history: history.as_ref(),
        resuming,
        cancel,
    };
    tokio::select! {
        done = job.work(log, answers.clone(), bytes) => done?,
        () = cancel::watch(&journal, head.order, cancel) => {}
    }
    point!("order.answered");
    // The answer is out; what this costs, nobody waits for.
    journal.forget_cancel(head.order)?;
    journal.prune(config.clock.now()).map_err(Stop::from)
}

/// Neither late nor early nor seen before.
fn check_fresh(config: &WorkerConfig, head: &OrderHead) -> Result<(), Stop> {
    check_time(head, config.clock.now())?;
    if Sequences::new(&config.data.worker()).has(head.sequence)? {
        return Err(OrderRefusal::Replay.into());
    }
    Ok(())
}

/// Time and sequence are checked against what is known now; then the order is in the journal, before anything else.
fn start(config: &WorkerConfig, journal: &Journal, head: &OrderHead) -> Result<OrderLog, Stop> {
    check_fresh(config, head)?;
    let started = Started {
        at: config.clock.now(),
        sequence: head.sequence,
    };
    // The lane is ours, so nobody can have started it since we looked.
    journal
        .start(head.order, started)?
        .ok_or_else(|| Stop::from(OrderRefusal::Replay))
}

/// The policy's verdict, and the secrets.
fn admit(
    config: &WorkerConfig,
    identity: &WorkerIdentity,
    order: &SignedOrder,
    head: &OrderHead,
    payload: &OrderPayload,
) -> Result<Secrets, Stop> {
    let policy = Policy::load(&config.policy).map_err(|e| OrderRefusal::Policy {
        rule: "policy".to_owned(),
        message: e.to_string(),
    })?;
    policy.check(payload).map_err(OrderRefusal::from)?;
    if let Some((spec, _)) = payload.release() {
        // What the statements are is found out here; the order's word for it is not enough.
        policy
            .check_risk(&spec.target, sql::effective_risk(spec))
            .map_err(OrderRefusal::from)?;
    }
    Ok(trust::open(identity, &order.sealed, head.order)?)
}

struct Job<'a> {
    config: &'a WorkerConfig,
    head: &'a OrderHead,
    payload: &'a OrderPayload,
    secrets: &'a Secrets,
    history: Option<&'a History>,
    resuming: bool,
    cancel: &'a CancellationToken,
}

impl Job<'_> {
    async fn work(
        &self,
        log: OrderLog,
        answers: mpsc::Sender<Answer>,
        bytes: mpsc::Receiver<Coming>,
    ) -> io::Result<()> {
        let now = self.config.clock.now();
        let next_seq = self.history.map_or(0, History::next_seq);
        let started_at = self.history.map_or(now, |h| h.started.at);
        let clock = self.config.clock.clone();
        let asker = answers.clone();
        let events = Events::new(log, next_seq, answers, clock, self.secrets.values());
        if self.resuming {
            events.log("the worker was interrupted; going on").await;
        }
        let ending = match self.payload {
            OrderPayload::Deploy(spec) => {
                let more = ContainerMore::default();
                Done::from(Box::pin(self.deploy((spec, &more), None, &events)).await)
            }
            OrderPayload::Handover(spec) => {
                let (over, more) = (Some(Handover::of(spec)), ContainerMore::default());
                Done::from(Box::pin(self.deploy((&spec.deploy, &more), over, &events)).await)
            }
            OrderPayload::FullDeploy(spec) => {
                let over = spec.handover.map(Handover::by);
                Done::from(Box::pin(self.deploy((&spec.deploy, &spec.more), over, &events)).await)
            }
            OrderPayload::Sql(spec) => Box::pin(self.sql(spec, &[], &events)).await,
            OrderPayload::GuardedSql(held) => Box::pin(self.sql(&held.spec, &held.guards, &events)).await,
            OrderPayload::TestServer(target) => self.test_server(target).await,
            OrderPayload::Container(order) => container::run(&Act {
                order,
                docker_host: &self.config.docker_host,
                events: &events,
                policy: &self.config.policy,
                cancel: self.cancel,
                marks: self.marks(),
            })
            .await
            .into(),
            OrderPayload::File(order) => {
                let put = Put {
                    id: self.head.order,
                    order,
                    data: &self.config.data,
                    policy: &self.config.policy,
                    events: &events,
                    asker: &asker,
                    cancel: self.cancel,
                    marks: self.marks(),
                };
                match put::run(&put, bytes).await {
                    Some(ending) => ending.into(),
                    // It has not ended: the next worker goes on with it.
                    None => return Ok(()),
                }
            }
        };
        let outcome = self.outcome(ending, started_at, &events);
        events.end(End::Outcome(Box::new(outcome))).await
    }

    async fn deploy(
        &self,
        (spec, more): (&DeploySpec, &ContainerMore),
        handover: Option<Handover>,
        events: &Events,
    ) -> Ending {
        let connected = if self.marks().is_empty() {
            Engine::connect(&self.config.docker_host).await
        } else {
            deploy::await_engine(&self.config.docker_host).await
        };
        let engine = match connected {
            Ok(engine) => engine,
            Err(e) => {
                return deploy::without_engine(&spec.container.name, self.head.order, self.marks(), &e);
            }
        };
        let may_replace_unmanaged =
            Policy::load(&self.config.policy).is_ok_and(|policy| policy.may_replace_unmanaged());
        let images = self.config.data.worker().join(IMAGES);
        let deploy = Deploy {
            order: self.head.order,
            spec,
            more,
            handover,
            fronts: &self.config.fronts,
            secrets: self.secrets,
            engine: &engine,
            events,
            cancel: self.cancel,
            may_replace_unmanaged,
            images: &images,
            marks: self.marks(),
            old: std::sync::OnceLock::new(),
        };
        deploy::run(&deploy).await
    }

    async fn sql(&self, spec: &SqlSpec, guards: &[SqlGuard], events: &Events) -> Done {
        let password = match self.secrets.get(&spec.target.password_secret) {
            Ok(password) => password,
            Err(e) => return Done::nothing(&e),
        };
        let (reports, mut heard) = mpsc::channel(REPORTS);
        let context = SqlContext {
            order: self.head.order,
            resuming: self.resuming,
            reconnect_for: RECONNECT_FOR,
            lock_pauses: sql::LOCK_PAUSES,
            idle_for: IDLE_FOR,
            cancel: self.cancel.clone(),
            events: reports,
            clock: self.config.clock.clone(),
        };
        let work = async {
            let outcome = sql::run(&context, spec, guards, password).await;
            drop(context);
            outcome
        };
        let relay = async {
            while let Some(report) = heard.recv().await {
                events.relay(report).await;
            }
        };
        tokio::join!(work, relay).0.into()
    }

    async fn test_server(&self, target: &SqlTarget) -> Done {
        match self.secrets.get(&target.password_secret) {
            Ok(password) => sql::test_server(target, password).await.into(),
            Err(e) => Done::nothing(&e),
        }
    }

    fn marks(&self) -> &[crate::orders::journal::Mark] {
        self.history.map_or(&[], |h| &h.marks)
    }

    fn outcome(&self, ending: Done, started_at: UnixMs, events: &Events) -> OrderOutcome {
        OrderOutcome {
            status: ending.status,
            started_at,
            ended_at: self.config.clock.now(),
            error: ending.error.map(|text| events.clean(&text)),
            digest: ending.digest,
            server_version: ending.server_version,
            events: events.count(),
        }
    }
}

/// How the work ended, of whatever kind it was.
struct Done {
    status: OrderStatus,
    error: Option<String>,
    digest: Option<String>,
    server_version: Option<String>,
}

impl Done {
    /// Nothing was begun.
    fn nothing(why: &MissingSecret) -> Self {
        Self {
            status: OrderStatus::Failed,
            error: Some(format!("{why}; nothing was changed")),
            digest: None,
            server_version: None,
        }
    }
}

impl From<Ending> for Done {
    fn from(ending: Ending) -> Self {
        Self {
            status: ending.status,
            error: ending.error,
            digest: ending.digest,
            server_version: None,
        }
    }
}

impl From<SqlOutcome> for Done {
    fn from(outcome: SqlOutcome) -> Self {
        Self {
            status: outcome.status,
            error: outcome.error,
            digest: None,
            server_version: outcome.server_version,
        }
    }
}
