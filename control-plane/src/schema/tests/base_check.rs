//! Before an execution's order leaves, its database is compared with what its release was computed against. The agent is told
//! what it answers; the whole way is in `tests/tests/changed_by_hand.rs`.

use muster_protocol::{SCHEMAS_SINCE, latest::TailFrame};
use serde_json::{Value, json};

use super::{
    bench::{Bench, design},
    drift_told::{answer, asked, database_of},
    executions::{moves, order},
    new_server,
    publish::{APPLY, approve, publish},
    release,
};
use crate::{
    link,
    schema::base_check::may_go,
    testing::both_databases,
    work::{Going, Order, OrderState},
};

impl Bench<'_> {
    /// Designs these tables and publishes them; the release.
    async fn published(&self, version: &str, tables: &[&str]) -> String {
        self.designed(version, "", tables).await
    }

    async fn designed(&self, version: &str, names: &str, tables: &[&str]) -> String {
        let (status, applied) = self.ann.post_text(APPLY, &design(names, tables)).await;
        assert_eq!(status, 200, "{applied}");
        let (status, published) = publish(&self.ann, version, json!({})).await;
        assert_eq!(status, 201, "{published}");
        approve(&self.bob, &published).await
    }

    /// Executes a release; where it is seen.
    async fn executes(&self, release: &str, dry_run: bool) -> String {
        let path = format!("/api/v1/schema/releases/{release}/execute");
        let body = json!({"server": "pg", "dryRun": dry_run});
        let (status, executing) = self.bob.post(&path, body).await;
        assert_eq!(status, 202, "{executing}");
        let id = executing["executionId"].as_str().unwrap();
        format!("/api/v1/schema/executions/{id}")
    }

    async fn executes_on(&self, release: &str, server: &str) -> String {
        let path = format!("/api/v1/schema/releases/{release}/execute");
        let (status, executing) = self.bob.post(&path, json!({"server": server})).await;
        assert_eq!(status, 202, "{executing}");
        let id = executing["executionId"].as_str().unwrap();
        format!("/api/v1/schema/executions/{id}")
    }

    async fn seen(&self, execution: &str) -> Value {
        let (status, seen) = self.bob.get(execution).await;
        assert_eq!(status, 200, "{seen}");
        seen
    }

    async fn order(&self, execution: &str) -> Order {
        order(self.test, &self.seen(execution).await).await
    }

    /// What is said of its order while the agent finds these tables; the database that it was asked for.
    async fn goes(&mut self, execution: &str, tables: &[&str]) -> (Going, String) {
        let order = self.order(execution).await;
        let (going, database) = tokio::join!(may_go(&self.test.app, &order), async {
            let tail = asked(&mut self.tails).await;
            answer(&tail, tables).await;
            database_of(&tail)
        });
        (going.unwrap(), database)
    }

    /// What is said of its order although nobody is asked.
    async fn goes_unasked(&mut self, execution: &str) -> Going {
        let order = self.order(execution).await;
        let going = may_go(&self.test.app, &order).await.unwrap();
        assert!(self.tails.try_recv().is_err(), "an agent was asked");
        going
    }

    /// What is said of its order while the agent refuses to look.
    async fn refused(&mut self, execution: &str, why: &str) -> Going {
        let order = self.order(execution).await;
        let (going, ()) = tokio::join!(may_go(&self.test.app, &order), async {
            let tail = asked(&mut self.tails).await;
            tail.frames
                .send(TailFrame::Refused(why.to_owned()))
                .await
                .unwrap();
        });
        going.unwrap()
    }

    async fn ends(&self, execution: &str, state: OrderState) {
        let mut order = self.order(execution).await;
        order.accepted_at = Some(self.test.app.clock.now());
        moves(self.test, &mut order, OrderState::Accepted).await;
        order.ended_at = order.accepted_at;
        moves(self.test, &mut order, state).await;
    }

    async fn done(&mut self, execution: &str, tables: &[&str]) {
        assert_eq!(self.goes(execution, tables).await.0, Going::Goes);
        self.ends(execution, OrderState::Done).await;
    }
}

