//! What tests of releases and proofs begin with: two people, and a database server with its agent, whose answers they give.

use std::fmt::Write as _;

use muster_agent::link::IncomingTail;
use tokio::sync::mpsc::Receiver;

use super::{drift_told::joined, new_server};
use crate::{
    access::Role,
    link::{
        self,
        tests::host::{Host, Running},
    },
    testing::{Client, Test},
};

/// A database of these tables, each with the one column that the agent tells of.
pub(super) fn design(names: &str, tables: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {{name: shop}}\nspec:\n  \
         basic: {{name: shop, comment: Orders, type: Postgres}}\n{names}"
    );
    for table in tables {
        write!(
            text,
            "---\napiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: {table}}}\nspec:\n  database: shop\n  \
             columns:\n    - {{name: id, dataType: bigint, notNull: true}}\n"
        )
        .unwrap();
    }
    text
}

/// Two people, and a server `pg` with its agent.
pub(super) struct Bench<'t> {
    pub(super) test: &'t Test,
    pub(super) ann: Client<'t>,
    pub(super) bob: Client<'t>,
    pub(super) host: Host,
    pub(super) running: Option<Running>,
    pub(super) tails: Receiver<IncomingTail>,
}

impl<'t> Bench<'t> {
    pub(super) async fn new(test: &'t Test) -> Self {
        link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let admin = test.admin().await;
        let (host, mut running) = joined(test, &admin).await;
        let (status, made) = admin
            .post("/api/v1/schema/servers", new_server("pg", "Postgres", host.id))
            .await;
        assert_eq!(status, 201, "{made}");
        Self {
            test,
            ann: test.member("ann", Role::Member).await,
            bob: test.member("bob", Role::Admin).await,
            host,
            tails: running.take_tails(),
            running: Some(running),
        }
    }

    pub(super) async fn stop(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }
}
