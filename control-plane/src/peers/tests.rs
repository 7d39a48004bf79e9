//! Two control planes on one PostgreSQL database, with real agents over real QUIC on the loopback interface.

use std::{cell::RefCell, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use muster_agent::link::OrderRequest;
use muster_base::{OrderId, OrgId, SecretString, UnixMs};
use muster_protocol::latest::{
    DbDialect, OrderEvent, OrderOutcome, OrderPayload, OrderReply, OrderStatus, SqlTarget, TailFrame,
    TailRequest,
};
use serde_json::json;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    balance::{Balance, LOOKS},
    store::session::{self, Over, SessionRow},
};
use crate::{
    app::App,
    db::{Db, DbError, Tx},
    fleet, in_tx, keys,
    link::{
        self, LinkError,
        tests::{host::Host, until},
    },
    peers, telemetry,
    testing::Test,
    work::{self, Listener, NewOrder, Order, OrderKind, OrderState, SecretsError, WorkError},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A room that wants nothing but that its orders are done.
struct Room;

impl Listener for Room {
    fn secrets<'a>(
        &'a self,
        _: &'a App,
        _: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn moved<'a>(&'a self, _: &'a App, _: &'a mut Tx, _: &'a Order) -> BoxFuture<'a, Result<(), DbError>> {
        std::future::ready(Ok(())).boxed()
    }

    fn event<'a>(
        &'a self,
        _: &'a App,
        _: &'a mut Tx,
        _: &'a Order,
        _: &'a OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        std::future::ready(Ok(())).boxed()
    }
}

/// Opens its door, and begins to look for others.
async fn serve(app: &App) {
    app.work.register(OrderKind::TestServer, Arc::new(Room));
    link::start(app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    peers::start(app);
    work::start(app).await.unwrap();
}

/// Two that know each other.
async fn two(test: &Test) -> (App, App) {
    let (first, second) = (test.app.clone(), test.app_with(test.app.keys.clone()));
    second.start_rooms().await.unwrap();
    serve(&first).await;
    serve(&second).await;
    for (one, other) in [(&first, &second), (&second, &first)] {
        until("they know each other", async || {
            one.peers.address_of(other.peers.id()).is_some()
        })
        .await;
    }
    (first, second)
}

fn address(app: &App) -> String {
    app.links.local_address().unwrap().to_string()
}

async fn joined(test: &Test) -> Host {
    let admin = test.admin().await;
    let (status, grant) = admin.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{grant}");
    Host::join(&grant, &test.app.clock).await
}

async fn until_here(app: &App, host: &Host) {
    until("the host is here", async || app.links.is_here(host.id)).await;
}

async fn until_elsewhere(app: &App, host: &Host) {
    until("the host is known to be elsewhere", async || {
        app.links.is_elsewhere(host.id)
    })
    .await;
}

async fn submit(app: &App, org: OrgId, host: &Host) -> OrderId {
    let now = app.clock.now();
    let new = NewOrder {
        org,
        host: host.id,
        payload: OrderPayload::TestServer(SqlTarget {
            server: app.clock.new_id(),
            dialect: DbDialect::Postgres,
            host: "127.0.0.1".to_owned(),
            port: 5432,
            username: "muster".to_owned(),
            password_secret: "password".to_owned(),
            database: "shop".to_owned(),
        }),
        approvals: Vec::new(),
        not_before: now,
        expires: now.plus_ms(UnixMs::HOUR),
        created_by: "test".to_owned(),
    };
    let submitted =
        async || -> Result<OrderId, WorkError> { Ok(in_tx!(app.db, |tx| work::submit(app, tx, new).await?)) };
    let id = submitted().await.unwrap();
    app.work.wake();
    id
}

#[tokio::test]
async fn an_order_reaches_a_host_at_the_other_one_and_so_does_its_end() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    let org = test.default_org().await;
    let host = joined(&test).await;
    let mut running = host.run_to(Some(address(&second)));
    until_here(&second, &host).await;
    until_elsewhere(&first, &host).await;
    let shown = fleet::find_host(&first, org, host.id).await.unwrap().unwrap();
    assert_eq!(shown.status, link::Status::Online);
    assert!(!first.links.is_here(host.id) && first.links.is_online(host.id));
    assert_eq!(
        first.links.signing_keys_of(host.id),
        second.links.signing_keys_of(host.id)
    );

    let mut orders = running.take_orders();
    let mut took = Vec::new();
    for _ in 0..5 {
        let asked = Instant::now();
        let id = submit(&first, org, &host).await;
        let incoming = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
        took.push(asked.elapsed().as_millis());
        assert!(matches!(incoming.request, OrderRequest::Run(_)));
        incoming.replies.send(OrderReply::Accepted).await.unwrap();
        until("the order is accepted", async || {
            work::find(&first, id).await.unwrap().unwrap().state == OrderState::Accepted
        })
        .await;
        // What one of them asks the host to stop is stopped through the other.
        let cancel = async || -> Result<(), WorkError> {
            in_tx!(first.db, |tx| work::cancel(&first, tx, id, "user:ann").await?);
            first.work.wake();
            Ok(())
        };
        cancel().await.unwrap();
        let stop = timeout(PATIENCE, orders.recv()).await.unwrap().unwrap();
        assert!(matches!(stop.request, OrderRequest::Cancel(of) if of == id));
        let end = OrderReply::Outcome(Box::new(OrderOutcome {
            status: OrderStatus::Cancelled,
            started_at: UnixMs(0),
            ended_at: UnixMs(0),
            error: None,
            digest: None,
            server_version: None,
            events: 0,
        }));
        stop.replies.send(end).await.unwrap();
        until("the order is cancelled", async || {
            work::find(&first, id).await.unwrap().unwrap().state == OrderState::Cancelled
        })
        .await;
    }
    println!("milliseconds from the submission at one to the host at the other: {took:?}");
    running.stop().await;
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}