both_databases!(what_was_changed_by_hand_stops_a_release_and_is_named, |test| {
    let mut bench = Bench::new(test).await;
    let first = bench.published("1.0", &["t_org"]).await;
    let execution = bench.executes(&first, false).await;
    assert_eq!(bench.seen(&execution).await["baseCheck"], Value::Null);
    bench.done(&execution, &[]).await;
    let seen = bench.seen(&execution).await;
    assert_eq!(
        (&seen["status"], &seen["baseCheck"]["state"]),
        (&json!("success"), &json!("same"))
    );

    let second = bench.published("1.1", &["t_org", "t_user"]).await;
    for dry_run in [true, false] {
        let execution = bench.executes(&second, dry_run).await;
        let Going::Never(why) = bench.goes(&execution, &["t_org", "t_user"]).await.0 else {
            panic!("it goes");
        };
        assert!(
            why.contains("public.t_user") && why.contains("publish again"),
            "{why}"
        );
        let seen = bench.seen(&execution).await["baseCheck"].clone();
        assert_eq!(
            (&seen["state"], &seen["count"], &seen["differences"][0]["name"]),
            (&json!("differs"), &json!(1), &json!("public.t_user")),
            "{seen}"
        );
        let sql = seen["differences"][0]["sql"].as_str().unwrap();
        assert!(sql.contains("create table"), "{sql}");
        // The control plane died over it, and by now that is taken back. What nobody designed is none of its business.
        assert_eq!(bench.goes(&execution, &["t_org", "by_hand"]).await.0, Going::Goes);
        let seen = bench.seen(&execution).await["baseCheck"].clone();
        assert_eq!(
            (&seen["state"], &seen["differences"]),
            (&json!("same"), &json!([]))
        );
        bench.ends(&execution, OrderState::Done).await;
    }
    bench.stop().await;
});

both_databases!(
    before_anything_was_released_only_what_it_makes_is_in_the_way,
    |test| {
        let mut bench = Bench::new(test).await;
        let release = bench
            .designed("1.0", "  names: {pg: stock}\n", &["t_org", "t_user"])
            .await;
        let execution = bench.executes(&release, false).await;
        let (going, database) = bench.goes(&execution, &["t_user", "others"]).await;
        let Going::Never(why) = going else {
            panic!("it goes")
        };
        assert!(why.contains("public.t_user") && !why.contains("others"), "{why}");
        assert!(why.contains("stock"), "{why}");
        // The database is called what it is called there.
        assert_eq!(database, "stock");
        assert_eq!(bench.seen(&execution).await["database"], "stock");
        let (_, page) = bench.bob.get("/api/v1/schema/executions").await;
        assert_eq!(page["items"][0]["database"], "stock");
        let ticket = bench.bob.get("/api/v1/schema/tickets").await.1["items"][0].clone();
        assert_eq!(ticket["database"], "shop", "a ticket is for many servers");
        assert_eq!(bench.goes(&execution, &["others"]).await.0, Going::Goes);
        bench.stop().await;
    }
);

both_databases!(what_cannot_be_read_waits_and_then_says_why, |test| {
    let mut bench = Bench::new(test).await;
    let release = bench.published("1.0", &["t_org"]).await;
    let execution = bench.executes(&release, false).await;
    assert_eq!(
        bench.refused(&execution, "the password is wrong").await,
        Going::Later
    );
    let seen = bench.seen(&execution).await;
    assert_eq!(
        (
            &seen["status"],
            &seen["baseCheck"]["state"],
            &seen["baseCheck"]["detail"]
        ),
        (
            &json!("pending"),
            &json!("unread"),
            &json!("the password is wrong")
        )
    );
    test.app.clock.advance(60_000);
    assert_eq!(
        bench.refused(&execution, "4 databases are open").await,
        Going::Later
    );
    test.app.clock.advance(119_000);
    assert_eq!(
        bench.refused(&execution, "4 databases are open").await,
        Going::Later
    );
    test.app.clock.advance(1_000);
    let Going::Never(why) = bench.refused(&execution, "4 databases are open").await else {
        panic!("it is asked for ever");
    };
    assert!(
        why.contains("nothing was executed: 4 databases are open"),
        "{why}"
    );

    // An agent that goes away is waited for.
    let order = bench.order(&execution).await;
    let (going, ()) = tokio::join!(may_go(&test.app, &order), async {
        drop(asked(&mut bench.tails).await);
    });
    assert_eq!(going.unwrap(), Going::Later);
    bench.running.take().unwrap().stop().await;
    assert_eq!(bench.goes_unasked(&execution).await, Going::Later);
    assert_eq!(bench.seen(&execution).await["baseCheck"]["state"], "unread");
});

both_databases!(an_old_agent_is_not_asked, |test| {
    let mut bench = Bench::new(test).await;
    let release = bench.published("1.0", &["t_org"]).await;
    let execution = bench.executes(&release, false).await;
    bench.running.take().unwrap().stop().await;
    let id = bench.host.id;
    link::tests::until("it is gone", async || !test.app.links.is_online(id)).await;
    let _session = bench.host.connect_as_of(&test.app, SCHEMAS_SINCE - 1).await;
    assert_eq!(bench.goes_unasked(&execution).await, Going::Goes);
    let seen = bench.seen(&execution).await["baseCheck"].clone();
    assert_eq!(seen["state"], "oldAgent");
    assert!(seen["detail"].as_str().unwrap().contains("too old"), "{seen}");
});

