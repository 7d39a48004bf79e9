//! Who hears of what nobody sees to, and what somebody sees to.

use std::time::Duration;

use axum::http::Method;
use muster_base::UnixMs;
use muster_metrics::{Kind, SampleBuilder};
use serde_json::{Value, json};

use super::{SILENCE_S, alerts, busy, inbox, made, mail_to, rounds, submit, turn};
use crate::{
    access::Role, alerts::evaluator::Evaluator, delivery::tests::new_host, keys::Keys, telemetry,
    testing::both_databases,
};

/// A rule that others hear of after five minutes.
fn escalating(first: &Value, others: &[&Value]) -> Value {
    let mut rule = busy(&[first]);
    rule["forS"] = 0.into();
    rule["resolveAfterS"] = 0.into();
    rule["escalateAfterS"] = 300.into();
    rule["escalateTo"] = others.iter().map(|other| other["id"].clone()).collect();
    rule
}

both_databases!(
    what_nobody_sees_to_is_told_to_others_once_across_a_restart,
    |test| {
        let ann = test.member("ann", Role::Admin).await;
        let host = new_host(test, "web-1").await;
        let path = "/api/v1/alerts/receivers";
        let ops = made(&ann, path, mail_to("ops@example.org")).await;
        let boss = made(&ann, path, mail_to("boss@example.org")).await;
        let rule = made(&ann, "/api/v1/alerts/rules", escalating(&ops, &[&boss, &ops])).await;
        assert_eq!(rule["escalateAfterS"], json!(300));
        let mut evaluator = Evaluator::new(&test.app);
        rounds(test, &mut evaluator, host, 95, 1).await;
        test.post.wait_for("ops@example.org", 1).await;

        // Another process goes on where this one was, and neither repeats nor forgets.
        drop(evaluator);
        let restarted = test.app_with(Keys::load(test.data()).unwrap());
        telemetry::start(&restarted).await.unwrap();
        let mut evaluator = Evaluator::new(&restarted);
        let org = test.default_org().await;
        let mut round = async |cpu| {
            test.app.clock.advance(10_000);
            let now = test.app.clock.now();
            for app in [&test.app, &restarted] {
                submit(app, org, host, super::sample(now, cpu)).await;
            }
            turn(&mut evaluator).await;
        };
        for _ in 0..29 {
            round(95).await;
        }
        let firing = alerts(&ann, "view=firing").await.remove(0);
        assert_eq!(firing["escalatedAt"], json!(null), "{firing}");
        for _ in 0..30 {
            round(95).await;
        }
        let firing = alerts(&ann, "view=firing").await.remove(0);
        assert!(firing["escalatedAt"].is_string(), "{firing}");
        let mails = test.post.wait_for("boss@example.org", 1).await;
        assert!(
            mails[0].text.contains("nobody has acknowledged it"),
            "{}",
            mails[0].text
        );
        assert!(
            mails[0].text.contains("web-1 (cpu.total 95.0 %)"),
            "{}",
            mails[0].text
        );

        round(10).await;
        round(10).await;
        assert!(alerts(&ann, "view=active").await.is_empty());
        let mails = test.post.wait_for("boss@example.org", 2).await;
        assert!(mails[1].text.contains("all right again"), "{}", mails[1].text);
        let mails = test.post.wait_for("ops@example.org", 3).await;
        let said: Vec<_> = mails
            .iter()
            .map(|mail| mail.text.contains("all right again"))
            .collect();
        assert_eq!(said, [false, false, true], "told, escalated, and over once");
        restarted.tasks.stop(Duration::from_secs(10)).await;
    }
);

