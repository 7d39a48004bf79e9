//! Against a metadata server that answers as each cloud does, and against servers that answer as none does.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use muster_protocol::latest::{CloudFacts, CloudProvider};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{AskError, CloudChoice, ask, keep};

/// What is answered to a request: `method path`, a header that it must have, the answer.
type Route = (&'static str, &'static str, &'static str);

struct Fake {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Answers by these routes; whatever lacks its header gets 401, whatever is not there 404.
    async fn of(routes: &'static [Route], extra: &'static str) -> Self {
        Self::answering(move |head| {
            let asked = head.lines().next().unwrap_or_default();
            let asked = asked.trim_end_matches(" HTTP/1.1");
            let Some((_, needed, body)) = routes.iter().find(|(route, ..)| *route == asked) else {
                return b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found".to_vec();
            };
            if !needed.is_empty() && !head.lines().any(|line| line.eq_ignore_ascii_case(needed)) {
                return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
            }
            let length = body.len();
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{extra}\r\n{body}").into_bytes()
        })
        .await
    }

    async fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let heard = heads.clone();
        TaskTracker::new().spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut bytes = vec![0; 4_096];
                let read = connection.read(&mut bytes).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&bytes[..read]).into_owned();
                heard.lock().unwrap().push(head.clone());
                let bytes = answer(&head);
                drop(connection.write_all(&bytes).await);
            }
        });
        Self { address, heads }
    }

    async fn asked_as(&self, provider: CloudProvider) -> Result<CloudFacts, AskError> {
        ask(provider, Some(self.address)).await
    }

    fn heard(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

const AWS_TOKEN: &str = "X-aws-ec2-metadata-token: AQAE-t0ken==";
const AWS: &[Route] = &[
    (
        "PUT /latest/api/token",
        "X-aws-ec2-metadata-token-ttl-seconds: 60",
        "AQAE-t0ken==",
    ),
    (
        "GET /latest/dynamic/instance-identity/document",
        AWS_TOKEN,
        r#"{"accountId":"123456789012","architecture":"x86_64","availabilityZone":"eu-central-1a","billingProducts":null,
            "imageId":"ami-0abc","instanceId":"i-0123456789abcdef0","instanceType":"t3.large","kernelId":null,
            "pendingTime":"2026-05-01T10:00:00Z","privateIp":"10.0.0.7","ramdiskId":null,"region":"eu-central-1","version":"2017-09-30"}"#,
    ),
    ("GET /latest/meta-data/public-ipv4", AWS_TOKEN, "203.0.113.7"),
    (
        "GET /latest/meta-data/local-hostname",
        AWS_TOKEN,
        "ip-10-0-0-7.eu-central-1.compute.internal",
    ),
    ("GET /latest/meta-data/instance-life-cycle", AWS_TOKEN, "spot"),
    ("GET /latest/meta-data/tags/instance", AWS_TOKEN, "Team\nName"),
    ("GET /latest/meta-data/tags/instance/Name", AWS_TOKEN, "web 1"),
    ("GET /latest/meta-data/tags/instance/Team", AWS_TOKEN, "shop"),
];

#[tokio::test]
async fn aws_is_asked_with_a_token_and_never_without() {
    let fake = Fake::of(AWS, "").await;
    let facts = fake.asked_as(CloudProvider::Aws).await.unwrap();
    assert_eq!(facts.instance_id, "i-0123456789abcdef0");
    assert_eq!(
        (facts.instance_name.as_str(), facts.charge_type.as_str()),
        ("web 1", "spot")
    );
    assert_eq!(
        (facts.region_id.as_str(), facts.zone_id.as_str()),
        ("eu-central-1", "eu-central-1a")
    );
    assert_eq!(
        (facts.instance_type.as_str(), facts.image_id.as_str()),
        ("t3.large", "ami-0abc")
    );
    assert_eq!(
        (facts.inner_ip.as_str(), facts.public_ip.as_str()),
        ("10.0.0.7", "203.0.113.7")
    );
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(facts.tags, [tag("Name", "web 1"), tag("Team", "shop")]);
    assert!(fake.heard()[0].starts_with("PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n"));

    // No public address, no tags for instances: that is no fault.
    let bare = Fake::of(AWS.split_at(2).0, "").await;
    let facts = bare.asked_as(CloudProvider::Aws).await.unwrap();
    assert_eq!((facts.public_ip.as_str(), facts.tags.len()), ("", 0));

    let refusing = Fake::answering(|head| {
        assert!(head.starts_with("PUT "), "nothing is asked without a token");
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()
    })
    .await;
    let refused = refusing.asked_as(CloudProvider::Aws).await;
    assert!(matches!(refused, Err(AskError::Status(403))));
    assert_eq!(refusing.heard().len(), 1);
}

