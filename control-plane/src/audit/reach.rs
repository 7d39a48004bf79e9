//! What somebody who is narrowed to some objects sees of the log: rows about those objects, and what they did
//! themselves.
//!
//! A row names its object by kind and id, and holds what it was before and after: more than its lists would show to
//! whoever is narrowed. So a kind is seen whole where none of its dimensions is narrowed, by ids where its one list
//! tells them, and not at all otherwise; members, roles and what else has no dimension belong to those who are not
//! narrowed. Hosts are those that there are now: a removed one's rows are seen by who isn't narrowed.

use std::collections::BTreeSet;

use super::AuditRow;
use crate::{
    access::{Caller, ObjectKind},
    app::App,
    error::Error,
    fleet,
};

/// Which rows; each set is as the rows have it.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    actors: BTreeSet<String>,
    kinds: BTreeSet<&'static str>,
    /// `kind:id`
    objects: BTreeSet<String>,
}

impl Reach {
    /// The caller's; none if they are not narrowed.
    pub(super) async fn of(app: &App, caller: &Caller) -> Result<Option<Self>, Error> {
        let scope = caller.scope();
        if scope.is_whole() {
            return Ok(None);
        }
        let mut reach = Self::default();
        reach.actors.insert(caller.actor.id());
        reach
            .actors
            .extend(caller.actor.user().map(|user| user.to_string()));

        let keys = |kind| listed(scope.keys(kind));
        let environments = keys(ObjectKind::Environments);
        let clusters = scope
            .place()
            .map(|(_, clusters)| listed(Some(clusters)).unwrap_or_default());
        if clusters.is_none() && environments.is_none() {
            reach.kinds.extend(["host", "hostAccount", "joinToken"]);
        } else if let Some(hosts) = fleet::hosts_in_reach(app, caller).await? {
            reach.some("host", hosts.iter().map(ToString::to_string));
        }
        reach.all_or("cluster", clusters);
        let all_environments = environments.is_none();
        match environments {
            None => {
                reach.kinds.insert("environment");
            }
            Some(names) => {
                // Its policy's rows name it.
                reach.some("environment", names.iter().cloned());
                let known = fleet::list_environments(app, caller.org()).await?.into_iter();
                let known = known.filter(|environment| names.contains(&environment.name));
                reach.some("environment", known.map(|environment| environment.id.to_string()));
            }
        }
        let applications = keys(ObjectKind::Applications);
        if applications.is_none() && all_environments {
            reach.kinds.extend(["deployment", "envVar"]);
        }
        reach.all_or("application", applications);
        let groups = keys(ObjectKind::SecretGroups);
        if groups.is_none() {
            reach.kinds.insert("secret");
        }
        reach.all_or("secretGroup", groups);
        let files = keys(ObjectKind::Files);
        reach.all_or("folder", files.clone());
        reach.all_or("file", files);
        if all_environments {
            let servers = keys(ObjectKind::Servers);
            if servers.is_none() && keys(ObjectKind::Databases).is_none() {
                reach.kinds.extend(["ticket", "execution", "rollout"]);
            }
            reach.all_or("server", servers);
        }
        Ok(Some(reach))
    }

    fn all_or(&mut self, kind: &'static str, some: Option<BTreeSet<String>>) {
        match some {
            None => {
                self.kinds.insert(kind);
            }
            Some(ids) => self.some(kind, ids.into_iter()),
        }
    }

    fn some(&mut self, kind: &str, ids: impl Iterator<Item = String>) {
        self.objects.extend(ids.map(|id| format!("{kind}:{id}")));
    }

    /// Whether they see the row; as the query of the table decides it.
    pub(super) fn passes(&self, row: &AuditRow) -> bool {
        self.actors.contains(&row.actor_id)
            || self.kinds.contains(row.object_kind.as_str())
            || self
                .objects
                .contains(&format!("{}:{}", row.object_kind, row.object_id))
    }

    /// For the query: JSON arrays of actors, kinds and objects.
    pub(super) fn json(&self) -> [String; 3] {
        [json(&self.actors), json(&self.kinds), json(&self.objects)]
    }
}

fn json(set: &impl serde::Serialize) -> String {
    // A list of strings always has a JSON text.
    serde_json::to_string(set).unwrap_or_else(|_| "[]".to_owned())
}

/// The keys of a JSON array; none: all are meant.
fn listed(keys: Option<String>) -> Option<BTreeSet<String>> {
    keys.map(|json| serde_json::from_str(&json).unwrap_or_default())
}
