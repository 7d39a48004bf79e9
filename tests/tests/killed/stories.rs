//! Which story has somebody die at which point. A story checks at its end that it had a round at everything that it is
//! listed with, and that nobody passed a point that no story is listed with; and the sources hold no point without a story.

use anyhow::{Context as _, Result, ensure};
use muster_auditor::points::Point;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Stories by the name that they end with, and points; `*` stands for anything, `a|b` in a point's last part for both. A
/// commit of the control plane has the name of its module. A story that is told on both databases may stand here once.
const STORIES: &[(&str, &[&str])] = &[
    (
        "a deploy",
        &[
            "muster-agent:journal.created",
            "muster-agent:journal.started.before|after",
            "muster-agent:journal.accepted.before|after",
            "muster-agent:journal.event.before|after",
            "muster-agent:journal.outcome.before|after",
            "muster-agent:journal.step-*",
            "muster-agent:file.sequence.json.written|in-place",
            "muster-agent:file.order.written|in-place",
            "muster-agent:orders.text.kept|gone",
            "muster-agent:orders.replies.sent|stored",
            "muster-worker:journal.created",
            "muster-worker:journal.started.before|after",
            "muster-worker:journal.accepted.before|after",
            "muster-worker:journal.old.before|after",
            "muster-worker:journal.committed.before|after",
            "muster-worker:journal.event.before|after",
            "muster-worker:journal.outcome.before|after",
            "muster-worker:journal.step-*",
            "muster-worker:file.sequence.json.written|in-place",
            "muster-worker:file.images.json.written|in-place",
            "muster-worker:docker.pull.before|after",
            "muster-worker:docker.rename.before|after",
            "muster-worker:docker.stop.before|after",
            "muster-worker:docker.create.before|after",
            "muster-worker:docker.start.before|after",
            "muster-worker:docker.remove.before|after",
            "muster-worker:order.answered",
        ],
    ),
    (
        "a file for a host",
        &[
            "muster-worker:put.begun|written|placed|synced",
            "muster-worker:journal.placing.before|after",
        ],
    ),
    ("a first deploy", &["muster-worker:journal.no-old.before|after"]),
    (
        "a deploy that fails",
        &[
            "muster-worker:journal.undoing.before|after",
            "muster-worker:docker.remove.before|after",
        ],
    ),
    (
        "a deploy on SQLite",
        &[
            "muster:muster_control_plane::work::*",
            "muster:muster_control_plane::delivery::*",
        ],
    ),
    (
        "a deploy on PostgreSQL",
        &[
            "muster:muster_control_plane::work::*",
            "muster:muster_control_plane::delivery::*",
        ],
    ),
    (
        "a broken deploy on SQLite",
        &[
            "muster:muster_control_plane::work::*",
            "muster:muster_control_plane::delivery::*",
        ],
    ),
    (
        "a broken deploy on PostgreSQL",
        &[
            "muster:muster_control_plane::work::*",
            "muster:muster_control_plane::delivery::*",
        ],
    ),
    (
        "a rollout",
        &[
            "muster:muster_control_plane::work::drive*",
            "muster:muster_control_plane::work::reply*",
            "muster:muster_control_plane::delivery::trigger*",
            "muster:muster_control_plane::delivery::driver*",
            "muster:muster_control_plane::delivery::approval*",
            "muster:muster_control_plane::delivery::steer*",
            "muster:muster_control_plane::delivery::advance*",
        ],
    ),
    (
        "a rollout that stops",
        &[
            "muster:muster_control_plane::work::reply*",
            "muster:muster_control_plane::delivery::advance*",
        ],
    ),
    (
        "a rollout that is called off",
        &[
            "muster:muster_control_plane::work::reply*",
            "muster:muster_control_plane::delivery::steer*",
            "muster:muster_control_plane::delivery::advance*",
        ],
    ),
    (
        "a rollout at work that is called off",
        &[
            "muster:muster_control_plane::delivery::steer*",
            "muster:muster_control_plane::delivery::order*",
        ],
    ),
    (
        "a rollout that is begun again",
        &[
            "muster:muster_control_plane::work::reply*",
            "muster:muster_control_plane::delivery::advance*",
        ],
    ),
    (
        "an approval",
        &[
            "muster:muster_control_plane::schema::open*",
            "muster:muster_control_plane::schema::decision*",
        ],
    ),
    (
        "a container",
        &[
            "muster:muster_control_plane::containers::action*",
            "muster:muster_control_plane::work::drive*",
            "muster:muster_control_plane::work::reply*",
        ],
    ),
    (
        "a container that is stopped and started",
        &[
            "muster-agent:journal.started.before|after",
            "muster-agent:journal.accepted.before|after",
            "muster-agent:journal.event.before|after",
            "muster-agent:journal.outcome.before|after",
            "muster-worker:journal.started.before|after",
            "muster-worker:journal.accepted.before|after",
            "muster-worker:journal.event.before|after",
            "muster-worker:journal.outcome.before|after",
            "muster-worker:docker.stop.before|after",
            "muster-worker:docker.start.before|after",
            "muster-worker:order.answered",
        ],
    ),
    (
        "a container that is restarted",
        &[
            "muster-worker:journal.restarting.before|after",
            "muster-worker:docker.stop.before|after",
            "muster-worker:docker.start.before|after",
            "muster-worker:order.answered",
        ],
    ),
    (
        "an upload",
        &[
            "muster:file-piece.stored",
            "muster:muster_control_plane::files::upload*",
            "muster:muster_control_plane::files::piece*",
            "muster:muster_control_plane::files::complete*",
        ],
    ),
    (
        "an archive of the audit log",
        &[
            "muster:audit-file.begun|written|synced|renamed|in-place",
            "muster:muster_control_plane::audit::archive*",
        ],
    ),
    (
        "a release on SQLite",
        &[
            "muster:muster_control_plane::work::*",
            "muster:muster_control_plane::schema::*",
        ],
    ),
    (
        "a release on PostgreSQL",
        &[
            "muster:muster_control_plane::work::*",
            "muster:muster_control_plane::schema::*",
        ],
    ),
    (
        "a release to PostgreSQL",
        &[
            "muster-worker:sql.locked",
            "muster-worker:sql.begin.before|after",
            "muster-worker:sql.statement.before|inside|after",
            "muster-worker:sql.ledger-start.before|after",
            "muster-worker:sql.ledger-end.before|after",
            "muster-worker:sql.commit.before|after",
        ],
    ),
    (
        "a release to MariaDB",
        &[
            "muster-worker:sql.locked",
            "muster-worker:sql.start transaction.before|after",
            "muster-worker:sql.statement.before|inside|after",
            "muster-worker:sql.ledger-start.before|after",
            "muster-worker:sql.ledger-end.before|after",
            "muster-worker:sql.commit.before|after",
        ],
    ),
    ("a first release", &["muster-worker:sql.ledger-made"]),
    (
        "a release that fails",
        &["muster-worker:sql.rollback.before|after"],
    ),
    (
        "a release that is refused",
        &[
            "muster-agent:journal.refused.before|after",
            "muster-worker:journal.refused.before|after",
        ],
    ),
    (
        "a join",
        &[
            "muster-agent:join.before-asking|answered|saved",
            "muster-agent:file.join.json.written|in-place",
            "muster-agent:file.seal.key.written|in-place",
            "muster-agent:file.seal.pub.written|in-place",
            "muster-agent:file.host.json.written|in-place",
            "muster-agent:file.identity.json.written|in-place",
            "muster:muster_control_plane::fleet::enrolment*",
        ],
    ),
    (
        "a rotation of the CA",
        &[
            "muster-agent:file.identity.json.written|in-place",
            "muster:muster_control_plane::fleet::*",
        ],
    ),
    (
        "a rotation of the signing key",
        &[
            "muster-agent:file.signing-keys.json.written|in-place",
            "muster-worker:file.signing-keys.json.written|in-place",
            "muster:muster_control_plane::fleet::*",
        ],
    ),
    (
        "a rotation of the master key",
        &[
            "muster:master-key.created|written|in-place",
            "muster:muster_control_plane::keys::*",
        ],
    ),
    (
        "a set-up",
        &[
            "muster:setup.key.begin|done",
            "muster:setup.check.begin|done",
            "muster:setup.tables.begin|done",
            "muster:setup.base.begin|done",
            "muster:setup.configuration.begin|done",
            "muster:setup.file.written|in-place",
            "muster:master-key.created|written|linked|in-place",
            "muster:migrate.*.*",
        ],
    ),
    (
        "a set-up on some tables",
        &["muster:mend.before-commit|after-commit"],
    ),
    (
        "samples that the agent takes",
        &[
            "muster-agent:spool.open.before-commit|after-commit",
            "muster-agent:spool.sample.before|before-commit|after-commit",
            "muster-agent:spool.sample-and-checkpoint.before|before-commit|after-commit",
            "muster-agent:spool.checkpoint.before|before-commit|after-commit",
            "muster-agent:spool.handed-out",
            "muster-agent:spool.acknowledged.before|after",
            "muster-agent:reports.sent",
            "muster-agent:file.status.json.written|in-place",
        ],
    ),
    (
        "a day that ends while the agent is away",
        &["muster-agent:spool.close.before|before-commit|after-commit"],
    ),
    (
        "samples that the control plane stores",
        &[
            "muster:muster_control_plane::telemetry::*",
            "muster:ingest.answered",
            "muster:reports.before-ack|after-ack",
            "muster:seal.before-commit|after-commit",
            "muster:pack.before-commit|after-commit",
        ],
    ),
    (
        "a day's packing that is rolled back",
        &["muster:pack-hours.before-commit"],
    ),
    (
        "a day's packing that is committed",
        &["muster:pack-hours.after-commit"],
    ),
];

