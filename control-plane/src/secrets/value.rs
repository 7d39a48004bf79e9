//! Sealing and opening the values of secrets, and handing them to work that needs them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use muster_base::{ExposeSecret, IdError, OrgId, SecretId, SecretString};
use zeroize::Zeroizing;

use super::{
    SecretsError,
    seal::{Place, Sealer},
    store,
};
use crate::{app::App, flaw::Flaw, keys::Purpose};

/// Longest value, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 64 * 1024;

/// `@secret:<id>`: how a secret is referred to in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretReference(pub SecretId);

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@secret:{}", self.0)
    }
}

impl FromStr for SecretReference {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("@secret:").ok_or(IdError)?.parse().map(Self)
    }
}

/// The present values of `wanted`, for sealing into a work order at the moment that it is handed to its host.
/// Fails if any is not there, or stale: an order is sent with all of its secrets or not at all.
pub async fn resolve(
    app: &App,
    org: OrgId,
    wanted: &[SecretId],
) -> Result<BTreeMap<SecretId, SecretString>, SecretsError> {
    let mut found: BTreeMap<SecretId, store::value::Current> =
        store::value::list_current(&app.db, org, wanted)
            .await?
            .into_iter()
            .map(|row| (row.id, row))
            .collect();
    let mut values = BTreeMap::new();
    for id in wanted.iter().copied().collect::<BTreeSet<_>>() {
        let row = found.remove(&id).ok_or(SecretsError::Gone(id))?;
        if row.stale {
            return Err(SecretsError::Stale(id));
        }
        values.insert(id, open(app, &place(org, id, row.version), &row.value)?);
    }
    Ok(values)
}

pub(super) fn place(org: OrgId, secret: SecretId, version: i64) -> Place {
    Place {
        org,
        kind: "secret",
        id: *secret.as_uuid(),
        version,
    }
}

pub(super) fn seal(app: &App, place: &Place, value: &SecretString) -> Result<String, SecretsError> {
    Ok(sealer(app).seal(place, value.expose_secret().as_bytes())?)
}

pub(super) fn open(app: &App, place: &Place, sealed: &str) -> Result<SecretString, SecretsError> {
    let plain: Zeroizing<Vec<u8>> = sealer(app).open(place, sealed)?;
    let text = std::str::from_utf8(&plain).map_err(|_| SecretsError::NotText)?;
    Ok(SecretString::from(text))
}

pub(super) fn check(value: &SecretString) -> Result<(), SecretsError> {
    let text = value.expose_secret();
    if text.is_empty() {
        return Err(SecretsError::Invalid {
            field: "value",
            message: Flaw::Needed,
        });
    }
    check_synced(value)
}

/// As [`check`]; a provider's value may be empty.
pub(super) fn check_synced(value: &SecretString) -> Result<(), SecretsError> {
    let text = value.expose_secret();
    let message = if text.len() > MAX_VALUE_BYTES {
        Flaw::Bytes(0, MAX_VALUE_BYTES)
    } else if text.contains('\0') {
        Flaw::Nul
    } else {
        return Ok(());
    };
    Err(SecretsError::Invalid {
        field: "value",
        message,
    })
}

fn sealer(app: &App) -> Sealer {
    Sealer::of(&app.keys, Purpose::Secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_round_trip_and_anything_else_is_refused() {
        let text = "@secret:0199c0de-0000-7000-8000-000000000001";
        assert_eq!(text.parse::<SecretReference>().unwrap().to_string(), text);
        assert!(
            "secret:0199c0de-0000-7000-8000-000000000001"
                .parse::<SecretReference>()
                .is_err()
        );
        assert!("@secret:1".parse::<SecretReference>().is_err());
    }
}
