//! A host that answers as it is told, and a room whose orders it gets.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use muster_base::{Clock, HostId, OrderId, OrgId, SecretString, UnixMs};
use muster_identity::{
    keys::SigningKey,
    order::OrderHead,
    seal::{SealKey, Sealed},
};
use muster_protocol::latest::{
    DbDialect, OrderEvent, OrderOutcome, OrderPayload, OrderReply, OrderStatus, SealedSecrets, SecretValues,
    SignedOrder, SqlTarget, StepReport,
};
use tokio::sync::{broadcast, mpsc};

use crate::{
    app::App,
    db::{Databases, DbError, Tx},
    error::Error,
    in_tx,
    keys::Keys,
    link::LinkEvent,
    testing::Test,
    work::{
        Approval, Door, Going, Listener, NewOrder, Order, OrderKind, OrderState, Replies, SecretsError,
        WorkError, cancel, dispatch::start_with, end_for_removed_host, find, submit,
    },
};

pub(super) const SECRET: &str = "a password that must not be seen";
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the fake host does with one stream.
pub(super) enum Script {
    /// Says these and closes: the stream is lost if the last is no end.
    Say(Vec<OrderReply>),
    /// Says these and waits for a cancel.
    Hold(Vec<OrderReply>),
}

pub(super) struct FakeHost {
    pub(super) id: HostId,
    seal_key: Mutex<SealKey>,
    /// The last one signs now.
    signers: Mutex<Vec<Arc<SigningKey>>>,
    rotates: Mutex<bool>,
    pub(super) online: Mutex<bool>,
    /// Connected to another control plane.
    pub(super) elsewhere: Mutex<bool>,
    /// The protocol version that its agent speaks.
    pub(super) version: Mutex<u16>,
    connected: broadcast::Sender<LinkEvent>,
    scripts: Mutex<VecDeque<Script>>,
    received: Mutex<Vec<SignedOrder>>,
    held: Mutex<Option<mpsc::Sender<OrderReply>>>,
}

impl FakeHost {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            id: Clock::system().new_id(),
            seal_key: Mutex::new(SealKey::generate().unwrap()),
            signers: Mutex::new(vec![Arc::new(SigningKey::generate().unwrap())]),
            rotates: Mutex::new(false),
            online: Mutex::new(true),
            elsewhere: Mutex::new(false),
            version: Mutex::new(muster_protocol::VERSIONS.1),
            connected: broadcast::Sender::new(4),
            scripts: Mutex::default(),
            received: Mutex::default(),
            held: Mutex::default(),
        })
    }

    pub(super) fn will(&self, script: Script) {
        self.scripts.lock().unwrap().push_back(script);
    }

    pub(super) fn signer_now(&self) -> Arc<SigningKey> {
        Arc::clone(self.signers.lock().unwrap().last().unwrap())
    }

    /// The fleet's signing key is rotated while the next order is on its way.
    pub(super) fn rotates_after_the_next(&self) {
        *self.rotates.lock().unwrap() = true;
    }

    pub(super) fn comes(&self, org: OrgId) {
        *self.online.lock().unwrap() = true;
        let connected = LinkEvent::Connected {
            org,
            host: self.id,
            session: Clock::system().new_id(),
        };
        self.connected.send(connected).unwrap();
    }

    pub(super) fn received(&self) -> Vec<SignedOrder> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn open(&self, order: &SignedOrder) -> SecretValues {
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
    fn version(&self, host: HostId) -> Option<u16> {
        self.is_online(host).then(|| *self.version.lock().unwrap())
    }

    fn is_online(&self, host: HostId) -> bool {
        host == self.id && *self.online.lock().unwrap()
    }

    fn is_elsewhere(&self, host: HostId) -> bool {
        host == self.id && *self.elsewhere.lock().unwrap()
    }

    fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.connected.subscribe()
    }

    fn has_signed(&self, order: &SignedOrder) -> bool {
        let signers = self.signers.lock().unwrap();
        let keys = signers.iter().map(|key| key.public_key());
        keys.filter(|key| key.id() == order.key_id)
            .any(|key| key.verifies(&order.body, &order.signature))
    }

    fn signer(&self, _host: HostId) -> Arc<SigningKey> {
        self.signer_now()
    }

    fn seal_key(&self, _org: OrgId, _host: HostId) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        let key = self.seal_key.lock().unwrap().public_key().to_vec();
        std::future::ready(Ok(Some(key))).boxed()
    }

    fn open_order(&self, _host: HostId, order: SignedOrder) -> BoxFuture<'_, Option<Box<dyn Replies>>> {
        self.received.lock().unwrap().push(order);
        if std::mem::take(&mut *self.rotates.lock().unwrap()) {
            let new = Arc::new(SigningKey::generate().unwrap());
            self.signers.lock().unwrap().push(new);
        }
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
pub(super) struct Room {
    states: Mutex<Vec<OrderState>>,
    pub(super) events: Mutex<Vec<u32>>,
    /// What it says of the next orders; then that they may go.
    pub(super) going: Mutex<VecDeque<Going>>,
}

