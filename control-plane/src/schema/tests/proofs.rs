//! Proof before approval. The agent is told what it answers; what it really does is tested beside it, and the whole way in
//! `tests/tests/proven.rs`.

use axum::http::Method;
use muster_identity::{
    keys::PinnedKeys,
    look::{Look, is_signed},
};
use muster_protocol::{
    PROOFS_SINCE,
    latest::{ProofLook, ProofNote, ProofPart, TailFrame, TailRequest},
};
use serde_json::{Value, json};

use super::{
    bench::{Bench, design},
    drift_told::{asked, catalogue},
    publish::{APPLY, publish},
};
use crate::{link, schema::proof_run, testing::both_databases};

const PROD: &str = "/api/v1/schema/policies/prod";

/// What the agent finds on the scratch database: before, after, and after the way back.
type Found<'a> = [&'a [&'a str]; 3];

impl Bench<'_> {
    async fn rule(&self, rule: &str) {
        let (status, policy) = self
            .bob
            .call(Method::PUT, PROD, Some(json!({"proof": rule})))
            .await;
        assert_eq!((status, policy["proof"].as_str()), (200, Some(rule)), "{policy}");
    }

    /// Designs these tables and publishes them; the ticket's path.
    async fn proposed(&self, version: &str, tables: &[&str]) -> String {
        let (status, applied) = self.ann.post_text(APPLY, &design("", tables)).await;
        assert_eq!(status, 200, "{applied}");
        let (status, published) = publish(&self.ann, version, json!({})).await;
        assert_eq!(status, 201, "{published}");
        format!(
            "/api/v1/schema/tickets/{}",
            published["ticketId"].as_str().unwrap()
        )
    }

    async fn prove(&self, ticket: &str) {
        let (status, proving) = self.ann.post(&format!("{ticket}/prove"), json!({})).await;
        assert_eq!(status, 202, "{proving}");
        assert_eq!(self.proof(ticket).await["state"], "wanted");
    }

    async fn proof(&self, ticket: &str) -> Value {
        let (status, seen) = self.ann.get(ticket).await;
        assert_eq!(status, 200, "{seen}");
        seen["servers"][0]["proof"].clone()
    }

    /// The agent is asked, and says this; the wish and what became of it.
    async fn answered(&mut self, ticket: &str, frames: Vec<TailFrame>) -> (ProofLook, Value) {
        let (made, wish) = tokio::join!(proof_run::make_all(&self.test.app), async {
            let tail = asked(&mut self.tails).await;
            let TailRequest::Prove(signed) = &tail.request else {
                panic!("nothing was to be proven");
            };
            let keys = self.test.app.fleet_keys().await.unwrap();
            let pinned = PinnedKeys::from_join([keys.signer.public_key()]);
            let counts = |look| is_signed(look, &pinned, signed.key_id, &signed.body, &signed.signature);
            assert!(counts(Look::Proof) && !counts(Look::Schema));
            for frame in frames {
                tail.frames.send(frame).await.unwrap();
            }
            muster_protocol::decode(&signed.body).unwrap()
        });
        made.unwrap();
        (wish, self.proof(ticket).await)
    }

    async fn approve(&self, ticket: &str) -> (u16, Value) {
        self.bob.post(&format!("{ticket}/approve"), json!({})).await
    }
}

fn notes(found: Found<'_>) -> Vec<TailFrame> {
    let mut frames = Vec::new();
    let parts = [ProofPart::Before, ProofPart::Change, ProofPart::Back];
    for (part, tables) in parts.into_iter().zip(found) {
        frames.push(TailFrame::Proof(ProofNote::Ran(part)));
        frames.extend(catalogue(tables).into_iter().map(TailFrame::Schema));
        frames.push(TailFrame::Proof(ProofNote::Read(part)));
    }
    frames.push(ended());
    frames
}

fn ended() -> TailFrame {
    TailFrame::Proof(ProofNote::Ended {
        version: "PostgreSQL 17.2".to_owned(),
        left: None,
    })
}

