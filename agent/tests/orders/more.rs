//! What a container asks for beside its ports and volumes reaches the engine, and no image is pulled that may not be.

use muster_protocol::latest::{
    ContainerMore, DeploySpec, FullDeploySpec, LogTo, OrderPayload, OrderStatus, PullPolicy, SignedOrder,
    Ulimit,
};

use crate::{
    bench::{POLICY, TestHost},
    engine::{self, PASSWORD, Place},
};

const GOOD: &str = "1.0.0";
const NEXT: &str = "1.1.0";

fn order(host: &TestHost, deploy: DeploySpec, more: ContainerMore, password: &str) -> SignedOrder {
    let payload = OrderPayload::FullDeploy(Box::new(FullDeploySpec {
        deploy,
        handover: None,
        more,
    }));
    let head = host.head(&payload);
    host.sign(head, &payload, &[(PASSWORD, password)], &host.signer)
}

#[tokio::test]
async fn a_container_s_settings_reach_the_engine() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let text = str::to_owned;
    let more = ContainerMore {
        ulimits: vec![Ulimit {
            name: text("nofile"),
            soft: 512,
            hard: 1_024,
        }],
        log: Some(LogTo {
            driver: text("json-file"),
            options: vec![(text("max-size"), text("1m"))],
        }),
        extra_hosts: vec![(text("db.local"), text("10.9.8.7"))],
        pull: PullPolicy::Always,
        stop_signal: Some(text("SIGINT")),
    };
    let order = order(&host, host.web(&place, GOOD), more, &engine::registry_password());
    let said = host.worker(&order).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    let of = |what: &str| place.inspect(what);
    assert_eq!(of("{{.Config.StopSignal}}"), "SIGINT");
    assert_eq!(
        of("{{range .HostConfig.Ulimits}}{{.Name}} {{.Soft}} {{.Hard}}{{end}}"),
        "nofile 512 1024"
    );
    assert_eq!(
        of("{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config \"max-size\"}}"),
        "json-file 1m"
    );
    assert_eq!(of("{{.HostConfig.ExtraHosts}}"), "[db.local:10.9.8.7]");
}

#[tokio::test]
async fn what_may_not_be_pulled_is_here_with_its_digest_or_the_old_one_serves_on() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let right = engine::registry_password();
    let with = |pull| ContainerMore {
        pull,
        ..ContainerMore::default()
    };
    let first = order(&host, host.web(&place, GOOD), with(PullPolicy::Missing), &right);
    let said = host.worker(&first).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    let digest = said.outcome().digest.clone().unwrap();

    // It is here: nobody asks the registry, which would refuse.
    for pull in [PullPolicy::Missing, PullPolicy::Never] {
        let spec = DeploySpec {
            digest: Some(digest.clone()),
            ..host.web(&place, GOOD)
        };
        let said = host
            .worker(&order(&host, spec, with(pull), "not the password"))
            .await
            .all()
            .await;
        assert_eq!(said.outcome().status, OrderStatus::Done, "{pull:?} {said:#?}");
        assert_eq!(said.outcome().digest.as_ref(), Some(&digest));
    }

    // The name is here, with another digest: that is not what was asked for.
    let before = place.life();
    let spec = DeploySpec {
        digest: Some(format!("sha256:{}", "ab".repeat(32))),
        ..host.web(&place, GOOD)
    };
    let said = host
        .worker(&order(&host, spec, with(PullPolicy::Never), &right))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack, "{said:#?}");
    let error = said.outcome().error.as_deref().unwrap();
    assert!(error.contains("its pull policy is `never`"), "{error}");
    let spec = DeploySpec {
        image: format!(
            "{}/nobody/pushed:{NEXT}",
            engine::image(GOOD).split('/').next().unwrap()
        ),
        ..host.web(&place, GOOD)
    };
    let said = host
        .worker(&order(&host, spec, with(PullPolicy::Never), &right))
        .await
        .all()
        .await;
    assert_eq!(said.outcome().status, OrderStatus::RolledBack, "{said:#?}");
    assert_eq!(place.life(), before, "the old container was not even restarted");
    assert_eq!(place.served().as_deref(), Some(GOOD));
}

#[tokio::test]
async fn a_host_s_sockets_are_not_for_logs() {
    let place = Place::new();
    let host = TestHost::new(POLICY);
    let more = ContainerMore {
        log: Some(LogTo {
            driver: "syslog".to_owned(),
            options: vec![("syslog-address".to_owned(), "unix:///run/docker.sock".to_owned())],
        }),
        ..ContainerMore::default()
    };
    let order = order(&host, host.web(&place, GOOD), more, &engine::registry_password());
    let said = host.worker(&order).await.all().await;
    let refusal = format!("{:?}", said.refusal());
    assert!(refusal.contains("containers.log"), "{refusal}");
}
