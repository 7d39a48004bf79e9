//! Who uses which of the fleet's keys, counted for all of them in two queries.

use uuid::Uuid;

use super::store::host_identity;
use crate::db::{Db, DbError};

/// What hosts believe and have, counted by what they have in common.
#[derive(Debug, Default)]
pub(super) struct Uses {
    beliefs: Vec<host_identity::Belief>,
    certificates: Vec<(Option<Uuid>, i64)>,
}

impl Uses {
    pub(super) async fn count(db: &Db) -> Result<Self, DbError> {
        Ok(Self {
            beliefs: host_identity::count_beliefs(db).await?,
            certificates: host_identity::count_certificates(db).await?,
        })
    }

    /// Hosts that believe a root or signing key, by its hexadecimal id.
    pub(super) fn believers(&self, id: &str) -> i64 {
        let believed = |belief: &&host_identity::Belief| {
            let lists = [&belief.roots, &belief.signing];
            lists.into_iter().flatten().any(|list| list.contains(id))
        };
        self.beliefs
            .iter()
            .filter(believed)
            .map(|belief| belief.hosts)
            .sum()
    }

    /// Hosts that have a certificate of this CA.
    pub(super) fn certificates(&self, ca: Uuid) -> i64 {
        let of = self.certificates.iter().filter(|(of, _)| *of == Some(ca));
        of.map(|(_, hosts)| hosts).sum()
    }
}
