//! A host that answers as it is told stands behind the door; the rest is real.

mod bench;
mod older;
mod shared;

use futures_util::{StreamExt as _, pin_mut};
use muster_base::UnixMs;
use muster_identity::{keys::PinnedKeys, order::Arrived};
use muster_protocol::latest::{
    FileOrder, OrderEvent, OrderOutcome, OrderPayload, OrderRefusal, OrderReply, OrderStatus, StepReport,
};

use self::bench::{Bench, PATIENCE, SECRET, Script, event, outcome};
use super::*;
use crate::testing::both_databases;

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
    bench.host.comes(test.default_org().await);
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
        let keys = PinnedKeys::from_join([bench.host.signer_now().public_key()]);
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

both_databases!(
    after_a_rotation_the_same_order_comes_under_the_newer_key,
    |test| {
        let bench = Bench::new(test);
        bench.host.will(Script::Say(vec![OrderReply::Accepted, event(0)]));
        bench.host.will(Script::Say(vec![
            OrderReply::Accepted,
            outcome(OrderStatus::Done),
        ]));
        bench.host.rotates_after_the_next();
        bench.start();
        let id = bench.submit().await;
        bench.reaches(id, OrderState::Done).await;
        let received = bench.host.received();
        assert_eq!(received.len(), 2);
        let (first, second) = (&received[0], &received[1]);
        assert_eq!((&first.body, &first.payload), (&second.body, &second.payload));
        assert_ne!(first.key_id, second.key_id);
        let newer = bench.host.signer_now().public_key();
        assert_eq!(second.key_id, newer.id());
        assert!(newer.verifies(&second.body, &second.signature));
    }
);

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

both_databases!(binary_words_of_a_host_do_not_hold_up_its_order, |test| {
    let bench = Bench::new(test);
    let binary = OrderReply::Event(OrderEvent {
        seq: 0,
        at: UnixMs(i64::MAX),
        what: StepReport::Log("\0\u{1b}it crashed\0".to_owned()),
    });
    let end = OrderReply::Outcome(Box::new(OrderOutcome {
        status: OrderStatus::Failed,
        started_at: UnixMs(i64::MIN),
        ended_at: UnixMs(i64::MAX),
        error: Some("exit code 1:\0\u{7f}".to_owned()),
        digest: None,
        server_version: Some("\0".repeat(9)),
        events: u32::MAX,
    }));
    bench
        .host
        .will(Script::Say(vec![OrderReply::Accepted, binary, end]));
    bench.start();
    let id = bench.submit().await;
    let order = bench.reaches(id, OrderState::Failed).await;
    assert_eq!(order.error.as_deref(), Some("exit code 1:"));
    let told = events(&test.app, id, -1, 10).await.unwrap();
    assert_eq!(told[0].detail, "it crashed");
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

both_databases!(an_order_goes_when_its_room_lets_it, |test| {
    let bench = Bench::new(test);
    let never = |why: &str| Going::Never(why.to_owned());
    let says = [never("not there"), Going::Later, Going::Goes, never("half done")];
    bench.room.going.lock().unwrap().extend(says);
    let left = || bench.room.going.lock().unwrap().len();
    bench.host.will(Script::Say(vec![OrderReply::Refused(
        OrderRefusal::SealedForOldKey,
    )]));
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        outcome(OrderStatus::Done),
    ]));
    bench.start();
    let refused = bench.submit().await;
    let order = bench.reaches(refused, OrderState::Failed).await;
    assert_eq!(
        (order.error.as_deref(), order.sequence),
        (Some("not there"), None)
    );

    let late = bench.submit().await;
    let waits = async {
        while left() > 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.unwrap();
    assert_eq!(bench.order(late).await.state, OrderState::Queued);
    assert!(bench.host.received().is_empty());
    // What its host had before is the host's to judge: it is sealed anew, and its room is not asked.
    bench.reaches(late, OrderState::Done).await;
    assert_eq!((left(), bench.host.received().len()), (1, 2));
});

both_databases!(orders_of_a_removed_host_end_with_it, |test| {
    let bench = Bench::new(test);
    bench.host.will(Script::Hold(vec![OrderReply::Accepted]));
    bench.start();
    let begun = bench.submit().await;
    bench.reaches(begun, OrderState::Accepted).await;
    *bench.host.online.lock().unwrap() = false;
    let waiting = bench.submit().await;
    bench.reaches(waiting, OrderState::WaitingForHost).await;

    bench.host_is_removed().await;
    let order = bench.order(waiting).await;
    assert_eq!(order.state, OrderState::Failed);
    assert!(order.error.unwrap().contains("nothing was changed"));
    let order = bench.order(begun).await;
    assert_eq!(order.state, OrderState::NeedsAttention);
    assert!(order.error.unwrap().contains("look at the host"));
    for heard in [OrderState::NeedsAttention, OrderState::Failed] {
        assert!(bench.states().contains(&heard), "the room hears of both");
    }
});

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

both_databases!(another_control_plane_goes_on_where_one_died, |test| {
    let bench = Bench::new(test);
    // Submitted, and nobody was there to look at it.
    let first = bench.submit().await;
    bench
        .host
        .will(Script::Hold(vec![OrderReply::Accepted, event(0)]));
    let second_life = bench.restart().await;
    bench.reaches(first, OrderState::Accepted).await;

    // Accepted, and the stream died with it.
    second_life.tasks.stop(PATIENCE).await;
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        event(0),
        event(1),
        outcome(OrderStatus::Done),
    ]));
    let third_life = bench.restart().await;
    bench.reaches(first, OrderState::Done).await;
    let received = bench.host.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0], received[1]);
    third_life.tasks.stop(PATIENCE).await;
});

both_databases!(all_open_orders_are_found_page_by_page, |test| {
    let bench = Bench::new(test);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.submit().await);
    }
    let (db, now) = (&test.app.db, test.app.clock.now());
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = store::order::list_open(db, now, after, 2).await.unwrap();
        assert!(page.iter().all(|open| open.is_before_hand_over && !open.is_file));
        let Some(last) = page.last() else { break };
        after = Some((last.not_before, last.id));
        found.extend(page.iter().map(|open| open.id));
    }
    ids.sort();
    found.sort();
    assert_eq!(found, ids);
});

both_databases!(a_host_has_few_files_at_a_time, |test| {
    let bench = Bench::new(test);
    // Nobody has sent these: the room that files are of would have none of them.
    test.app
        .work
        .register(OrderKind::File, Arc::clone(&bench.room) as _);
    let file = OrderPayload::File(FileOrder {
        send: test.app.clock.new_id(),
        path: "/srv/a".to_owned(),
        mode: 0o644,
        replace: false,
        size: 1,
        sha256: [0; 32],
    });
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bench.submit_payload(file.clone()).await);
    }
    bench.start();
    // Not held back by files.
    let other = bench.submit().await;
    bench.reaches(other, OrderState::Sent).await;
    // The streams break off, and are opened again.
    let again = async {
        while bench.host.received().len() < 6 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    let mut waiting = 0;
    for id in &ids {
        waiting += usize::from(bench.order(*id).await.state == OrderState::Queued);
    }
    assert_eq!(waiting, 3, "two are with the host, however often they are sent");
});
