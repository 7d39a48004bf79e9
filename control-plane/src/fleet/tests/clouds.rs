//! What clouds say of hosts: instances made and completed, and never against what people wrote.

use axum::http::Method;
use muster_base::{HostId, UnixMs};
use muster_protocol::latest::{CloudFacts, CloudProvider};
use serde_json::{Value, json};

use super::enrol;
use crate::{
    fleet::{
        FleetError,
        instance::{Kept, Standing},
        instance_cloud::MOST_TOLD,
        instance_layers::Layers,
        note_cloud, store,
    },
    in_tx,
    testing::{Test, both_databases},
};

const LIST: &str = "/api/v1/instances";

fn facts(id: &str) -> CloudFacts {
    let text = str::to_owned;
    CloudFacts {
        provider: CloudProvider::Aws,
        instance_id: text(id),
        instance_name: text("web"),
        hostname: text("ip-10-0-0-7"),
        region_id: text("eu-central-1"),
        zone_id: text("eu-central-1a"),
        instance_type: text("t3.large"),
        image_id: text("ami-1"),
        inner_ip: text("10.0.0.7"),
        public_ip: text("203.0.113.7"),
        charge_type: text("spot"),
        tags: vec![(text("team"), text("shop"))],
    }
}

async fn tell(test: &Test, host: HostId, facts: &CloudFacts) {
    let org = test.default_org().await;
    note_cloud(&test.app, org, host, facts).await.unwrap();
}

