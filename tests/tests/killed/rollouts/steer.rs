//! What somebody does who steers a rollout and may get no answer: they look whether it is so, and ask again if not.

use crate::ground::Ground;
use anyhow::{Context as _, Result, ensure};
use muster_auditor::database::Column::{Id, Text};
use muster_auditor::orders::hyphenated;
use muster_tests::Api;
use muster_tests::wait::Found;
use serde_json::json;

/// A deployment as its row says.
pub(super) struct Seen {
    pub(super) status: String,
    pub(super) phase: String,
    pub(super) called_off: bool,
}

impl Seen {
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.status.as_str(), "waitingApproval" | "pending" | "running")
    }

    pub(super) fn is_approved(&self) -> bool {
        self.status != "waitingApproval"
    }

    pub(super) fn pauses(&self) -> bool {
        self.status == "running" && self.phase == "paused"
    }
}

pub(super) fn seen(ground: &mut Ground, id: &str) -> Result<Seen> {
    let this = format!("deployments where id = {}", ground.database.id(id));
    let columns = [Text("status"), Text("phase"), Text("cancel_asked")];
    let row = ground.database.rows(&columns, &this)?.pop();
    let row = row.context("the deployment is gone")?;
    Ok(Seen {
        called_off: matches!(row[2].as_str(), "1" | "true"),
        status: row[0].clone(),
        phase: row[1].clone(),
    })
}

/// Asks for a version; the id of the deployment, of which there are so many then.
pub(super) fn deploy(
    ground: &mut Ground,
    asker: &Api,
    (application, version): (&str, &str),
    made: usize,
) -> Result<String> {
    let path = format!("/api/v1/applications/{application}/deployments");
    await_deployment(ground, made, |_| {
        let body = json!({"version": version, "environment": "default"});
        asker.post(&path, &body).map(drop)
    })
}

/// Asks until there are so many deployments, as somebody does who got no answer; the newest one's id.
pub(super) fn await_deployment(
    ground: &mut Ground,
    made: usize,
    ask: impl FnMut(&mut Ground) -> Result<()>,
) -> Result<String> {
    let newest = |ground: &mut Ground| {
        let all = ground.database.rows(&[Id("id")], "deployments order by id")?;
        ensure!(all.len() <= made, "{} deployments were made of {made}", all.len());
        let last = all.last().map(|row| row[0].clone());
        Ok(last.filter(|_| all.len() == made))
    };
    ground.insist("the deployment to be there", newest, ask)
}

/// Asks until it is so.
pub(super) fn steer(
    ground: &mut Ground,
    id: &str,
    what: &str,
    is_so: impl Fn(&Seen) -> bool,
    ask: impl FnMut(&mut Ground) -> Result<()>,
) -> Result<()> {
    let look = |ground: &mut Ground| Ok(is_so(&seen(ground, id)?).then_some(()));
    ground.insist(what, look, ask)
}

pub(super) fn ended(ground: &mut Ground, id: &str) -> Result<Found<()>> {
    let seen = seen(ground, id)?;
    Ok(Found::from_option(
        seen.has_ended().then_some(()),
        format!("{} in {}", seen.status, seen.phase),
    ))
}

pub(super) fn path(id: &str, verb: &str) -> String {
    format!("/api/v1/deployments/{}/{verb}", hyphenated(id))
}
