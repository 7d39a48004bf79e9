//! Object scopes: which objects somebody's operations reach.
//!
//! A permission template narrows kinds of objects to lists; a kind that it doesn't name is not narrowed. Objects
//! granted to a member directly are added to those lists. An API key can narrow once more. Each kind is a dimension
//! and an object must be in reach in every dimension that it has: a deployment by its application *and* its
//! environment. Hosts and clusters are one dimension: a host is in reach by itself or through its cluster. So is a file,
//! by itself or through a folder that it is in.

use std::collections::{BTreeMap, BTreeSet};

use super::{AccessError, Object, ObjectKind};

/// Most objects of one kind in a list.
const MAX_OBJECTS: usize = 1_000;

/// Objects by kind. Ids and names as text, each in the one way it is written.
pub type ObjectSet = BTreeMap<ObjectKind, BTreeSet<String>>;

/// Checks what somebody wrote; `null` is the same as leaving the kind out.
pub(super) fn read_objects(
    written: BTreeMap<ObjectKind, Option<BTreeSet<String>>>,
) -> Result<ObjectSet, AccessError> {
    let mut set = ObjectSet::new();
    for (kind, keys) in written {
        let Some(keys) = keys else { continue };
        if keys.len() > MAX_OBJECTS {
            let message =
                format!("more than {MAX_OBJECTS} objects of a kind: use a cluster or an environment");
            return Err(AccessError::invalid("objects", message));
        }
        let keys = keys.iter().map(|key| kind.key(key)).collect::<Result<_, _>>()?;
        set.insert(kind, keys);
    }
    Ok(set)
}

/// Which objects are in reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Kinds that are narrowed, and to what.
    narrowed: ObjectSet,
    /// Added to what is narrowed.
    granted: ObjectSet,
    /// Narrowed once more, by an API key.
    limited: ObjectSet,
}

impl Scope {
    /// Narrowed to `narrowed`, and `granted` besides.
    pub(super) fn new(narrowed: ObjectSet, granted: ObjectSet) -> Self {
        Self {
            narrowed,
            granted,
            limited: ObjectSet::new(),
        }
    }

    /// The same, narrowed once more.
    pub(super) fn limited_to(mut self, kind: ObjectKind, keys: BTreeSet<String>) -> Self {
        self.limited.insert(kind, keys);
        self
    }

    /// Whether everything is in reach.
    pub fn is_whole(&self) -> bool {
        self.narrowed.is_empty() && self.limited.is_empty()
    }

    /// Passes if the object is in reach; else the kind by which it is not.
    pub fn reaches(&self, object: &Object<'_>) -> Result<(), ObjectKind> {
        match *object {
            Object::Cluster(cluster) => self.reaches_place(None, Some(cluster.to_string())),
            Object::Host {
                id,
                cluster,
                environment,
            } => {
                self.reaches_place(Some(id.to_string()), cluster.map(|id| id.to_string()))?;
                self.reaches_environment(environment)
            }
            Object::Place { cluster, environment } => {
                self.reaches_place(None, cluster.map(|id| id.to_string()))?;
                self.reaches_environment(environment)
            }
            Object::Environment(name) => self.reaches_environment(Some(name)),
            Object::Application(id) => self.reaches_one(ObjectKind::Applications, &id.to_string()),
            Object::ApplicationIn(id, environment) => {
                self.reaches_one(ObjectKind::Applications, &id.to_string())?;
                self.reaches_environment(Some(environment))
            }
            // A folder brings what is in it.
            Object::File(path) => {
                let reached = |id: &uuid::Uuid| self.reaches_one(ObjectKind::Files, &id.to_string()).is_ok();
                if path.iter().any(reached) {
                    Ok(())
                } else {
                    Err(ObjectKind::Files)
                }
            }
            Object::Server { id, environment } => {
                self.reaches_one(ObjectKind::Servers, &id.to_string())?;
                self.reaches_environment(Some(environment))
            }
            Object::Database {
                name,
                environment,
                servers,
            } => {
                self.reaches_one(ObjectKind::Databases, name)?;
                self.reaches_environment(Some(environment))?;
                servers
                    .iter()
                    .try_for_each(|id| self.reaches_one(ObjectKind::Servers, &id.to_string()))
            }
            Object::DatabaseName(name) => self.reaches_one(ObjectKind::Databases, name),
            Object::SecretGroup(id) => self.reaches_one(ObjectKind::SecretGroups, &id.to_string()),
            Object::All(kind) => {
                let place = matches!(kind, ObjectKind::Hosts | ObjectKind::Clusters);
                if self.keys(kind).is_some() || (place && self.place().is_some()) {
                    return Err(kind);
                }
                Ok(())
            }
        }
    }

