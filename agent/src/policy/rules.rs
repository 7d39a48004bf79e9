//! The rules for containers.

use std::path::{Component, Path};

use muster_protocol::latest::{ContainerMore, DeploySpec, Mount, PortMapping};

use super::{Policy, PolicyRefusal, pattern::ImageRef};

impl Policy {
    pub(super) fn check_deploy(&self, spec: &DeploySpec) -> Result<(), PolicyRefusal> {
        self.check_image(spec)?;
        let container = &spec.container;
        for port in &container.ports {
            self.check_port(port)?;
        }
        for mount in &container.mounts {
            self.check_mount(mount)?;
        }
        if container.privileged && !self.file.containers.privileged {
            return self.refuse(
                "containers.privileged",
                "the container asks for every privilege",
                "privileged = true under [containers]",
            );
        }
        // `container:ID` would join another container's network name space.
        let shares_network = |name: &String| name == "host" || name.contains(':');
        if container.networks.iter().any(shares_network) && !self.file.containers.host_network {
            return self.refuse(
                "containers.host_network",
                "the container asks for the host's own network",
                "host_network = true under [containers]",
            );
        }
        Ok(())
    }

    fn check_image(&self, spec: &DeploySpec) -> Result<(), PolicyRefusal> {
        let rules = &self.file.images;
        let Ok(image) = spec.image.parse::<ImageRef>() else {
            return Err(PolicyRefusal {
                rule: "images.allow",
                message: format!("`{}` is not an image reference", spec.image),
            });
        };
        let listed = rules.registries.iter().any(|r| r.matches(&image.registry))
            || rules.allow.iter().any(|pattern| pattern.matches(&image));
        if !listed {
            let what = format!("the image {image} is not allowed");
            let how = format!(
                "allow = [\"{}\"] (or registries = [\"{}\"]) under [images]",
                image.name(),
                image.registry
            );
            return self.refuse("images.allow", &what, &how);
        }
        if rules.require_digest && spec.digest.is_none() && image.digest.is_none() {
            let what = format!("the order names no digest for {image}");
            return self.refuse(
                "images.require_digest",
                &what,
                "require_digest = false under [images]",
            );
        }
        Ok(())
    }

    fn check_port(&self, port: &PortMapping) -> Result<(), PolicyRefusal> {
        let wanted = port.host_port;
        if self.file.ports.allow.iter().any(|range| range.holds(wanted)) {
            return Ok(());
        }
        let what = format!("containers may not publish port {wanted} of this host");
        let how = format!("allow = [\"{wanted}\", …] under [ports]");
        self.refuse("ports.allow", &what, &how)
    }

    fn check_mount(&self, mount: &Mount) -> Result<(), PolicyRefusal> {
        let (source, read_only) = match mount {
            // A volume "name" with a slash would be a path to the engine.
            Mount::Volume { name, .. } if name.contains('/') => (name, false),
            Mount::Volume { .. } => return Ok(()),
            Mount::Bind {
                source, read_only, ..
            } => (source, *read_only),
        };
        let allowed = plain_path(source).is_some_and(|real| {
            let rules = &self.file.mounts.bind;
            rules
                .iter()
                .any(|rule| real.starts_with(&rule.path) && (read_only || rule.write))
        });
        if allowed {
            return Ok(());
        }
        let mode = if read_only { "read-only" } else { "for writing" };
        let write = if read_only { "" } else { ", write = true" };
        self.refuse(
            "mounts.bind",
            &format!("containers may not mount {source} {mode}"),
            &format!("bind = [{{ path = \"{source}\"{write} }}] under [mounts]"),
        )
    }
}

/// Log drivers that write where the engine's own data is, to the host's journal or nowhere.
const LOCAL_LOGS: [&str; 4] = ["json-file", "local", "journald", "none"];
/// Drivers that send to a server.
const REMOTE_LOGS: [&str; 3] = ["syslog", "gelf", "fluentd"];

