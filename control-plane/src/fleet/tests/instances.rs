//! Instances: imports, links to hosts, who sees them.

use serde_json::{Value, json};

use super::enrol;
use crate::{access::Role, testing::both_databases};

const LIST: &str = "/api/v1/instances";
const IMPORT: &str = "/api/v1/instances/import";

fn counts(answer: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "linked"].map(|name| answer[name].as_u64().unwrap())
}

both_databases!(instances_are_imported_linked_and_found, |test| {
    let admin = test.admin().await;
    let host = enrol(test, "shop-1", json!({})).await.host;
    let csv = "provider,instance_id,instance_name,hostname,inner_ip,cpu,memory,expired_time,region_id,region_name\n\
        aliyun,i-1,Shop,SHOP-1,10.1.1.1,4,8192,2027-01-31T16:00Z,cn-hangzhou,Hangzhou\n\
        aws,i-2,,elsewhere,10.1.1.2,,,,eu-central-1,\n";
    let (status, first) = admin.post(IMPORT, json!({"csv": csv})).await;
    assert_eq!((status, counts(&first)), (200, [2, 0, 0, 1]), "{first}");

    let (_, page) = admin.get(LIST).await;
    let items = page["items"].as_array().unwrap();
    let names: Vec<_> = items
        .iter()
        .map(|one| one["instanceId"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["i-1", "i-2"], "by name, else by id");
    assert_eq!(items[0]["hostId"], host.to_string());
    assert_eq!(items[0]["hostName"], "shop-1");
    assert_eq!(items[0]["expiredTime"], "2027-01-31T16:00:00.000Z");
    assert_eq!(
        (&items[1]["hostId"], &items[1]["cpu"]),
        (&Value::Null, &Value::Null)
    );

    let (_, again) = admin.post(IMPORT, json!({"csv": csv})).await;
    assert_eq!(counts(&again), [0, 0, 2, 1], "{again}");
    let changed = json!({"instances": [
        {"provider": "aws", "instanceId": "i-2", "status": "Stopped", "regionId": "eu-central-1"},
    ]});
    let (_, changed) = admin.post(IMPORT, changed).await;
    assert_eq!(counts(&changed), [0, 1, 0, 0], "{changed}");

    for (query, wanted) in [
        ("?provider=aws", "i-2"),
        ("?region=eu-central-1", "i-2"),
        ("?region=Hangzhou", "i-1"),
        ("?search=SHOP", "i-1"),
        ("?search=10.1.1.1", "i-1"),
        ("?expiresBefore=2027-02-01T00:00:00Z", "i-1"),
        (format!("?hostId={host}").as_str(), "i-1"),
    ] {
        let (status, page) = admin.get(&format!("{LIST}{query}")).await;
        assert_eq!(status, 200, "{page}");
        let found = page["items"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{query}: {page}");
        assert_eq!(found[0]["instanceId"], wanted, "{query}");
    }
    let (_, one) = admin.get(&format!("{LIST}?limit=1")).await;
    let next = one["nextCursor"].as_str().unwrap();
    let (_, two) = admin.get(&format!("{LIST}?limit=1&cursor={next}")).await;
    assert_eq!(two["items"][0]["instanceId"], "i-2");
    assert_eq!(two["nextCursor"], Value::Null);

    let path = format!("{LIST}/{}", items[0]["id"].as_str().unwrap());
    assert_eq!(admin.delete(&format!("/api/v1/hosts/{host}")).await.0, 204);
    assert_eq!(
        admin.get(&path).await.1["hostId"],
        Value::Null,
        "the host is gone, the instance is not"
    );
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
});

both_databases!(an_import_is_taken_whole_or_not_at_all, |test| {
    let admin = test.admin().await;
    let csv = "provider,instanceId,cpu,innerIp\naws,i-1,many,10.0.0.1\naws,,1,10.0.0.300\naws,i-1,1,\n";
    let (status, problem) = admin.post(IMPORT, json!({"csv": csv})).await;
    assert_eq!(status, 422);
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "line 2: cpu",
            "line 3: instanceId",
            "line 3: innerIp",
            "line 4: instanceId"
        ],
        "{problem}"
    );
    let codes: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["range", "needed", "ip", "twice"]);
    for wrong in [
        json!({}),
        json!({"csv": "", "instances": []}),
        json!({"csv": "provider;instanceId\naws;i"}),
        json!({"csv": "provider,instanceId\naws,\"i"}),
        json!({"instances": [{"provider": "aws"}]}),
        json!({"instances": [{"provider": "aws", "instanceId": "i\u{7}"}]}),
    ] {
        let (status, problem) = admin.post(IMPORT, wrong.clone()).await;
        assert_eq!(status, 422, "{wrong}: {problem}");
    }
    assert_eq!(admin.get(LIST).await.1["items"], json!([]));
});

both_databases!(an_instance_is_seen_by_whoever_sees_its_host, |test| {
    let admin = test.admin().await;
    let host = enrol(test, "mine", json!({})).await.host;
    let list = json!({"instances": [
        {"provider": "aws", "instanceId": "i-1", "hostname": "mine"},
        {"provider": "aws", "instanceId": "i-2", "hostname": "other"},
    ]});
    assert_eq!(admin.post(IMPORT, list.clone()).await.0, 200);
    let (_, all) = admin.get(LIST).await;
    let other = format!("{LIST}/{}", all["items"][1]["id"].as_str().unwrap());

    // The first org of all is everybody's default; let there be no doubt which that is.
    test.app.clock.advance(1);
    let stranger = test.stranger("elsewhere").await;
    assert_eq!(stranger.get(LIST).await.1["items"], json!([]));
    assert_eq!(stranger.get(&other).await.0, 404);
    assert_eq!(stranger.delete(&other).await.0, 404);

    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get(LIST).await.1["items"].as_array().unwrap().len(), 2);
    assert_eq!(viewer.post(IMPORT, list.clone()).await.0, 403);

    let narrow = test.member("nora", Role::Admin).await;
    let template = json!({"name": "mine", "operations": [], "objects": {"hosts": [host]}});
    let (_, template) = admin.post("/api/v1/permission-templates", template).await;
    let (_, members) = admin.get("/api/v1/members").await;
    let items = members["items"].as_array().unwrap();
    let nora = items.iter().find(|member| member["username"] == "nora").unwrap();
    let path = format!("/api/v1/members/{}/permissions", nora["userId"].as_str().unwrap());
    let given = json!({"templateId": template["id"]});
    assert_eq!(
        admin.call(axum::http::Method::PUT, &path, Some(given)).await.0,
        200
    );
    let (_, seen) = narrow.get(LIST).await;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(seen["items"][0]["instanceId"], "i-1");
    assert_eq!(narrow.get(&other).await.0, 404);
    assert_eq!(narrow.post(IMPORT, list).await.0, 403);
    assert_eq!(narrow.delete(&other).await.0, 403);
});
