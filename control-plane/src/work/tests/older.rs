//! Agents of before: what they don't know they are not sent, and whoever asked hears why.

use muster_protocol::latest::{
    ContainerAction, ContainerMore, ContainerOrder, ContainerSpec, DbDialect, DeploySpec, FullDeploySpec,
    GuardedSql, HandoverSpec, OrderPayload, OrderReply, OrderStatus, PullAuth, SqlGuard, SqlSpec, SqlTarget,
};

use super::bench::{Bench, Script, outcome};
use crate::{app::App, testing::both_databases, work::*};

both_databases!(
    an_agent_that_can_not_hold_statements_in_is_not_sent_them,
    |test| {
        let bench = Bench::new(test);
        *bench.host.version.lock().unwrap() = muster_protocol::GUARDS_SINCE - 1;
        bench.start();
        let clock = &test.app.clock;
        let spec = SqlSpec {
            execution: clock.new_id(),
            release: clock.new_id(),
            version: "1".to_owned(),
            sql_sha256: [0; 32],
            target: SqlTarget {
                server: clock.new_id(),
                dialect: DbDialect::Postgres,
                host: "127.0.0.1".to_owned(),
                port: 5432,
                username: "muster".to_owned(),
                password_secret: "password".to_owned(),
                database: "shop".to_owned(),
            },
            statements: Vec::new(),
            lock_timeout_ms: 1,
            statement_timeout_ms: 1,
            dry_run: false,
        };
        let guards = vec![SqlGuard {
            statement: 0,
            max_rows: Some(1),
            keep: None,
        }];
        let held = OrderPayload::GuardedSql(Box::new(GuardedSql { spec, guards }));
        let id = bench.submit_payload(held).await;
        let order = bench.reaches(id, OrderState::Failed).await;
        let why = order.error.unwrap();
        assert!(
            why.contains("too old") && why.ends_with("nothing was changed"),
            "{why}"
        );
        assert!(bench.host.received().is_empty());
    }
);

both_databases!(an_agent_that_does_not_know_an_order_is_not_sent_it, |test| {
    let bench = Bench::new(test);
    *bench.host.version.lock().unwrap() = muster_protocol::CONTAINERS_SINCE - 1;
    bench.start();
    let payload = OrderPayload::Container(ContainerOrder {
        name: "shop".to_owned(),
        action: ContainerAction::Start,
    });
    let id = bench.submit_payload(payload.clone()).await;
    let order = bench.reaches(id, OrderState::Failed).await;
    let why = order.error.unwrap();
    assert!(
        why.contains("too old") && why.ends_with("nothing was changed"),
        "{why}"
    );
    assert!(bench.host.received().is_empty());

    *bench.host.version.lock().unwrap() = muster_protocol::CONTAINERS_SINCE;
    bench.host.will(Script::Say(vec![
        OrderReply::Accepted,
        outcome(OrderStatus::Done),
    ]));
    let id = bench.submit_payload(payload).await;
    bench.reaches(id, OrderState::Done).await;
});

fn a_deploy(app: &App) -> DeploySpec {
    let clock = &app.clock;
    DeploySpec {
        deployment: clock.new_id(),
        application: clock.new_id(),
        environment: "prod".to_owned(),
        version: "1".to_owned(),
        image: "r.io/shop:1".to_owned(),
        digest: None,
        pull_auth: PullAuth::None,
        container: ContainerSpec {
            name: "shop".to_owned(),
            ..ContainerSpec::default()
        },
        health_timeout_ms: 1,
        stop_grace_ms: 1,
    }
}

both_databases!(
    an_agent_that_may_not_know_how_to_hand_over_is_not_asked_to,
    |test| {
        let bench = Bench::new(test);
        *bench.host.version.lock().unwrap() = muster_protocol::HANDOVERS_SINCE - 1;
        bench.start();
        let payload = OrderPayload::Handover(Box::new(HandoverSpec {
            deploy: a_deploy(&test.app),
            http: true,
            grace_ms: 1,
        }));
        let id = bench.submit_payload(payload).await;
        let why = bench.reaches(id, OrderState::Failed).await.error.unwrap();
        assert!(
            why.contains("too old") && why.ends_with("nothing was changed"),
            "{why}"
        );
        assert!(bench.host.received().is_empty());
    }
);

both_databases!(
    an_agent_that_does_not_know_a_container_s_settings_is_not_sent_them,
    |test| {
        let bench = Bench::new(test);
        *bench.host.version.lock().unwrap() = muster_protocol::FULL_DEPLOYS_SINCE - 1;
        bench.start();
        let payload = OrderPayload::FullDeploy(Box::new(FullDeploySpec {
            deploy: a_deploy(&test.app),
            handover: None,
            more: ContainerMore {
                stop_signal: Some("SIGINT".to_owned()),
                ..ContainerMore::default()
            },
        }));
        let id = bench.submit_payload(payload.clone()).await;
        let why = bench.reaches(id, OrderState::Failed).await.error.unwrap();
        assert!(
            why.contains("a stop signal: upgrade it") && why.ends_with("nothing was changed"),
            "{why}"
        );
        assert!(bench.host.received().is_empty());

        // What it knows gets as far as its room, which knows no such deployment; so does this with an agent that is new enough.
        let plain = OrderPayload::Deploy(Box::new(a_deploy(&test.app)));
        for (version, payload) in [
            (muster_protocol::FULL_DEPLOYS_SINCE - 1, plain),
            (muster_protocol::FULL_DEPLOYS_SINCE, payload),
        ] {
            *bench.host.version.lock().unwrap() = version;
            let id = bench.submit_payload(payload).await;
            let why = bench.reaches(id, OrderState::Failed).await.error.unwrap();
            assert_eq!(why, "no such deployment");
        }
    }
);