#[tokio::test]
async fn a_tail_of_a_host_at_the_other_one_ends_when_either_side_ends_it() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    let host = joined(&test).await;
    let mut running = host.run_to(Some(address(&second)));
    let mut tails = running.take_tails();
    until_here(&second, &host).await;
    until_elsewhere(&first, &host).await;

    let wish = TailRequest::Samples { interval_ms: 1_000 };
    let mut tail = link::open_tail(&first, host.id, wish.clone()).await.unwrap();
    let incoming = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
    assert_eq!(incoming.request, wish);
    for text in ["a", "b"] {
        let frame = TailFrame::Refused(text.to_owned());
        incoming.frames.send(frame.clone()).await.unwrap();
        assert_eq!(tail.next().await.unwrap(), Some(frame));
    }
    drop(tail);
    timeout(PATIENCE, incoming.frames.closed()).await.unwrap();

    let mut tail = link::open_tail(&first, host.id, wish.clone()).await.unwrap();
    let incoming = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
    drop(incoming);
    assert_eq!(timeout(PATIENCE, tail.next()).await.unwrap().unwrap(), None);

    // The other one dies in the middle.
    let mut tail = link::open_tail(&first, host.id, wish.clone()).await.unwrap();
    let _incoming = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
    second.tasks.stop(PATIENCE).await;
    assert!(!matches!(
        timeout(PATIENCE, tail.next()).await.unwrap(),
        Ok(Some(_))
    ));
    match link::open_tail(&first, host.id, wish).await {
        Err(LinkError::Offline(_) | LinkError::Elsewhere { .. }) => {}
        other => panic!("{other:?}"),
    }
    running.stop().await;
    test.finish().await;
}

