//! The master key and what it seals, the CAs, rotations that were not ended.

use muster_base::{UnixMs, doctor::Finding};

use super::{Patient, Unlocked, said, unreadable};
use crate::{
    access::{Actor, Identity},
    app::App,
    fleet::rotation::{self, FleetKeyStatus},
    keys::{self, KeyError, Keys},
};

/// A root that ends sooner is to be rotated.
const ROOT_SOON_MS: i64 = 180 * UnixMs::DAY;
/// A rotation takes days, not longer.
const ROTATION_LONG_MS: i64 = 45 * UnixMs::DAY;
const SEALED: &str = "without it no secret, no CA and no signing key can be opened";

/// The master keys, if they can be had.
pub(super) fn master(patient: &Patient, findings: &mut Vec<Finding>) -> Unlocked {
    let error = match Keys::load(&patient.data) {
        Ok(keys) => {
            let ring = keys.ring();
            let what = format!("master key {} from {}", keys.id(), keys.source());
            findings.push(Finding::ok("keys.master", what));
            if ring.all().count() > 1 {
                findings.push(Finding::warning(
                    "keys.rotation",
                    format!(
                        "a rotation of the master key is under way: {}",
                        ring.ids().join(", ")
                    ),
                    "the older key still opens what it sealed",
                    "muster keys rotate takes it to its end",
                ));
            }
            return Some(keys);
        }
        Err(error) => error,
    };
    let todo = match &error {
        KeyError::Missing => "put the master key back, from a backup or wherever it is kept".to_owned(),
        KeyError::Exposed(path) => format!(
            "chmod 600 {}; if others may have read it: muster keys rotate",
            path.display()
        ),
        KeyError::Malformed => "put the right master key back; a new one opens nothing".to_owned(),
        KeyError::File(..) | KeyError::Fixed(_) => "mend what the error says".to_owned(),
    };
    findings.push(Finding::problem("keys.master", said(&error), SEALED, todo));
    None
}

/// What the keys open, and how the fleet's keys stand.
pub(super) async fn look(app: &App) -> Vec<Finding> {
    let mut findings = Vec::new();
    match keys::census(&app.db, &app.keys).await {
        Ok(census) if census.unknown.is_empty() => {
            let values: i64 = census.known.values().sum();
            findings.push(Finding::ok(
                "keys.sealed",
                format!("{values} sealed values, all by keys that are here"),
            ));
        }
        Ok(census) => {
            let values: i64 = census.unknown.values().sum();
            findings.push(Finding::problem(
                "keys.sealed",
                format!("{values} values are sealed by a master key that is not here"),
                "they can't be opened: this is not the key that sealed the data, or an older one is missing",
                "put the key that sealed them into the key file, after the present one and a comma",
            ));
        }
        Err(error) => findings.push(unreadable("keys.sealed", &error)),
    }
    findings.extend(strangers(app).await);
    if let Err(error) = app.fleet_keys().await {
        findings.push(Finding::problem(
            "keys.fleet",
            said(&error),
            "no host can join, connect or be given work",
            "see keys.sealed; if the row itself was changed, restore a backup",
        ));
        return findings;
    }
    let who = Identity {
        actor: Actor::SuperAdmin {
            account: "doctor".to_owned(),
            session: None,
        },
        ip: None,
        platform: None,
    };
    match rotation::status(app, &who).await {
        Ok(status) => {
            let now = app.clock.now();
            findings.extend(
                status
                    .ca
                    .iter()
                    .filter(|ca| ca.state == "current")
                    .map(|ca| root(ca, now)),
            );
            let all = status.ca.iter().chain(&status.signing);
            findings.extend(all.filter_map(|key| lingering(key, now)));
        }
        Err(error) => findings.push(unreadable("keys.fleet", &error)),
    }
    findings
}

/// Other control planes on this database must have the same master keys.
async fn strangers(app: &App) -> Option<Finding> {
    match keys::strangers(app).await {
        Ok(strangers) => strangers.first().map(|stranger| {
            Finding::problem(
                "keys.peers",
                format!(
                    "the control plane {} serves this database with another master key ({}) than this one's ({})",
                    stranger.name,
                    stranger.master_keys.join(", "),
                    app.keys.id()
                ),
                "neither can open what the other seals: secrets, CAs, signing keys",
                "give both the same master.key",
            )
        }),
        Err(error) => Some(unreadable("keys.peers", &error)),
    }
}

fn root(ca: &FleetKeyStatus, now: UnixMs) -> Finding {
    let end = ca.expires_at.unwrap_or(now);
    let left_ms = end.ms_since(now);
    let what = format!("the CA {} ends at {end}", ca.id);
    let todo = "muster keys rotate ca";
    if left_ms <= 0 {
        Finding::problem("keys.ca", what, "no host can connect any more", todo)
    } else if left_ms < ROOT_SOON_MS {
        let why = "after that no host can connect, and a rotation needs weeks for hosts that are away";
        Finding::warning("keys.ca", what, why, todo)
    } else {
        Finding::ok("keys.ca", what)
    }
}

fn lingering(key: &FleetKeyStatus, now: UnixMs) -> Option<Finding> {
    let long = now.ms_since(key.since) > ROTATION_LONG_MS;
    let open = key.state == "next" || key.state == "previous";
    (open && long).then(|| {
        Finding::warning(
            "keys.fleetRotation",
            format!("the key {} has been {} since {}", key.id, key.state, key.since),
            "a rotation ends by itself while the control plane serves; this one does not",
            "muster keys status, then muster keys retire",
        )
    })
}
