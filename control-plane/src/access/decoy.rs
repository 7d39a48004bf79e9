//! Work for nothing: names that nobody has take as long to refuse as names that somebody has.
//!
//! Hashes that were imported are verified by other work than ours (bcrypt, or argon2id with other parameters), until
//! their user signs in and gets one of ours. So an answer's time would say that there is such a user. Of the names that
//! nobody has, the same share is given the same work: which of them, a keyed hash of the name says, so that a name is
//! given the same work again. As users sign in the share falls, and some names change to our work for good, as a user's
//! does.
//!
//! The shares are read again every ten minutes and when a hash was imported, by one of those who are at the door then.

use std::{collections::HashMap, sync::Arc};

use aws_lc_rs::hmac;
use muster_base::{SecretString, UnixMs};
use tokio::sync::Mutex;

use super::{AccessError, password::NOBODY, store};
use crate::{app::App, keys::Purpose};

const FRESH_MS: i64 = 10 * UnixMs::MINUTE;
/// Salt and hash of a password that nobody knows.
const BCRYPT_REST: &str = "EixZaYVK1fsbw1ZfbX3OXePbWxn96p36WQoeG6Lruj3vjPGga31lW";

/// The kinds of imported hashes in each platform, and how many of its users have them.
#[derive(Debug, Default)]
pub struct Decoys(Mutex<Option<(UnixMs, Arc<Shares>)>>);

#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<String, Platform>);

#[derive(Debug, Default)]
struct Platform {
    users: i64,
    kinds: Vec<(String, i64)>,
}

impl Decoys {
    /// As they are now, or were a while ago; asked for before it is known whether there is a user of that name.
    pub(super) async fn shares(&self, app: &App) -> Result<Arc<Shares>, AccessError> {
        let now = app.clock.now();
        // Whoever comes meanwhile waits for the one who reads.
        let mut kept = self.0.lock().await;
        if let Some((at, shares)) = &*kept
            && now.ms_since(*at) < FRESH_MS
        {
            return Ok(Arc::clone(shares));
        }
        let mut shares = Shares::default();
        for (platform, kind, users) in store::user::hash_kinds(&app.db).await? {
            let platform = shares.0.entry(platform).or_default();
            platform.users += users;
            if !kind.is_empty() {
                platform.kinds.push((kind, users));
            }
        }
        let shares = Arc::new(shares);
        *kept = Some((now, Arc::clone(&shares)));
        Ok(shares)
    }

    /// A hash was imported: whoever is at the door next has them read again.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

impl Shares {
    /// What a password for a name that nobody has is compared with; nothing: a hash of ours.
    pub(super) fn of(&self, app: &App, platform: &str, login: &str) -> Option<SecretString> {
        let found = self.0.get(platform)?;
        let mut place = place(app, platform, login) * as_f64(found.users);
        for (kind, users) in &found.kinds {
            if place < as_f64(*users) {
                return Some(hash_of(kind));
            }
            place -= as_f64(*users);
        }
        None
    }
}

/// Where the name stands, from 0 to 1.
fn place(app: &App, platform: &str, login: &str) -> f64 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.keys.derive(Purpose::Decoys).as_slice());
    let name = format!("{platform}\n{}", login.to_lowercase());
    let signature = hmac::sign(&key, name.as_bytes());
    let mut first = [0; 4];
    first
        .iter_mut()
        .zip(signature.as_ref())
        .for_each(|(to, from)| *to = *from);
    f64::from(u32::from_be_bytes(first)) / (f64::from(u32::MAX) + 1.0)
}

/// More users than that are as many.
fn as_f64(users: i64) -> f64 {
    f64::from(u32::try_from(users).unwrap_or(u32::MAX))
}

/// A hash of that kind.
fn hash_of(kind: &str) -> SecretString {
    let rest = if kind.starts_with("$argon2id$") {
        let (_, rest) = NOBODY.split_once("p=1$").unwrap_or_default();
        rest
    } else {
        BCRYPT_REST
    };
    format!("{kind}{rest}").into()
}
