//! Deploys that ask for more than agents before protocol version 5 know.

use muster_protocol::v1::{
    ContainerMore, ContainerSpec, DeploySpec, FullDeploySpec, HandoverTerms, LogTo, OrderPayload, PullAuth,
    PullPolicy, Ulimit,
};

use super::{golden, id, text};

#[test]
fn deploys_that_ask_for_more() {
    let plain = FullDeploySpec {
        deploy: DeploySpec {
            deployment: id(1),
            application: id(2),
            environment: text("prod"),
            version: text("1.4.2"),
            image: text("r.io/shop:1.4.2"),
            digest: None,
            pull_auth: PullAuth::None,
            container: ContainerSpec {
                name: text("shop"),
                ..ContainerSpec::default()
            },
            health_timeout_ms: 60_000,
            stop_grace_ms: 10_000,
        },
        handover: None,
        more: ContainerMore {
            pull: PullPolicy::Never,
            ..ContainerMore::default()
        },
    };
    let full = FullDeploySpec {
        handover: Some(HandoverTerms {
            http: true,
            grace_ms: 30_000,
        }),
        more: ContainerMore {
            ulimits: vec![Ulimit {
                name: text("nofile"),
                soft: 1_024,
                hard: -1,
            }],
            log: Some(LogTo {
                driver: text("json-file"),
                options: vec![(text("max-size"), text("10m"))],
            }),
            extra_hosts: vec![(text("db"), text("10.0.0.7"))],
            pull: PullPolicy::Missing,
            stop_signal: Some(text("SIGINT")),
        },
        ..plain.clone()
    };
    golden(
        "order_payload_full_deploy",
        &[plain, full].map(|spec| OrderPayload::FullDeploy(Box::new(spec))),
    );
}
