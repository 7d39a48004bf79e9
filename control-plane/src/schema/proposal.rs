//! Proposing SQL as text: the way in for what is not a table design.

use std::collections::HashMap;

use muster_base::{SetAsideId, TicketId, UnixMs};
use muster_schema::Dialect;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    EnvironmentPolicy, LintFinding, Proof, ProposedStatement, RiskLevel, RowCounts, SchemaError, Server,
    ServerType,
    error::field_error,
    held::{self, Held},
    lint_rules,
    open::open,
    policy,
    reading::{self, ReadSql},
    server,
    set_aside::{PlannedAsides, Wish},
    store,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    error::FieldError,
};

/// Characters of a version or a project's name.
const MOST_NAME: usize = 128;

/// SQL that somebody wants to be run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProposal {
    /// The project it belongs to, if any.
    pub project: Option<String>,
    /// The release's version; unique in its project and environment.
    pub version: String,
    /// The database it is for.
    pub database: String,
    /// The environment it is for.
    pub environment: String,
    /// Ids or labels of the servers that it may be run on.
    pub servers: Vec<String>,
    /// The statements, each ended by a semicolon.
    pub sql: String,
    /// A statement that overwrites or deletes more rows than this is undone, 1–1,000,000,000; the environment's own limit counts
    /// where it is lower.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub max_rows: Option<u32>,
    /// Rows are kept for so many days, 1–365, before they are overwritten or deleted; the environment's own number counts where it is
    /// higher.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 365)]
    pub backup_days: Option<u16>,
}

/// What became of a proposal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proposed {
    /// The ticket that others approve or reject.
    pub ticket_id: TicketId,
    /// What is to run on each server.
    pub servers: Vec<ServerSql>,
}

/// What is to run on one server.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerSql {
    /// Id of the server.
    pub server: muster_base::ServerId,
    /// Its label.
    pub label: String,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ServerType,
    /// What the database is called there.
    pub database: String,
    /// The statements, each followed by `;` and a line feed.
    pub sql: String,
    /// SHA-256 of `sql`, hexadecimal.
    pub sha256: String,
    /// SQL that takes it back; SQL that was proposed as text has none.
    #[schema(required)]
    pub rollback_sql: Option<String>,
    /// What that doesn't bring back.
    pub not_taken_back: Vec<String>,
    /// What it sets aside instead of dropping it; null if it drops what goes, or nothing goes.
    #[schema(required)]
    pub set_aside: Option<PlannedAsides>,
    /// The highest risk in it.
    pub risk: RiskLevel,
    /// Statement by statement.
    pub statements: Vec<ProposedStatement>,
    /// What lint found.
    pub findings: Vec<LintFinding>,
    /// How many rows its statements would touch, as last counted; null if nobody asked.
    #[schema(required)]
    pub row_counts: Option<RowCounts>,
    /// How it stood the trial on a scratch database; null if nobody asked.
    #[schema(required)]
    pub proof: Option<Proof>,
}

/// A proposal that may be stored.
pub(super) struct Ticketing {
    pub(super) id: TicketId,
    pub(super) project: String,
    pub(super) version: String,
    pub(super) environment: String,
    pub(super) database: String,
    pub(super) sql: String,
    pub(super) risk: RiskLevel,
    pub(super) author: String,
    pub(super) author_name: String,
    pub(super) at: UnixMs,
    /// What it publishes; none of SQL as text.
    pub(super) published: Option<PublishedWhat>,
    /// The rejected ticket that it corrects.
    pub(super) corrects: Option<TicketId>,
    /// What its author says to it.
    pub(super) comment: String,
    /// Whether the environment lets authors decide.
    pub(super) author_may_decide: bool,
    /// What was set aside that it drops or brings back.
    pub(super) wish: Option<(SetAsideId, Wish)>,
    /// What it asks for its own statements.
    pub(super) held: Held,
}

/// What a ticket publishes: it is computed again from this when the ticket is corrected.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublishedWhat {
    /// The name of the `DatabaseSnapshot`; the ticket's database if left out.
    #[serde(default)]
    pub(super) database: Option<String>,
    /// All if left out.
    #[serde(default)]
    pub(super) tables: Option<Vec<String>>,
}

/// What a ticket corrects or is made for, and what its author says to that.
#[derive(Debug, Default)]
pub(super) struct Correction {
    pub(super) of: Option<TicketId>,
    pub(super) comment: String,
    /// What was set aside that the ticket drops or brings back.
    pub(super) wish: Option<(SetAsideId, Wish)>,
}

