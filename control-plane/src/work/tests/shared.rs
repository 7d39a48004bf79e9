//! Orders of hosts that are connected to another control plane on the same database.

use std::sync::Arc;

use muster_protocol::latest::{OrderRefusal, OrderReply, OrderStatus};

use super::bench::{Bench, Script, outcome};
use crate::{
    testing::both_databases,
    work::{
        Door, OrderState, dispatch,
        reply::{self, Next},
    },
};

both_databases!(an_order_for_a_host_elsewhere_is_left_alone, |test| {
    let bench = Bench::new(test);
    *bench.host.online.lock().unwrap() = false;
    *bench.host.elsewhere.lock().unwrap() = true;
    let door: Arc<dyn Door> = Arc::clone(&bench.host) as _;
    let id = bench.submit().await;
    dispatch::look(&test.app, &door).await.unwrap();
    assert!(test.app.work.in_hand().is_empty(), "nobody here has it in hand");
    assert_eq!(bench.order(id).await.state, OrderState::Queued);

    // It left there, and is nowhere.
    *bench.host.elsewhere.lock().unwrap() = false;
    bench.start();
    bench.reaches(id, OrderState::WaitingForHost).await;
    // It comes back elsewhere, and then here.
    *bench.host.elsewhere.lock().unwrap() = true;
    dispatch::look(&test.app, &door).await.unwrap();
    assert_eq!(bench.order(id).await.state, OrderState::WaitingForHost);
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        outcome(OrderStatus::Done),
    ]));
    *bench.host.elsewhere.lock().unwrap() = false;
    bench.host.comes(test.default_org().await);
    bench.reaches(id, OrderState::Done).await;
    assert_eq!(bench.host.received().len(), 1);
});

both_databases!(
    a_refusal_of_what_was_sealed_anew_meanwhile_changes_nothing,
    |test| {
        let bench = Bench::new(test);
        bench.host.will(Script::Hold(Vec::new()));
        bench.start();
        let id = bench.submit().await;
        bench.reaches(id, OrderState::Sent).await;
        // Two control planes sent it; both hear that it is sealed for an old key.
        let old_key = || OrderReply::Refused(OrderRefusal::SealedForOldKey);
        let first = reply::store(&test.app, (id, Some(1)), old_key()).await.unwrap();
        assert_eq!(first, Next::Again);
        let second = reply::store(&test.app, (id, Some(1)), old_key()).await.unwrap();
        assert_eq!(second, Next::Ended);
        let refused = OrderReply::Refused(OrderRefusal::Replay);
        let late = reply::store(&test.app, (id, Some(1)), refused).await.unwrap();
        assert_eq!(late, Next::Ended);
        let order = bench.order(id).await;
        assert_eq!(
            (order.state, order.reseals, order.sequence),
            (OrderState::Queued, 1, None)
        );
    }
);