const ALIYUN_TOKEN: &str = "X-aliyun-ecs-metadata-token: abc";
const ALIYUN: &[Route] = &[
    (
        "PUT /latest/api/token",
        "X-aliyun-ecs-metadata-token-ttl-seconds: 60",
        "abc",
    ),
    (
        "GET /latest/meta-data/instance-id",
        ALIYUN_TOKEN,
        "i-bp13znx0m0me8cquu001",
    ),
    (
        "GET /latest/meta-data/instance/instance-name",
        ALIYUN_TOKEN,
        "商店-1",
    ),
    (
        "GET /latest/meta-data/hostname",
        ALIYUN_TOKEN,
        "iZbp13znx0m0me8cquu001Z",
    ),
    ("GET /latest/meta-data/region-id", ALIYUN_TOKEN, "cn-hangzhou"),
    ("GET /latest/meta-data/zone-id", ALIYUN_TOKEN, "cn-hangzhou-i"),
    (
        "GET /latest/meta-data/instance/instance-type",
        ALIYUN_TOKEN,
        "ecs.g6e.large",
    ),
    (
        "GET /latest/meta-data/image-id",
        ALIYUN_TOKEN,
        "aliyun_3_x64_20G_alibase_20210425.vhd",
    ),
    ("GET /latest/meta-data/private-ipv4", ALIYUN_TOKEN, "172.16.0.7"),
    ("GET /latest/meta-data/eipv4", ALIYUN_TOKEN, "203.0.113.9"),
];
const ALIYUN_PLAIN: &[Route] = &[
    ("GET /latest/meta-data/instance-id", "", "i-old"),
    ("GET /latest/meta-data/region-id", "", "cn-hangzhou"),
    ("GET /latest/meta-data/public-ipv4", "", "203.0.113.1"),
];

#[tokio::test]
async fn aliyun_is_asked_with_a_token_where_it_gives_one() {
    let fake = Fake::of(ALIYUN, "").await;
    let facts = fake.asked_as(CloudProvider::Aliyun).await.unwrap();
    assert_eq!(facts.instance_id, "i-bp13znx0m0me8cquu001");
    assert_eq!(
        (facts.instance_name.as_str(), facts.region_id.as_str()),
        ("商店-1", "cn-hangzhou")
    );
    assert_eq!(
        (facts.inner_ip.as_str(), facts.public_ip.as_str()),
        ("172.16.0.7", "203.0.113.9")
    );
    assert_eq!(
        (facts.zone_id.as_str(), facts.instance_type.as_str()),
        ("cn-hangzhou-i", "ecs.g6e.large")
    );

    let plain = Fake::of(ALIYUN_PLAIN, "").await;
    let facts = plain.asked_as(CloudProvider::Aliyun).await.unwrap();
    assert_eq!(
        (facts.instance_id.as_str(), facts.public_ip.as_str()),
        ("i-old", "203.0.113.1")
    );

    // Hardened, and the token is refused: nothing is told without one.
    let refusing = Fake::of(ALIYUN.split_at(1).1.split_at(1).0, "").await;
    let refused = refusing.asked_as(CloudProvider::Aliyun).await;
    assert!(refused.is_err(), "{refused:?}");
}

