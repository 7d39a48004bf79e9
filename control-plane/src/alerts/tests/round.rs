//! What rounds make of hosts that go, of rules that change, of disks that fill, and of many hosts.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::http::Method;
use muster_base::{Clock, UnixMs};
use muster_metrics::{Kind, SampleBuilder};
use serde_json::json;
use tokio::time::Instant;

use super::{SILENCE_S, alerts, busy, inbox, made, mail_to, rounds, submit, turn};
use crate::{
    access::Role,
    alerts::{
        book::OrgBook,
        evaluator::Evaluator,
        look::{self, Moment, Trends},
        rule::{AlertRule, AlertRuleInput},
    },
    delivery::tests::new_host,
    fleet::{HostPlace, Labels},
    telemetry::Reading,
    testing::both_databases,
};

both_databases!(a_host_that_is_down_says_so_and_nothing_else, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    made(&ann, "/api/v1/alerts/rules", busy(&[])).await;
    let down = json!({"name": "down", "check": {"kind": "hostDown"}, "forS": 0, "resolveAfterS": 0});
    made(&ann, "/api/v1/alerts/rules", down).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 10).await;
    assert_eq!(inbox(&ann, 1).await[0]["params"]["rule"], "busy");

    test.app.clock.advance(SILENCE_S * UnixMs::SECOND);
    turn(&mut evaluator).await;
    let firing = alerts(&ann, "view=firing").await;
    assert_eq!(firing.len(), 2, "{firing:?}");
    assert_eq!(
        (&firing[0]["kind"], &firing[0]["value"]),
        (&json!("hostDown"), &json!(60.0))
    );
    assert_eq!(
        (&firing[1]["kind"], &firing[1]["inhibited"]),
        (&json!("threshold"), &json!(true))
    );
    assert!(firing[1]["noDataSince"].is_string());
    let messages = inbox(&ann, 2).await;
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert_eq!(messages[0]["params"]["what"], "web-1 (60 s)");

    rounds(test, &mut evaluator, host, 95, 1).await;
    let firing = alerts(&ann, "view=firing").await;
    assert_eq!(firing.len(), 1);
    assert_eq!(
        (&firing[0]["inhibited"], &firing[0]["noDataSince"]),
        (&json!(false), &json!(null))
    );
    let messages = inbox(&ann, 3).await;
    assert_eq!((messages.len(), &messages[0]["code"]), (3, &json!("alertOver")));
});

both_databases!(an_alert_whose_readings_stopped_says_so_once, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    made(&ann, "/api/v1/alerts/rules", busy(&[])).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 10).await;
    for _ in 0..5 {
        test.app.clock.advance(SILENCE_S * UnixMs::SECOND);
        turn(&mut evaluator).await;
    }
    let firing = alerts(&ann, "view=firing").await.remove(0);
    assert!(firing["noDataSince"].is_string(), "{firing}");
    let messages = inbox(&ann, 2).await;
    assert_eq!((messages.len(), &messages[0]["code"]), (2, &json!("alertSilent")));
});

both_databases!(a_rule_that_changes_or_goes_ends_what_it_found, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    let ops = made(&ann, "/api/v1/alerts/receivers", mail_to("ops@example.org")).await;
    let rule = made(&ann, "/api/v1/alerts/rules", busy(&[&ops])).await;
    let path = format!("/api/v1/alerts/rules/{}", rule["id"].as_str().unwrap());
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 5).await;

    let mut renamed = busy(&[&ops]);
    renamed["name"] = "very busy".into();
    assert_eq!(ann.call(Method::PUT, &path, Some(renamed)).await.0, 200);
    assert_eq!(alerts(&ann, "").await[0]["ruleName"], "very busy");
    let mut other = busy(&[&ops]);
    other["hosts"] = json!({"labels": {"web": "another"}});
    assert_eq!(ann.call(Method::PUT, &path, Some(other)).await.0, 200);
    turn(&mut evaluator).await;
    assert_eq!(alerts(&ann, "view=history").await[0]["reason"], "unselected");

    assert_eq!(ann.call(Method::PUT, &path, Some(busy(&[&ops]))).await.0, 200);
    rounds(test, &mut evaluator, host, 95, 5).await;
    assert_eq!(ann.delete(&path).await.0, 204);
    let history = alerts(&ann, "view=history").await;
    assert_eq!((history.len(), &history[0]["reason"]), (2, &json!("ruleChanged")));
    let mails = test.post.wait_for("ops@example.org", 4).await;
    let over = mails.iter().filter(|mail| mail.text.contains("all right again"));
    assert_eq!(
        (mails.len(), over.count()),
        (4, 2),
        "each that was told is told as over"
    );
});

