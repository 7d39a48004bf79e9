//! A host that answers as it is told stands behind the door; the rest is real.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, pin_mut};
use muster_base::{Clock, HostId, OrderId, SecretString, UnixMs};
use muster_identity::{
    keys::{PinnedKeys, SigningKey},
    order::{Arrived, OrderHead},
    seal::{SealKey, Sealed},
};
use muster_protocol::latest::{
    DbDialect, OrderEvent, OrderOutcome, OrderPayload, OrderRefusal, OrderReply, OrderStatus, SealedSecrets,
    SecretValues, SignedOrder, SqlTarget, StepReport,
};
use tokio::sync::{broadcast, mpsc};

use super::*;
use crate::{
    app::App,
    db::{DbError, Tx},
    in_tx,
    testing::{Test, both_databases},
};

const SECRET: &str = "a password that must not be seen";
const PATIENCE: Duration = Duration::from_secs(20);

/// What the fake host does with one stream.
enum Script {
    /// Says these and closes: the stream is lost if the last is no end.
    Say(Vec<OrderReply>),
    /// Says these and waits for a cancel.
    Hold(Vec<OrderReply>),
}

struct FakeHost {
    id: HostId,
    seal_key: Mutex<SealKey>,
    signer: Arc<SigningKey>,
    online: Mutex<bool>,
    connected: broadcast::Sender<HostId>,
    scripts: Mutex<VecDeque<Script>>,
    received: Mutex<Vec<SignedOrder>>,
    held: Mutex<Option<mpsc::Sender<OrderReply>>>,
}

impl FakeHost {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            id: Clock::system().new_id(),
            seal_key: Mutex::new(SealKey::generate().unwrap()),
            signer: Arc::new(SigningKey::generate().unwrap()),
            online: Mutex::new(true),
            connected: broadcast::Sender::new(4),
            scripts: Mutex::default(),
            received: Mutex::default(),
            held: Mutex::default(),
        })
    }

    fn will(&self, script: Script) {
        self.scripts.lock().unwrap().push_back(script);
    }

    fn received(&self) -> Vec<SignedOrder> {
        self.received.lock().unwrap().clone()
    }

    fn open(&self, order: &SignedOrder) -> SecretValues {
        let sealed: SealedSecrets = muster_protocol::decode(&order.sealed).unwrap();
        let sealed = Sealed {
            recipient: sealed.recipient,
            encapsulated: sealed.encapsulated,
            ciphertext: sealed.ciphertext,
        };
        let id = OrderHead::from_bytes(&order.body).unwrap().order;
        let plain = self.seal_key.lock().unwrap().open(&sealed, id, self.id).unwrap();
        muster_protocol::decode(&plain).unwrap()
    }
}

struct Stream(mpsc::Receiver<OrderReply>);

impl Replies for Stream {
    fn next(&mut self) -> BoxFuture<'_, Option<OrderReply>> {
        self.0.recv().boxed()
    }

    fn stored(self: Box<Self>) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }
}

impl Door for FakeHost {
    fn is_online(&self, host: HostId) -> bool {
        host == self.id && *self.online.lock().unwrap()
    }

    fn connected(&self) -> broadcast::Receiver<HostId> {
        self.connected.subscribe()
    }

    fn signer(&self) -> Arc<SigningKey> {
        Arc::clone(&self.signer)
    }

    fn seal_key(&self, _host: HostId) -> BoxFuture<'_, Result<Option<Vec<u8>>, DbError>> {
        let key = self.seal_key.lock().unwrap().public_key().to_vec();
        std::future::ready(Ok(Some(key))).boxed()
    }

    fn open_order(&self, _host: HostId, order: SignedOrder) -> BoxFuture<'_, Option<Box<dyn Replies>>> {
        self.received.lock().unwrap().push(order);
        let (tx, rx) = mpsc::channel(64);
        let (Script::Say(said) | Script::Hold(said)) = match self.scripts.lock().unwrap().pop_front() {
            Some(Script::Hold(said)) => {
                *self.held.lock().unwrap() = Some(tx.clone());
                Script::Hold(said)
            }
            Some(script) => script,
            None => Script::Say(Vec::new()),
        };
        for reply in said {
            tx.try_send(reply).unwrap();
        }
        let stream: Box<dyn Replies> = Box::new(Stream(rx));
        std::future::ready(Some(stream)).boxed()
    }

    fn cancel_order(&self, _host: HostId, _order: OrderId) -> BoxFuture<'_, Option<Box<dyn Replies>>> {
        let (tx, rx) = mpsc::channel(1);
        tx.try_send(outcome(OrderStatus::Cancelled)).unwrap();
        self.held.lock().unwrap().take();
        let stream: Box<dyn Replies> = Box::new(Stream(rx));
        std::future::ready(Some(stream)).boxed()
    }
}

