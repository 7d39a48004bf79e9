//! The new version does not come up: the old one is put back.

use muster_protocol::latest::{DeploySpec, HealthCheck};

use super::{CRASHING, End, NEXT, SICK, put_back, serving, shell};
use crate::engine::Place;

struct Case {
    name: &'static str,
    version: &'static str,
    change: fn(&mut DeploySpec),
    end: End,
}

const CASES: &[Case] = &[
    Case {
        name: "it crashes at its start",
        version: CRASHING,
        change: |_| (),
        end: put_back(&["health"], &["exit", "code 1", "its last lines are in the log"]),
    },
    Case {
        name: "its command is not in the image",
        version: NEXT,
        change: |spec| spec.container.command = Some(vec!["/bin/nothing".to_owned()]),
        end: put_back(&["start-new"], &["/bin/nothing", "put back and runs"]),
    },
    Case {
        name: "it never gets healthy",
        version: SICK,
        change: |spec| spec.health_timeout_ms = 1_500,
        end: put_back(&["health"], &["not healthy within 1500 ms", "status 404"]),
    },
    Case {
        name: "nothing listens in it",
        version: NEXT,
        change: |spec| {
            spec.container.command = Some(shell("sleep 60"));
            spec.health_timeout_ms = 1_000;
        },
        end: put_back(&["health"], &["port 8080", "refused"]),
    },
    Case {
        name: "it runs, and dies before its time is over",
        version: NEXT,
        change: |spec| {
            spec.container.command = Some(shell("/bin/busybox httpd -p 8080 -h /www; sleep 1; exit 3"));
            spec.container.health = HealthCheck::Running;
        },
        end: put_back(&["health"], &["exit", "code 3"]),
    },
    Case {
        name: "its own check finds it sick",
        version: NEXT,
        change: |spec| {
            spec.container.health = HealthCheck::Command {
                command: ["/bin/busybox", "false"].map(str::to_owned).to_vec(),
                interval_ms: 100,
                timeout_ms: 1_000,
            };
            spec.health_timeout_ms = 1_000;
        },
        end: put_back(&["health"], &["health check"]),
    },
    Case {
        name: "it wants a network that is not there",
        version: NEXT,
        change: |spec| spec.container.networks = vec!["no-such-network".to_owned()],
        end: put_back(&["start-new"], &["no-such-network"]),
    },
];

#[tokio::test]
async fn a_version_that_does_not_come_up_is_undone() {
    let place = Place::new();
    let host = serving(&place).await;
    let old = place.inspect("{{.Id}}");
    for case in CASES {
        let mut spec = host.web(&place, case.version);
        (case.change)(&mut spec);
        let said = host.worker(&host.deploy(spec)).await.all().await;
        case.end.check(case.name, &place, &said);
        assert_eq!(place.inspect("{{.Id}}"), old, "{}", case.name);
        assert!(place.is_alone(), "{}: {:?}", case.name, place.containers());
    }
}

#[tokio::test]
async fn a_port_that_somebody_has_is_undone() {
    let place = Place::new();
    let host = serving(&place).await;
    let program = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = Place::new();
    let published = format!("127.0.0.1:{}:8080", other.port);
    let image = place.inspect("{{.Image}}");
    other.docker(&[
        "run",
        "--detach",
        "--name",
        &other.name,
        "--publish",
        &published,
        &image,
    ]);
    assert!(!other.containers().is_empty());
    for (name, port) in [
        ("a program has the port", program.local_addr().unwrap().port()),
        ("another container has the port", other.port),
    ] {
        let mut spec = host.web(&place, NEXT);
        spec.container.ports[0].host_port = port;
        let said = host.worker(&host.deploy(spec)).await.all().await;
        let says = &[
            "a port is taken on the host",
            "publish the application at another port",
        ];
        put_back(&["start-new"], says).check(name, &place, &said);
        assert!(place.is_alone(), "{name}");
    }
}