const TENCENT: &[Route] = &[
    (
        "GET /latest/meta-data/instance-id",
        "Host: metadata.tencentyun.com",
        "ins-3g445roi",
    ),
    ("GET /latest/meta-data/instance-name", "", "shop"),
    ("GET /latest/meta-data/placement/region", "", "ap-guangzhou"),
    ("GET /latest/meta-data/placement/zone", "", "ap-guangzhou-3"),
    ("GET /latest/meta-data/local-ipv4", "", "10.104.13.59"),
    ("GET /latest/meta-data/public-ipv4", "", "139.199.11.29"),
    (
        "GET /latest/meta-data/payment/charge-type",
        "",
        "POSTPAID_BY_HOUR",
    ),
    (
        "GET /latest/meta-data/payment/termination-time",
        "",
        "2027-01-01 00:00:00",
    ),
];

#[tokio::test]
async fn tencent_s_leaves_are_read() {
    let fake = Fake::of(TENCENT, "").await;
    let facts = fake.asked_as(CloudProvider::Tencent).await.unwrap();
    assert_eq!(
        (facts.instance_id.as_str(), facts.instance_name.as_str()),
        ("ins-3g445roi", "shop")
    );
    assert_eq!(
        (facts.region_id.as_str(), facts.zone_id.as_str()),
        ("ap-guangzhou", "ap-guangzhou-3")
    );
    assert_eq!(
        (facts.inner_ip.as_str(), facts.public_ip.as_str()),
        ("10.104.13.59", "139.199.11.29")
    );
    assert_eq!(facts.charge_type, "POSTPAID_BY_HOUR");
}

const GOOGLE: &str = "Metadata-Flavor: Google";
const GCP: &[Route] = &[
    (
        "GET /computeMetadata/v1/instance/id",
        GOOGLE,
        "4520031799277581759",
    ),
    ("GET /computeMetadata/v1/instance/name", GOOGLE, "web-1"),
    (
        "GET /computeMetadata/v1/instance/zone",
        GOOGLE,
        "projects/123/zones/europe-west3-a",
    ),
    (
        "GET /computeMetadata/v1/instance/machine-type",
        GOOGLE,
        "projects/123/machineTypes/e2-medium",
    ),
    (
        "GET /computeMetadata/v1/instance/image",
        GOOGLE,
        "projects/debian-cloud/global/images/debian-12-bookworm-v20260101",
    ),
    (
        "GET /computeMetadata/v1/instance/hostname",
        GOOGLE,
        "web-1.europe-west3-a.c.shop.internal",
    ),
    (
        "GET /computeMetadata/v1/instance/network-interfaces/0/ip",
        GOOGLE,
        "10.156.0.2",
    ),
    (
        "GET /computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip",
        GOOGLE,
        "203.0.113.3\n",
    ),
    (
        "GET /computeMetadata/v1/instance/scheduling/preemptible",
        GOOGLE,
        "TRUE",
    ),
];

#[tokio::test]
async fn gcp_must_say_that_it_is_google_s() {
    let fake = Fake::of(GCP, "Metadata-Flavor: Google\r\n").await;
    let facts = fake.asked_as(CloudProvider::Gcp).await.unwrap();
    assert_eq!(
        (facts.instance_id.as_str(), facts.instance_name.as_str()),
        ("4520031799277581759", "web-1")
    );
    assert_eq!(
        (facts.region_id.as_str(), facts.zone_id.as_str()),
        ("europe-west3", "europe-west3-a")
    );
    assert_eq!(
        (facts.instance_type.as_str(), facts.charge_type.as_str()),
        ("e2-medium", "spot")
    );
    assert_eq!(
        (facts.inner_ip.as_str(), facts.public_ip.as_str()),
        ("10.156.0.2", "203.0.113.3")
    );
    let asked = fake.heard().join("\n");
    assert!(
        !asked.contains("attributes") && !asked.contains("recursive") && !asked.contains("service-accounts")
    );
    let other = Fake::of(GCP, "").await;
    let refused = other.asked_as(CloudProvider::Gcp).await;
    assert!(matches!(refused, Err(AskError::NotUnderstood)));
    assert_eq!(other.heard().len(), 1);
}

