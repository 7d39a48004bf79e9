//! Silences on both databases.

use muster_base::UnixMs;
use serde_json::json;

use super::{alerts, busy, inbox, made, rounds};
use crate::{access::Role, alerts::evaluator::Evaluator, delivery::tests::new_host, testing::both_databases};

both_databases!(
    a_silenced_alert_fires_unheard_and_is_told_when_the_silence_ends,
    |test| {
        let ann = test.member("ann", Role::Admin).await;
        let tom = test.member("tom", Role::Member).await;
        let host = new_host(test, "web-1").await;
        made(&ann, "/api/v1/alerts/rules", busy(&[])).await;
        let ends = test.app.clock.now().plus_ms(3_600_000);
        let silence = json!({"matchers": {"hosts": {"ids": [host]}}, "endsAt": ends, "reason": "new disks"});
        let silence = made(&tom, "/api/v1/alerts/silences", silence).await;
        assert_eq!(
            (&silence["state"], &silence["createdBy"]),
            (&json!("active"), &json!("tom"))
        );
        let mut evaluator = Evaluator::new(&test.app);
        rounds(test, &mut evaluator, host, 95, 5).await;
        let firing = alerts(&tom, "view=firing").await.remove(0);
        assert_eq!(
            (&firing["silencedBy"], &firing["toldAt"]),
            (&silence["id"], &json!(null))
        );
        assert!(inbox(&ann, 0).await.is_empty());

        let path = format!("/api/v1/alerts/silences/{}", silence["id"].as_str().unwrap());
        assert_eq!(tom.delete(&path).await.0, 204);
        let (status, problem) = tom.delete(&path).await;
        assert_eq!((status, &problem["type"]), (409, &json!("silence-ended")));
        let (_, open) = tom.get("/api/v1/alerts/silences?open=true").await;
        assert_eq!(open["items"], json!([]));
        let (_, all) = tom.get("/api/v1/alerts/silences").await;
        assert_eq!(all["items"][0]["state"], "ended");
        rounds(test, &mut evaluator, host, 95, 1).await;
        assert_eq!(inbox(&ann, 1).await.len(), 1);
    }
);

both_databases!(a_window_begins_when_it_says_and_matches_what_it_says, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    made(&ann, "/api/v1/alerts/rules", busy(&[])).await;
    let now = test.app.clock.now();
    let at = |s: i64| now.plus_ms(s * 1_000);
    let window = json!({"matchers": {"severities": ["critical"], "hosts": {"labels": {"web": "web-1"}}},
        "startsAt": at(25), "endsAt": at(600), "reason": "window"});
    assert_eq!(
        made(&ann, "/api/v1/alerts/silences", window).await["state"],
        "scheduled"
    );
    let other = json!({"matchers": {"severities": ["info"]}, "endsAt": at(600), "reason": "noise"});
    made(&ann, "/api/v1/alerts/silences", other).await;
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 6).await;
    assert_eq!(alerts(&ann, "view=firing").await.len(), 1);
    assert!(inbox(&ann, 0).await.is_empty());
    test.app.clock.advance(540_000);
    rounds(test, &mut evaluator, host, 95, 5).await;
    assert_eq!(inbox(&ann, 1).await.len(), 1, "it fires when the window ends");
});

both_databases!(a_silence_comes_again_until_it_ends, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let host = new_host(test, "web-1").await;
    made(&ann, "/api/v1/alerts/rules", busy(&[])).await;
    let now = test.app.clock.now();
    // As a clock shows it: a minute from now, for five.
    let clock = |minutes: i64| now.plus_ms(minutes * 60_000).to_string()[11..16].to_owned();
    let all = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let repeats = json!({"zone": "UTC", "weekly": [{"days": all, "from": clock(1), "to": clock(6)}]});
    let ends = now.plus_ms(7 * 86_400_000);
    let silence = json!({"endsAt": ends, "repeats": repeats, "reason": "backups"});
    let made = made(&ann, "/api/v1/alerts/silences", silence).await;
    assert_eq!(
        (&made["state"], &made["repeats"]),
        (&json!("scheduled"), &repeats)
    );
    let from = now.plus_ms(60_000).0 / 60_000 * 60_000;
    assert_eq!(
        made["occurrence"],
        json!({"from": UnixMs(from), "to": UnixMs(from + 300_000)})
    );

    test.app.clock.advance(60_000);
    let (_, list) = ann.get("/api/v1/alerts/silences?open=true").await;
    assert_eq!(
        (
            &list["items"][0]["state"],
            &list["items"][0]["occurrence"]["from"]
        ),
        (&json!("active"), &json!(null))
    );
    let mut evaluator = Evaluator::new(&test.app);
    rounds(test, &mut evaluator, host, 95, 5).await;
    assert_eq!(alerts(&ann, "view=firing").await[0]["silencedBy"], made["id"]);
    assert!(inbox(&ann, 0).await.is_empty());
    test.app.clock.advance(300_000);
    rounds(test, &mut evaluator, host, 95, 5).await;
    assert_eq!(
        inbox(&ann, 1).await.len(),
        1,
        "it is told when the occurrence ends"
    );
    let (_, list) = ann.get("/api/v1/alerts/silences").await;
    assert_eq!(list["items"][0]["state"], "scheduled");
    assert_eq!(
        list["items"][0]["occurrence"]["from"],
        json!(UnixMs(from + 86_400_000))
    );
});

both_databases!(a_silence_that_comes_again_is_checked, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let now = test.app.clock.now();
    let weekly = json!([{"days": ["monday"], "from": "01:00", "to": "02:00"}]);
    for (days, zone, weekly, field) in [
        (30, "Mars/Olympus", weekly.clone(), "repeats.zone"),
        (30, "UTC", json!([]), "repeats.weekly"),
        (
            30,
            "UTC",
            json!([{"days": [], "from": "01:00", "to": "02:00"}]),
            "repeats.weekly[0].days",
        ),
        (5 * 366 + 1, "UTC", weekly.clone(), "endsAt"),
    ] {
        let ends = now.plus_ms(days * 86_400_000);
        let body = json!({"endsAt": ends, "repeats": {"zone": zone, "weekly": weekly}, "reason": "why"});
        let (status, problem) = ann.post("/api/v1/alerts/silences", body).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!(field)),
            "{problem}"
        );
    }
    let soon = json!({"endsAt": now.plus_ms(1_000), "reason": "why",
        "repeats": {"zone": "UTC", "weekly": [{"days": ["monday"], "from": "03:00", "to": "03:01"}]}});
    let (status, problem) = ann.post("/api/v1/alerts/silences", soon).await;
    assert_eq!(
        (status, &problem["errors"][0]["field"]),
        (422, &json!("endsAt")),
        "it never counts"
    );
});
