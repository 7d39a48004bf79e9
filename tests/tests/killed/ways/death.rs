//! Somebody dies by SIGKILL in the middle and is started again. Every point has its round in the other suites; here are
//! those that people can picture.

use super::{ENDS, End, Ways, ask};
use anyhow::Result;
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
    // The first half of them may be passed before the webhook has answered.
    let later = points.split_off(points.len() / 2);
    for (number, point) in later.iter().enumerate().take(6) {
        died(
            ways,
            &format!("the control plane dies, at commit {}", number + 1),
            point,
        )?;
    }
    Ok(())
}

fn died(ways: &mut Ways, way: &str, point: &Point) -> Result<()> {
    let version = ways.other();
    let application = &ways.application;
    let id = ways.ground.round(
        point,
        |_| ask(application, version),
        |ground, id| {
            let shown = ground.fleet.admin.get(&format!("/api/v1/deployments/{id}"))?;
            let ended = ENDS.contains(&text(&shown, "status")?);
            Ok(Found::from_option(ended.then_some(()), shown))
        },
    )?;
    ways.check(way, &id, End::New(version), &[])
}