/// The room that the test's orders are of.
#[derive(Default)]
struct Room {
    states: Mutex<Vec<OrderState>>,
    events: Mutex<Vec<u32>>,
}

impl Listener for Room {
    fn secrets<'a>(
        &'a self,
        _app: &'a App,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        std::future::ready(Ok(vec![("password".to_owned(), SECRET.into())])).boxed()
    }

    fn moved<'a>(
        &'a self,
        _: &'a App,
        _: &'a mut Tx,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        self.states.lock().unwrap().push(order.state);
        std::future::ready(Ok(())).boxed()
    }

    fn event<'a>(
        &'a self,
        _: &'a App,
        _: &'a mut Tx,
        _: &'a Order,
        event: &'a OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        self.events.lock().unwrap().push(event.seq);
        std::future::ready(Ok(())).boxed()
    }
}

struct Bench<'t> {
    test: &'t Test,
    host: Arc<FakeHost>,
    room: Arc<Room>,
}

impl<'t> Bench<'t> {
    fn new(test: &'t Test) -> Self {
        let room = Arc::new(Room::default());
        test.app
            .work
            .register(OrderKind::TestServer, Arc::clone(&room) as _);
        Self {
            test,
            host: FakeHost::new(),
            room,
        }
    }

    fn start(&self) {
        start(&self.test.app, Arc::clone(&self.host) as _);
    }

    async fn submit(&self) -> OrderId {
        let app = &self.test.app;
        let now = app.clock.now();
        let new = NewOrder {
            org: self.test.default_org().await,
            host: self.host.id,
            payload: OrderPayload::TestServer(SqlTarget {
                server: app.clock.new_id(),
                dialect: DbDialect::Postgres,
                host: "127.0.0.1".to_owned(),
                port: 5432,
                username: "muster".to_owned(),
                password_secret: "password".to_owned(),
                database: "shop".to_owned(),
            }),
            approvals: vec![Approval {
                by: "user:ann".to_owned(),
                at: now,
            }],
            not_before: now,
            expires: now.plus_ms(UnixMs::HOUR),
            created_by: "test".to_owned(),
        };
        let submitted =
            async || -> Result<OrderId, WorkError> { Ok(in_tx!(app.db, |tx| submit(app, tx, new).await?)) };
        let id = submitted().await.unwrap();
        app.work.wake();
        id
    }

    async fn cancel(&self, id: OrderId) -> Result<(), WorkError> {
        let app = &self.test.app;
        in_tx!(app.db, |tx| cancel(app, tx, id, "user:ann").await?);
        app.work.wake();
        Ok(())
    }

    async fn order(&self, id: OrderId) -> Order {
        find(&self.test.app, id).await.unwrap().unwrap()
    }

