//! `musterctl schema execute`, `execution` and `cancel`.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Map, Value};

use super::{
    FAILURE, NOTHING, REFUSED,
    answer::{accepted, id, list, needed, print, print_accepted, word},
    server::{Place, Server},
};

/// How often an execution is looked at that is waited for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A control plane that is upgraded, or a network that is away for a moment, does not end the wait.
const SILENCE: Duration = Duration::from_mins(2);

/// What to execute where.
#[derive(clap::Args)]
pub struct Execute {
    #[command(flatten)]
    place: Place,
    /// One of the release's servers, by its label or id
    #[arg(long = "on", value_name = "SERVER")]
    on: String,
    /// Run it and roll back (PostgreSQL), or only have the server read it (MySQL)
    #[arg(long)]
    dry_run: bool,
    /// Not before this time, for instance 2026-12-24T20:00:00Z
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// Why it is to begin now although no maintenance window is open
    #[arg(long, value_name = "REASON")]
    override_reason: Option<String>,
    /// Wait until it has ended, and fail if it has not succeeded
    #[arg(long)]
    wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The release's id
    release: String,
}

/// Which execution.
#[derive(clap::Args)]
pub struct Show {
    #[command(flatten)]
    place: Place,
    /// Wait until it has ended, and fail if it has not succeeded
    #[arg(long)]
    wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The execution's id
    execution: String,
}

/// Which execution is called off.
#[derive(clap::Args)]
pub struct Cancel {
    #[command(flatten)]
    place: Place,
    /// The execution's id
    execution: String,
}

pub(super) fn execute(args: &Execute) -> anyhow::Result<u8> {
    let server = args.place.server()?;
    let mut body = Map::new();
    body.insert("server".to_owned(), args.on.as_str().into());
    body.insert("dryRun".to_owned(), args.dry_run.into());
    for (field, value) in [
        ("notBefore", &args.not_before),
        ("overrideReason", &args.override_reason),
    ] {
        if let Some(value) = value {
            body.insert(field.to_owned(), value.as_str().into());
        }
    }
    let path = format!("/api/v1/schema/releases/{}/execute", id(&args.release)?);
    let Some(begun) = accepted(server.post_json(&path, &Value::Object(body))?) else {
        return Ok(REFUSED);
    };
    let execution = needed(&begun, "executionId")?;
    if args.wait {
        // Should the wait break off, they know what to look at.
        crate::report(&format!("execution {}", id(execution)?));
        return shown(&server, execution, true, args.json);
    }
    print(&begun, args.json, NOTHING, |begun| {
        vec![word(begun, "executionId").to_owned()]
    })
}

pub(super) fn show(args: &Show) -> anyhow::Result<u8> {
    shown(&args.place.server()?, &args.execution, args.wait, args.json)
}

pub(super) fn cancel(args: &Cancel) -> anyhow::Result<u8> {
    let path = format!("/api/v1/schema/executions/{}/cancel", id(&args.execution)?);
    let answer = args
        .place
        .server()?
        .post_json(&path, &Value::Object(Map::new()))?;
    print_accepted(answer, false, |_| Vec::new())
}

fn shown(server: &Server, execution: &str, wait: bool, json: bool) -> anyhow::Result<u8> {
    let path = format!("/api/v1/schema/executions/{}", id(execution)?);
    let mut silent_since = None;
    let seen = loop {
        let answer = match server.get(&path) {
            Err(_) if wait && silent_since.get_or_insert_with(Instant::now).elapsed() < SILENCE => {
                sleep(LOOK_AGAIN);
                continue;
            }
            answer => answer.context("how the execution ends is not known; ask for it again")?,
        };
        silent_since = None;
        let Some(seen) = accepted(answer) else {
            return Ok(REFUSED);
        };
        let goes_on = matches!(needed(&seen, "status")?, "pending" | "running");
        if !wait || !goes_on {
            break seen;
        }
        sleep(LOOK_AGAIN);
    };
    let code = match word(&seen, "status") {
        "success" | "pending" | "running" => NOTHING,
        _ => FAILURE,
    };
    print(&seen, json, code, |seen| {
        let mut lines = vec![format!("{} {}", word(seen, "id"), word(seen, "status"))];
        if !word(seen, "error").is_empty() {
            lines.push(format!("-- {}", word(seen, "error").replace('\n', " ")));
        }
        for step in list(seen, "steps") {
            let took = step["durationMs"].as_i64().map(|ms| format!(", {ms} ms"));
            let rows = step["rows"].as_i64().map(|rows| format!(", {rows} rows"));
            lines.push(format!(
                "-- {}{}{}",
                word(step, "status"),
                took.unwrap_or_default(),
                rows.unwrap_or_default()
            ));
            lines.extend(format!("{};", word(step, "sql")).lines().map(str::to_owned));
            for said in ["error", "detail"].map(|field| word(step, field)) {
                if !said.is_empty() {
                    lines.push(format!("-- {}", said.replace('\n', " ")));
                }
            }
        }
        lines
    })
}
