//! The master keys and what is derived from them.
//!
//! A master key is 32 random bytes in a file (`master.key`, 0600), in the environment (`MUSTER_MASTER_KEY`) or in a
//! systemd credential (`muster-master-key`); never in the database. Every use has its own key, derived by
//! HKDF-SHA256 with the use's name, so that no two uses share one.
//!
//! Each of the three places holds `KEY`, and during a rotation `KEY,OLDER…` or `KEY,next:KEY` (64 hexadecimal digits
//! each; commas, blanks or line ends between them). The first **seals**; the others only **open**.
//!
//! # A rotation's states
//! ```text
//! stable  A          ─→ announced  A,next:B  ─→ switched  B,A  ─→ stable  B
//! ```
//! | step | when it is taken | why not earlier |
//! |---|---|---|
//! | announced → switched | every control plane that serves has B | one without it could not read what another seals |
//! | switched → stable | every one seals with B, nothing is sealed by A any more, and a request that began before the switch has ended | A's values would be lost |
//!
//! `muster keys rotate` takes these steps on the key file ([`rotate`]); what is sealed by an older key is sealed anew
//! in batches, by it and by every serving control plane ([`rewrap()`]). A serving control plane reads the file again
//! when it changes, and keeps what it once knew until it ends, so that tokens which a retired key signed go on
//! counting meanwhile. Every state is in the key file and the rows themselves: whatever dies can be run again.
//!
//! With the key in the environment or a credential the operator takes the same steps by restarts: `A,next:B`
//! everywhere, then `B,A` everywhere, and `B` once `muster keys status` shows nothing sealed by A. Several control
//! planes on one database each need the file: the rotation waits for the one that lacks it, and says which.
//!
//! # Tables
//! `control_planes`: who serves, and which master keys each has. Written every five seconds, removed at a stop.
//!
//! # What fails
//! Another control plane serves the database with other master keys ([`strangers`]): the start stops and says so. No key, a file that others may read, or one that can't be read: the start stops and says so. A value sealed by a
//! key that is not here is never half-opened; a rotation does not drop a key that any value still needs.

mod presence;
mod rewrap;
mod ring;
pub mod rotate;
mod source;
mod store;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use zeroize::Zeroizing;

pub(crate) use self::presence::own_name;
pub use self::{
    presence::{Plane, start, strangers},
    rewrap::{Census, Rewrapped, Shelf, ShelfKind, census, rewrap},
    ring::{MasterKey, Purpose, Ring},
    source::{FILE_NAME, KeyError, Source},
};

/// The process's keys. Clones share them.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    ring: RwLock<Arc<Ring>>,
    source: Source,
}

impl Keys {
    /// Keys from one master key, kept nowhere.
    pub fn new(master: [u8; 32]) -> Self {
        Self::from_ring(Ring::of(MasterKey::new(master)), Source::Memory)
    }

    fn from_ring(ring: Ring, source: Source) -> Self {
        Self(Arc::new(Inner {
            ring: RwLock::new(Arc::new(ring)),
            source,
        }))
    }

    /// Reads the master keys from the environment, a systemd credential or `data/master.key`, in that order.
    pub fn load(data: &Path) -> Result<Self, KeyError> {
        let source = Source::find(data)?;
        Ok(Self::from_ring(source.read()?, source))
    }

    /// As [`Keys::load`], making `data/master.key` if there is no key at all.
    pub fn load_or_create(data: &Path) -> Result<Self, KeyError> {
        match Self::load(data) {
            Err(KeyError::Missing) => {
                let source = Source::File(data.join(FILE_NAME));
                let ring = Ring::of(MasterKey::generate());
                source.create(&ring)?;
                Ok(Self::from_ring(ring, source))
            }
            Ok(keys) => {
                keys.0.source.clean_up()?;
                Ok(keys)
            }
            Err(error) => Err(error),
        }
    }

    /// Where they come from.
    pub fn source(&self) -> &Source {
        &self.0.source
    }

    /// The keys as they are now.
    pub fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.0.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Names the master key that seals, without telling anything of it: 8 hexadecimal digits.
    pub fn id(&self) -> String {
        self.ring().current.id().to_owned()
    }

    /// The key for one purpose: what is sealed or signed now uses it.
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        self.ring().current.derive(purpose)
    }

    /// Every key for one purpose, the present one first: what was sealed or signed before is opened by one of them.
    pub fn derive_all(&self, purpose: Purpose) -> Vec<Zeroizing<[u8; 32]>> {
        self.ring().all().map(|master| master.derive(purpose)).collect()
    }

    /// Reads the source again. Keys that it no longer holds still open until the process ends. Whether anything
    /// changed.
    pub fn reload(&self) -> Result<bool, KeyError> {
        let read = self.0.source.read()?;
        let mut ring = self.0.ring.write().unwrap_or_else(PoisonError::into_inner);
        let merged = read.keeping(&ring);
        let changed = merged.ids() != ring.ids();
        if changed {
            *ring = Arc::new(merged);
        }
        Ok(changed)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
