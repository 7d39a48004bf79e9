//! Somebody dies by SIGKILL in the middle and is started again. Every point has its round in the other suites; here are
//! those that people can picture.

use super::{ENDS, End, Ways, ask};
use crate::ground::Ground;
use anyhow::Result;
use muster_auditor::database::Column::Id;
use muster_auditor::points::Point;
use muster_tests::api::text;
use muster_tests::wait::Found;

const POINTS: &[(&str, &str)] = &[
    (
        "the resident dies with the order written down",
        "muster-agent:journal.started.after",
    ),
    (
        "the resident dies in the middle",
        "muster-agent:journal.event.after",
    ),
    (
        "the resident dies with the outcome written down",
        "muster-agent:journal.outcome.after",
    ),
    (
        "the worker dies before it pulls",
        "muster-worker:docker.pull.before",
    ),
    (
        "the worker dies when it has pulled",
        "muster-worker:docker.pull.after",
    ),
    (
        "the worker dies when the old container is set aside",
        "muster-worker:docker.rename.after",
    ),
    (
        "the worker dies when the old container is stopped",
        "muster-worker:docker.stop.after",
    ),
    (
        "the worker dies when the new container is made",
        "muster-worker:docker.create.after",
    ),
    (
        "the worker dies when the new container is started",
        "muster-worker:docker.start.after",
    ),
    (
        "the worker dies when the new container is healthy",
        "muster-worker:journal.committed.before",
    ),
    (
        "the worker dies before the old container is removed",
        "muster-worker:docker.remove.before",
    ),
    (
        "the worker dies when the old container is removed",
        "muster-worker:docker.remove.after",
    ),
];

/// Of the control plane's: each is passed before and after.
const COMMITS: usize = 10;

pub fn all(ways: &mut Ways) -> Result<()> {
    for (way, name) in POINTS {
        died(
            ways,
            way,
            &Point {
                name: (*name).to_owned(),
                passing: 1,
            },
        )?;
    }
    let mark = ways.ground.points.mark()?;
    ways.prepare(ways.other())?;
    let mut points = ways.ground.points.since(mark, 1)?;
    let steps = ["work::drive", "work::reply", "delivery::"];
    points.retain(|point| {
        point.program() == "muster"
            && steps.iter().any(|step| point.name.contains(step))
            && !point.name.contains("truth")
    });
    for (number, point) in points.iter().enumerate().take(COMMITS) {
        let way = format!("the control plane dies, at commit {}", number + 1);
        died(ways, &way, point)?;
    }
    Ok(())
}

fn died(ways: &mut Ways, way: &str, point: &Point) -> Result<()> {
    let version = ways.other();
    let application = &ways.application;
    let all = |ground: &Ground| ground.database.rows(&[Id("id")], "deployments order by id");
    let before = all(&ways.ground)?.len();
    let id = ways.ground.round(
        point,
        |ground| {
            // As CI does that got no answer: it looks whether its deployment is there.
            let newest = |ground: &mut Ground| {
                let made = all(ground)?.split_off(before);
                Ok(made.into_iter().next().map(|row| row[0].clone()))
            };
            ground.insist("the deployment to be there", newest, |_| {
                ask(application, version).map(drop)
            })
        },
        |ground, id| {
            let shown = ground.fleet.admin.get(&format!("/api/v1/deployments/{id}"))?;
            let ended = ENDS.contains(&text(&shown, "status")?);
            Ok(Found::from_option(ended.then_some(()), shown))
        },
    )?;
    ways.check(way, &id, End::New(version), &[])
}
