//! Whether releases still are what was approved.

use muster_base::doctor::Finding;

use super::unreadable;
use crate::{app::App, schema};

/// Versions that are named.
const NAMED: usize = 5;

pub(super) async fn look(app: &App) -> Vec<Finding> {
    // Without the fleet's keys nothing can be judged, and the keys' own finding says so.
    if app.fleet_keys().await.is_err() {
        return Vec::new();
    }
    let census = match schema::census_of_releases(app).await {
        Ok(census) => census,
        Err(error) => return vec![unreadable("releases.signatures", &error)],
    };
    let mut findings = Vec::new();
    if !census.broken.is_empty() {
        findings.push(Finding::problem(
            "releases.signatures",
            format!("not what was approved any more: {}", named(&census.broken)),
            "somebody wrote to the database past Muster; these releases are not executed",
            "compare with a backup; find out who can write to the database; publish what is still wanted again",
        ));
    }
    if !census.taken_off.is_empty() {
        findings.push(Finding::problem(
            "releases.signatures",
            format!("without a signature, although older ones are signed: {}", named(&census.taken_off)),
            "somebody took it off in the database, or a control plane of an older version made them; they are not executed",
            "find out which; propose or publish what is still wanted again",
        ));
    }
    if !census.missing.is_empty() {
        findings.push(Finding::warning(
            "releases.signatures",
            format!("without a signature and not executed yet: {}", named(&census.missing)),
            "they were made before releases were signed, and are not executed as they are",
            "look at each with `muster releases unsigned` and ask who approved it; then vouch for it with `muster releases \
             vouch`, or on its page as the super administrator; or propose or publish it again",
        ));
    }
    if findings.is_empty() {
        let what = format!("{} releases, all as they were approved", census.looked_at);
        findings.push(Finding::ok("releases.signatures", what));
    }
    findings
}

fn named(versions: &[String]) -> String {
    let first: Vec<&str> = versions.iter().take(NAMED).map(String::as_str).collect();
    let more = versions.len() - first.len();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", first.join(", "))
}