    fn reaches_one(&self, kind: ObjectKind, key: &str) -> Result<(), ObjectKind> {
        let has = |set: &ObjectSet| set.get(&kind).is_some_and(|keys| keys.contains(key));
        let open = !self.narrowed.contains_key(&kind) || has(&self.narrowed) || has(&self.granted);
        let limited = self.limited.contains_key(&kind) && !has(&self.limited);
        if open && !limited { Ok(()) } else { Err(kind) }
    }

    fn reaches_environment(&self, name: Option<&str>) -> Result<(), ObjectKind> {
        // What is in no environment is in reach only of those who are not narrowed to some.
        self.reaches_one(ObjectKind::Environments, name.unwrap_or_default())
    }

    fn reaches_place(&self, host: Option<String>, cluster: Option<String>) -> Result<(), ObjectKind> {
        let Some(place) = self.place_sets() else {
            return Ok(());
        };
        let inside =
            host.is_some_and(|id| place.0.contains(&id)) || cluster.is_some_and(|id| place.1.contains(&id));
        if inside { Ok(()) } else { Err(ObjectKind::Hosts) }
    }

    /// Hosts and clusters in reach; none if all are.
    fn place_sets(&self) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let (hosts, clusters) = (ObjectKind::Hosts, ObjectKind::Clusters);
        if !self.narrowed.contains_key(&hosts) && !self.narrowed.contains_key(&clusters) {
            return None;
        }
        let listed = |kind| {
            let sets = [self.narrowed.get(&kind), self.granted.get(&kind)];
            sets.into_iter().flatten().flatten().cloned().collect()
        };
        Some((listed(hosts), listed(clusters)))
    }

    /// What a list's query filters hosts by: JSON arrays of the hosts and the clusters in reach. None: all are.
    pub fn place(&self) -> Option<(String, String)> {
        let (hosts, clusters) = self.place_sets()?;
        Some((json(&hosts), json(&clusters)))
    }

    /// What a list's query filters other kinds by: a JSON array of the keys in reach. None: all are.
    pub fn keys(&self, kind: ObjectKind) -> Option<String> {
        let listed = self.narrowed.get(&kind).map(|keys| {
            let granted = self.granted.get(&kind).into_iter().flatten();
            keys.iter().chain(granted).cloned().collect::<BTreeSet<_>>()
        });
        let keys = match (listed, self.limited.get(&kind)) {
            (Some(listed), Some(limit)) => listed.intersection(limit).cloned().collect(),
            (Some(listed), None) => listed,
            (None, Some(limit)) => limit.clone(),
            (None, None) => return None,
        };
        Some(json(&keys))
    }

    /// Whether whatever is in reach here is in reach of `other` too.
    pub fn is_within(&self, other: &Self) -> bool {
        let kinds = other.narrowed.keys().chain(other.limited.keys());
        kinds.copied().all(|kind| match (kind, self.place_sets()) {
            (ObjectKind::Hosts | ObjectKind::Clusters, Some((hosts, clusters))) => {
                other.place_sets().is_none_or(|place| {
                    // A host of a cluster in reach could be named by itself: only its cluster tells, so it isn't within.
                    hosts.is_subset(&place.0) && clusters.is_subset(&place.1)
                })
            }
            (ObjectKind::Hosts | ObjectKind::Clusters, None) => false,
            _ => self
                .set_of(kind)
                .is_some_and(|keys| keys.iter().all(|key| other.reaches_one(kind, key).is_ok())),
        })
    }

    fn set_of(&self, kind: ObjectKind) -> Option<BTreeSet<String>> {
        self.keys(kind).and_then(|json| serde_json::from_str(&json).ok())
    }

    /// What is narrowed, for people.
    pub fn shown(&self) -> BTreeMap<ObjectKind, BTreeSet<String>> {
        let kinds = self.narrowed.keys().chain(self.limited.keys()).copied();
        let set = |kind| {
            let place = matches!(kind, ObjectKind::Hosts | ObjectKind::Clusters);
            let keys = match (kind, self.place_sets().filter(|_| place)) {
                (ObjectKind::Hosts, Some((hosts, _))) => hosts,
                (_, Some((_, clusters))) => clusters,
                (_, None) => self.set_of(kind).unwrap_or_default(),
            };
            (kind, keys)
        };
        kinds.map(set).collect()
    }
}

fn json(keys: &BTreeSet<String>) -> String {
    // A list of strings always has a JSON text.
    serde_json::to_string(keys).unwrap_or_else(|_| "[]".to_owned())
}