both_databases!(what_was_begun_before_is_no_drift_and_text_has_no_base, |test| {
    let mut bench = Bench::new(test).await;
    let text = release(&bench.ann, &bench.bob, "0.1", &["pg"], "create table t (id int)").await;
    let execution = bench.executes(&text, false).await;
    assert_eq!(bench.goes_unasked(&execution).await, Going::Goes);
    assert_eq!(bench.seen(&execution).await["baseCheck"], Value::Null);
    bench.ends(&execution, OrderState::Done).await;

    let release = bench.published("1.0", &["t_org"]).await;
    // Nothing is left of what was rolled back, or never began.
    let execution = bench.executes(&release, false).await;
    bench.ends(&execution, OrderState::RolledBack).await;
    let execution = bench.executes(&release, false).await;
    let mut order = bench.order(&execution).await;
    moves(test, &mut order, OrderState::Failed).await;
    let execution = bench.executes(&release, false).await;
    assert_eq!(bench.goes(&execution, &["t"]).await.0, Going::Goes);
    bench.ends(&execution, OrderState::NeedsAttention).await;
    let execution = bench.executes(&release, false).await;
    assert_eq!(bench.goes_unasked(&execution).await, Going::Goes);
    assert_eq!(bench.seen(&execution).await["baseCheck"]["state"], "begunBefore");
    bench.stop().await;
});

both_databases!(
    of_two_for_one_database_one_goes_and_the_other_is_judged_by_it,
    |test| {
        let mut bench = Bench::new(test).await;
        let one = bench.published("1.0", &["t_org"]).await;
        let other = bench.published("1.1", &["t_org", "t_user"]).await;
        let (one, other) = (
            bench.executes(&one, false).await,
            bench.executes(&other, false).await,
        );
        // Both wait in the queue: neither is in the other's way until one is let go.
        assert_eq!(bench.goes(&one, &[]).await.0, Going::Goes);
        assert_eq!(bench.goes_unasked(&other).await, Going::Later);
        assert_eq!(bench.seen(&other).await["baseCheck"]["state"], "unread");
        bench.ends(&one, OrderState::Done).await;
        let Going::Never(why) = bench.goes_unasked(&other).await else {
            panic!("it goes");
        };
        assert!(why.starts_with("release 1.0 was executed there"), "{why}");
        assert_eq!(bench.seen(&other).await["baseCheck"]["state"], "differs");
        bench.stop().await;
    }
);

both_databases!(
    what_waits_in_a_host_s_line_is_compared_when_it_is_its_turn,
    |test| {
        let mut bench = Bench::new(test).await;
        let second = new_server("second", "Postgres", bench.host.id);
        let (status, made) = test.admin().await.post("/api/v1/schema/servers", second).await;
        assert_eq!(status, 201, "{made}");
        let (status, applied) = bench.ann.post_text(APPLY, &design("", &["t_org"])).await;
        assert_eq!(status, 200, "{applied}");
        let (status, published) = publish(&bench.ann, "1.0", json!({"servers": ["pg", "second"]})).await;
        assert_eq!(status, 201, "{published}");
        let release = approve(&bench.bob, &published).await;
        let (one, other) = (
            bench.executes_on(&release, "pg").await,
            bench.executes_on(&release, "second").await,
        );
        assert_eq!(bench.goes(&one, &[]).await.0, Going::Goes);
        // Another database, and the same host: it would wait there, after it was compared.
        assert_eq!(bench.goes_unasked(&other).await, Going::Later);
        let seen = bench.seen(&other).await["baseCheck"].clone();
        assert_eq!(seen["state"], "unread");
        assert!(
            seen["detail"].as_str().unwrap().contains("one after the other"),
            "{seen}"
        );
        bench.ends(&one, OrderState::Done).await;

        // So does SQL as text that was let go; and nothing of it comes in between what was compared and its database.
        let text = super::release(&bench.ann, &bench.bob, "0.1", &["second"], "select 1").await;
        let text = bench.executes_on(&text, "second").await;
        assert_eq!(bench.goes_unasked(&text).await, Going::Goes);
        assert_eq!(bench.goes_unasked(&other).await, Going::Later);
        bench.ends(&text, OrderState::Done).await;
        let text = super::release(&bench.ann, &bench.bob, "0.2", &["second"], "select 1").await;
        let text = bench.executes_on(&text, "second").await;
        let Going::Never(why) = bench.goes(&other, &["t_org"]).await.0 else {
            panic!("it goes, and somebody made that while it waited");
        };
        assert!(why.contains("t_org"), "{why}");
        assert_eq!(bench.goes(&other, &[]).await.0, Going::Goes);
        assert_eq!(bench.goes_unasked(&text).await, Going::Later);
        let mut order = bench.order(&other).await;
        moves(test, &mut order, OrderState::Accepted).await;
        assert_eq!(
            bench.goes_unasked(&text).await,
            Going::Goes,
            "it comes after it there"
        );
        bench.stop().await;
    }
);
