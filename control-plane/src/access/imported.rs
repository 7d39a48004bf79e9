//! Password hashes from another system: what is taken, and what kind of work verifying one is.
//!
//! bcrypt (`$2a$`, `$2b$`, `$2y$`) up to cost 14, and argon2id up to 64 MiB and four passes of that: about a second at
//! most, because whoever is at the door decides how often it is done. Each is replaced by a hash of ours when its user
//! signs in; until then the kind is kept in `users.hash_kind`, empty for ours ([`super::decoy`] says why).

use argon2::{Params, password_hash::phc::PasswordHash};
use bcrypt::HashParts;
use muster_base::{ExposeSecret, SecretString};

use super::{
    AccessError,
    password::{MOST_BCRYPT_COST, NOBODY},
};

const LEAST_BCRYPT_COST: u32 = 4;
/// In KiB.
const MOST_MEMORY: u32 = 64 << 10;
const MOST_WORK: u32 = 4 * MOST_MEMORY;
const MOST_LANES: u32 = 16;
const MOST_CHARS: usize = 256;
/// Salt and hash of bcrypt.
const BCRYPT_REST: usize = 53;

/// The kind of a hash that may be imported.
pub(super) fn kind(hash: &SecretString) -> Result<String, AccessError> {
    let text = hash.expose_secret();
    let kind = if text.len() > MOST_CHARS {
        None
    } else if text.starts_with("$argon2id$") {
        argon2_kind(text)
    } else {
        bcrypt_kind(text)
    };
    kind.ok_or_else(|| {
        let message = format!(
            "must be a bcrypt hash of a cost from {LEAST_BCRYPT_COST} to {MOST_BCRYPT_COST} or an argon2id hash in PHC \
             form of at most {} MiB and, with that, 4 passes",
            MOST_MEMORY >> 10
        );
        AccessError::invalid("passwordHash", message)
    })
}

fn bcrypt_kind(text: &str) -> Option<String> {
    let (kind, rest) = text.split_at_checked(7)?;
    let cost = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|name| kind.strip_prefix(name))?;
    let digits = cost
        .strip_suffix('$')
        .filter(|cost| cost.bytes().all(|byte| byte.is_ascii_digit()))?;
    let cost: u32 = digits.parse().ok()?;
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    // Bits that stand for nothing make one that nothing verifies.
    let whole = rest.len() == BCRYPT_REST && rest.bytes().all(known) && text.parse::<HashParts>().is_ok();
    (whole && (LEAST_BCRYPT_COST..=MOST_BCRYPT_COST).contains(&cost)).then(|| kind.to_owned())
}

fn argon2_kind(text: &str) -> Option<String> {
    let hash = PasswordHash::new(text).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let whole = hash.salt.is_some() && hash.hash.is_some() && hash.version == Some(19);
    let cheap = params.m_cost() <= MOST_MEMORY
        && params.p_cost() <= MOST_LANES
        && params.m_cost().saturating_mul(params.t_cost()) <= MOST_WORK;
    let kind = before_salt(text)?;
    let ours = before_salt(NOBODY) == Some(kind);
    (whole && cheap).then(|| if ours { String::new() } else { kind.to_owned() })
}

/// All but salt and hash.
fn before_salt(text: &str) -> Option<&str> {
    let (rest, _) = text.rsplit_once('$')?;
    let (kind, _) = rest.rsplit_once('$')?;
    text.get(..=kind.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hash: &str) -> Option<String> {
        kind(&hash.into()).ok()
    }

    const REST: &str = "EixZaYVK1fsbw1ZfbX3OXePbWxn96p36WQoeG6Lruj3vjPGga31lW";
    const PHC: &str = "c29tZXNhbHRzb21lc2FsdA$wzFyo8IRg6eUE7NjZ/KGDJMs7zpaYVVJmY0eOrBQhIk";

    #[test]
    fn what_is_known_and_cheap_enough_is_taken() {
        for kind in ["$2a$10$", "$2b$04$", "$2y$14$"] {
            assert_eq!(read(&format!("{kind}{REST}")).as_deref(), Some(kind));
        }
        let other = "$argon2id$v=19$m=65536,t=4,p=2$";
        assert_eq!(read(&format!("{other}{PHC}")).as_deref(), Some(other));
        assert_eq!(read(NOBODY).as_deref(), Some(""), "one of ours");
        for bad in [
            String::new(),
            "a password".to_owned(),
            format!("$2b$15${REST}"),
            format!("$2b$03${REST}"),
            format!("$2b$+9${REST}"),
            format!("$2x$10${REST}"),
            format!("$2b$10${REST}x"),
            format!("$2b$10${}ä", REST.split_at(51).0),
            format!("$argon2id$v=19$m=65536,t=5,p=1${PHC}"),
            format!("$argon2id$v=19$m=131072,t=1,p=1${PHC}"),
            format!("$argon2i$v=19$m=19456,t=2,p=1${PHC}"),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA".to_owned(),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