#[tokio::test]
async fn the_newer_session_wins_and_a_host_that_leaves_is_nowhere() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    let host = joined(&test).await;
    let running = host.run_to(Some(address(&second)));
    until_elsewhere(&first, &host).await;
    let older = second.links.presence(host.id).unwrap().session;

    // A copy of the machine comes up.
    let copy = host.copied();
    let copied = copy.run_to(Some(address(&first)));
    until_here(&first, &host).await;
    until_elsewhere(&second, &host).await;
    let newer = first.links.presence(host.id).unwrap().session;
    assert_ne!(older, newer);
    assert_eq!(second.links.presence(host.id).unwrap().session, newer);
    let admin = test.admin().await;
    until("the takeover is on record", async || {
        let (_, page) = admin.get("/api/v1/audit").await;
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["operation"] == "host:takeover")
    })
    .await;

    copied.stop().await;
    until("the host is nowhere", async || {
        !first.links.is_online(host.id) && !second.links.is_online(host.id)
    })
    .await;
    running.stop().await;
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}

#[tokio::test]
async fn a_removed_host_s_session_at_the_other_one_ends() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    let host = joined(&test).await;
    let running = host.run_to(Some(address(&second)));
    until_elsewhere(&first, &host).await;
    let admin = test.admin().await;
    let (status, _) = admin.delete(&format!("/api/v1/hosts/{}", host.id)).await;
    assert_eq!(status, 204);
    assert_eq!(running.ended().await, muster_agent::link::LinkEnd::Removed);
    until("nobody has it", async || {
        !first.links.is_online(host.id) && !second.links.is_online(host.id)
    })
    .await;
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}

fn newest(app: &App, org: OrgId, host: &Host) -> Option<UnixMs> {
    let readings = telemetry::readings_of(app, org).into_iter();
    readings
        .filter(|one| one.host == host.id)
        .map(|one| one.sample.at)
        .max()
}

#[tokio::test]
async fn readings_at_one_are_known_to_the_other() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    let org = test.default_org().await;
    let host = joined(&test).await;
    let running = host.run_to(Some(address(&second)));
    until_elsewhere(&first, &host).await;
    let session = second.links.presence(host.id).unwrap();
    for number in [7, 8] {
        let report = telemetry::tests::samples([number]);
        second.ingest.submit(org, host.id, report).await.unwrap();
        // As if the host had sent it.
        let heard = session.last_report_at.plus_ms(number);
        second.links.heard_for_tests(host.id, heard);
        until("the other one has it", async || {
            let (here, there) = [&second, &first].map(|app| newest(app, org, &host)).into();
            here.is_some() && here == there
        })
        .await;
    }
    running.stop().await;
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}

#[tokio::test]
async fn one_with_another_master_key_is_a_stranger() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    assert!(keys::strangers(&first).await.unwrap().is_empty());
    let other = test.app_with(keys::Keys::new([7; 32]));
    let strangers = keys::strangers(&other).await.unwrap();
    assert_eq!(strangers.len(), 2, "{strangers:?}");
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}

#[tokio::test]
async fn whoever_began_last_has_the_host_however_late_it_is_written() {
    let test = Test::postgres().await;
    let Db::Postgres(pool) = &test.app.db else {
        panic!("not PostgreSQL")
    };
    let (host, org) = (test.app.clock.new_id(), test.default_org().await);
    let session = |plane: u128, began: Instant| SessionRow {
        host_id: host,
        org_id: org,
        plane_id: Uuid::from_u128(plane),
        session_id: test.app.clock.new_id(),
        address: "127.0.0.1:1".to_owned(),
        version: 1,
        signing_keys: String::new(),
        // Clocks differ, and count for nothing.
        connected_at: UnixMs(1_000_000 - i64::try_from(plane).unwrap()),
        last_report_at: UnixMs(0),
        began: Some(began),
    };
    let put = async |row: &SessionRow, over| {
        let mut tx = pool.begin().await.unwrap();
        session::upsert(&mut tx, std::slice::from_ref(row), over)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let rows = session::of_hosts(pool, &[host]).await.unwrap();
        (rows[0].plane_id, rows[0].session_id)
    };
    let now = Instant::now();
    let older = session(1, now.checked_sub(Duration::from_secs(4)).unwrap());
    let newer = session(2, now.checked_sub(Duration::from_secs(2)).unwrap());
    let of = |row: &SessionRow| (row.plane_id, row.session_id);
    assert_eq!(put(&newer, Over::Older).await, of(&newer));
    // Its control plane stalled: it is written after the one that took over.
    assert_eq!(put(&older, Over::Older).await, of(&newer));
    assert_eq!(put(&older, Over::Own).await, of(&newer));
    // What is written of it again changes nothing of when it began.
    assert_eq!(put(&newer, Over::Own).await, of(&newer));
    assert_eq!(put(&older, Over::Older).await, of(&newer));
    let back = session(1, now);
    assert_eq!(put(&back, Over::Older).await, of(&back));
    test.finish().await;
}

