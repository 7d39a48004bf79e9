//! Golden bytes: what protocol version 1 looks like on the wire, message by message.
//!
//! A test that fails here says that agents of another version would no longer be understood. Never change a file in
//! `golden/`: append a variant or make a new protocol version. New messages get their file by running the tests
//! with `MUSTER_WRITE_GOLDEN=1`, which writes missing files and leaves the others alone.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fmt::Debug, fs, path::PathBuf};

use muster_base::UnixMs;
use muster_protocol::{
    decode, encode,
    v1::{
        Ack, AgentConfig, AgentControl, ContainerFacts, ContainerHealth, ContainerSpec, ContainerState,
        DbDialect, DeploySpec, EnvVar, FleetKeysNotice, Goodbye, HandoverSpec, HealthCheck, Hello, HostFacts,
        JoinRefusal, JoinReply, JoinRequest, Joined, KeysTaken, Mount, OrderEvent, OrderOutcome,
        OrderPayload, OrderRefusal, OrderReply, OrderStatus, PortMapping, Protocol, PullAuth, RenewReply,
        Report, RestartPolicy, SealedSecrets, SecretValues, ServerControl, ServerStream, SignedOrder,
        SigningKeyNotice, SqlSpec, SqlStatement, SqlTarget, StepReport, StepStatus, TailFrame, TailRequest,
        Welcome,
    },
};
use serde::{Serialize, de::DeserializeOwned};

#[path = "golden/cloud.rs"]
mod cloud;
#[path = "golden/containers.rs"]
mod containers;
#[path = "golden/deploys.rs"]
mod deploys;
#[path = "golden/files.rs"]
mod files;
#[path = "golden/guards.rs"]
mod guards;
#[path = "golden/proofs.rs"]
mod proofs;
#[path = "golden/schemas.rs"]
mod schemas;

const AT: UnixMs = UnixMs(1_700_000_000_123);

fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, messages: &[T]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v1/{name}.hex"));
    let lines: Vec<_> = messages
        .iter()
        .map(|message| hex::encode(encode(message).unwrap()))
        .collect();
    if !path.exists() && std::env::var_os("MUSTER_WRITE_GOLDEN").is_some() {
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|_| {
        panic!(
            "{} is missing: run with MUSTER_WRITE_GOLDEN=1 if the message is new",
            path.display()
        )
    });
    let golden: Vec<_> = golden.lines().collect();
    assert_eq!(golden, lines, "{name} looks different on the wire");
    for (line, message) in golden.iter().zip(messages) {
        assert_eq!(decode::<T>(&hex::decode(line).unwrap()).unwrap(), *message);
    }
}

