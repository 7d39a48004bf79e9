//! This machine's clock against everybody else's.

use muster_base::{UnixMs, doctor::Finding};

use super::{Patient, unreadable};
use crate::{db::Databases, doctor::store, fleet};

/// Clocks that differ by more make orders expire early or late.
const SKEW_MS: i64 = 5 * UnixMs::SECOND;
/// Certificates are valid from five minutes before they are made.
const BAD_SKEW_MS: i64 = 4 * UnixMs::MINUTE;
const HOSTS_NAMED: i64 = 5;
const WHY: &str = "certificates, orders' validity and the order of events all go by the clock";
/// Files that a running time service leaves: systemd-timesyncd once it is synchronised, chrony, ntpd, openntpd.
const SIGNS: &[&str] = &[
    "run/systemd/timesync/synchronized",
    "run/chrony/chronyd.pid",
    "run/ntpd.pid",
    "run/openntpd.pid",
];

/// Whether anything keeps the clock right.
pub(super) fn synchronised(patient: &Patient) -> Finding {
    match SIGNS.iter().find(|sign| patient.root.join(sign).exists()) {
        Some(sign) => Finding::ok("clock.synchronised", format!("a time service runs (/{sign})")),
        None => Finding::warning(
            "clock.synchronised",
            "no sign of a time service that has synchronised this machine's clock",
            WHY,
            "install chrony or enable systemd-timesyncd; in a container look at the machine below it",
        ),
    }
}

/// Against the database's clock, what was stored, and the hosts.
pub(super) async fn against_database(patient: &Patient, databases: &Databases) -> Vec<Finding> {
    let (db, now) = (&databases.main, patient.clock.now());
    let mut findings = Vec::new();
    match store::now(db).await {
        Ok(Some(theirs)) => findings.push(compare(now.ms_since(theirs))),
        Ok(None) => {}
        Err(error) => findings.push(unreadable("clock.database", &error)),
    }
    match store::newest(db).await {
        Ok(Some(newest)) if newest.ms_since(now) > SKEW_MS => findings.push(Finding::problem(
            "clock.backwards",
            format!("this machine's clock says {now}, but something was stored at {newest}"),
            "a clock that went back makes sign-ins, certificates and orders of the time between invalid",
            "set the clock; if it was wrong before and is right now, wait until that time has passed",
        )),
        Ok(_) => findings.push(Finding::ok("clock.backwards", "nothing was stored in the future")),
        Err(error) => findings.push(unreadable("clock.backwards", &error)),
    }
    match fleet::skewed_hosts(db, SKEW_MS, HOSTS_NAMED).await {
        Ok(hosts) if hosts.is_empty() => {
            findings.push(Finding::ok("clock.hosts", "no host's clock differs from ours"));
        }
        Ok(hosts) => {
            let said: Vec<String> = hosts
                .iter()
                .map(|(name, ahead_ms)| format!("{name} by {} s", ahead_ms / UnixMs::SECOND))
                .collect();
            findings.push(Finding::warning(
                "clock.hosts",
                format!(
                    "hosts' clocks were ahead of ours when they connected: {}",
                    said.join(", ")
                ),
                WHY,
                "set the clocks of these hosts; if all of them differ alike, set this machine's",
            ));
        }
        Err(error) => findings.push(unreadable("clock.hosts", &error)),
    }
    findings
}

pub(super) fn compare(ahead_ms: i64) -> Finding {
    let what = format!("this machine's clock is {ahead_ms} ms ahead of the database's");
    let todo = "set the clock of whichever is wrong, and keep both synchronised";
    match ahead_ms.abs() {
        ms if ms > BAD_SKEW_MS => Finding::problem("clock.database", what, WHY, todo),
        ms if ms > SKEW_MS => Finding::warning("clock.database", what, WHY, todo),
        _ => Finding::ok("clock.database", what),
    }
}
