//! Rotation of the CA and of the key that signs work orders. The super administrator begins it; the rest happens by
//! itself, and can be hurried.
//!
//! ```text
//! CA       next ──→ current ──→ previous ──→ gone
//! signing           current ──→ previous ──→ gone
//! ```
//!
//! | step | by itself | what it means |
//! |---|---|---|
//! | a CA begins as `next` | | hosts are told of it as a second root; it issues nothing |
//! | `next` → `current` | every host believes it, or a day is over | it issues, join commands pin it; the other is `previous` |
//! | CA `previous` → `gone` | no host has a certificate of it, or 30 days are over | its root is believed by nobody; its private key is deleted |
//! | a signing key begins as `current` | | the older one vouches for it; it signs for each host from when that host believes it |
//! | signing `previous` → `gone` | a day is over | the newer one's signed word makes hosts forget it; its private key is deleted |
//!
//! Connected hosts are told at once and say what they believe from then on; others hear of it when they come. While a
//! CA is `previous` the door still has a certificate of it, for those who ask by the older root: a host that was away
//! for the whole rotation comes back, is told, and gets a certificate of the new CA. Sessions stay open throughout; a
//! host comes again once, with its new certificate. After `gone`, a host that still has the older certificate must
//! join anew; `retire` names how many there are and refuses, unless it is forced or the time is over.
//!
//! Orders that were signed by the older key and not answered yet are the same bytes under the newer key's signature
//! when they are sent again: same id, same number, so that none is done twice.

use muster_base::UnixMs;
use muster_identity::{
    Fingerprint,
    ca::CertificateAuthority,
    certificate,
    keys::{SigningKey, VerifyingKey},
    spiffe::TrustDomain,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    FleetError, key_store,
    key_store::{CA, KeyState, SIGNING, StoredKey},
    key_use::Uses,
    store,
};
use crate::{
    access::{Actor, Identity},
    app::App,
    audit::{self, Entry},
    in_tx,
};

/// A CA is announced for so long at most, for hosts that are away.
const ANNOUNCED_MS: i64 = UnixMs::DAY;
/// A CA counts for so long at most after another took its place.
const PREVIOUS_CA_MS: i64 = 30 * UnixMs::DAY;
/// A signing key counts for so long after another took its place.
const PREVIOUS_SIGNING_MS: i64 = UnixMs::DAY;

/// What rotates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FleetKeyKind {
    /// The CA that issues certificates.
    Ca,
    /// The key that signs work orders.
    Signing,
}

impl FleetKeyKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => CA,
            Self::Signing => SIGNING,
        }
    }
}

/// The fleet's keys and where they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetKeysStatus {
    /// Hosts that are not removed.
    pub hosts: i64,
    /// CAs, oldest first.
    pub ca: Vec<FleetKeyStatus>,
    /// Signing keys, oldest first.
    pub signing: Vec<FleetKeyStatus>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetKeyStatus {
    /// A CA's fingerprint as join commands pin it; a signing key's id.
    pub id: String,
    /// `next`, `current`, `previous` or `gone`.
    pub state: String,
    /// Since when.
    pub since: UnixMs,
    /// When a CA's own certificate ends; null for a signing key.
    pub expires_at: Option<UnixMs>,
    /// Hosts that have said that they believe it.
    pub believers: i64,
    /// Hosts that have a certificate of this CA; 0 for a signing key.
    pub certificates: i64,
}

/// Shows the fleet's keys.
pub async fn status(app: &App, who: &Identity) -> Result<FleetKeysStatus, FleetError> {
    who.require_super_admin()?;
    app.fleet_keys().await?;
    let uses = Uses::count(&app.db).await?;
    let (mut ca, mut signing) = (Vec::new(), Vec::new());
    for row in store::key::list(&app.db).await? {
        let of_ca = row.kind == CA;
        let id = if of_ca {
            Fingerprint::of(&row.public).to_string()
        } else {
            hex::encode(VerifyingKey::from_bytes(&row.public)?.id())
        };
        let status = FleetKeyStatus {
            believers: uses.believers(bare(&id)),
            certificates: uses.certificates(row.id),
            expires_at: of_ca
                .then(|| certificate::root_validity(&row.public))
                .transpose()?
                .map(|(_, end)| end),
            since: row.since(),
            state: row.state,
            id,
        };
        let list = if of_ca { &mut ca } else { &mut signing };
        list.push(status);
    }
    Ok(FleetKeysStatus {
        hosts: store::host_identity::count(&app.db).await?,
        ca,
        signing,
    })
}

