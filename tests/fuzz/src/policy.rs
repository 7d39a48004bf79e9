//! The host's policy file.

use std::{path::Path, sync::LazyLock};

use muster_agent::policy::Policy;
use muster_base::Clock;
use muster_protocol::latest::{
    ContainerSpec, DbDialect, DeploySpec, Mount, OrderPayload, PullAuth, SqlSpec, SqlStatement, SqlTarget,
};

/// A deployment that needs images, a bind mount and a privileged container to be allowed.
static DEPLOY: LazyLock<OrderPayload> = LazyLock::new(|| {
    let clock = Clock::system();
    OrderPayload::Deploy(Box::new(DeploySpec {
        deployment: clock.new_id(),
        application: clock.new_id(),
        environment: "prod".into(),
        version: "1".into(),
        image: "r.io/team/shop:1".into(),
        digest: None,
        pull_auth: PullAuth::None,
        container: ContainerSpec {
            name: "shop".into(),
            mounts: vec![Mount::Bind {
                source: "/srv/shop".into(),
                target: "/data".into(),
                read_only: false,
            }],
            privileged: true,
            ..ContainerSpec::default()
        },
        health_timeout_ms: 1,
        stop_grace_ms: 1,
    }))
});

static RELEASE: LazyLock<OrderPayload> = LazyLock::new(|| {
    let clock = Clock::system();
    OrderPayload::Sql(Box::new(SqlSpec {
        execution: clock.new_id(),
        release: clock.new_id(),
        version: "1".into(),
        sql_sha256: [0; 32],
        target: SqlTarget {
            server: clock.new_id(),
            dialect: DbDialect::Postgres,
            host: "db.internal".into(),
            port: 5432,
            username: "muster".into(),
            password_secret: "password".into(),
            database: "shop".into(),
        },
        statements: vec![SqlStatement {
            sql: "select 1".into(),
            transactional: true,
            risk: 3,
        }],
        lock_timeout_ms: 1,
        statement_timeout_ms: 1,
        dry_run: false,
    }))
});

/// A policy's text.
pub fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let path = Path::new("/etc/muster/agent-policy.toml");
    // What can't be read is no policy: there is nothing to ask, so nothing is allowed.
    let Ok(policy) = Policy::parse(text, path) else {
        return;
    };
    let table: toml::Table = text.parse().expect("a policy is TOML");
    let lists = |section: &str, key: &str| {
        let list = table.get(section).and_then(|section| section.get(key));
        list.and_then(toml::Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    let switch = |section: &str, key: &str| {
        let switch = table.get(section).and_then(|section| section.get(key));
        switch.and_then(toml::Value::as_bool) == Some(true)
    };
    if policy.check(&DEPLOY).is_ok() {
        assert!(lists("images", "allow") || lists("images", "registries"));
        assert!(
            lists("mounts", "bind"),
            "a bind mount that nothing lists was allowed"
        );
        assert!(switch("containers", "privileged"));
        assert!(!switch("images", "require_digest"));
    }
    if policy.check(&RELEASE).is_ok() {
        let databases = table.get("databases").and_then(toml::Value::as_array);
        assert!(databases.is_some_and(|list| !list.is_empty()));
        assert!(
            table.to_string().contains("unknown"),
            "a statement that nobody can read was allowed"
        );
    }
    assert_eq!(
        policy.may_replace_unmanaged(),
        switch("containers", "replace_unmanaged")
    );
    for misspelt in ["imagess = 1", "\"\" = 1"] {
        assert!(Policy::parse(&format!("{misspelt}\n{text}"), path).is_err());
    }
}
