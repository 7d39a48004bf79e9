//! Databases are looked at by themselves, and what is found is told once.

use std::time::Duration;

use muster_agent::link::IncomingTail;
use muster_base::{ServerId, UnixMs};
use muster_documents::Design;
use muster_protocol::latest::{SchemaLook, SchemaRows, TailFrame, TailRequest};
use muster_schema::Dialect;
use serde_json::{Value, json};
use tokio::{sync::mpsc::Receiver, time::timeout};

use super::{new_server, wants_mail};
use crate::{
    access::Role,
    db::DbError,
    in_tx,
    link::{
        self,
        tests::host::{Host, Running},
    },
    schema::{drift, store},
    testing::{Client, Test, both_databases},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// For as long nothing else is asked.
const A_WHILE: Duration = Duration::from_millis(300);

/// A host with its agent.
pub(super) async fn joined(test: &Test, admin: &Client<'_>) -> (Host, Running) {
    let (status, grant) = admin.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{grant}");
    let host = Host::join(&grant, &test.app.clock).await;
    let running = host.run();
    host.until_online(&test.app).await;
    (host, running)
}

/// A server that a host reaches, of which it is known that these databases should be empty.
async fn expected(test: &Test, label: &str, host: &Host, databases: &[&str]) -> ServerId {
    // Servers are looked at in the order of their ids.
    test.app.clock.advance(5);
    let admin = test.maker().await;
    let (status, made) = admin
        .post("/api/v1/schema/servers", new_server(label, "Postgres", host.id))
        .await;
    assert_eq!(status, 201, "{made}");
    let id: ServerId = made["id"].as_str().unwrap().parse().unwrap();
    let note = async || -> Result<(), DbError> {
        let design = Design::empty(Dialect::Postgres);
        in_tx!(test.app.db, |tx| {
            for database in databases {
                store::state::take_over(tx, (id, database), &design, test.app.clock.now()).await?;
            }
        });
        Ok(())
    };
    note().await.unwrap();
    id
}

/// What an agent is asked for next.
pub(super) async fn asked(tails: &mut Receiver<IncomingTail>) -> IncomingTail {
    timeout(PATIENCE, tails.recv()).await.unwrap().unwrap()
}

pub(super) fn database_of(tail: &IncomingTail) -> String {
    let TailRequest::Schema(signed) = &tail.request else {
        panic!("no catalogue was asked for");
    };
    let look: SchemaLook = muster_protocol::decode(&signed.body).unwrap();
    look.target.database
}

/// A database with these tables.
pub(super) async fn answer(tail: &IncomingTail, tables: &[&str]) {
    for rows in catalogue(tables) {
        tail.frames.send(TailFrame::Schema(rows)).await.unwrap();
    }
    let end = TailFrame::SchemaEnd("PostgreSQL 17.2".to_owned());
    tail.frames.send(end).await.unwrap();
}

/// What PostgreSQL says of a database with these tables.
pub(super) fn catalogue(tables: &[&str]) -> Vec<SchemaRows> {
    let text = |text: &str| Some(text.to_owned());
    let told = |query: &muster_schema::catalogue::Query| {
        let row = |table: &&str| {
            let mut row = vec![text("public"), text(table)];
            if query.name == "tables" {
                row.extend([text("p"), text("false"), text("false")]);
                row.resize(9, None);
            } else {
                row.extend([text("id"), text("bigint"), text("true"), None, text(""), text("")]);
                row.resize(18, None);
            }
            row
        };
        let rows = match query.name {
            "namespaces" => vec![vec![text("public"), None]],
            "tables" | "columns" => tables.iter().map(row).collect(),
            _ => Vec::new(),
        };
        let query = query.name.to_owned();
        SchemaRows { query, rows }
    };
    muster_schema::catalogue::queries(Dialect::Postgres)
        .iter()
        .map(told)
        .collect()
}

/// A round in which one database is looked at that has these tables.
async fn round(test: &Test, tails: &mut Receiver<IncomingTail>, tables: &[&str]) {
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        answer(&asked(tails).await, tables).await;
    });
    ran.unwrap();
}

/// Somebody asks for a look at a database that has these tables.
async fn look(test: &Test, tails: &mut Receiver<IncomingTail>, path: &str, tables: &[&str]) -> Value {
    let client = test.maker().await;
    let ((status, seen), ()) = tokio::join!(client.post(path, json!({})), async {
        answer(&asked(tails).await, tables).await;
    });
    assert_eq!(status, 200, "{seen}");
    seen
}