/// Begins a rotation.
pub async fn rotate(app: &App, who: &Identity, kind: FleetKeyKind) -> Result<FleetKeysStatus, FleetError> {
    who.require_super_admin()?;
    let keys = app.fleet_keys().await?;
    let rows = store::key::list(&app.db).await?;
    if in_state(&rows, kind, KeyState::Next).is_some() || in_state(&rows, kind, KeyState::Previous).is_some()
    {
        return Err(FleetError::RotationUnderWay);
    }
    match kind {
        FleetKeyKind::Ca => {
            let ca = CertificateAuthority::generate(&keys.trust_domain, app.clock.now())?;
            let public = ca.certificate_der().to_vec();
            let private = ca.key().pkcs8_der();
            let mut new = StoredKey::new(app, CA, public, private, &keys.trust_domain, KeyState::Next)?;
            put_last(&mut new, &rows);
            let entry = entry("keys:rotate", &new, "a new CA is announced to the hosts");
            in_tx!(app.db, |tx| {
                store::key::insert_new(tx, &new).await.map_err(under_way)?;
                audit::record(app, tx, who, None, entry).await?;
            });
        }
        FleetKeyKind::Signing => rotate_signing(app, who, &rows).await?,
    }
    app.reload_fleet_keys().await?;
    status(app, who).await
}

/// The chain of keys is read in the order of their times, whatever the clock did.
fn put_last(new: &mut StoredKey, rows: &[StoredKey]) {
    let last = rows.iter().map(|row| row.created_at.0).max().unwrap_or_default();
    new.created_at = UnixMs(new.created_at.0.max(last.saturating_add(1)));
}