impl Listener for Room {
    fn may_go<'a>(&'a self, _app: &'a App, _order: &'a Order) -> BoxFuture<'a, Result<Going, DbError>> {
        let going = self.going.lock().unwrap().pop_front();
        std::future::ready(Ok(going.unwrap_or(Going::Goes))).boxed()
    }

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

pub(super) struct Bench<'t> {
    test: &'t Test,
    pub(super) host: Arc<FakeHost>,
    pub(super) room: Arc<Room>,
}

impl<'t> Bench<'t> {
    pub(super) fn new(test: &'t Test) -> Self {
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

    pub(super) fn start(&self) {
        start_with(&self.test.app, Arc::clone(&self.host) as _);
    }

    /// The control plane dies and another takes its place on the same database.
    pub(super) async fn restart(&self) -> App {
        let app = &self.test.app;
        app.tasks.stop(PATIENCE).await;
        let databases = Databases {
            main: app.db.clone(),
            telemetry: app.telemetry_db.clone(),
        };
        let again = App::new(
            app.config.clone(),
            databases,
            app.clock.clone(),
            Keys::new([0; 32]),
        );
        again
            .work
            .register(OrderKind::TestServer, Arc::clone(&self.room) as _);
        start_with(&again, Arc::clone(&self.host) as _);
        again
    }

    pub(super) async fn submit(&self) -> OrderId {
        self.submit_payload(OrderPayload::TestServer(SqlTarget {
            server: self.test.app.clock.new_id(),
            dialect: DbDialect::Postgres,
            host: "127.0.0.1".to_owned(),
            port: 5432,
            username: "muster".to_owned(),
            password_secret: "password".to_owned(),
            database: "shop".to_owned(),
        }))
        .await
    }

    pub(super) async fn submit_payload(&self, payload: OrderPayload) -> OrderId {
        let app = &self.test.app;
        let now = app.clock.now();
        let new = NewOrder {
            org: self.test.default_org().await,
            host: self.host.id,
            payload,
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

    pub(super) async fn cancel(&self, id: OrderId) -> Result<(), WorkError> {
        let app = &self.test.app;
        in_tx!(app.db, |tx| cancel(app, tx, id, "user:ann").await?);
        app.work.wake();
        Ok(())
    }

    /// What the fleet does when it removes the host.
    pub(super) async fn host_is_removed(&self) {
        let app = &self.test.app;
        let remove = async || -> Result<(), DbError> {
            in_tx!(app.db, |tx| end_for_removed_host(app, tx, self.host.id).await?);
            Ok(())
        };
        remove().await.unwrap();
    }

    pub(super) async fn order(&self, id: OrderId) -> Order {
        find(&self.test.app, id).await.unwrap().unwrap()
    }

    pub(super) async fn reaches(&self, id: OrderId, state: OrderState) -> Order {
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
            Err(elapsed) => panic!(
                "{elapsed}: the order is {:?}, not {state:?}",
                self.order(id).await
            ),
        }
    }

    pub(super) fn states(&self) -> Vec<OrderState> {
        self.room.states.lock().unwrap().clone()
    }
}

pub(super) fn event(seq: u32) -> OrderReply {
    OrderReply::Event(OrderEvent {
        seq,
        at: UnixMs(1_780_000_000_000),
        what: StepReport::Log(format!("line {seq}")),
    })
}

pub(super) fn outcome(status: OrderStatus) -> OrderReply {
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
