//! From a reading to a message and back, over a restart.

use std::time::Duration;

use serde_json::json;

use super::{alerts, busy, inbox, made, mail_to, rounds, sample, submit, turn};
use crate::{
    access::Role, alerts::evaluator::Evaluator, delivery::tests::new_host, keys::Keys, telemetry,
    testing::both_databases,
};

both_databases!(an_alert_is_told_once_and_over_once_across_a_restart, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let vic = test.member("vic", Role::Viewer).await;
    let host = new_host(test, "web-1").await;
    let ops = made(&ann, "/api/v1/alerts/receivers", mail_to("ops@example.org")).await;
    let rule = made(&ann, "/api/v1/alerts/rules", busy(&[&ops])).await;
    let mut evaluator = Evaluator::new(&test.app);

    rounds(test, &mut evaluator, host, 95, 3).await;
    let pending = alerts(&ann, "view=pending").await;
    assert_eq!(pending.len(), 1, "{pending:?}");
    assert_eq!(pending[0]["firedAt"], json!(null));
    rounds(test, &mut evaluator, host, 97, 2).await;
    let firing = alerts(&ann, "view=firing").await.remove(0);
    assert_eq!(firing["ruleId"], rule["id"]);
    assert_eq!(
        (&firing["hostName"], &firing["value"]),
        (&json!("web-1"), &json!(97.0))
    );
    assert_eq!(firing["toldAt"], firing["firedAt"]);
    let mails = test.post.wait_for("ops@example.org", 1).await;
    assert!(
        mails[0].text.contains("web-1 (cpu.total 97.0 %)"),
        "{}",
        mails[0].text
    );
    assert!(mails[0].text.contains("look at the queue"), "{}", mails[0].text);
    let messages = inbox(&ann, 1).await;
    assert_eq!(messages[0]["code"], "alertFires");
    assert_eq!(messages[0]["params"]["rule"], "busy");
    assert_eq!(messages[0]["tip"], firing["id"]);

    // Another process goes on where this one was; hosts take a moment to come back.
    drop(evaluator);
    let restarted = test.app_with(Keys::load(test.data()).unwrap());
    telemetry::start(&restarted).await.unwrap();
    let mut evaluator = Evaluator::new(&restarted);
    let org = test.default_org().await;
    for _ in 0..2 {
        test.app.clock.advance(10_000);
        turn(&mut evaluator).await;
    }
    let again = alerts(&ann, "view=firing").await.remove(0);
    assert_eq!(again["id"], firing["id"]);
    assert_eq!(again["noDataSince"], json!(null));
    for cpu in [96, 96, 20, 20, 95, 20, 20, 20, 20, 20, 20, 20] {
        test.app.clock.advance(10_000);
        let now = test.app.clock.now();
        for app in [&test.app, &restarted] {
            submit(app, org, host, sample(now, cpu)).await;
        }
        turn(&mut evaluator).await;
    }
    assert!(alerts(&ann, "view=active").await.is_empty());
    let over = alerts(&ann, "view=history").await.remove(0);
    assert_eq!((&over["id"], &over["reason"]), (&firing["id"], &json!("ok")));

    let mails = test.post.wait_for("ops@example.org", 2).await;
    assert!(mails[1].text.contains("all right again"), "{}", mails[1].text);
    let messages = inbox(&ann, 2).await;
    assert_eq!(messages[0]["code"], "alertOver");
    assert_eq!((mails.len(), messages.len()), (2, 2), "nothing was told twice");
    assert!(inbox(&vic, 0).await.is_empty(), "viewers are not told");
    restarted.tasks.stop(Duration::from_secs(10)).await;
});