const AZURE: &[Route] = &[(
    "GET /metadata/instance?api-version=2020-09-01",
    "Metadata: true",
    r#"{"compute":{"azEnvironment":"AzurePublicCloud","location":"westeurope","name":"web-1","osType":"Linux","plan":{"name":""},
        "priority":"Regular","storageProfile":{"imageReference":{"id":null,"offer":"debian-12","publisher":"Debian","sku":"12","version":"latest"}},
        "tags":"team:shop","tagsList":[{"name":"team","value":"shop"},{"name":"","value":"x"},{"name":7}],
        "vmId":"02aab8a4-74ef-476e-8182-f6d2ba4166a6","vmSize":"Standard_D2s_v5","zone":"2"},
        "network":{"interface":[{"ipv4":{"ipAddress":[{"privateIpAddress":"10.1.0.4","publicIpAddress":"203.0.113.4"}],
        "subnet":[]},"ipv6":{"ipAddress":[]},"macAddress":"000D3A"}]}}"#,
)];

#[tokio::test]
async fn azure_s_document_is_read() {
    let fake = Fake::of(AZURE, "").await;
    let facts = fake.asked_as(CloudProvider::Azure).await.unwrap();
    assert_eq!(facts.instance_id, "02aab8a4-74ef-476e-8182-f6d2ba4166a6");
    assert_eq!(
        (facts.instance_name.as_str(), facts.zone_id.as_str()),
        ("web-1", "westeurope-2")
    );
    assert_eq!(
        (facts.image_id.as_str(), facts.charge_type.as_str()),
        ("Debian:debian-12:12:latest", "on-demand")
    );
    assert_eq!(
        (facts.inner_ip.as_str(), facts.public_ip.as_str()),
        ("10.1.0.4", "203.0.113.4")
    );
    assert_eq!(facts.tags, [("team".to_owned(), "shop".to_owned())]);
}

#[tokio::test]
async fn whatever_answers_otherwise_says_nothing() {
    let all = [
        CloudProvider::Aws,
        CloudProvider::Aliyun,
        CloudProvider::Tencent,
        CloudProvider::Gcp,
        CloudProvider::Azure,
    ];
    let nobody = TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let garbage = Fake::answering(|_| b"\x16\x03\x01\x02\x00".to_vec()).await;
    let missing = Fake::of(&[], "").await;
    let moved =
        Fake::answering(|_| b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n".to_vec()).await;
    let huge = Fake::answering(|_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\n".to_vec();
        bytes.resize(1 << 20, b'x');
        bytes
    })
    .await;
    // A word with a line end in it would be two words; a word that is no address is none.
    let odd =
        Fake::answering(|_| b"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\ni-1\r\nX: y".to_vec()).await;
    for provider in all {
        assert!(matches!(ask(provider, Some(nobody)).await, Err(AskError::Io(_))));
        for fake in [&garbage, &missing, &moved, &huge, &odd] {
            let told = fake.asked_as(provider).await;
            assert!(told.is_err(), "{provider:?}: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_service_that_keeps_silent_is_left_after_a_while() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // Accepts by its backlog, and never answers.
    let told = ask(CloudProvider::Tencent, Some(address)).await;
    assert!(matches!(told, Err(AskError::Slow)), "{told:?}");
}

#[tokio::test]
async fn what_is_told_is_kept_and_a_bare_machine_asks_nobody() {
    let nowhere = std::path::Path::new("/nowhere");
    assert_eq!(CloudChoice::Auto.provider(nowhere), None);
    assert_eq!(CloudChoice::Off.provider(nowhere), None);
    assert_eq!(CloudChoice::Gcp.provider(nowhere), Some(CloudProvider::Gcp));

    let fake = Fake::of(TENCENT, "").await;
    let (told_tx, mut told) = watch::channel(None);
    let stop = CancellationToken::new();
    let task = TaskTracker::new().spawn(keep(
        CloudProvider::Tencent,
        Some(fake.address),
        told_tx,
        stop.clone(),
    ));
    tokio::time::timeout(Duration::from_secs(10), told.changed())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(told.borrow().as_ref().unwrap().instance_id, "ins-3g445roi");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), task)
        .await
        .unwrap()
        .unwrap();
}