both_databases!(what_somebody_sees_to_is_quiet_until_it_is_over, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let vic = test.member("vic", Role::Viewer).await;
    let host = new_host(test, "web-1").await;
    let path = "/api/v1/alerts/receivers";
    let ops = made(&ann, path, mail_to("ops@example.org")).await;
    let boss = made(&ann, path, mail_to("boss@example.org")).await;
    let mut rule = escalating(&ops, &[&boss]);
    rule["repeatS"] = 60.into();
    made(&ann, "/api/v1/alerts/rules", rule).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 1).await;
    let firing = alerts(&ann, "view=firing").await.remove(0);
    let path = format!("/api/v1/alerts/{}/acknowledge", firing["id"].as_str().unwrap());
    assert_eq!(vic.post(&path, json!({})).await.0, 403);
    assert_eq!(ann.post(&path, json!({"note": "a\nb"})).await.0, 422);
    assert_eq!(ann.delete(&path).await.0, 409, "nobody did");
    let (status, seen) = ann.post(&path, json!({"note": " I look at it "})).await;
    assert_eq!(status, 200, "{seen}");
    assert_eq!(
        (&seen["acknowledgedBy"], &seen["acknowledgement"]),
        (&json!("ann"), &json!("I look at it"))
    );
    let (status, problem) = ann.post(&path, json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("acknowledged")));
    rounds(test, &mut evaluator, host, 95, 60).await;
    let still = alerts(&ann, "view=firing").await.remove(0);
    assert_eq!(
        (&still["toldAt"], &still["escalatedAt"], &still["acknowledgedBy"]),
        (&firing["toldAt"], &json!(null), &json!("ann"))
    );

    // Taken back, it is told and escalated as if nobody had.
    assert_eq!(ann.delete(&path).await.0, 204);
    rounds(test, &mut evaluator, host, 95, 2).await;
    let told = alerts(&ann, "view=firing").await.remove(0);
    assert_ne!(told["toldAt"], firing["toldAt"]);
    assert!(told["escalatedAt"].is_string(), "{told}");
    test.post.wait_for("boss@example.org", 1).await;

    rounds(test, &mut evaluator, host, 10, 2).await;
    let (status, problem) = ann.post(&path, json!({})).await;
    assert_eq!((status, &problem["type"]), (409, &json!("not-firing")));
    let (_, log) = ann.get("/api/v1/audit?operation=alert:silence").await;
    let details: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["detail"])
        .collect();
    assert!(details.contains(&&json!("acknowledged: I look at it")), "{log}");
    assert!(details.contains(&&json!("acknowledgement taken back")), "{log}");
    assert_eq!(
        inbox(&ann, 3).await.len(),
        3,
        "twice that it fires, once that it is over"
    );
});

both_databases!(receivers_of_an_escalation_are_checked_and_kept, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let boss = made(&ann, "/api/v1/alerts/receivers", mail_to("boss@example.org")).await;
    let path = "/api/v1/alerts/rules";
    let mut rule = busy(&[]);
    for (after, to, field) in [
        (json!(300), json!([]), "escalateTo"),
        (json!(30), json!([boss["id"]]), "escalateAfterS"),
        (
            json!(300),
            json!(["0199c0de-0000-7000-8000-000000000000"]),
            "escalateTo",
        ),
    ] {
        rule["escalateAfterS"] = after;
        rule["escalateTo"] = to;
        let (status, problem) = ann.post(path, rule.clone()).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }
    rule["escalateTo"] = json!([boss["id"]]);
    made(&ann, path, rule).await;
    let one = format!("/api/v1/alerts/receivers/{}", boss["id"].as_str().unwrap());
    let (status, problem) = ann.delete(&one).await;
    assert_eq!((status, &problem["type"]), (409, &json!("receiver-in-use")));
});

