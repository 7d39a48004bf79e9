//! Sealing anew what an older master key sealed, batch by batch.
//!
//! A row is replaced only if it still holds what was read, so that a value which somebody changes meanwhile is theirs,
//! and several may do this at once. What is not done yet is known by the rows themselves: there is no progress to lose.

use std::collections::BTreeMap;

use muster_base::OrgId;
use serde::Serialize;
use uuid::Uuid;

use super::{Keys, Purpose, store};
use crate::{
    access, audit,
    db::{Db, DbError},
    fleet, in_tx, notify, secrets,
    secrets::seal::{Place, Sealer},
};

/// Rows in one transaction.
const BATCH: i64 = 200;

/// A column of sealed values. The room that owns the table says what the values are bound to.
#[derive(Debug, Clone, Copy)]
pub struct Shelf {
    /// The table.
    pub table: &'static str,
    /// The column with the sealed text.
    pub column: &'static str,
    /// Which derived key seals it.
    pub purpose: Purpose,
    /// The column with the org; none for what belongs to the control plane itself.
    pub org: Option<&'static str>,
    /// The place's kind.
    pub kind: ShelfKind,
    /// The column with the place's id.
    pub id: &'static str,
    /// The column with the place's version; none where there is only one.
    pub version: Option<&'static str>,
}

/// How a row says its place's kind.
#[derive(Debug, Clone, Copy)]
pub enum ShelfKind {
    /// All rows are of this one.
    Always(&'static str),
    /// A column says which of these.
    Column(&'static str, &'static [&'static str]),
}

/// A sealed value and what it is bound to.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) place: Place,
    pub(super) value: String,
}

impl Shelf {
    /// What `kind` is as a constant.
    pub(super) fn kind_of(&self, kind: &str) -> Result<&'static str, DbError> {
        match self.kind {
            ShelfKind::Always(kind) => Ok(kind),
            ShelfKind::Column(_, kinds) => kinds
                .iter()
                .find(|known| **known == kind)
                .copied()
                .ok_or_else(|| DbError::Corrupt(format!("{}: kind {kind}", self.table))),
        }
    }

    pub(super) fn place(
        &self,
        org: OrgId,
        kind: &str,
        id: Uuid,
        version: Option<i64>,
    ) -> Result<Place, DbError> {
        Ok(Place {
            org,
            kind: self.kind_of(kind)?,
            id,
            version: version.unwrap_or(0),
        })
    }
}

/// Every shelf of the product.
fn shelves() -> impl Iterator<Item = &'static Shelf> {
    secrets::SHELVES
        .iter()
        .chain(fleet::SHELVES)
        .chain(notify::SHELVES)
        .chain(access::SHELVES)
        .chain(audit::SHELVES)
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewrapped {
    /// Values that are sealed by the present key now.
    pub values: u64,
    /// Values that their own key does not open: changed, or moved to another row.
    pub damaged: u64,
}

/// Seals anew whatever an older key of `keys` sealed.
pub async fn rewrap(db: &Db, keys: &Keys) -> Result<Rewrapped, DbError> {
    let mut done = Rewrapped::default();
    let ring = keys.ring();
    for shelf in shelves() {
        let sealer = Sealer::of(keys, shelf.purpose);
        // Not those of the next key: whoever switched earlier would have its values sealed back.
        for older in &ring.previous {
            let older = Sealer::key_id(&older.derive(shelf.purpose));
            done.damaged += rewrap_shelf(db, shelf, &sealer, &older, &mut done.values).await?;
        }
    }
    Ok(done)
}

/// One shelf's values of one older key; how many are damaged.
async fn rewrap_shelf(
    db: &Db,
    shelf: &'static Shelf,
    sealer: &Sealer,
    older: &str,
    values: &mut u64,
) -> Result<u64, DbError> {
    loop {
        let rows = store::sealed::list(db, shelf, older, BATCH).await?;
        let (mut replaced, mut damaged) = (0, 0);
        in_tx!(db, |tx| {
            for row in &rows {
                match anew(sealer, row) {
                    Some(text) => {
                        replaced += u64::from(store::sealed::replace(tx, shelf, row, &text).await?);
                    }
                    None => damaged += 1,
                }
            }
        });
        *values += replaced;
        if rows.is_empty() || replaced == 0 {
            return Ok(damaged);
        }
    }
}

fn anew(sealer: &Sealer, row: &Sealed) -> Option<String> {
    let plain = sealer.open(&row.place, &row.value).ok()?;
    sealer.seal(&row.place, &plain).ok()
}

/// How many values each master key seals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Census {
    /// By the id of the master key.
    pub known: BTreeMap<String, i64>,
    /// Sealed by a key that is not here, by the id in the sealed text.
    pub unknown: BTreeMap<String, i64>,
}

/// Counts what is sealed, by key.
pub async fn census(db: &Db, keys: &Keys) -> Result<Census, DbError> {
    let ring = keys.ring();
    let mut census = Census {
        known: ring.ids().into_iter().map(|id| (id, 0)).collect(),
        unknown: BTreeMap::new(),
    };
    for shelf in shelves() {
        for (key_id, count) in store::sealed::count(db, shelf).await? {
            let master = ring
                .all()
                .find(|master| Sealer::key_id(&master.derive(shelf.purpose)) == key_id);
            let (counts, id) = match master {
                Some(master) => (&mut census.known, master.id().to_owned()),
                None => (&mut census.unknown, key_id),
            };
            *counts.entry(id).or_default() += count;
        }
    }
    Ok(census)
}