    async fn reaches(&self, id: OrderId, state: OrderState) -> Order {
        let wait = async {
            loop {
                let order = self.order(id).await;
                if order.state == state {
                    return order;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(order) => order,
            Err(_) => panic!("the order is {:?}, not {state:?}", self.order(id).await),
        }
    }

    fn states(&self) -> Vec<OrderState> {
        self.room.states.lock().unwrap().clone()
    }
}

fn event(seq: u32) -> OrderReply {
    OrderReply::Event(OrderEvent {
        seq,
        at: UnixMs(1_780_000_000_000),
        what: StepReport::Log(format!("line {seq}")),
    })
}

fn outcome(status: OrderStatus) -> OrderReply {
    OrderReply::Outcome(Box::new(OrderOutcome {
        status,
        started_at: UnixMs(1_780_000_000_000),
        ended_at: UnixMs(1_780_000_000_001),
        error: (status != OrderStatus::Done).then(|| "it went wrong".to_owned()),
        digest: None,
        server_version: Some("15.3".to_owned()),
        events: 2,
    }))
}

both_databases!(an_order_waits_for_its_host_and_is_done, |test| {
    let bench = Bench::new(test);
    *bench.host.online.lock().unwrap() = false;
    bench.start();
    let id = bench.submit().await;
    bench.reaches(id, OrderState::WaitingForHost).await;

    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        event(0),
        event(1),
        outcome(OrderStatus::Done),
    ]));
    *bench.host.online.lock().unwrap() = true;
    bench.host.connected.send(bench.host.id).unwrap();
    let order = bench.reaches(id, OrderState::Done).await;
    assert_eq!(order.sequence, Some(1));
    assert_eq!(order.server_version.as_deref(), Some("15.3"));
    assert_eq!(
        bench.states(),
        [
            OrderState::WaitingForHost,
            OrderState::Sent,
            OrderState::Accepted,
            OrderState::Done
        ]
    );
    assert_eq!(*bench.room.events.lock().unwrap(), [0, 1]);
    assert_eq!(events(&test.app, id, -1, 10).await.unwrap().len(), 2);
});

both_databases!(
    what_is_sent_is_signed_and_its_secrets_are_for_the_host_alone,
    |test| {
        let bench = Bench::new(test);
        bench.host.will(Script::Hold(vec![OrderReply::Accepted]));
        bench.start();
        let id = bench.submit().await;
        bench.reaches(id, OrderState::Accepted).await;
        let sent = bench.host.received().remove(0);
        let keys = PinnedKeys::from_join([bench.host.signer.public_key()]);
        let arrived = Arrived {
            body: &sent.body,
            key_id: sent.key_id,
            signature: &sent.signature,
            payload: &sent.payload,
            sealed: &sent.sealed,
        };
        let org = test.default_org().await;
        let head = arrived
            .verify(&keys, org, bench.host.id, test.app.clock.now())
            .unwrap();
        assert_eq!((head.order, head.sequence, head.approvals.len()), (id, 1, 1));
        let opened = bench.host.open(&sent);
        assert_eq!(opened.0, [("password".to_owned(), SECRET.to_owned())]);
        assert!(!sent.sealed.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()));
        assert!(!sent.payload.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()));
    }
);

both_databases!(a_lost_stream_is_opened_again_with_the_same_bytes, |test| {
    let bench = Bench::new(test);
    bench.host.will(Script::Say(vec![OrderReply::Accepted, event(0)]));
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        event(0),
        event(1),
        outcome(OrderStatus::RolledBack),
    ]));
    bench.start();
    let id = bench.submit().await;
    let order = bench.reaches(id, OrderState::RolledBack).await;
    assert_eq!(order.error.as_deref(), Some("it went wrong"));
    let received = bench.host.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0], received[1]);
    assert_eq!(
        *bench.room.events.lock().unwrap(),
        [0, 1],
        "the room hears each event once"
    );
    assert_eq!(
        bench.states(),
        [OrderState::Sent, OrderState::Accepted, OrderState::RolledBack]
    );
});

both_databases!(an_order_sealed_for_an_old_key_is_sealed_anew, |test| {
    let bench = Bench::new(test);
    bench.host.will(Script::Say(vec![OrderReply::Refused(
        OrderRefusal::SealedForOldKey,
    )]));
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        outcome(OrderStatus::Done),
    ]));
    bench.start();
    let id = bench.submit().await;
    let order = bench.reaches(id, OrderState::Done).await;
    assert_eq!(order.sequence, Some(2));
    let received = bench.host.received();
    assert_ne!(received[0].sealed, received[1].sealed);
});