both_databases!(a_container_that_restarts_again_and_again_is_found, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let org = test.default_org().await;
    let host = new_host(test, "web-1").await;
    let path = "/api/v1/alerts/rules";
    let wrong = json!({"name": "x", "check": {"kind": "containerRestarting", "times": 0, "minutes": 9_999}});
    let (status, problem) = ann.post(path, wrong).await;
    assert_eq!(status, 422);
    assert_eq!(
        (&problem["errors"][0]["field"], &problem["errors"][1]["field"]),
        (&json!("check.times"), &json!("check.minutes"))
    );
    let rule = json!({"name": "restarts", "forS": 0, "resolveAfterS": 0, "containers": ["shop*"],
        "check": {"kind": "containerRestarting", "times": 3, "minutes": 10}});
    made(&ann, path, rule).await;
    let mut evaluator = Evaluator::new(&test.app);
    let mut restarts = async |counts: &[i64]| {
        for count in counts {
            test.app.clock.advance(20 * UnixMs::SECOND);
            let mut builder = SampleBuilder::default();
            for container in ["shop-1", "other"] {
                builder.subject(container);
                builder.push(Kind::CONTAINER_RESTARTS, *count);
            }
            submit(&test.app, org, host, builder.finish(test.app.clock.now())).await;
            turn(&mut evaluator).await;
        }
    };
    restarts(&[40, 41, 42]).await;
    assert!(alerts(&ann, "view=active").await.is_empty(), "two in that time");
    restarts(&[43]).await;
    let firing = alerts(&ann, "view=firing").await;
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!(
        (&firing[0]["kind"], &firing[0]["container"], &firing[0]["value"]),
        (&json!("containerRestarting"), &json!("shop-1"), &json!(3.0))
    );
    assert_eq!(
        inbox(&ann, 1).await[0]["params"]["what"],
        "web-1/shop-1 (container.restarts 3)"
    );
    restarts(&[43; 35]).await;
    assert!(
        alerts(&ann, "view=active").await.is_empty(),
        "ten minutes without"
    );
});

both_databases!(
    a_certificate_that_is_not_renewed_is_told_even_of_a_host_that_is_down,
    |test| {
        const SQL: &str = "update hosts set certificate_expires_at = $2 where id = $1";
        let ann = test.member("ann", Role::Admin).await;
        let host = new_host(test, "web-1").await;
        let ends = async |at: UnixMs| {
            let set = async || -> Result<(), crate::db::DbError> {
                crate::in_tx!(test.app.db, |tx| crate::with_tx!(tx, |conn| {
                    sqlx::query(SQL).bind(host).bind(at).execute(conn).await?;
                }));
                Ok(())
            };
            set().await.unwrap();
        };
        ends(
            test.app
                .clock
                .now()
                .plus_ms(9 * UnixMs::HOUR + 3 * UnixMs::MINUTE),
        )
        .await;
        for rule in [
            json!({"name": "down", "check": {"kind": "hostDown"}, "forS": 0}),
            json!({"name": "ends", "check": {"kind": "certificateExpiring", "hours": 9}, "forS": 0, "resolveAfterS": 0}),
        ] {
            made(&ann, "/api/v1/alerts/rules", rule).await;
        }
        let mut evaluator = Evaluator::new(&test.app);
        rounds(test, &mut evaluator, host, 10, 1).await;
        test.app.clock.advance(2 * SILENCE_S * UnixMs::SECOND);
        turn(&mut evaluator).await;
        let firing = alerts(&ann, "view=firing").await;
        assert_eq!(firing.len(), 1, "there are more than nine hours left: {firing:?}");
        test.app.clock.advance(2 * UnixMs::MINUTE);
        turn(&mut evaluator).await;
        let firing = alerts(&ann, "view=firing").await;
        let ending = firing
            .iter()
            .find(|alert| alert["kind"] == "certificateExpiring")
            .unwrap();
        assert_eq!(
            (&ending["inhibited"], &ending["series"]),
            (&json!(false), &json!(null))
        );
        assert!(
            ending["value"]
                .as_f64()
                .is_some_and(|left| (8.9..9.0).contains(&left)),
            "{ending}"
        );

        ends(test.app.clock.now().plus_ms(100 * UnixMs::HOUR)).await;
        turn(&mut evaluator).await;
        let over = alerts(&ann, "view=history").await;
        assert!(
            over.iter().any(|alert| alert["kind"] == "certificateExpiring"),
            "{over:?}"
        );
        let (status, _) = ann.call(Method::GET, "/api/v1/alerts?view=active", None).await;
        assert_eq!(status, 200);
    }
);
