//! The outbox against a mail server on a socket, on both databases.

pub(crate) mod gateway;
pub(crate) mod peer;
mod tls;

use std::{collections::BTreeMap, time::Duration};

use muster_base::{LetterId, UnixMs};
use serde_json::{Value, json};

use self::peer::Manner;
use super::{Channel, Language, Letter, NotifyError, Template, store, worker};
use crate::{
    app::App,
    in_tx,
    keys::Keys,
    secrets::seal::Sealer,
    testing::{Test, both_databases},
};

const LINK: &str = "https://muster.example.org/invitations/inv_planted";

async fn post(app: &App, to: &str) -> LetterId {
    let expires = app.clock.now().plus_ms(7 * UnixMs::DAY);
    let letter = Letter::new(Channel::Mail, to, Language::Zh, Template::Invitation, expires)
        .with("org", "Acme & Söhne")
        .with("inviter", "olga")
        .with("days", "7")
        .carrying(LINK.into());
    let write = async || -> Result<LetterId, NotifyError> {
        Ok(in_tx!(app.db, |tx| super::post(app, tx, letter).await?))
    };
    write().await.unwrap()
}

/// The letter to this address, as an administrator sees it, once it is in this state and was tried so often.
async fn letter(test: &Test, to: &str, state: &str, attempts: i64) -> Value {
    let admin = test.maker().await;
    for _ in 0..400 {
        let (status, page) = admin.get(&format!("/api/v1/outbox?recipient={to}")).await;
        assert_eq!(status, 200, "{page}");
        assert!(!page.to_string().contains("planted"), "no code is shown");
        let letter = &page["items"][0];
        let told = letter["lastError"] != "" && letter["attempts"] == attempts;
        if (letter["state"] == state && told) || letter["state"] == "sent" {
            assert_eq!(letter["state"], state, "{letter}");
            return letter.clone();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no letter to {to} is {state} after {attempts} attempts");
}

async fn secret(test: &Test, id: LetterId) -> String {
    store::for_tests::secret(&test.app.db, id).await
}

both_databases!(a_letter_is_sent_once_and_what_it_carries_is_wiped, |test| {
    let id = post(&test.app, "nora@example.org").await;
    let sealed = secret(test, id).await;
    assert!(
        !sealed.contains("planted") && sealed.split(':').count() == 4,
        "{sealed}"
    );
    test.app.notify.wake();
    let mails = test.post.wait_for("nora@example.org", 1).await;
    let text = &mails[0].text;
    assert!(
        text.contains(LINK) && text.contains("olga 邀请您成为 Muster 上 Acme & Söhne 的成员"),
        "{text}"
    );
    assert!(
        text.contains("From: Muster <muster@example.org>") || text.contains("From: \"Muster\""),
        "{text}"
    );
    assert!(
        text.contains(&format!("Message-ID: <{id}@example.org>")),
        "{text}"
    );
    assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
    letter(test, "nora@example.org", "sent", 1).await;
    assert_eq!(secret(test, id).await, "");
    assert!(!worker::look(&test.app).await.unwrap(), "nothing is due");
    assert_eq!(test.post.mails().len(), 1);
});

both_databases!(a_dead_server_loses_nothing, |test| {
    test.post.close();
    let admin = test.admin().await;
    for number in 0..40 {
        post(&test.app, &format!("p{number}@example.org")).await;
    }
    // Whatever the worker did by itself, it met a closed door.
    for _ in 0..3 {
        worker::look(&test.app).await.unwrap();
        test.app.clock.advance(5 * UnixMs::HOUR);
    }
    let (_, state) = admin_state(test).await;
    assert_eq!(
        (&state["waiting"], &state["dead"]),
        (&json!(40), &json!(0)),
        "{state}"
    );
    assert!(state["lastError"].as_str().unwrap().len() > 5, "{state}");
    drop(admin);

    let again = peer::PostOffice::open().await;
    let app = test.app_with_config(|config| config.mail = Some(again.config()));
    test.app.clock.advance(5 * UnixMs::HOUR);
    while worker::look(&app).await.unwrap() {}
    let mut to: Vec<String> = again.mails().into_iter().map(|mail| mail.to).collect();
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 40, "each arrives");
    assert_eq!(again.mails().len(), 40, "and once");
});

async fn admin_state(test: &Test) -> (u16, Value) {
    test.maker().await.get("/api/v1/outbox/state").await
}

both_databases!(a_server_that_says_later_gets_it_later, |test| {
    for (to, manner) in [
        ("grey@example.org", Manner::Answers("451 greylisted, come back")),
        ("login@example.org", Manner::Answers("535 who are you")),
        ("middle@example.org", Manner::DiesInTheMiddle),
        ("closed@example.org", Manner::Greets("421 not now")),
    ] {
        test.post.behave(manner);
        post(&test.app, to).await;
        test.app.notify.wake();
        let waiting = letter(test, to, "waiting", 1).await;
        let next: UnixMs = waiting["nextAttemptAt"].as_str().unwrap().parse().unwrap();
        assert_eq!(next.ms_since(test.app.clock.now()), 30_000, "{waiting}");
        test.post.behave(Manner::Takes);
        test.app.clock.advance(30_000);
        test.app.notify.wake();
        test.post.wait_for(to, 1).await;
        letter(test, to, "sent", 2).await;
    }
});

both_databases!(
    a_mailbox_that_is_not_there_is_given_up_and_can_be_tried_again,
    |test| {
        test.post.behave(Manner::Answers("550 5.1.1 no such user here"));
        let id = post(&test.app, "gone@example.org").await;
        test.app.notify.wake();
        let dead = letter(test, "gone@example.org", "dead", 1).await;
        assert!(
            dead["lastError"].as_str().unwrap().contains("no such user here"),
            "{dead}"
        );
        let (_, state) = admin_state(test).await;
        assert_eq!(state["dead"], 1);

        test.post.behave(Manner::Takes);
        let admin = test.admin().await;
        let retry = format!("/api/v1/outbox/{id}/retry");
        assert_eq!(admin.post(&retry, json!({})).await.0, 200);
        let mails = test.post.wait_for("gone@example.org", 1).await;
        assert!(mails[0].text.contains(LINK), "the link is still there");
        letter(test, "gone@example.org", "sent", 1).await;
        assert_eq!(admin.post(&retry, json!({})).await.0, 409);
        assert_eq!(test.nobody().post(&retry, json!({})).await.0, 401);
    }
);

both_databases!(a_claim_of_a_dead_process_runs_out, |test| {
    // The test's own worker can't know this letter before it is claimed.
    test.post.behave(Manner::DiesBeforeItSaysSo);
    let id = post(&test.app, "twice@example.org").await;
    test.app.notify.wake();
    letter(test, "twice@example.org", "waiting", 1).await;
    let now = test.app.clock.now().plus_ms(30_000);
    let until = now.plus_ms(worker::CLAIM_MS);
    let claim = async |now, until| -> Result<Option<i64>, NotifyError> {
        let claimed = in_tx!(test.app.db, |tx| store::outbox::claim(tx, id, now, until).await?);
        Ok(claimed.map(|claimed| claimed.attempts))
    };
    // A process claims it and dies; another has to wait until then, and its own count is another.
    assert_eq!(claim(now, until).await.unwrap(), Some(2));
    assert_eq!(claim(now, until).await.unwrap(), None);
    assert_eq!(claim(until, until.plus_ms(1)).await.unwrap(), Some(3));
    // What the dead one still writes counts no more.
    let late = async || -> Result<(), NotifyError> {
        in_tx!(test.app.db, |tx| store::outbox::set_sent(tx, (id, 2), now)
            .await?);
        Ok(())
    };
    late().await.unwrap();
    assert!(
        !secret(test, id).await.is_empty(),
        "the late word changed nothing"
    );

    test.post.behave(Manner::Takes);
    test.app.clock.advance(30_000 + worker::CLAIM_MS + 1);
    test.app.notify.wake();
    let mails = test.post.wait_for("twice@example.org", 2).await;
    let ids = mails
        .iter()
        .map(|mail| mail.text.lines().find(|line| line.starts_with("Message-ID")));
    let ids: Vec<_> = ids.collect();
    assert_eq!(ids[0], ids[1], "both copies say that they are the same");
});

both_databases!(what_is_worth_nothing_later_is_not_sent_later, |test| {
    test.post.behave(Manner::Answers("451 later"));
    let id = post(&test.app, "late@example.org").await;
    test.app.notify.wake();
    letter(test, "late@example.org", "waiting", 1).await;
    test.app.clock.advance(7 * UnixMs::DAY);
    worker::look(&test.app).await.unwrap();
    let dead = letter(test, "late@example.org", "dead", 1).await;
    assert!(
        dead["lastError"].as_str().unwrap().starts_with("expired"),
        "{dead}"
    );
    assert_eq!(secret(test, id).await, "");
    let retry = format!("/api/v1/outbox/{id}/retry");
    assert_eq!(test.admin().await.post(&retry, json!({})).await.0, 409);

    test.app.clock.advance(91 * UnixMs::DAY);
    super::outbox::forget(&test.app).await.unwrap();
    let (_, page) = test.admin().await.get("/api/v1/outbox").await;
    assert_eq!(page["items"], json!([]), "and is forgotten");
});

both_databases!(a_test_mail_says_what_came_of_it, |test| {
    let admin = test.admin().await;
    let body = json!({"to": "me@example.org"});
    let (status, sent) = admin.post("/api/v1/outbox/test", body.clone()).await;
    assert_eq!((status, &sent["state"]), (200, &json!("sent")), "{sent}");
    assert!(
        test.post.mails()[0].text.contains("root asked Muster"),
        "who asked is said"
    );
    test.post.behave(Manner::Answers("554 spam"));
    let (status, failed) = admin.post("/api/v1/outbox/test", body.clone()).await;
    assert_eq!((status, &failed["state"]), (200, &json!("waiting")));
    assert!(failed["lastError"].as_str().unwrap().contains("spam"), "{failed}");
    for to in ["nobody", "a b@c.org", ""] {
        assert_eq!(admin.post("/api/v1/outbox/test", json!({"to": to})).await.0, 422);
    }

    // A platform's manager tries it for their platform and sees that platform's letters only.
    let (user, manager) = test.user("mona").await;
    assert_eq!(manager.post("/api/v1/outbox/test", body.clone()).await.0, 403);
    let (_, platforms) = admin.get("/api/v1/platforms").await;
    let platform = platforms["items"][0]["id"].clone();
    let role = json!({"userId": user, "platformId": platform, "kind": "manager"});
    assert_eq!(admin.post("/api/v1/administrators", role).await.0, 201);
    assert_eq!(
        manager.post("/api/v1/outbox/test", body).await.0,
        422,
        "no platform"
    );
    test.post.behave(Manner::Takes);
    let own = json!({"to": "mona@example.org", "platformId": platform, "language": "zh"});
    assert_eq!(manager.post("/api/v1/outbox/test", own).await.0, 200);
    let (_, page) = manager.get("/api/v1/outbox").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page}");
    assert_eq!(manager.get("/api/v1/outbox/state").await.1["waiting"], 0);
});