/// What somebody was told of databases, newest first.
async fn told(test: &Test, name: &str) -> Vec<Value> {
    // A sign-in ends with time, which these tests turn.
    let client = test.sign_in(name, "a password for tests").await;
    let (status, page) = client.get("/api/v1/messages?limit=500").await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap().iter();
    items.filter(|message| message["mode"] == 6).cloned().collect()
}

async fn of_list(test: &Test, id: ServerId, database: &str) -> Value {
    let (status, page) = test.maker().await.get("/api/v1/schema/drift").await;
    assert_eq!(status, 200, "{page}");
    let mut items = page["items"].as_array().unwrap().iter();
    let found = items.find(|one| one["serverId"] == json!(id) && one["database"] == database);
    found.unwrap().clone()
}

both_databases!(what_is_due_is_looked_at_one_after_the_other, |test| {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let admin = test.admin().await;
    let (host, mut running) = joined(test, &admin).await;
    let (status, grant) = admin.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{grant}");
    // Its agent never comes.
    let away = Host::join(&grant, &test.app.clock).await;
    expected(test, "away", &away, &["shop"]).await;
    test.member("mia", Role::Member).await;
    // Nothing is known of what should be in the other database of this one.
    let first = expected(test, "first", &host, &["shop"]).await;
    let second = expected(test, "second", &host, &["stock", "shop"]).await;
    let mut tails = running.take_tails();
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        for database in ["shop", "shop", "stock"] {
            let tail = asked(&mut tails).await;
            assert_eq!(database_of(&tail), database);
            let another = timeout(A_WHILE, tails.recv()).await;
            assert!(another.is_err(), "another is asked for meanwhile");
            answer(&tail, &[]).await;
        }
    });
    ran.unwrap();
    for (id, database) in [(first, "shop"), (second, "shop"), (second, "stock")] {
        let seen = of_list(test, id, database).await;
        let look = &seen["look"];
        assert_eq!(
            (&look["state"], &look["askedBy"]),
            (&json!("inStep"), &json!("schedule"))
        );
    }
    assert_eq!(of_list(test, first, "stock").await["look"], Value::Null);

    // Nothing is due for a day.
    test.app.clock.advance(UnixMs::HOUR);
    drift::run(&test.app).await.unwrap();
    assert!(tails.try_recv().is_err());
    test.app.clock.advance(UnixMs::DAY);
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        for _ in 0..3 {
            answer(&asked(&mut tails).await, &[]).await;
        }
    });
    ran.unwrap();
    assert_eq!(
        told(test, "mia").await,
        Vec::<Value>::new(),
        "there is nothing to tell"
    );
    running.stop().await;
});