/// Reads the SQL for each server and opens a ticket.
pub(super) async fn propose(
    app: &App,
    caller: &Caller,
    new: NewProposal,
    correction: Correction,
) -> Result<Proposed, SchemaError> {
    caller.require(Operation::ReleasePropose)?;
    check_names(&new.version, new.project.as_deref())?;
    check_servers(&new.servers)?;
    let held = Held {
        max_rows: new.max_rows,
        backup_days: new.backup_days,
    };
    let faults = held.faults();
    if !faults.is_empty() {
        return Err(SchemaError::Invalid(faults));
    }
    server::environment_exists(app, caller, &new.environment).await?;
    if !caller.reaches(&Object::DatabaseName(&new.database)) {
        return Err(SchemaError::invalid(
            "database",
            "your permissions don't reach this database",
        ));
    }
    let named = |_: &Server| new.database.clone();
    let servers = chosen_servers(app, caller, &new.environment, &new.servers, named).await?;
    let policy = policy::of_environment(app, caller.org(), &new.environment).await?;
    let servers = read_for(app, servers, (&new.database, &new.sql), &policy, held)?;
    let ticket = Ticketing {
        id: app.clock.new_id(),
        project: new.project.unwrap_or_default(),
        version: new.version,
        environment: new.environment,
        database: new.database,
        sql: new.sql,
        risk: servers
            .iter()
            .map(|server| server.risk)
            .max()
            .unwrap_or(RiskLevel::Unknown),
        author: caller.actor.person(),
        author_name: caller.actor.name(),
        at: app.clock.now(),
        published: None,
        corrects: correction.of,
        comment: correction.comment,
        author_may_decide: false,
        wish: correction.wish,
        held,
    };
    let ticket_id = ticket.id;
    open(app, caller, ticket, &servers, &[]).await?;
    Ok(Proposed { ticket_id, servers })
}

/// Names that a release goes by.
pub(super) fn check_names(version: &str, project: Option<&str>) -> Result<(), SchemaError> {
    let of_project = project.and_then(|project| name_fault("project", project));
    let wrong: Vec<FieldError> = name_fault("version", version)
        .into_iter()
        .chain(of_project)
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(SchemaError::Invalid(wrong))
    }
}

/// What is wrong with the name of a version or a project.
pub(super) fn name_fault(field: &str, value: &str) -> Option<FieldError> {
    let good = |c: char| c.is_alphanumeric() || "._-+/".contains(c);
    let fits = (1..=MOST_NAME).contains(&value.chars().count()) && value.chars().all(good);
    let message = format!("must be 1 to {MOST_NAME} letters, digits and any of . _ - + /");
    (!fits).then(|| field_error(field, message))
}

/// How many servers a release is for.
pub(super) fn check_servers(servers: &[String]) -> Result<(), SchemaError> {
    if servers.is_empty() || servers.len() > 100 {
        return Err(SchemaError::invalid("servers", "must name 1 to 100 servers"));
    }
    Ok(())
}

/// The servers of these names, each with the database that `database` says it has there.
pub(super) async fn chosen_servers(
    app: &App,
    caller: &Caller,
    environment: &str,
    names: &[String],
    database: impl Fn(&Server) -> String,
) -> Result<Vec<Server>, SchemaError> {
    let (mut chosen, mut wrong): (Vec<Server>, _) = (Vec::new(), Vec::new());
    for (nth, name) in names.iter().enumerate() {
        let mut refuse = |message: String| wrong.push(field_error(format!("servers[{nth}]"), message));
        let found = store::server::find_named(&app.db, caller.org(), name).await?;
        match found.filter(|server| caller.reaches(&server.object())) {
            None => refuse("there is no such database server".into()),
            Some(server) if server.environment != environment => {
                refuse(format!("is in the environment {}", server.environment));
            }
            Some(server) if !server.databases.contains(&database(&server)) => {
                let name = database(&server);
                refuse(format!("has no database {name} that releases may be for"));
            }
            Some(server) if chosen.iter().any(|other| other.id == server.id) => {
                refuse("is named twice".into());
            }
            Some(server) => chosen.push(server),
        }
    }
    if wrong.is_empty() {
        Ok(chosen)
    } else {
        Err(SchemaError::Invalid(wrong))
    }
}

/// Reads the text once for each dialect among the servers, as the environment wants it.
fn read_for(
    app: &App,
    servers: Vec<Server>,
    (database, sql): (&str, &str),
    policy: &EnvironmentPolicy,
    held: Held,
) -> Result<Vec<ServerSql>, SchemaError> {
    let rules = lint_rules::settings(&policy.lint);
    let held = policy.held().and(held);
    let mut read: HashMap<Dialect, ReadSql> = HashMap::new();
    let mut answers = Vec::with_capacity(servers.len());
    for server in servers {
        let dialect = server.kind.dialect();
        let text = match read.get(&dialect) {
            Some(text) => text.clone(),
            None => reading::read(dialect, sql, &rules).map_err(SchemaError::Invalid)?,
        };
        read.entry(dialect).or_insert_with(|| text.clone());
        let mut statements = text.statements;
        let kept = held::hold(app, dialect, (&mut statements, 0), held)?;
        answers.push(ServerSql {
            server: server.id,
            label: server.label,
            kind: server.kind,
            database: database.to_owned(),
            sql: text.sql,
            sha256: text.sha256,
            rollback_sql: None,
            not_taken_back: Vec::new(),
            set_aside: held::with_kept(None, kept, held),
            risk: ReadSql::highest(&statements),
            statements,
            findings: text.findings,
            row_counts: None,
            proof: None,
        });
    }
    Ok(answers)
}