fn id<T: std::str::FromStr<Err: Debug>>(last: u8) -> T {
    format!("0199c0de-0000-7000-8000-0000000000{last:02x}")
        .parse()
        .unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn facts() -> HostFacts {
    HostFacts {
        hostname: text("web-1"),
        os: text("Debian GNU/Linux 12"),
        kernel: text("6.1.0"),
        arch: text("x86_64"),
        cpus: 8,
        cpu_model: text("EPYC"),
        memory_bytes: 1 << 34,
        swap_bytes: 0,
        boot_at: AT,
        docker_version: Some(text("20.10.24")),
        agent_version: text("0.1.0"),
        inner_ip: None,
    }
}

fn notice() -> SigningKeyNotice {
    SigningKeyNotice {
        public_key: vec![1; 32],
        vouched_by: Some([2; 8]),
        signature: vec![3; 64],
    }
}

fn config() -> AgentConfig {
    AgentConfig {
        sample_interval_s: 10,
        samples_per_report: 6,
    }
}

#[test]
fn agent_control() {
    golden(
        "agent_control",
        &[
            AgentControl::Hello(Box::new(Hello {
                versions: (1, 3),
                facts: facts(),
                now: AT,
                seal_public_key: vec![4; 32],
            })),
            AgentControl::Facts(Box::new(facts())),
            AgentControl::Renew { csr_der: vec![5, 6] },
            AgentControl::SealKey {
                public_key: vec![7; 32],
            },
            AgentControl::Bye,
            AgentControl::KeysTaken(KeysTaken {
                roots: vec![[1; 32]],
                signing: vec![[2; 8], [3; 8]],
            }),
        ],
    );
}

#[test]
fn server_control() {
    golden(
        "server_control",
        &[
            ServerControl::Welcome(Box::new(Welcome {
                version: 1,
                session: id(1),
                now: AT,
                config: config(),
                signing_keys: vec![notice()],
                roots_der: vec![vec![8, 9]],
            })),
            ServerControl::Ack(Ack { batch: 300 }),
            ServerControl::Config(config()),
            ServerControl::Renewed(RenewReply::Certificate {
                certificate_der: vec![10],
                roots_der: vec![vec![11], vec![12]],
            }),
            ServerControl::Renewed(RenewReply::Refused),
            ServerControl::Goodbye(Goodbye::Revoked),
            ServerControl::Goodbye(Goodbye::Replaced),
            ServerControl::Goodbye(Goodbye::ShuttingDown),
            ServerControl::Goodbye(Goodbye::UnsupportedVersion),
            ServerControl::Goodbye(Goodbye::ProtocolError),
            ServerControl::Keys(Box::new(FleetKeysNotice {
                signing_keys: vec![notice()],
                roots_der: vec![vec![8, 9], vec![10]],
            })),
        ],
    );
}

#[test]
fn join() {
    golden(
        "join_request",
        &[JoinRequest {
            token: text("mjt_x"),
            csr_der: vec![1, 2],
            seal_public_key: vec![3; 32],
            versions: (1, 1),
            facts: facts(),
        }],
    );
    golden(
        "join_reply",
        &[
            JoinReply::Joined(Box::new(Joined {
                host: id(2),
                org: id(3),
                trust_domain: text("muster.internal"),
                certificate_der: vec![4],
                roots_der: vec![vec![5]],
                signing_keys: vec![SigningKeyNotice {
                    vouched_by: None,
                    signature: Vec::new(),
                    ..notice()
                }],
            })),
            JoinReply::Refused(JoinRefusal::TokenRefused),
            JoinReply::Refused(JoinRefusal::BadRequest),
            JoinReply::Refused(JoinRefusal::UnsupportedVersion),
            JoinReply::Refused(JoinRefusal::Unavailable),
        ],
    );
}

#[test]
fn streams_of_the_control_plane() {
    golden(
        "server_stream",
        &[
            ServerStream::Order(Box::new(SignedOrder {
                body: vec![1, 2, 3],
                key_id: [4; 8],
                signature: vec![5; 64],
                payload: vec![6],
                sealed: vec![7, 8],
            })),
            ServerStream::Cancel(id(4)),
            ServerStream::Tail(TailRequest::Samples { interval_ms: 1_000 }),
        ],
    );
    golden(
        "tail_frame",
        &[TailFrame::Sample(vec![9]), TailFrame::Refused(text("no"))],
    );
    golden(
        "sealed_secrets",
        &[SealedSecrets {
            recipient: [1; 8],
            encapsulated: vec![2; 32],
            ciphertext: vec![3, 4],
        }],
    );
    golden(
        "secret_values",
        &[SecretValues(vec![(text("password"), text("value"))])],
    );
}

fn target(dialect: DbDialect) -> SqlTarget {
    SqlTarget {
        server: id(5),
        dialect,
        host: text("10.0.0.5"),
        port: 5_432,
        username: text("muster"),
        password_secret: text("password"),
        database: text("shop"),
    }
}

fn container(health: HealthCheck, restart: RestartPolicy) -> ContainerSpec {
    ContainerSpec {
        name: text("shop"),
        ports: vec![
            PortMapping {
                host_ip: Some(text("127.0.0.1")),
                host_port: 8_080,
                container_port: 80,
                protocol: Protocol::Tcp,
            },
            PortMapping {
                host_ip: None,
                host_port: 53,
                container_port: 53,
                protocol: Protocol::Udp,
            },
        ],
        env: vec![
            EnvVar::Plain {
                name: text("A"),
                value: text("b"),
            },
            EnvVar::Secret {
                name: text("C"),
                secret: text("d"),
            },
        ],
        mounts: vec![
            Mount::Volume {
                name: text("data"),
                target: text("/data"),
                read_only: false,
            },
            Mount::Bind {
                source: text("/srv"),
                target: text("/srv"),
                read_only: true,
            },
        ],
        networks: vec![text("back")],
        command: Some(vec![text("run")]),
        entrypoint: None,
        user: Some(text("1000")),
        restart,
        health,
        cpu_millis: Some(500),
        memory_bytes: None,
        labels: vec![(text("k"), text("v"))],
        privileged: false,
    }
}

fn deploy(pull_auth: PullAuth, health: HealthCheck, restart: RestartPolicy) -> OrderPayload {
    OrderPayload::Deploy(Box::new(DeploySpec {
        deployment: id(6),
        application: id(7),
        environment: text("prod"),
        version: text("1.4.2"),
        image: text("127.0.0.1:5000/shop:1.4.2"),
        digest: Some(text("sha256:00")),
        pull_auth,
        container: container(health, restart),
        health_timeout_ms: 60_000,
        stop_grace_ms: 10_000,
    }))
}

#[test]
fn order_payload() {
    let basic = PullAuth::UsernamePassword {
        username: text("ci"),
        password_secret: text("registry"),
    };
    let token = PullAuth::Token {
        token_secret: text("registry"),
    };
    let command = HealthCheck::Command {
        command: vec![text("true")],
        interval_ms: 1_000,
        timeout_ms: 2_000,
    };
    let http = HealthCheck::Http {
        port: 80,
        path: text("/healthz"),
        interval_ms: 1_000,
        timeout_ms: 2_000,
    };
    let tcp = HealthCheck::Tcp {
        port: 80,
        interval_ms: 1_000,
        timeout_ms: 2_000,
    };
    golden(
        "order_payload",
        &[
            deploy(PullAuth::None, HealthCheck::Running, RestartPolicy::No),
            deploy(basic, HealthCheck::Image, RestartPolicy::Always),
            deploy(token, command, RestartPolicy::UnlessStopped),
            deploy(PullAuth::None, http, RestartPolicy::OnFailure { max_retries: 3 }),
            deploy(PullAuth::None, tcp, RestartPolicy::No),
            OrderPayload::Sql(Box::new(SqlSpec {
                execution: id(8),
                release: id(9),
                version: text("1.0.Release"),
                sql_sha256: [1; 32],
                target: target(DbDialect::Postgres),
                statements: vec![SqlStatement {
                    sql: text("select 1"),
                    transactional: true,
                    risk: 2,
                }],
                lock_timeout_ms: 5_000,
                statement_timeout_ms: 60_000,
                dry_run: true,
            })),
            OrderPayload::TestServer(target(DbDialect::MySql)),
        ],
    );
}

#[test]
fn order_payload_handover() {
    let OrderPayload::Deploy(spec) = deploy(PullAuth::None, HealthCheck::Image, RestartPolicy::Always) else {
        unreachable!("a deploy");
    };
    golden(
        "order_payload_handover",
        &[OrderPayload::Handover(Box::new(HandoverSpec {
            deploy: *spec,
            http: true,
            grace_ms: 30_000,
        }))],
    );
}

fn step(status: StepStatus) -> OrderReply {
    OrderReply::Event(OrderEvent {
        seq: 3,
        at: AT,
        what: StepReport::Step {
            index: 2,
            name: text("pull"),
            status,
            duration_ms: Some(1_500),
            rows: None,
            detail: text("done"),
        },
    })
}

fn outcome(status: OrderStatus) -> OrderReply {
    OrderReply::Outcome(Box::new(OrderOutcome {
        status,
        started_at: AT,
        ended_at: AT.plus_ms(1),
        error: Some(text("why")),
        digest: Some(text("sha256:00")),
        server_version: None,
        events: 4,
    }))
}

#[test]
fn order_reply() {
    let policy = OrderRefusal::Policy {
        rule: text("images.allow"),
        message: text("not allowed"),
    };
    golden(
        "order_reply",
        &[
            OrderReply::Accepted,
            OrderReply::Refused(OrderRefusal::BadSignature),
            OrderReply::Refused(OrderRefusal::BadDigest),
            OrderReply::Refused(OrderRefusal::WrongHost),
            OrderReply::Refused(OrderRefusal::Expired),
            OrderReply::Refused(OrderRefusal::Replay),
            OrderReply::Refused(OrderRefusal::Unreadable),
            OrderReply::Refused(OrderRefusal::SealedForOldKey),
            OrderReply::Refused(policy),
            step(StepStatus::Running),
            step(StepStatus::Done),
            step(StepStatus::Failed),
            step(StepStatus::Skipped),
            OrderReply::Event(OrderEvent {
                seq: 4,
                at: AT,
                what: StepReport::Log(text("line")),
            }),
            outcome(OrderStatus::Done),
            outcome(OrderStatus::RolledBack),
            outcome(OrderStatus::Cancelled),
            outcome(OrderStatus::Failed),
            outcome(OrderStatus::NeedsAttention),
        ],
    );
}

#[test]
fn report() {
    use ContainerState::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
    let container = |state, health| ContainerFacts {
        id: text("0a"),
        name: text("shop"),
        image: text("shop:1"),
        image_id: text("sha256:01"),
        state,
        health,
        restarts: 2,
        created_at: AT,
        started_at: Some(AT),
        labels: vec![(text("muster.app"), text("shop"))],
        memory_limit_bytes: Some(1 << 28),
    };
    let states = [Created, Running, Paused, Restarting, Removing, Exited, Dead];
    let healths = [
        ContainerHealth::None,
        ContainerHealth::Starting,
        ContainerHealth::Healthy,
        ContainerHealth::Unhealthy,
    ];
    let containers = states
        .into_iter()
        .zip(healths.into_iter().cycle())
        .map(|(s, h)| container(s, h))
        .collect();
    golden(
        "report",
        &[
            Report {
                batch: 7,
                samples: vec![1, 2],
                rollups: vec![3],
                containers: Some(containers),
            },
            Report::default(),
        ],
    );
}