both_databases!(a_finding_is_told_once_and_that_it_is_gone, |test| {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let admin = test.admin().await;
    let (host, mut running) = joined(test, &admin).await;
    let mut tails = running.take_tails();
    let id = expected(test, "main", &host, &["shop"]).await;
    let olga = test.member("olga", Role::Member).await;
    test.member("mia", Role::Member).await;
    test.member("vera", Role::Viewer).await;
    test.stranger("other").await;
    wants_mail(test, &olga, "olga").await;

    // Somebody asks, and then it is looked at every day.
    let path = format!("/api/v1/schema/servers/{id}/drift");
    for _ in 0..2 {
        let seen = look(test, &mut tails, &path, &["by_hand"]).await;
        assert_eq!(seen["look"]["state"], "drifted", "{seen}");
    }
    // Before the day in which it is worth something is over.
    let mails = test.post.wait_for("olga@example.com", 1).await;
    assert!(mails[0].text.contains("by_hand"), "{}", mails[0].text);
    test.app.clock.advance(UnixMs::DAY + 1);
    round(test, &mut tails, &["by_hand"]).await;
    let heard = told(test, "mia").await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0]["code"], "driftFound");
    let tip = format!("{id}/shop");
    assert_eq!((&heard[0]["tip"], &heard[0]["subMode"]), (&json!(tip), &json!(3)));
    let params = &heard[0]["params"];
    assert_eq!(
        (&params["database"], &params["server"]),
        (&json!("shop"), &json!("main"))
    );
    assert!(params["what"].as_str().unwrap().contains("by_hand"), "{params}");

    // What can't be read says nothing, and takes nothing back.
    test.app.clock.advance(UnixMs::DAY + 1);
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        let why = TailFrame::Refused("the password is wrong".to_owned());
        asked(&mut tails).await.frames.send(why).await.unwrap();
    });
    ran.unwrap();
    assert_eq!(of_list(test, id, "shop").await["look"]["state"], "drifted");
    look(test, &mut tails, &path, &["by_hand"]).await;
    assert_eq!(told(test, "mia").await.len(), 1);

    test.app.clock.advance(1);
    look(test, &mut tails, &path, &["by_hand", "more"]).await;
    let heard = told(test, "mia").await;
    assert_eq!(
        (heard.len(), &heard[0]["code"]),
        (2, &json!("driftChanged")),
        "{heard:?}"
    );

    for _ in 0..2 {
        test.app.clock.advance(1);
        look(test, &mut tails, &path, &[]).await;
    }
    let heard = told(test, "mia").await;
    assert_eq!(
        (heard.len(), &heard[0]["code"]),
        (3, &json!("driftOver")),
        "{heard:?}"
    );
    assert_eq!(test.post.wait_for("olga@example.com", 3).await.len(), 3);
    // And from then on what is found is news.
    test.app.clock.advance(1);
    look(test, &mut tails, &path, &["by_hand"]).await;
    let heard = told(test, "mia").await;
    assert_eq!(
        (heard.len(), &heard[0]["code"]),
        (4, &json!("driftFound")),
        "{heard:?}"
    );

    // Those who can do nothing about it, and others, hear nothing.
    for name in ["vera", "owner-of-other"] {
        assert_eq!(told(test, name).await, Vec::<Value>::new());
    }
    running.stop().await;
});

both_databases!(a_host_that_says_nothing_does_not_keep_others_waiting, |test| {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let admin = test.admin().await;
    let (mute, mut muted) = joined(test, &admin).await;
    let (host, mut running) = joined(test, &admin).await;
    let dead = expected(test, "dead", &mute, &["shop", "stock"]).await;
    let well = expected(test, "well", &host, &["shop"]).await;
    test.member("mia", Role::Member).await;
    let (mut nothing, mut tails) = (muted.take_tails(), running.take_tails());
    let start = test.app.clock.now();
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        drop(asked(&mut nothing).await);
        answer(&asked(&mut tails).await, &[]).await;
    });
    ran.unwrap();
    assert!(nothing.try_recv().is_err(), "it is asked once");
    assert_eq!(of_list(test, well, "shop").await["look"]["state"], "inStep");
    for database in ["shop", "stock"] {
        let seen = of_list(test, dead, database).await;
        assert_eq!(seen["look"]["state"], "unreached", "{seen}");
        assert_eq!(seen["unreached"], Value::Null, "it is not so for long");
    }

    // Once more after a day, and then nobody looks for another.
    test.app.clock.advance(UnixMs::DAY + 1);
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        drop(asked(&mut nothing).await);
        answer(&asked(&mut tails).await, &[]).await;
    });
    ran.unwrap();
    let looked = test.app.clock.now();
    test.app.clock.advance(UnixMs::DAY);
    let seen = of_list(test, dead, "stock").await;
    assert_eq!(seen["unreached"]["since"], json!(start), "{seen}");
    let why = seen["unreached"]["why"].as_str().unwrap();
    assert!(!why.is_empty() && seen["look"]["detail"] == why, "{seen}");
    assert_eq!(of_list(test, well, "shop").await["unreached"], Value::Null);
    test.app.clock.advance(UnixMs::DAY);
    let seen = of_list(test, well, "shop").await;
    assert_eq!(seen["unreached"], json!({"since": looked, "why": null}), "{seen}");
    assert_eq!(told(test, "mia").await, Vec::<Value>::new());

    // It is read again.
    let (ran, ()) = tokio::join!(drift::run(&test.app), async {
        answer(&asked(&mut nothing).await, &[]).await;
        answer(&asked(&mut nothing).await, &[]).await;
        answer(&asked(&mut tails).await, &[]).await;
    });
    ran.unwrap();
    for (id, database) in [(dead, "shop"), (dead, "stock"), (well, "shop")] {
        assert_eq!(of_list(test, id, database).await["unreached"], Value::Null);
    }
    muted.stop().await;
    running.stop().await;
});