#[tokio::test]
async fn a_server_that_says_nothing_costs_a_letter_s_time_and_no_more() {
    let test = Test::sqlite().await;
    test.post.behave(Manner::Hangs);
    let calls = test.post.calls();
    for number in 0..8 {
        post(&test.app, &format!("p{number}@example.org")).await;
    }
    // The worker's stop does not wait for the server.
    test.app.notify.wake();
    let waiting = async {
        while test.post.calls() == calls {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
    let stopped = tokio::time::timeout(
        Duration::from_secs(5),
        test.app.tasks.stop(Duration::from_secs(5)),
    );
    stopped.await.expect("a stop waits for no mail server");
    assert!(test.post.calls() <= calls + 4, "a few conversations at a time");
}

#[tokio::test]
async fn after_a_rotation_of_the_master_key_a_waiting_link_still_leaves() {
    let test = Test::sqlite().await;
    test.post.behave(Manner::Answers("451 later"));
    let id = post(&test.app, "nora@example.org").await;
    test.app.notify.wake();
    letter(&test, "nora@example.org", "waiting", 1).await;
    let old = std::fs::read_to_string(test.data().join("master.key")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("master.key");
    std::fs::write(&path, format!("{},{}", "ab".repeat(32), old.trim())).unwrap();
    std::os::unix::fs::chown(&path, None, None).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let keys = Keys::load(directory.path()).unwrap();
    let done = crate::keys::rewrap(&test.app.db, &keys).await.unwrap();
    assert!(done.values >= 1 && done.damaged == 0, "{done:?}");
    let sealed = secret(&test, id).await;
    assert!(Sealer::of(&keys, crate::keys::Purpose::Outbox).is_current(&sealed));
    test.finish().await;
}

#[test]
fn a_letter_s_debug_output_holds_no_code() {
    let letter =
        Letter::new(Channel::Mail, "a@b", Language::En, Template::Test, UnixMs(0)).carrying(LINK.into());
    assert!(!format!("{letter:?}").contains("planted"));
    let words = Template::Invitation.words(
        Language::En,
        &BTreeMap::from(["org", "inviter", "days"].map(|name| (name.to_owned(), "x".to_owned()))),
        Some(&LINK.into()),
    );
    assert!(!format!("{words:?}").contains("planted"));
}