/// Whether `killed` holds what the story is listed with, and everything `passed` has a story.
pub fn check(story: &str, killed: &BTreeSet<String>, passed: &[Point]) -> Result<()> {
    let find = |story: &str| STORIES.iter().find(|(name, _)| *name == story);
    let whatever = story.rsplit_once(" on ").map_or(story, |(story, _)| story);
    let (_, points) = find(story)
        .or_else(|| find(whatever))
        .with_context(|| format!("{story} is listed nowhere"))?;
    for wanted in points.iter().flat_map(|point| each(point)) {
        ensure!(
            killed.iter().any(|name| matches(&wanted, name)),
            "{story}: nobody died at {wanted}, but at {killed:?}"
        );
    }
    let listed = listed();
    let strange: Vec<&String> = passed
        .iter()
        .map(|point| &point.name)
        .filter(|name| !name.contains("::") && !listed.iter().any(|listed| matches(listed, name)))
        .collect();
    ensure!(strange.is_empty(), "no story has somebody die at {strange:?}");
    Ok(())
}

fn listed() -> Vec<String> {
    let points = STORIES.iter().flat_map(|(_, points)| points.iter());
    points.flat_map(|point| each(point)).collect()
}

/// The alternatives of its last part, each by itself.
fn each(point: &str) -> impl Iterator<Item = String> {
    let (start, last) = point
        .rfind(['.', ':'])
        .map_or(("", point), |at| point.split_at(at + 1));
    last.split('|').map(move |part| format!("{start}{part}"))
}