both_databases!(a_refusal_ends_the_order_and_is_on_record, |test| {
    let bench = Bench::new(test);
    bench
        .host
        .will(Script::Say(vec![OrderReply::Refused(OrderRefusal::BadSignature)]));
    bench.start();
    let id = bench.submit().await;
    let order = bench.reaches(id, OrderState::Refused).await;
    assert!(order.error.unwrap().contains("signature"));
    let (_, page) = test.admin().await.get("/api/v1/audit").await;
    let rows = page["items"].as_array().unwrap();
    let row = rows.iter().find(|row| row["objectId"] == id.to_string()).unwrap();
    assert_eq!(row["outcome"], "refused");
    assert_eq!(row["actorKind"], "agent");
    assert_eq!(row["actorId"], bench.host.id.to_string());
});

both_databases!(the_policy_s_rule_is_told, |test| {
    let bench = Bench::new(test);
    bench
        .host
        .will(Script::Say(vec![OrderReply::Refused(OrderRefusal::Policy {
            rule: "databases".to_owned(),
            message: "not listed".to_owned(),
        })]));
    bench.start();
    let id = bench.submit().await;
    let order = bench.reaches(id, OrderState::Refused).await;
    assert_eq!(
        order.error.unwrap(),
        "the host's own policy forbids it (databases): not listed"
    );
});

both_databases!(
    an_order_that_never_reached_its_host_expires_or_is_cancelled,
    |test| {
        let bench = Bench::new(test);
        *bench.host.online.lock().unwrap() = false;
        bench.start();
        let (late, unwanted) = (bench.submit().await, bench.submit().await);
        bench.reaches(unwanted, OrderState::WaitingForHost).await;
        bench.cancel(unwanted).await.unwrap();
        assert_eq!(bench.order(unwanted).await.state, OrderState::Cancelled);
        assert!(matches!(bench.cancel(unwanted).await, Err(WorkError::Ended)));

        test.app.clock.advance(UnixMs::HOUR);
        let order = bench.reaches(late, OrderState::Expired).await;
        assert!(order.error.unwrap().contains("nothing was changed"));
        assert!(bench.host.received().is_empty());
    }
);

both_databases!(a_running_order_is_cancelled_by_its_host, |test| {
    let bench = Bench::new(test);
    bench.host.will(Script::Hold(vec![OrderReply::Accepted]));
    bench.start();
    let id = bench.submit().await;
    bench.reaches(id, OrderState::Accepted).await;
    bench.cancel(id).await.unwrap();
    let order = bench.reaches(id, OrderState::Cancelled).await;
    assert!(order.cancel_requested_at.is_some());
});

both_databases!(whoever_watches_hears_it_all_and_then_the_end, |test| {
    let bench = Bench::new(test);
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        event(0),
        event(1),
        outcome(OrderStatus::Done),
    ]));
    let id = bench.submit().await;
    let news = follow(&test.app, id, -1);
    pin_mut!(news);
    bench.start();
    let mut heard = Vec::new();
    while let Some(one) = tokio::time::timeout(PATIENCE, news.next()).await.unwrap() {
        heard.push(one.unwrap());
    }
    let seqs: Vec<_> = heard
        .iter()
        .filter_map(|one| match one {
            OrderNews::Event(event) => Some(event.seq),
            OrderNews::Order(_) => None,
        })
        .collect();
    assert_eq!(seqs, [0, 1]);
    assert!(matches!(heard.last(), Some(OrderNews::Order(order)) if order.state == OrderState::Done));
});

both_databases!(orders_are_their_org_s, |test| {
    let bench = Bench::new(test);
    let id = bench.submit().await;
    let admin = test.admin().await;
    let (status, body) = admin.get(&format!("/api/v1/orders/{id}")).await;
    assert_eq!((status, body["state"].as_str()), (200, Some("queued")));
    let (status, body) = admin.get(&format!("/api/v1/orders?host={}", bench.host.id)).await;
    assert_eq!((status, body["items"].as_array().unwrap().len()), (200, 1));
    let stranger = test.stranger("others").await;
    assert_eq!(stranger.get(&format!("/api/v1/orders/{id}")).await.0, 404);
    assert_eq!(stranger.get(&format!("/api/v1/orders/{id}/events")).await.0, 404);
    let (_, body) = stranger.get("/api/v1/orders").await;
    assert!(body["items"].as_array().unwrap().is_empty());
});
