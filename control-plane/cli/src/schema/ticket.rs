//! `musterctl schema tickets`, `approve`, `reject`, `withdraw` and `releases`.
//!
//! Nobody approves here what they were not shown: `approve` prints the SQL with its risks first, and what loses data or can't be
//! understood is approved only by whoever says so (`--risk`).

use anyhow::Context as _;
use muster_schema::visible;
use serde_json::{Value, json};

use super::{
    REFUSED,
    answer::{accepted, id, list, print, print_accepted, sql_of_servers, word},
    server::{Place, Server},
};

/// Which tickets.
#[derive(clap::Args)]
pub struct Tickets {
    #[command(flatten)]
    place: Place,
    /// Only those that one may approve now
    #[arg(long, conflicts_with = "ticket")]
    mine: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The ticket's id; the newest fifty if left out
    ticket: Option<String>,
}

/// What is approved.
#[derive(clap::Args)]
pub struct Approve {
    #[command(flatten)]
    place: Place,
    /// The ticket's risk, `destructive` or `unknown`: says that one has seen it
    #[arg(long)]
    risk: Option<String>,
    /// What one says to it
    #[arg(long)]
    comment: Option<String>,
    /// Print the ticket as JSON
    #[arg(long)]
    json: bool,
    /// The ticket's id
    ticket: String,
}

/// What is rejected.
#[derive(clap::Args)]
pub struct Reject {
    #[command(flatten)]
    place: Place,
    /// Why, for its author
    #[arg(long)]
    comment: String,
    /// Print the ticket as JSON
    #[arg(long)]
    json: bool,
    /// The ticket's id
    ticket: String,
}

/// What is withdrawn.
#[derive(clap::Args)]
pub struct Withdraw {
    #[command(flatten)]
    place: Place,
    /// Why
    #[arg(long)]
    comment: Option<String>,
    /// Print the ticket as JSON
    #[arg(long)]
    json: bool,
    /// The ticket's id
    ticket: String,
}

/// Which releases.
#[derive(clap::Args)]
pub struct Releases {
    #[command(flatten)]
    place: Place,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The release's id; the newest fifty if left out
    release: Option<String>,
}

pub(super) fn tickets(args: &Tickets) -> anyhow::Result<u8> {
    let server = args.place.server()?;
    if let Some(ticket) = &args.ticket {
        let answer = server.get(&format!("/api/v1/schema/tickets/{}", id(ticket)?))?;
        return print_accepted(answer, args.json, ticket_lines);
    }
    let path = if args.mine {
        "/api/v1/schema/tickets?waitsForMe=true"
    } else {
        "/api/v1/schema/tickets"
    };
    print_accepted(server.get(path)?, args.json, |value| {
        let items = list(value, "items").iter();
        items.map(|one| line(one, word(one, "status"))).collect()
    })
}

pub(super) fn releases(args: &Releases) -> anyhow::Result<u8> {
    let server = args.place.server()?;
    if let Some(release) = &args.release {
        let answer = server.get(&format!("/api/v1/schema/releases/{}", id(release)?))?;
        return print_accepted(answer, args.json, |value| {
            let mut lines = vec![line(value, word(&value["signature"], "state"))];
            for yes in list(value, "approvals") {
                lines.push(format!(
                    "-- approved by {} {}",
                    word(yes, "name"),
                    word(yes, "at")
                ));
            }
            lines.extend(sql_of_servers(value));
            lines
        });
    }
    print_accepted(server.get("/api/v1/schema/releases")?, args.json, |value| {
        let items = list(value, "items").iter();
        items.map(|one| line(one, word(one, "createdAt"))).collect()
    })
}

pub(super) fn approve(args: &Approve) -> anyhow::Result<u8> {
    let server = args.place.server()?;
    let path = format!("/api/v1/schema/tickets/{}", id(&args.ticket)?);
    let Some(seen) = accepted(server.get(&path)?) else {
        return Ok(REFUSED);
    };
    for line in ticket_lines(&seen) {
        crate::report(&visible(&line));
    }
    let risk = word(&seen, "risk");
    if !matches!(risk, "safe" | "warning") && args.risk.as_deref() != Some(risk) {
        crate::report(&format!(
            "this is {}: read it, and say --risk {} to approve it",
            visible(risk),
            visible(risk)
        ));
        return Ok(REFUSED);
    }
    decide(
        &server,
        (&args.ticket, "approve"),
        args.comment.as_deref(),
        args.json,
    )
}

pub(super) fn reject(args: &Reject) -> anyhow::Result<u8> {
    let server = args.place.server()?;
    decide(&server, (&args.ticket, "reject"), Some(&args.comment), args.json)
}

pub(super) fn withdraw(args: &Withdraw) -> anyhow::Result<u8> {
    let server = args.place.server()?;
    decide(
        &server,
        (&args.ticket, "withdraw"),
        args.comment.as_deref(),
        args.json,
    )
}

fn decide(
    server: &Server,
    (ticket, decision): (&str, &str),
    comment: Option<&str>,
    json: bool,
) -> anyhow::Result<u8> {
    let path = format!("/api/v1/schema/tickets/{}/{decision}", id(ticket)?);
    let body = comment.map_or_else(|| json!({}), |comment| json!({"comment": comment}));
    let Some(value) = accepted(server.post_json(&path, &body)?) else {
        return Ok(REFUSED);
    };
    value["status"]
        .as_str()
        .context("the control plane's answer can't be understood")?;
    print(&value, json, super::NOTHING, |value| {
        match word(value, "releaseId") {
            "" => vec![word(value, "status").to_owned()],
            release => vec![format!("{} release {release}", word(value, "status"))],
        }
    })
}

/// A line of a list: id, version, environment, database, risk, and how it stands or since when it is.
fn line(one: &Value, last: &str) -> String {
    let words = ["id", "version", "environment", "database", "risk"].map(|field| word(one, field));
    format!("{} {last}", words.join(" "))
}

fn ticket_lines(value: &Value) -> Vec<String> {
    let mut lines = vec![line(value, word(value, "status"))];
    for step in list(value, "steps") {
        lines.push(format!("-- step {}: {}", word(step, "name"), word(step, "state")));
    }
    lines.extend(sql_of_servers(value));
    lines
}
