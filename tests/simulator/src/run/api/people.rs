//! People and orgs, through the API.

use anyhow::Result;
use muster_tests::Api;
use muster_tests::api::text;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Users are added by so many administrators at a time: each costs a password hash.
const HANDS: usize = 4;
/// Everybody's.
pub(super) const PASSWORD: &str = "measured-9-Users-sign-in";

/// Their ids, in the order of their names.
pub(super) fn add_users(admin: &Api, count: usize) -> Result<Vec<String>> {
    let next = AtomicUsize::new(0);
    let hand = || -> Result<Vec<(usize, String)>> {
        let mut added = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(added);
            }
            let user = admin.post(
                "/api/v1/users",
                &json!({
                    "username": format!("user-{number}"), "password": PASSWORD, "email": format!("user-{number}@example.com"),
                    "nickName": format!("User number {number}"),
                }),
            )?;
            added.push((number, text(&user, "id")?.to_owned()));
        }
    };
    let mut all = Vec::new();
    thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(hand)).collect();
        for hand in hands {
            all.extend(hand.join().map_err(|_| anyhow::anyhow!("a hand fell off"))??);
        }
        anyhow::Ok(())
    })?;
    all.sort_unstable();
    Ok(all.into_iter().map(|(_, id)| id).collect())
}

/// The slugs of the orgs; user N is in org N modulo their number, the first ones own them.
pub(super) fn add_orgs(admin: &Api, users: &[String], count: usize) -> Result<Vec<String>> {
    let mut slugs = Vec::with_capacity(count);
    for (number, owner) in users.iter().take(count).enumerate() {
        let slug = format!("org-{number}");
        let org = json!({"name": format!("Org {number}"), "slug": slug, "ownerId": owner});
        admin.post("/api/v1/orgs", &org)?;
        let api = admin.in_org(&slug);
        for member in (number + count..users.len()).step_by(count) {
            let role = if member / count == 1 { "ADMIN" } else { "MEMBER" };
            // The second in each org asks as a plain member.
            let role = if member == count { "MEMBER" } else { role };
            api.post(
                "/api/v1/members",
                &json!({"username": format!("user-{member}"), "role": role}),
            )?;
        }
        slugs.push(slug);
    }
    Ok(slugs)
}