async fn listed(test: &Test, query: &str) -> Vec<Value> {
    let (status, page) = test.admin().await.get(&format!("{LIST}{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn told_times(test: &Test) -> usize {
    let (_, log) = test
        .admin()
        .await
        .get("/api/v1/audit?operation=instance:metadata")
        .await;
    log["items"].as_array().unwrap().len()
}

both_databases!(
    a_host_s_cloud_makes_its_instance_and_says_where_each_field_is_from,
    |test| {
        let host = enrol(test, "web-1", json!({})).await.host;
        tell(test, host, &facts("i-1")).await;
        let items = listed(test, "").await;
        let [one] = items.as_slice() else {
            panic!("{items:?}")
        };
        assert_eq!(
            (&one["provider"], &one["instanceId"]),
            (&json!("aws"), &json!("i-1"))
        );
        assert_eq!(
            (&one["hostId"], &one["hostName"]),
            (&json!(host), &json!("web-1"))
        );
        assert_eq!(
            (&one["zoneId"], &one["instanceType"]),
            (&json!("eu-central-1a"), &json!("t3.large"))
        );
        assert_eq!(
            (&one["chargeType"], &one["expiredTime"]),
            (&json!("spot"), &Value::Null)
        );
        assert_eq!(one["tags"], json!({"team": "shop"}));
        assert_eq!(
            (&one["sources"]["zoneId"], &one["differs"]),
            (&json!("metadata"), &json!([]))
        );
        assert_eq!(one["claimedBy"][0]["hostName"], "web-1");
        assert_eq!(one["claimedBy"].as_array().unwrap().len(), 1);
        assert_eq!(told_times(test).await, 1);

        // Each session says it again: that is no change.
        tell(test, host, &facts("i-1")).await;
        assert_eq!(told_times(test).await, 1);
        // A change counts, but not ten a second.
        let mut changed = facts("i-1");
        changed.instance_type = "t3.xlarge".to_owned();
        tell(test, host, &changed).await;
        assert_eq!(listed(test, "").await[0]["instanceType"], "t3.large");
        test.app.clock.advance(60_000);
        tell(test, host, &changed).await;
        assert_eq!(listed(test, "?search=i-1").await[0]["instanceType"], "t3.xlarge");
        assert_eq!(told_times(test).await, 2);
        assert_eq!(listed(test, "?region=eu-central-1").await.len(), 1);
    }
);

both_databases!(
    what_people_wrote_of_an_instance_stays_and_what_the_cloud_says_otherwise_is_shown,
    |test| {
        let admin = test.admin().await;
        let host = enrol(test, "web-1", json!({})).await.host;
        let csv = "provider,instanceId,instanceName,publicIp,expiredTime\nAmazon,i-1,Shop,203.0.113.1,2027-01-31T16:00Z\n";
        let import = json!({"csv": csv});
        assert_eq!(
            admin.post("/api/v1/instances/import", import.clone()).await.0,
            200
        );
        tell(test, host, &facts("i-1")).await;
        let items = listed(test, "").await;
        let [one] = items.as_slice() else {
            panic!("{items:?}")
        };
        assert_eq!(
            (&one["provider"], &one["instanceName"]),
            (&json!("Amazon"), &json!("Shop"))
        );
        assert_eq!(
            (&one["publicIp"], &one["imageId"]),
            (&json!("203.0.113.1"), &json!("ami-1"))
        );
        assert_eq!(one["hostId"], json!(host));
        assert_eq!(one["sources"]["publicIp"], "imported");
        assert_eq!(one["sources"]["imageId"], "metadata");
        let differs = json!([
            {"field": "instanceName", "metadata": "web"},
            {"field": "publicIp", "metadata": "203.0.113.7"},
        ]);
        assert_eq!(one["differs"], differs);

        let path = format!("{LIST}/{}", one["id"].as_str().unwrap());
        let by_hand = json!({"expiredTime": "2026-12-24T00:00:00Z", "chargeType": "reserved"});
        let (status, edited) = admin.call(Method::PATCH, &path, Some(by_hand)).await;
        assert_eq!(status, 200, "{edited}");
        assert_eq!(
            (&edited["chargeType"], &edited["sources"]["chargeType"]),
            (&json!("reserved"), &json!("byHand"))
        );
        assert_eq!(listed(test, "?expiresBefore=2026-12-25T00:00:00Z").await.len(), 1);
        // By its other name it is still the same one, and what was written by hand stays on top.
        let again = json!({"instances": [{"provider": "aws", "instanceId": "i-1", "chargeType": "PrePaid"}]});
        let (_, imported) = admin.post("/api/v1/instances/import", again).await;
        assert_eq!(
            (&imported["updated"], &imported["linked"]),
            (&json!(1), &json!(1)),
            "{imported}"
        );
        let (_, shown) = admin.get(&path).await;
        assert_eq!(
            (&shown["chargeType"], &shown["instanceName"]),
            (&json!("reserved"), &json!("web"))
        );
        let back = json!({"chargeType": null, "expiredTime": null});
        let (_, shown) = admin.call(Method::PATCH, &path, Some(back)).await;
        assert_eq!(
            (&shown["chargeType"], &shown["expiredTime"]),
            (&json!("PrePaid"), &Value::Null)
        );
        let wrong = json!({"instanceName": "x".repeat(129)});
        assert_eq!(admin.call(Method::PATCH, &path, Some(wrong)).await.0, 422);
        let twice = json!({"instances": [
            {"provider": "aws", "instanceId": "i-2"}, {"provider": "EC2", "instanceId": "i-2"},
        ]});
        assert_eq!(admin.post("/api/v1/instances/import", twice).await.0, 422);
    }
);

both_databases!(
    two_hosts_that_say_that_they_are_one_instance_are_both_shown,
    |test| {
        let admin = test.admin().await;
        let first = enrol(test, "web-1", json!({})).await.host;
        let second = enrol(test, "web-2", json!({})).await.host;
        tell(test, first, &facts("i-1")).await;
        test.app.clock.advance(1_000);
        let mut lie = facts("i-1");
        lie.instance_name = "mine".to_owned();
        tell(test, second, &lie).await;
        let items = listed(test, "").await;
        let [one] = items.as_slice() else {
            panic!("{items:?}")
        };
        assert_eq!(one["hostId"], json!(first), "who said so first keeps it");
        assert_eq!(one["instanceName"], "web");
        let names: Vec<_> = one["claimedBy"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["hostName"])
            .collect();
        assert_eq!(names, ["web-1", "web-2"]);
        assert_eq!(
            listed(test, &format!("?hostId={second}")).await.len(),
            1,
            "the other one's page shows it, too"
        );
        // An import doesn't take it from the one that says so, whatever the names are.
        let list = json!({"instances": [{"provider": "aws", "instanceId": "i-1", "hostname": "web-2"}]});
        assert_eq!(admin.post("/api/v1/instances/import", list).await.0, 200);
        assert_eq!(listed(test, "").await[0]["hostId"], json!(first));

        // The machine joined anew, and its first host is removed: then it is the second one's.
        assert_eq!(admin.delete(&format!("/api/v1/hosts/{first}")).await.0, 204);
        assert_eq!(listed(test, "").await[0]["hostId"], Value::Null);
        tell(test, second, &lie).await;
        let items = listed(test, "").await;
        assert_eq!(items[0]["hostId"], json!(second));
        assert_eq!(items[0]["claimedBy"].as_array().unwrap().len(), 1);

        // It is another machine from now on.
        test.app.clock.advance(UnixMs::DAY);
        tell(test, second, &facts("i-2")).await;
        let items = listed(test, "").await;
        let host_of = |id: &str| items.iter().find(|one| one["instanceId"] == id).unwrap()["hostId"].clone();
        assert_eq!((host_of("i-1"), host_of("i-2")), (Value::Null, json!(second)));

        // Forgotten by a person, it is back when its agent says it again.
        let admin = test.admin().await;
        let gone = items.iter().find(|one| one["instanceId"] == "i-2").unwrap()["id"]
            .as_str()
            .unwrap();
        assert_eq!(admin.delete(&format!("{LIST}/{gone}")).await.0, 204);
        tell(test, second, &facts("i-2")).await;
        let (_, back) = admin.get(&format!("{LIST}?search=i-2")).await;
        assert_eq!(back["items"].as_array().unwrap().len(), 1, "{back}");
    }
);

both_databases!(a_host_that_lies_has_one_instance_at_a_time, |test| {
    let host = enrol(test, "web-1", json!({})).await.host;
    let ids = async || -> Vec<String> {
        let items = listed(test, "").await.into_iter();
        items
            .map(|one| one["instanceId"].as_str().unwrap().to_owned())
            .collect()
    };
    tell(test, host, &facts("i-0")).await;
    // Each minute another one: that is believed once a day, and leaves nothing behind.
    for minute in 1..10 {
        test.app.clock.advance(UnixMs::MINUTE);
        tell(test, host, &facts(&format!("i-{minute}"))).await;
    }
    assert_eq!(ids().await, ["i-0"]);
    test.app.clock.advance(UnixMs::DAY);
    tell(test, host, &facts("i-10")).await;
    assert_eq!(ids().await, ["i-10"]);
    assert_eq!(told_times(test).await, 3, "made, made and forgotten");

    // What a person added something to stays, and what another host says, too.
    let admin = test.admin().await;
    let (_, present) = admin.get(LIST).await;
    let path = format!("{LIST}/{}", present["items"][0]["id"].as_str().unwrap());
    let by_hand = json!({"expiredTime": "2026-12-24T00:00:00Z"});
    assert_eq!(admin.call(Method::PATCH, &path, Some(by_hand)).await.0, 200);
    test.app.clock.advance(UnixMs::DAY);
    tell(test, host, &facts("i-11")).await;
    assert_eq!(ids().await, ["i-10", "i-11"]);
    assert_eq!(listed(test, "?search=i-10").await[0]["hostId"], Value::Null);
    let twin = enrol(test, "web-2", json!({})).await.host;
    tell(test, twin, &facts("i-11")).await;
    test.app.clock.advance(UnixMs::DAY);
    tell(test, host, &facts("i-12")).await;
    assert_eq!(ids().await, ["i-10", "i-11", "i-12"]);
    // The other one has it from its next session on.
    tell(test, twin, &facts("i-11")).await;
    assert_eq!(listed(test, "?search=i-11").await[0]["hostId"], json!(twin));
});

both_databases!(hosts_leave_room_for_what_people_import, |test| {
    let host = enrol(test, "web-1", json!({})).await.host;
    let org = test.default_org().await;
    let fill = async || -> Result<(), FleetError> {
        let standing = |number: usize| Standing {
            id: test.app.clock.new_id(),
            provider: "aws".to_owned(),
            instance_id: format!("i-{number}"),
            host_id: None,
            layers: Layers::default(),
        };
        let kept = (0..MOST_TOLD)
            .map(|number| Kept::of(&standing(number)))
            .collect::<Result<Vec<_>, _>>()?;
        in_tx!(test.app.db, |tx| {
            store::instance::upsert(tx, org, &kept, test.app.clock.now()).await?;
        });
        Ok(())
    };
    fill().await.unwrap();
    tell(test, host, &facts("i-new")).await;
    assert_eq!(listed(test, "?search=i-new").await.len(), 0);
    let list = json!({"instances": [{"provider": "aws", "instanceId": "i-new"}]});
    assert_eq!(
        test.admin().await.post("/api/v1/instances/import", list).await.0,
        200
    );
    tell(test, host, &facts("i-new")).await;
    assert_eq!(listed(test, "?search=i-new").await[0]["hostId"], json!(host));
});
