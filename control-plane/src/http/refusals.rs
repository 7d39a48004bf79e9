//! Writes down who was refused what, in one place, so that no handler has to think of it: every 403 to somebody who is
//! known, and every 404 that hides what is out of their reach, becomes an audit row (the same one once a minute).
//!
//! The row has the operation and the object that were asked for, where a permission was asked for at all
//! ([`Refusals`](access::Refusals)); what is refused before that (to whoever is no administrator, or in no org) has the call's
//! method and route. The call's detail is its route, which holds no token.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{StatusCode, request::Parts},
    middleware::Next,
    response::Response,
};
use muster_base::{OrgId, UnixMs};

use crate::{
    access::{self, Caller, Identity, Wanted},
    app::App,
    audit::{self, Entry},
};

const LONGEST_ID: usize = 256;
/// Hidden things that are remembered as told.
const MOST_TOLD: usize = 4_096;
static TOLD: LazyLock<Mutex<HashMap<u64, UnixMs>>> = LazyLock::new(Mutex::default);
static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Who turned out to be asking, filled in by the extractors.
#[derive(Debug, Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<Asking>>);

#[derive(Debug)]
struct Asking {
    identity: Identity,
    org: Option<OrgId>,
    refusals: access::Refusals,
}

impl Asker {
    /// Notes who is asking, for the rest of the request.
    pub(super) fn note(parts: &Parts, identity: &Identity) {
        Self::set(parts, identity, None, access::Refusals::default());
    }

    /// As [`Asker::note`], of somebody in an org.
    pub(super) fn note_caller(parts: &Parts, caller: &Caller) {
        Self::set(parts, caller, Some(caller.org()), caller.refusals());
    }

    fn set(parts: &Parts, identity: &Identity, org: Option<OrgId>, refusals: access::Refusals) {
        if let Some(asker) = parts.extensions.get::<Self>() {
            // The first extractor to know wins; a second one knows the same.
            drop(asker.0.set(Asking {
                identity: identity.clone(),
                org,
                refusals,
            }));
        }
    }
}

/// The middleware.
pub(super) async fn record(
    State(app): State<App>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let Some(asking) = asker.0.get() else {
        return response;
    };
    let wanted = match response.status() {
        StatusCode::FORBIDDEN => asking.refusals.asked(),
        // What is not there at all was refused to nobody.
        StatusCode::NOT_FOUND => {
            let Some(wanted) = asking.refusals.refused() else {
                return response;
            };
            if !is_news(app.clock.now(), (&asking.identity, asking.org, &wanted)) {
                return response;
            }
            Some(wanted)
        }
        _ => return response,
    };
    let route = matched.map_or_else(|| path.clone(), |route| route.as_str().to_owned());
    let call = format!("{method} {route}");
    let entry = match wanted {
        Some(wanted) => of_wanted(wanted, asking.org, (route.as_str(), path.as_str())).detail(call),
        None => Entry::refused(call, "route", cut(&path)),
    };
    audit::record_refusal(&app, &asking.identity, asking.org, entry).await;
    response
}

/// Whether nobody was told the same within a minute: who asks for one thing again and again that is hidden from them, and does
/// not know it, must not fill the log.
fn is_news(now: UnixMs, (who, org, wanted): (&Identity, Option<OrgId>, &Wanted)) -> bool {
    let key = KEYS.hash_one(format!("{:?} {org:?} {wanted:?}", who.actor));
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let is_fresh = |at: &UnixMs| now.ms_since(*at).abs() < UnixMs::MINUTE;
    if told.get(&key).is_some_and(is_fresh) {
        return false;
    }
    if told.len() >= MOST_TOLD {
        told.retain(|_, at| is_fresh(at));
    }
    // So many different ones in a minute are written down each time: nothing is lost by it.
    if told.len() < MOST_TOLD {
        told.insert(key, now);
    }
    true
}

/// What was asked for; without an object of its own, what the call names.
fn of_wanted(wanted: Wanted, org: Option<OrgId>, (route, path): (&str, &str)) -> Entry {
    let code = wanted.operation.code();
    let (kind, id) = wanted.object.unwrap_or_else(|| {
        let noun = code.split(':').next().unwrap_or(code);
        let id = match (named(route, path), noun, org) {
            (None, "org", Some(org)) => org.to_string(),
            (named, _, _) => named.unwrap_or_default().to_owned(),
        };
        (noun, id)
    });
    Entry::refused(code, kind, cut(&id))
}

/// The last part of a path that the route leaves open.
fn named<'p>(route: &str, path: &'p str) -> Option<&'p str> {
    let parts = route.split('/').zip(path.split('/'));
    parts
        .filter_map(|(open, part)| open.starts_with('{').then_some(part))
        .last()
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_open_part_is_what_a_call_names() {
        let route = "/api/v1/members/{userId}/permissions";
        assert_eq!(named(route, "/api/v1/members/7/permissions"), Some("7"));
        assert_eq!(named("/api/v1/org", "/api/v1/org"), None);
        let two = "/api/v1/platforms/{id}/roles/{roleId}";
        assert_eq!(named(two, "/api/v1/platforms/1/roles/2"), Some("2"));
    }
}