both_databases!(a_disk_that_will_be_full_is_told_hours_before, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "db-1").await;
    let rule = json!({"name": "full", "check": {"kind": "diskFull", "hours": 12}, "forS": 0});
    made(&ann, "/api/v1/alerts/rules", rule).await;
    let org = test.default_org().await;
    let mut evaluator = Evaluator::new(&test.app);
    // A GiB in each quarter of an hour, of forty.
    for quarter in 0..10 {
        test.app.clock.advance(15 * UnixMs::MINUTE);
        let mut builder = SampleBuilder::default();
        builder.push_instance(Kind::DISK_AVAILABLE, "/var", (40 - quarter) << 30);
        builder.push_instance(Kind::DISK_AVAILABLE, "/", 40 << 30);
        submit(&test.app, org, host, builder.finish(test.app.clock.now())).await;
        turn(&mut evaluator).await;
    }
    // Ann's session has ended meanwhile.
    let firing = alerts(&test.admin().await, "view=firing").await;
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!(firing[0]["series"], "disk./var.available");
    let hours = firing[0]["value"].as_f64().unwrap();
    assert!((hours - 7.75).abs() < 0.01, "{hours}");
});

both_databases!(containers_have_alerts_of_their_own, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    let rule = |containers| {
        json!({"name": format!("{containers}"), "containers": containers, "forS": 0,
            "check": {"kind": "threshold", "series": "container.cpu", "comparison": "atLeast", "threshold": 100}})
    };
    made(&ann, "/api/v1/alerts/rules", rule(json!(["sh*"]))).await;
    made(&ann, "/api/v1/alerts/rules", rule(json!(["other"]))).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 60, 1).await;
    let firing = alerts(&ann, "").await;
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!(
        (&firing[0]["container"], &firing[0]["value"]),
        (&json!("shop"), &json!(120.0))
    );
});

#[test]
fn a_look_at_5000_hosts_with_50_rules_is_short() {
    let clock = Clock::manual(UnixMs(1_000_000));
    let rule = |number: usize| AlertRule {
        id: clock.new_id(),
        rule: serde_json::from_value::<AlertRuleInput>(json!({
            "name": number.to_string(), "hosts": {"labels": {"tier": "web"}},
            "check": {"kind": "threshold", "series": "cpu.core.*", "comparison": "above", "threshold": 90},
        }))
        .unwrap(),
        created_by: String::new(),
        created_at: UnixMs(0),
        updated_at: UnixMs(0),
    };
    let place = |number: usize| HostPlace {
        id: clock.new_id(),
        name: number.to_string(),
        cluster: None,
        environment: None,
        labels: Labels([("tier".to_owned(), "web".to_owned())].into()),
        certificate_expires_at: UnixMs(0),
        last_seen_at: None,
    };
    let places: Vec<_> = (0..5_000).map(place).collect();
    let mut builder = SampleBuilder::default();
    for core in 0..8 {
        builder.push_instance(Kind::CPU_CORE, &core.to_string(), 5_000);
    }
    for disk in 0..20 {
        builder.push_instance(Kind::DISK_USED, &disk.to_string(), 5_000);
    }
    let quiet = Arc::new(builder.finish(UnixMs(1_000_000)));
    let mut readings: HashMap<_, _> = places
        .iter()
        .map(|place| {
            let reading = Reading {
                host: place.id,
                heard: UnixMs(1_000_000),
                sample: Arc::clone(&quiet),
            };
            (place.id, reading)
        })
        .collect();
    let mut loud = (*quiet).clone();
    loud.values[3] = 9_500;
    readings.get_mut(&places[7].id).unwrap().sample = Arc::new(loud);
    let book = OrgBook::new((0..50).map(rule).collect(), places);
    let moment = Moment {
        now: UnixMs(1_000_000),
        started: UnixMs(0),
        silence_ms: 35_000,
        connected: &|_| None,
        readings: &readings,
    };
    let begun = Instant::now();
    let looked = look::look(&book, &mut Trends::new(), &moment);
    assert_eq!(looked.seen.len(), 50);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
