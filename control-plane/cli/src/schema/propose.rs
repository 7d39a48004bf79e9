//! `musterctl schema publish` and `propose`: what is to change, as a ticket that others approve.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::{
    answer::{print_accepted, sql_of_servers, word},
    input,
    server::Place,
};

/// What a change is for.
#[derive(clap::Args)]
struct Change {
    #[command(flatten)]
    place: Place,
    /// The database
    #[arg(long)]
    database: String,
    /// The environment
    #[arg(long)]
    environment: String,
    /// A server that it may be run on, by its label or id; can be given more than once
    #[arg(long = "on", value_name = "SERVER", required = true)]
    servers: Vec<String>,
    /// The project that it belongs to
    #[arg(long)]
    project: Option<String>,
    /// Print the answer as one JSON object, with the way back
    #[arg(long)]
    json: bool,
}

impl Change {
    fn body(&self) -> Map<String, Value> {
        let mut body = Map::new();
        body.insert("database".to_owned(), self.database.as_str().into());
        body.insert("environment".to_owned(), self.environment.as_str().into());
        body.insert("servers".to_owned(), self.servers.clone().into());
        if let Some(project) = &self.project {
            body.insert("project".to_owned(), project.as_str().into());
        }
        body
    }
}

/// Which designed tables are published.
#[derive(clap::Args)]
pub struct Publish {
    #[command(flatten)]
    change: Change,
    /// The release's version; unique in its project and environment
    #[arg(long, required_unless_present = "preview")]
    version: Option<String>,
    /// A table or view that is published; can be given more than once. All if left out
    #[arg(long = "table", value_name = "NAME")]
    tables: Vec<String>,
    /// Only show what would run: no ticket is opened
    #[arg(long)]
    preview: bool,
}

/// Which SQL is proposed.
#[derive(clap::Args)]
pub struct Propose {
    #[command(flatten)]
    change: Change,
    /// The release's version; unique in its project and environment
    #[arg(long)]
    version: String,
    /// Undo a statement that overwrites or deletes more rows than this
    #[arg(long)]
    max_rows: Option<u32>,
    /// Keep rows for so many days before they are overwritten or deleted
    #[arg(long)]
    backup_days: Option<u16>,
    /// The file of SQL; `-` for standard input
    file: PathBuf,
}

pub(super) fn publish(args: &Publish) -> anyhow::Result<u8> {
    let mut body = args.change.body();
    if !args.tables.is_empty() {
        body.insert("tables".to_owned(), args.tables.clone().into());
    }
    let path = if args.preview {
        "/api/v1/schema/publish/preview"
    } else {
        body.insert("version".to_owned(), args.version.clone().into());
        "/api/v1/schema/publish"
    };
    sent(&args.change, path, body)
}

pub(super) fn propose(args: &Propose) -> anyhow::Result<u8> {
    let mut body = args.change.body();
    body.insert("version".to_owned(), args.version.as_str().into());
    body.insert("sql".to_owned(), input::read(&args.file)?.into());
    if let Some(rows) = args.max_rows {
        body.insert("maxRows".to_owned(), json!(rows));
    }
    if let Some(days) = args.backup_days {
        body.insert("backupDays".to_owned(), json!(days));
    }
    sent(&args.change, "/api/v1/schema/proposals", body)
}

fn sent(change: &Change, path: &str, body: Map<String, Value>) -> anyhow::Result<u8> {
    let answer = change.place.server()?.post_json(path, &Value::Object(body))?;
    print_accepted(answer, change.json, |value| {
        let mut lines = Vec::new();
        if !word(value, "ticketId").is_empty() {
            lines.push(format!("-- ticket {}", word(value, "ticketId")));
        }
        lines.extend(sql_of_servers(value));
        lines
    })
}
