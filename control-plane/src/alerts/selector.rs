//! Which hosts and containers a rule or silence means.

use muster_base::{ClusterId, HostId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{fields::Fields, limits};
use crate::fleet::{HostPlace, Labels};

/// Which hosts: those that pass everything that is given; all, if nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AlertHosts {
    /// One of these.
    pub ids: Vec<HostId>,
    /// With all these labels.
    pub labels: Labels,
    /// Of this environment.
    pub environment: Option<String>,
    /// In this cluster.
    pub cluster_id: Option<ClusterId>,
}

impl AlertHosts {
    pub(super) fn select(&self, host: &HostPlace) -> bool {
        (self.ids.is_empty() || self.ids.contains(&host.id))
            && host.labels.contain(&self.labels)
            && self
                .environment
                .as_ref()
                .is_none_or(|wanted| host.environment.as_ref() == Some(wanted))
            && self.cluster_id.is_none_or(|wanted| host.cluster == Some(wanted))
    }

    /// Whether it names hosts and nothing else.
    pub(super) fn names_hosts(&self) -> bool {
        !self.ids.is_empty()
    }

    pub(super) fn check(&self, fields: &mut Fields) {
        fields.count("hosts.ids", self.ids.len(), limits::NAMES);
        fields.count("hosts.labels", self.labels.0.len(), 64);
        for (key, value) in &self.labels.0 {
            fields.line("hosts.labels", key, 63);
            fields.line("hosts.labels", value, 255);
        }
        if let Some(environment) = &self.environment {
            fields.line("hosts.environment", environment, 128);
        }
    }
}

/// Whether `name` is one of `patterns`; a `*` at the end stands for any ending. All are, if there are none.
pub(super) fn names(patterns: &[String], name: &str) -> bool {
    patterns.is_empty()
        || patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => pattern == name,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_passes_everything_that_is_given() {
        let clock = muster_base::Clock::system();
        let host = HostPlace {
            id: clock.new_id(),
            name: "web-1".to_owned(),
            cluster: Some(clock.new_id()),
            environment: Some("prod".to_owned()),
            labels: Labels([("tier".to_owned(), "web".to_owned())].into()),
            certificate_expires_at: muster_base::UnixMs(0),
            last_seen_at: None,
        };
        let select = |change: fn(&mut AlertHosts)| {
            let mut wanted = AlertHosts::default();
            change(&mut wanted);
            wanted.select(&host)
        };
        assert!(select(|_| {}));
        assert!(select(|wanted| wanted.environment = Some("prod".to_owned())));
        assert!(!select(|wanted| wanted.environment = Some("dev".to_owned())));
        assert!(select(
            |wanted| wanted.labels = Labels([("tier".to_owned(), "web".to_owned())].into())
        ));
        assert!(!select(
            |wanted| wanted.labels = Labels([("tier".to_owned(), "db".to_owned())].into())
        ));
        assert!(!select(
            |wanted| wanted.cluster_id = Some(muster_base::Clock::system().new_id())
        ));
        assert!(!select(
            |wanted| wanted.ids = vec![muster_base::Clock::system().new_id()]
        ));
    }

    #[test]
    fn a_star_at_the_end_stands_for_any_ending() {
        let patterns = ["web".to_owned(), "shop-*".to_owned()];
        assert!(names(&patterns, "web") && names(&patterns, "shop-1"));
        assert!(!names(&patterns, "web-1") && !names(&patterns, "shop"));
        assert!(names(&[], "anything"));
    }
}