/// The engine writes logs as root: to a server or into its own files, never into a socket or a file of the host. No line
/// of the policy allows more.
pub(super) fn check_more(more: &ContainerMore) -> Result<(), PolicyRefusal> {
    let refuse = |message: String| {
        Err(PolicyRefusal {
            rule: "containers.log",
            message,
        })
    };
    let Some(log) = &more.log else {
        return Ok(());
    };
    let driver = log.driver.as_str();
    if !LOCAL_LOGS.contains(&driver) && !REMOTE_LOGS.contains(&driver) {
        return refuse(format!("the log driver {driver} is not one that hosts take"));
    }
    for (name, value) in &log.options {
        let address = name.ends_with("-address");
        let away = value.starts_with("tcp://") || value.starts_with("udp://");
        if (address && !away) || name.contains("tls-") || value.contains("unix:") {
            return refuse(format!(
                "the log option {name} may name a server as tcp://HOST:PORT or udp://HOST:PORT, and no file or socket"
            ));
        }
    }
    Ok(())
}

/// The path without symbolic links, if it is absolute and has no `..`: a link below an allowed directory that leads
/// elsewhere must not be a way out.
fn plain_path(source: &str) -> Option<std::path::PathBuf> {
    let path = Path::new(source);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !plain {
        return None;
    }
    // What is not there yet has no link to follow but in its parents.
    let mut present = path;
    loop {
        if let Ok(real) = present.canonicalize() {
            return path.strip_prefix(present).ok().map(|rest| {
                if rest.as_os_str().is_empty() {
                    real
                } else {
                    real.join(rest)
                }
            });
        }
        present = present.parent()?;
    }
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;
    use muster_protocol::latest::{ContainerSpec, OrderPayload, Protocol, PullAuth};

    use super::*;

    const IMAGE: &str = "[images]\nallow = [\"r.io/**\"]\n";

    fn order(change: impl FnOnce(&mut DeploySpec)) -> OrderPayload {
        let clock = Clock::system();
        let mut spec = DeploySpec {
            deployment: clock.new_id(),
            application: clock.new_id(),
            environment: "prod".to_owned(),
            version: "1".to_owned(),
            image: "r.io/shop:1".to_owned(),
            digest: None,
            pull_auth: PullAuth::None,
            container: ContainerSpec {
                name: "shop".to_owned(),
                ..ContainerSpec::default()
            },
            health_timeout_ms: 1,
            stop_grace_ms: 1,
        };
        change(&mut spec);
        OrderPayload::Deploy(Box::new(spec))
    }

    fn rule(policy: &str, change: impl FnOnce(&mut DeploySpec)) -> Option<&'static str> {
        let policy = Policy::parse(policy, Path::new("/etc/muster/agent-policy.toml")).unwrap();
        policy.check(&order(change)).err().map(|refusal| refusal.rule)
    }

    fn publish(host_port: u16) -> impl FnOnce(&mut DeploySpec) {
        move |spec| {
            spec.container.ports.push(PortMapping {
                host_ip: None,
                host_port,
                container_port: 80,
                protocol: Protocol::Tcp,
            });
        }
    }

    fn bind(source: &str, read_only: bool) -> impl FnOnce(&mut DeploySpec) {
        let source = source.to_owned();
        move |spec| {
            spec.container.mounts.push(Mount::Bind {
                source,
                target: "/x".to_owned(),
                read_only,
            });
        }
    }

    #[test]
    fn nothing_runs_without_a_policy_and_the_refusal_says_what_to_write() {
        let policy = Policy::load(Path::new("/nonexistent/agent-policy.toml")).unwrap();
        let refusal = policy.check(&order(|_| ())).unwrap_err();
        assert_eq!(refusal.rule, "images.allow");
        assert_eq!(
            refusal.message,
            "the image r.io/shop:1 is not allowed. To allow it, its administrator sets allow = [\"r.io/shop\"] \
             (or registries = [\"r.io\"]) under [images] in /nonexistent/agent-policy.toml on this host"
        );
    }

    #[test]
    fn each_rule_is_named() {
        assert_eq!(rule(IMAGE, |_| ()), None);
        assert_eq!(rule("[images]\nregistries = [\"r.io\"]", |_| ()), None);
        assert_eq!(
            rule(IMAGE, |s| s.image = "evil.io/x".to_owned()),
            Some("images.allow")
        );
        assert_eq!(
            rule(IMAGE, |s| s.container.privileged = true),
            Some("containers.privileged")
        );
        let host = |s: &mut DeploySpec| s.container.networks.push("host".to_owned());
        assert_eq!(rule(IMAGE, host), Some("containers.host_network"));
        let strict = "[images]\nregistries = [\"r.io\"]\nrequire_digest = true";
        assert_eq!(rule(strict, |_| ()), Some("images.require_digest"));
    }

    #[test]
    fn logs_go_into_no_socket_or_file_of_the_host() {
        let refused = |driver: &str, option: &str, value: &str| {
            let more = ContainerMore {
                log: Some(muster_protocol::latest::LogTo {
                    driver: driver.to_owned(),
                    options: vec![(option.to_owned(), value.to_owned())],
                }),
                ..ContainerMore::default()
            };
            check_more(&more).is_err()
        };
        assert!(!refused("json-file", "max-size", "10m"));
        assert!(!refused("gelf", "gelf-address", "udp://logs.example:12201"));
        assert!(refused("syslog", "syslog-address", "unix:///run/docker.sock"));
        assert!(refused("syslog", "syslog-address", "unixgram:///dev/log"));
        assert!(refused("fluentd", "fluentd-address", "unix:///run/docker.sock"));
        assert!(refused("syslog", "syslog-tls-key", "/etc/shadow"));
        assert!(refused("splunk", "splunk-url", "https://logs.example"));
        assert!(check_more(&ContainerMore::default()).is_ok());
    }

    #[test]
    fn privileged_ports_need_listing() {
        assert_eq!(rule(IMAGE, publish(8080)), None);
        assert_eq!(rule(IMAGE, publish(443)), Some("ports.allow"));
        assert_eq!(
            rule(&format!("{IMAGE}[ports]\nallow = [\"443\"]"), publish(443)),
            None
        );
    }

    #[test]
    fn bind_mounts_stay_below_what_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("/etc", root.join("way-out")).unwrap();
        let allowed = format!("{IMAGE}[mounts]\nbind = [{{ path = \"{}\" }}]", root.display());
        let below = |name: &str| root.join(name).display().to_string();
        assert_eq!(rule(IMAGE, bind("/etc", true)), Some("mounts.bind"));
        assert_eq!(rule(&allowed, bind(&below("not-yet-there"), true)), None);
        assert_eq!(rule(&allowed, bind(&below("data"), false)), Some("mounts.bind"));
        assert_eq!(rule(&allowed, bind(&below("../etc"), true)), Some("mounts.bind"));
        assert_eq!(
            rule(&allowed, bind(&below("way-out/shadow"), true)),
            Some("mounts.bind")
        );
        assert_eq!(rule(&allowed, bind("var", true)), Some("mounts.bind"));
    }

    #[test]
    fn a_volume_that_is_really_a_path_is_a_bind_mount() {
        let volume = |s: &mut DeploySpec| {
            s.container.mounts.push(Mount::Volume {
                name: "/etc".to_owned(),
                target: "/x".to_owned(),
                read_only: true,
            });
        };
        assert_eq!(rule(IMAGE, volume), Some("mounts.bind"));
    }

    #[test]
    fn what_muster_did_not_deploy_is_let_alone_unless_the_policy_says_otherwise() {
        let path = Path::new("/etc/muster/agent-policy.toml");
        let rule = |text: &str, managed| {
            let policy = Policy::parse(text, path).unwrap();
            let action = policy
                .check_action("db", managed)
                .err()
                .map(|refusal| refusal.rule);
            let log = policy.check_log("db", managed).err().map(|refusal| refusal.rule);
            (action, log)
        };
        let both = (Some("containers.actions"), Some("containers.logs"));
        assert_eq!(rule("", true), (None, None));
        assert_eq!(rule("", false), both);
        assert_eq!(
            rule("[containers]\nactions = \"none\"\nlogs = \"none\"", true),
            both
        );
        assert_eq!(
            rule("[containers]\nlogs = \"all\"", false),
            (Some("containers.actions"), None)
        );
        let refusal = Policy::parse("", path)
            .unwrap()
            .check_action("db", false)
            .unwrap_err();
        assert_eq!(
            refusal.message,
            "the container db may not be started or stopped from afar: Muster did not deploy it. To allow it, its \
             administrator sets actions = \"all\" under [containers] in /etc/muster/agent-policy.toml on this host"
        );
    }
}