/// Whether `name` is as `pattern` says.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(left) = name.strip_prefix(start) else {
        return false;
    };
    (0..=left.len()).any(|at| left.get(at..).is_some_and(|left| matches(rest, left)))
}

/// The names of the points and effects in a source file, `*` where something is put in.
fn names(source: &str) -> Vec<String> {
    let code = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let mut names = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for call in ["point!(\"", "effect!(\""] {
            let Some((_, rest)) = line.split_once(call) else {
                continue;
            };
            let (mut name, mut depth) = (String::new(), 0);
            for c in rest.chars().take_while(|c| *c != '"') {
                match c {
                    '{' => depth += 1,
                    '}' => {
                        depth -= 1;
                        name.push('*');
                    }
                    _ if depth == 0 => name.push(c),
                    _ => {}
                }
            }
            names.push(name);
        }
    }
    names
}

/// Effects that a story leaves out.
const EFFECTS: &[&str] = &[
    "ingest.write",
    "journal.restarting",
    "journal.started",
    "pack-hours.delete",
    "pack-hours.put",
    "spool.commit",
    "sql.commit",
];

#[test]
fn every_point_in_the_sources_has_a_story() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = ["agent/src", "control-plane/src", "shared"]
        .map(|name| root.join(name))
        .to_vec();
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.extend(names(&fs::read_to_string(&path)?));
            }
        }
    }
    ensure!(found.len() > 50, "only {} points were found", found.len());
    let listed = listed();
    let known: BTreeSet<&str> = listed
        .iter()
        .filter_map(|point| Some(point.split_once(':')?.1))
        .chain(EFFECTS.iter().copied())
        .collect();
    let without: Vec<&String> = found
        .iter()
        .filter(|name| !known.iter().any(|known| matches(name, known)))
        .collect();
    ensure!(without.is_empty(), "no story has somebody die at {without:?}");
    Ok(())
}

#[test]
fn a_point_is_found_and_compared() {
    let source =
        "    point!(\"journal.{}.before\", line.name());\n// point!(\"no\")\nif effect!(\"a.{b}\") {\n";
    assert_eq!(names(source), ["journal.*.before", "a.*"]);
    assert!(matches("journal.*.before", "journal.old.before"));
    assert!(!matches("journal.*.before", "journal.old.after"));
    assert_eq!(each("p:a.b|c").collect::<Vec<_>>(), ["p:a.b", "p:a.c"]);
    assert_eq!(each("p:a").collect::<Vec<_>>(), ["p:a"]);
}