async fn rotate_signing(app: &App, who: &Identity, rows: &[StoredKey]) -> Result<(), FleetError> {
    let old = in_state(rows, FleetKeyKind::Signing, KeyState::Current)
        .ok_or_else(|| key_store::corrupt(SIGNING))?;
    let signer = SigningKey::generate()?;
    let vouch = old.open_signer(app)?.vouch_for(signer.public_key());
    let public = signer.public_key().0.to_vec();
    let domain: TrustDomain = old
        .trust_domain
        .parse()
        .map_err(|_| key_store::corrupt("trust domain"))?;
    let mut new = StoredKey::new(
        app,
        SIGNING,
        public,
        signer.pkcs8_der(),
        &domain,
        KeyState::Current,
    )?;
    put_last(&mut new, rows);
    new.vouched_by = Some(vouch.by.to_vec());
    new.vouch_signature = Some(vouch.signature);
    let entry = entry(
        "keys:rotate",
        &new,
        "a new key signs work orders; the older one vouches for it",
    );
    in_tx!(app.db, |tx| {
        let now = app.clock.now();
        if !store::key::set_state(tx, old.id, KeyState::Current, KeyState::Previous, now).await? {
            return Err(FleetError::RotationUnderWay);
        }
        store::key::insert_new(tx, &new).await.map_err(under_way)?;
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(())
}

/// Lets the announced CA issue, also if not every host has heard of it: those ask by the older root.
pub async fn advance(app: &App, who: &Identity) -> Result<FleetKeysStatus, FleetError> {
    who.require_super_admin()?;
    do_advance(app, who).await?;
    status(app, who).await
}

async fn do_advance(app: &App, who: &Identity) -> Result<(), FleetError> {
    let rows = store::key::list(&app.db).await?;
    let (Some(next), Some(current)) = (
        in_state(&rows, FleetKeyKind::Ca, KeyState::Next),
        in_state(&rows, FleetKeyKind::Ca, KeyState::Current),
    ) else {
        return Err(FleetError::NoRotation);
    };
    let entry = entry("keys:advance", next, "the new CA issues certificates");
    in_tx!(app.db, |tx| {
        let now = app.clock.now();
        let moved = store::key::set_state(tx, current.id, KeyState::Current, KeyState::Previous, now).await?
            && store::key::set_state(tx, next.id, KeyState::Next, KeyState::Current, now).await?;
        if !moved {
            return Err(FleetError::NoRotation);
        }
        audit::record(app, tx, who, None, entry).await?;
    });
    app.reload_fleet_keys().await
}

/// Ends a rotation: the older key counts no more. A CA that hosts still have certificates of only by `force`.
pub async fn retire(
    app: &App,
    who: &Identity,
    kind: FleetKeyKind,
    force: bool,
) -> Result<FleetKeysStatus, FleetError> {
    who.require_super_admin()?;
    do_retire(app, who, kind, force).await?;
    status(app, who).await
}

async fn do_retire(app: &App, who: &Identity, kind: FleetKeyKind, force: bool) -> Result<(), FleetError> {
    let rows = store::key::list(&app.db).await?;
    let (Some(old), Some(current)) = (
        in_state(&rows, kind, KeyState::Previous),
        in_state(&rows, kind, KeyState::Current),
    ) else {
        return Err(FleetError::NoRotation);
    };
    let left = match kind {
        FleetKeyKind::Ca => Uses::count(&app.db).await?.certificates(old.id),
        FleetKeyKind::Signing => 0,
    };
    if left > 0 && !force {
        return Err(FleetError::StillNeeded(left));
    }
    let word = match kind {
        FleetKeyKind::Ca => None,
        FleetKeyKind::Signing => {
            let public = VerifyingKey::from_bytes(&old.public)?;
            Some(current.open_signer(app)?.retire(public))
        }
    };
    let word = word
        .as_ref()
        .map(|word| (word.by.as_slice(), word.signature.as_slice()));
    let detail = format!("it counts no more; {left} hosts have a certificate of it");
    let entry = entry("keys:retire", old, &detail);
    in_tx!(app.db, |tx| {
        if !store::key::set_gone(tx, old.id, word, app.clock.now()).await? {
            return Err(FleetError::NoRotation);
        }
        audit::record(app, tx, who, None, entry).await?;
    });
    app.reload_fleet_keys().await
}

/// What happens by itself, once a minute.
pub(super) fn progress(app: &App) -> crate::schedule::Running<'_> {
    Box::pin(async move { Ok(try_progress(app).await?) })
}

pub(crate) async fn try_progress(app: &App) -> Result<(), FleetError> {
    let muster = Identity {
        actor: Actor::System { part: "key rotation" },
        ip: None,
        platform: None,
    };
    let now = app.clock.now();
    let rows = store::key::list(&app.db).await?;
    let older_than = |row: &StoredKey, ms| now.ms_since(row.since()) >= ms;
    if let Some(next) = in_state(&rows, FleetKeyKind::Ca, KeyState::Next) {
        let id = Fingerprint::of(&next.public).to_string();
        let believers = Uses::count(&app.db).await?.believers(bare(&id));
        if believers >= store::host_identity::count(&app.db).await? || older_than(next, ANNOUNCED_MS) {
            do_advance(app, &muster).await?;
        }
    } else if let Some(old) = in_state(&rows, FleetKeyKind::Ca, KeyState::Previous) {
        let over = older_than(old, PREVIOUS_CA_MS);
        if over || Uses::count(&app.db).await?.certificates(old.id) == 0 {
            do_retire(app, &muster, FleetKeyKind::Ca, over).await?;
        }
    }
    if let Some(old) = in_state(&rows, FleetKeyKind::Signing, KeyState::Previous)
        && older_than(old, PREVIOUS_SIGNING_MS)
    {
        do_retire(app, &muster, FleetKeyKind::Signing, false).await?;
    }
    Ok(())
}

fn in_state(rows: &[StoredKey], kind: FleetKeyKind, state: KeyState) -> Option<&StoredKey> {
    rows.iter()
        .find(|row| row.kind == kind.as_str() && row.state().is_ok_and(|found| found == state))
}

fn entry(operation: &str, key: &StoredKey, detail: &str) -> Entry {
    Entry::done(operation, "fleetKey", key.id).detail(format!("{}: {detail}", key.kind))
}

/// Somebody else was faster.
fn under_way(error: crate::db::DbError) -> FleetError {
    if error.is_unique_violation() {
        FleetError::RotationUnderWay
    } else {
        error.into()
    }
}

/// A fingerprint's digits alone, as hosts' rows have them.
fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

#[cfg(test)]
mod tests;