#[cfg(test)]
mod tests {
    use muster_base::{ApplicationId, ClusterId, HostId};
    use uuid::Uuid;

    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn set(kind: ObjectKind, keys: &[&str]) -> ObjectSet {
        BTreeMap::from([(kind, keys.iter().map(|key| (*key).to_owned()).collect())])
    }

    fn host(id: Uuid, cluster: Option<Uuid>, environment: Option<&str>) -> Object<'_> {
        Object::Host {
            id: HostId::from_uuid(id),
            cluster: cluster.map(ClusterId::from_uuid),
            environment,
        }
    }

    #[test]
    fn nothing_narrowed_reaches_everything() {
        let scope = Scope::default();
        assert!(scope.is_whole() && scope.place().is_none());
        assert!(scope.reaches(&host(A, None, None)).is_ok());
        assert!(scope.reaches(&Object::All(ObjectKind::Hosts)).is_ok());
    }

    #[test]
    fn a_host_is_reached_by_itself_or_through_its_cluster() {
        let by_host = Scope::new(set(ObjectKind::Hosts, &[&A.to_string()]), ObjectSet::new());
        assert!(by_host.reaches(&host(A, Some(B), Some("prod"))).is_ok());
        assert_eq!(by_host.reaches(&host(B, None, None)), Err(ObjectKind::Hosts));
        assert!(
            by_host
                .reaches(&Object::Cluster(ClusterId::from_uuid(B)))
                .is_err()
        );

        let granted = set(ObjectKind::Clusters, &[&B.to_string()]);
        let both = Scope::new(set(ObjectKind::Hosts, &[&A.to_string()]), granted);
        assert!(
            both.reaches(&host(B, Some(B), None)).is_ok(),
            "a granted cluster brings its hosts"
        );
        assert!(both.reaches(&host(B, Some(A), None)).is_err());
    }

    #[test]
    fn every_dimension_of_an_object_counts() {
        let mut narrowed = set(ObjectKind::Environments, &["dev"]);
        narrowed.extend(set(ObjectKind::Applications, &[&A.to_string()]));
        let scope = Scope::new(narrowed, ObjectSet::new());
        let application = ApplicationId::from_uuid(A);
        assert!(scope.reaches(&Object::ApplicationIn(application, "dev")).is_ok());
        assert_eq!(
            scope.reaches(&Object::ApplicationIn(application, "prod")),
            Err(ObjectKind::Environments)
        );
        assert!(
            scope.reaches(&host(A, None, None)).is_err(),
            "a host in no environment"
        );
    }

    #[test]
    fn a_file_is_reached_by_itself_or_through_a_folder_that_it_is_in() {
        let scope = Scope::new(set(ObjectKind::Files, &[&A.to_string()]), ObjectSet::new());
        assert!(scope.reaches(&Object::File(&[A])).is_ok());
        assert!(scope.reaches(&Object::File(&[A, B])).is_ok());
        assert_eq!(scope.reaches(&Object::File(&[B])), Err(ObjectKind::Files));
        assert!(Scope::default().reaches(&Object::File(&[B])).is_ok());
    }

    #[test]
    fn a_key_s_limit_narrows_what_is_open_and_what_is_listed() {
        let only = BTreeSet::from([A.to_string()]);
        let open = Scope::default().limited_to(ObjectKind::Applications, only.clone());
        assert!(
            open.reaches(&Object::Application(ApplicationId::from_uuid(A)))
                .is_ok()
        );
        assert!(
            open.reaches(&Object::Application(ApplicationId::from_uuid(B)))
                .is_err()
        );
        let listed = set(ObjectKind::Applications, &[&B.to_string()]);
        let none = Scope::new(listed, ObjectSet::new()).limited_to(ObjectKind::Applications, only);
        assert_eq!(none.keys(ObjectKind::Applications).as_deref(), Some("[]"));
    }

    #[test]
    fn nobody_gives_a_wider_scope_than_their_own() {
        let narrow = Scope::new(set(ObjectKind::Hosts, &[&A.to_string()]), ObjectSet::new());
        let wide = Scope::new(
            set(ObjectKind::Hosts, &[&A.to_string(), &B.to_string()]),
            ObjectSet::new(),
        );
        assert!(narrow.is_within(&wide) && !wide.is_within(&narrow));
        assert!(narrow.is_within(&Scope::default()) && !Scope::default().is_within(&narrow));
        let elsewhere = Scope::new(set(ObjectKind::Environments, &["dev"]), ObjectSet::new());
        assert!(
            !elsewhere.is_within(&narrow),
            "all hosts of dev may be more than host A"
        );
    }
}