both_databases!(what_is_to_be_proven_is_not_approved_before, |test| {
    let mut bench = Bench::new(test).await;
    bench.rule("required").await;
    let ticket = bench.proposed("1", &["t_org"]).await;
    // The policy wants it by itself.
    let wanted = bench.proof(&ticket).await;
    assert_eq!(
        (&wanted["state"], &wanted["askedBy"], &wanted["fingerprint"]),
        (&json!("wanted"), &json!("the environment's policy"), &Value::Null)
    );
    let (status, refused) = bench.approve(&ticket).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("not-proven")),
        "{refused}"
    );
    assert!(refused["detail"].as_str().unwrap().contains("pg"), "{refused}");

    let (wish, proof) = bench.answered(&ticket, notes([&[], &["t_org"], &[]])).await;
    assert_eq!(
        (wish.host, wish.target.database.as_str()),
        (bench.host.id, "shop")
    );
    assert!(
        wish.before.is_empty() && !wish.sealed.is_empty(),
        "{:?}",
        wish.before
    );
    assert!(
        wish.change[0].sql.starts_with("create table public.t_org"),
        "{:?}",
        wish.change
    );
    assert!(
        wish.back[0].starts_with("drop table public.t_org"),
        "{:?}",
        wish.back
    );
    assert_eq!(
        (&proof["state"], &proof["current"]),
        (&json!("proven"), &json!(true)),
        "{proof}"
    );
    let outcome = &proof["outcome"];
    assert_eq!(
        (&outcome["wayBack"], &outcome["serverVersion"], &outcome["why"]),
        (&json!("same"), &json!("PostgreSQL 17.2"), &json!(""))
    );
    assert_eq!(proof["fingerprint"].as_str().unwrap().len(), 64);
    let (_, seen) = bench.bob.get(&ticket).await;
    assert_eq!(seen["proofRule"], "required");
    let (status, approved) = bench.approve(&ticket).await;
    assert_eq!(status, 200, "{approved}");
    // Nothing more is proven of what is decided.
    let (status, decided) = bench.ann.post(&format!("{ticket}/prove"), json!({})).await;
    assert_eq!(
        (status, &decided["type"]),
        (409, &json!("ticket-decided")),
        "{decided}"
    );
    assert_eq!(bench.proof(&ticket).await["current"], true);
    bench.stop().await;
});

both_databases!(what_fails_or_comes_to_something_else_is_not_proven, |test| {
    let mut bench = Bench::new(test).await;
    let ticket = bench.proposed("1", &["t_org"]).await;
    // Nobody wants it where the policy is silent.
    assert_eq!(bench.proof(&ticket).await, Value::Null);

    bench.prove(&ticket).await;
    let (_, proof) = bench
        .answered(&ticket, notes([&[], &["t_org", "t_more"], &[]]))
        .await;
    assert_eq!(proof["state"], "notProven", "{proof}");
    assert_eq!(proof["outcome"]["count"], 1);
    assert!(
        proof["outcome"]["differences"].to_string().contains("t_more"),
        "{proof}"
    );

    bench.prove(&ticket).await;
    let mut frames = notes([&[], &[], &[]]);
    frames.truncate(catalogue(&[]).len() + 2);
    frames.push(TailFrame::Proof(ProofNote::Failed {
        part: ProofPart::Change,
        statement: Some(0),
        error: "relation \"t_org\" already exists\u{7}".to_owned(),
    }));
    frames.push(ended());
    let (_, proof) = bench.answered(&ticket, frames).await;
    assert_eq!(
        (
            &proof["state"],
            &proof["outcome"]["statement"],
            &proof["outcome"]["why"]
        ),
        (
            &json!("notProven"),
            &json!(0),
            &json!("relation \"t_org\" already exists")
        )
    );

    // A drop of what the change made is not all of the way back where something stays.
    bench.prove(&ticket).await;
    let (_, proof) = bench
        .answered(&ticket, notes([&[], &["t_org"], &["t_org"]]))
        .await;
    assert_eq!(proof["outcome"]["wayBack"], "differs", "{proof}");

    // What was built is not what is designed: nothing can be said.
    bench.prove(&ticket).await;
    let (_, proof) = bench
        .answered(&ticket, notes([&["t_other"], &["t_org"], &[]]))
        .await;
    assert_eq!(proof["state"], "untried", "{proof}");

    // Advice where the policy does not want more.
    assert_eq!(bench.approve(&ticket).await.0, 200);
    bench.stop().await;
});

