//! What a sync has to do: what is here compared with what is at the provider.
//!
//! A secret is the same one if its name is, or else if the provider calls it the same and its old name is gone there:
//! then it was renamed, and what refers to it goes on referring to it. One that is there and could not be taken stays here
//! as it is: it is not gone.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{ExposeSecret, SecretId, SecretString};

use super::infisical::Remote;

/// A secret of the group.
#[derive(Clone)]
pub(super) struct Local {
    pub id: SecretId,
    pub name: String,
    pub reference: Option<String>,
    pub stale: bool,
    pub version: i64,
    /// None if the sealed value can't be opened: the provider's replaces it.
    pub value: Option<SecretString>,
}

/// What a secret that is here becomes.
pub(super) struct Change {
    pub id: SecretId,
    pub name: String,
    pub reference: String,
    pub version: i64,
    /// A new version with this value.
    pub value: Option<SecretString>,
    pub renamed: bool,
    /// It was stale.
    pub restored: bool,
}

/// What is at the provider and can't be a secret here: names and references.
#[derive(Default)]
pub(super) struct Untaken {
    pub names: BTreeSet<String>,
    pub references: BTreeSet<String>,
}

impl Untaken {
    fn has(&self, secret: &Local) -> bool {
        let referred = secret.reference.as_ref();
        self.names.contains(&secret.name) || referred.is_some_and(|one| self.references.contains(one))
    }
}

/// What is to be done.
#[derive(Default)]
pub(super) struct Plan {
    pub added: Vec<(String, Remote)>,
    pub changed: Vec<Change>,
    /// No longer at the provider.
    pub gone: Vec<SecretId>,
    pub unchanged: usize,
}

/// Compares.
pub(super) fn plan(local: Vec<Local>, mut remote: BTreeMap<String, Remote>, untaken: &Untaken) -> Plan {
    let mut plan = Plan::default();
    let names: BTreeSet<String> = local.iter().map(|secret| secret.name.clone()).collect();
    let mut left = Vec::new();
    for secret in local {
        match remote.remove(&secret.name) {
            Some(found) => {
                let name = secret.name.clone();
                plan.compare(secret, name, found);
            }
            None => left.push(secret),
        }
    }
    let mut by_reference: BTreeMap<String, String> = remote
        .iter()
        .filter(|(name, _)| !names.contains(*name))
        .map(|(name, found)| (found.reference.clone(), name.clone()))
        .collect();
    for secret in left {
        let renamed = secret
            .reference
            .as_ref()
            .and_then(|reference| by_reference.remove(reference));
        match renamed.and_then(|name| remote.remove_entry(&name)) {
            Some((name, found)) => plan.compare(secret, name, found),
            None if untaken.has(&secret) => plan.unchanged += 1,
            None => plan.gone.push(secret.id),
        }
    }
    plan.added = remote.into_iter().collect();
    plan
}

impl Plan {
    fn compare(&mut self, secret: Local, name: String, found: Remote) {
        let same = secret
            .value
            .is_some_and(|value| value.expose_secret() == found.value.expose_secret());
        let renamed = name != secret.name;
        let referred = secret.reference.as_ref() == Some(&found.reference);
        if same && !renamed && !secret.stale && referred {
            self.unchanged += 1;
            return;
        }
        self.changed.push(Change {
            id: secret.id,
            name,
            reference: found.reference,
            version: secret.version,
            value: (!same).then_some(found.value),
            renamed,
            restored: secret.stale,
        });
    }
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;
    use proptest::prelude::*;

    use super::*;

    fn remote(secrets: &[(String, u8, String)]) -> BTreeMap<String, Remote> {
        let one = |(name, reference, value): &(String, u8, String)| {
            let reference = format!("{name}-{reference}");
            let value = SecretString::from(value.clone());
            (name.clone(), Remote { reference, value })
        };
        secrets.iter().map(one).collect()
    }

    /// What would be here after a plan; every secret that is gone is removed.
    fn applied(plan: Plan, before: Vec<Local>) -> Vec<Local> {
        let mut after: BTreeMap<SecretId, Local> = before.into_iter().map(|one| (one.id, one)).collect();
        for id in &plan.gone {
            after.remove(id);
        }
        for change in plan.changed {
            let old = after.remove(&change.id).unwrap();
            let version = old.version + i64::from(change.value.is_some());
            let new = Local {
                id: change.id,
                name: change.name,
                reference: Some(change.reference),
                stale: false,
                version,
                value: change.value.or(old.value),
            };
            after.insert(change.id, new);
        }
        for (name, found) in plan.added {
            let id = Clock::system().new_id();
            let new = Local {
                id,
                name,
                reference: Some(found.reference),
                stale: false,
                version: 1,
                value: Some(found.value),
            };
            after.insert(id, new);
        }
        after.into_values().collect()
    }

    proptest! {
        #[test]
        fn after_a_sync_there_is_nothing_to_do(
            first in prop::collection::vec(("[A-D]", 0_u8..3, "[xy]"), 0..5),
            second in prop::collection::vec(("[A-D]", 0_u8..3, "[xy]"), 0..5),
        ) {
            let none = Untaken::default();
            let here = applied(plan(Vec::new(), remote(&first), &none), Vec::new());
            let count = remote(&second).len();
            let here = applied(plan(here.clone(), remote(&second), &none), here);
            let names: BTreeSet<_> = here.iter().map(|one| one.name.clone()).collect();
            prop_assert_eq!(names.len(), here.len());
            let again = plan(here, remote(&second), &none);
            prop_assert!(again.added.is_empty() && again.changed.is_empty() && again.gone.is_empty());
            prop_assert_eq!(again.unchanged, count);
        }
    }

    #[test]
    fn a_new_name_of_the_same_secret_is_a_new_name() {
        let here = applied(
            plan(
                Vec::new(),
                remote(&[("A".to_owned(), 0, "x".to_owned())]),
                &Untaken::default(),
            ),
            Vec::new(),
        );
        let id = here[0].id;
        let value = SecretString::from("x");
        let reference = "A-0".to_owned();
        let there = BTreeMap::from([("B".to_owned(), Remote { reference, value })]);
        let plan = plan(here, there, &Untaken::default());
        assert!(plan.added.is_empty() && plan.gone.is_empty());
        let change = &plan.changed[0];
        assert_eq!((change.id, change.name.as_str(), change.renamed), (id, "B", true));
        assert!(change.value.is_none());
    }
}