#[tokio::test]
async fn agents_are_spread_again_when_a_control_plane_is_back_and_busy_ones_stay() {
    let test = Test::postgres().await;
    let (first, second) = (test.app.clone(), test.app_with(test.app.keys.clone()));
    serve(&first).await;
    // The other one is away: its port is free, and known.
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let elsewhere = port.local_addr().unwrap();
    drop(port);
    let servers = format!("{},{elsewhere}", address(&first));
    let mut agents = Vec::new();
    for _ in 0..6 {
        let host = joined(&test).await;
        let running = host.run_to(Some(servers.clone()));
        agents.push((host, running));
    }
    for (host, _) in &agents {
        until_here(&first, host).await;
    }
    // Somebody looks at one.
    let mut tails = agents[0].1.take_tails();
    let watched = agents[0].0.id;
    let wish = TailRequest::Samples { interval_ms: 1_000 };
    let tail = link::open_tail(&first, watched, wish).await.unwrap();
    let _incoming = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();

    second.start_rooms().await.unwrap();
    second.work.register(OrderKind::TestServer, Arc::new(Room));
    link::start(&second, elsewhere).await.unwrap();
    peers::start(&second);
    work::start(&second).await.unwrap();
    until("they know each other", async || {
        first.peers.address_of(second.peers.id()).is_some()
    })
    .await;
    // Six here and none there is one too many; five and one is near enough.
    let balance = RefCell::new(Balance::default());
    for _ in 0..LOOKS - 1 {
        balance.borrow_mut().look(&first, Instant::now());
    }
    until("one has moved", async || {
        balance.borrow_mut().look(&first, Instant::now());
        // The rooms look, too: it may have been two.
        let there = second.links.online_count();
        (1..=2).contains(&there) && first.links.online_count() == 6 - there
    })
    .await;
    assert!(first.links.is_here(watched));
    drop(tail);
    for (_, running) in agents {
        running.stop().await;
    }
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}

#[tokio::test]
async fn agents_that_know_of_no_other_control_plane_are_left_alone() {
    let test = Test::postgres().await;
    let (first, second) = two(&test).await;
    let mut agents = Vec::new();
    for _ in 0..6 {
        let host = joined(&test).await;
        let running = host.run_to(Some(address(&first)));
        until_here(&first, &host).await;
        agents.push((host, running));
    }
    until("the others know of all of them", async || {
        first.links.idle().len() == 6
    })
    .await;
    let (mut balance, mut now) = (Balance::default(), Instant::now());
    // Each is asked once, and when three came back, none any more.
    for _ in 0..20 {
        now += Duration::from_secs(30);
        balance.look(&first, now);
        until("all are here", async || first.links.idle().len() == 6).await;
    }
    assert_eq!(balance.asked.len(), 3);
    assert_eq!(second.links.online_count(), 0);
    for (_, running) in agents {
        running.stop().await;
    }
    second.tasks.stop(PATIENCE).await;
    test.finish().await;
}