both_databases!(why_something_could_not_be_tried_is_said, |test| {
    let mut bench = Bench::new(test).await;
    bench.rule("required").await;
    let ticket = bench.proposed("1", &["t_org"]).await;
    let no = "the policy of this host forbids it (sql.scratch)";
    let (_, proof) = bench
        .answered(&ticket, vec![TailFrame::Refused(no.to_owned())])
        .await;
    assert_eq!(
        (&proof["state"], &proof["outcome"]["why"]),
        (&json!("untried"), &json!(no)),
        "{proof}"
    );
    let (status, refused) = bench.approve(&ticket).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("not-proven")),
        "{refused}"
    );

    // SQL as text has nothing to be compared with, and goes on without.
    let (status, text) = super::propose(&bench.ann, "2", &["pg"], "create table x (id int)").await;
    assert_eq!(status, 201, "{text}");
    let text = format!("/api/v1/schema/tickets/{}", text["ticketId"].as_str().unwrap());
    let (status, refused) = bench.ann.post(&format!("{text}/prove"), json!({})).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("not-provable")),
        "{refused}"
    );
    assert_eq!(bench.approve(&text).await.0, 200);

    bench.running.take().unwrap().stop().await;
    let online = async || !test.app.links.is_online(bench.host.id);
    link::tests::until("it is gone", online).await;
    bench.prove(&ticket).await;
    proof_run::make_all(&test.app).await.unwrap();
    let proof = bench.proof(&ticket).await;
    assert!(
        proof["outcome"]["why"]
            .as_str()
            .unwrap()
            .contains("not connected"),
        "{proof}"
    );
    let _session = bench.host.connect_as_of(&test.app, PROOFS_SINCE - 1).await;
    bench.prove(&ticket).await;
    proof_run::make_all(&test.app).await.unwrap();
    let proof = bench.proof(&ticket).await;
    assert!(
        proof["outcome"]["why"]
            .as_str()
            .unwrap()
            .contains("too old to prove"),
        "{proof}"
    );
});

both_databases!(a_proof_counts_for_what_it_started_from, |test| {
    let mut bench = Bench::new(test).await;
    bench.rule("required").await;
    let ticket = bench.proposed("1", &["t_org"]).await;
    let (_, proof) = bench.answered(&ticket, notes([&[], &["t_org"], &[]])).await;
    assert_eq!(proof["current"], true);
    // Somebody takes over what is there meanwhile.
    let (_, seen) = bench.ann.get(&ticket).await;
    let server = seen["servers"][0]["server"].as_str().unwrap().parse().unwrap();
    let note = async || -> Result<(), crate::db::DbError> {
        let empty = muster_documents::Design::empty(muster_schema::Dialect::Postgres);
        let now = test.app.clock.now();
        crate::in_tx!(test.app.db, |tx| {
            crate::schema::store::state::take_over(tx, (server, "shop"), &empty, now).await?;
        });
        Ok(())
    };
    note().await.unwrap();
    let stale = bench.proof(&ticket).await;
    assert_eq!(
        (&stale["state"], &stale["current"]),
        (&json!("proven"), &json!(false))
    );
    assert_eq!(bench.approve(&ticket).await.0, 409);
    // And it can't be proven any more: it was computed against something else.
    bench.prove(&ticket).await;
    proof_run::make_all(&test.app).await.unwrap();
    let proof = bench.proof(&ticket).await;
    assert!(
        proof["outcome"]["why"]
            .as_str()
            .unwrap()
            .contains("publish again"),
        "{proof}"
    );

    // Two control planes, one proof; what a killed one had taken is taken anew.
    bench.prove(&ticket).await;
    let (one, other) = tokio::join!(proof_run::make_all(&test.app), proof_run::make_all(&test.app));
    one.unwrap();
    other.unwrap();
    assert_eq!(bench.proof(&ticket).await["state"], "untried");
    bench.stop().await;
});
