//! Publishing a design: for each server, the SQL that makes what last succeeded there what is designed now.

use std::collections::BTreeSet;

use muster_base::TicketId;
use muster_documents::{
    ChangeError, Design, DesignTable, DesignView, Kind, Spec, change,
    kind::database::{Database, DatabaseValues},
};
use muster_schema::{Dialect, PlanOptions, StatementKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    EnvironmentPolicy, Proposed, RiskLevel, SchemaError, Server, ServerSql, TicketStep,
    document::Stored,
    error::field_error,
    held::{self, Held},
    lint_rules, open, policy,
    proposal::{self, Correction, PublishedWhat, Ticketing},
    reading::{self, ReadSql, StatementLock},
    server,
    set_aside::{self, PlannedAsides},
    store::{self, state::Published},
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    error::FieldError,
};

/// What is to be published where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishRequest {
    /// The project it belongs to, if any.
    pub project: Option<String>,
    /// The release's version; unique in its project and environment.
    pub version: String,
    /// The name of a `DatabaseSnapshot`.
    pub database: String,
    /// Its tables and views that are published; all if left out, those that were deleted included.
    pub tables: Option<Vec<String>>,
    /// The environment it is for.
    pub environment: String,
    /// Ids or labels of the servers that it may be run on.
    pub servers: Vec<String>,
}

/// What would be published where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishPreviewRequest {
    /// The project it would belong to, if any: its flows add to what is asked.
    #[serde(default)]
    pub project: Option<String>,
    /// The name of a `DatabaseSnapshot`.
    pub database: String,
    /// Its tables and views that are published; all if left out, those that were deleted included.
    pub tables: Option<Vec<String>>,
    /// The environment it is for.
    pub environment: String,
    /// Ids or labels of the servers that it may be run on.
    pub servers: Vec<String>,
}

/// What publishing would propose now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishPreview {
    /// What would run on each server.
    pub servers: Vec<ServerSql>,
    /// Who would have to approve it, as people and flows are now.
    pub approval: Vec<TicketStep>,
}

/// A database as it is designed now.
pub(super) struct Latest {
    database: Database,
    pub(super) values: DatabaseValues,
    pub(super) design: Design,
}

impl Latest {
    /// What it is called on the server of this label.
    pub(super) fn name_on(&self, label: &str) -> String {
        let name = self.database.names.get(label);
        name.unwrap_or(&self.values.name).clone()
    }
}

/// Computes the change for each server and opens a ticket.
pub(super) async fn publish(
    app: &App,
    caller: &Caller,
    request: PublishRequest,
    correction: Correction,
) -> Result<Proposed, SchemaError> {
    caller.require(Operation::ReleasePropose)?;
    proposal::check_names(&request.version, request.project.as_deref())?;
    let wanted = PublishPreviewRequest {
        project: None,
        database: request.database,
        tables: request.tables,
        environment: request.environment,
        servers: request.servers,
    };
    let (database, published) = computed(app, caller, &wanted).await?;
    let risk = risk_of(&published);
    let ticket = Ticketing {
        id: app.clock.new_id(),
        project: request.project.unwrap_or_default(),
        version: request.version,
        environment: wanted.environment,
        database,
        sql: published.first().map(|one| one.0.sql.clone()).unwrap_or_default(),
        risk,
        author: caller.actor.person(),
        author_name: caller.actor.name(),
        at: app.clock.now(),
        published: Some(PublishedWhat {
            database: Some(wanted.database),
            tables: wanted.tables,
        }),
        corrects: correction.of,
        comment: correction.comment,
        author_may_decide: false,
        wish: None,
        held: Held::default(),
    };
    open_published(app, caller, ticket, published).await
}

/// Computes the change for each server, and keeps nothing.
pub(super) async fn preview(
    app: &App,
    caller: &Caller,
    wanted: &PublishPreviewRequest,
) -> Result<PublishPreview, SchemaError> {
    caller.require(Operation::ReleasePropose)?;
    let project = wanted.project.as_deref();
    if let Some(fault) = project.and_then(|project| proposal::name_fault("project", project)) {
        return Err(SchemaError::Invalid(vec![fault]));
    }
    let (database, published) = computed(app, caller, wanted).await?;
    let ticketing = Ticketing {
        id: app.clock.new_id(),
        project: project.unwrap_or_default().to_owned(),
        version: String::new(),
        environment: wanted.environment.clone(),
        database,
        sql: String::new(),
        risk: risk_of(&published),
        author: caller.actor.person(),
        author_name: caller.actor.name(),
        at: app.clock.now(),
        published: None,
        corrects: None,
        comment: String::new(),
        author_may_decide: false,
        wish: None,
        held: Held::default(),
    };
    let servers: Vec<ServerSql> = published.into_iter().map(|(server, _)| server).collect();
    let approval = open::would_decide(app, caller, ticketing, &servers).await?;
    Ok(PublishPreview { servers, approval })
}

/// The highest.
fn risk_of(published: &[(ServerSql, Published)]) -> RiskLevel {
    let risks = published.iter().map(|one| one.0.risk);
    risks.max().unwrap_or(RiskLevel::Unknown)
}

/// The database's name, and the change for each server.
async fn computed(
    app: &App,
    caller: &Caller,
    request: &PublishPreviewRequest,
) -> Result<(String, Vec<(ServerSql, Published)>), SchemaError> {
    proposal::check_servers(&request.servers)?;
    server::environment_exists(app, caller, &request.environment).await?;
    let latest = latest(app, caller, &request.database).await?;
    let chosen = chosen(&latest.design, request.tables.as_deref())?;
    let policy = policy::of_environment(app, caller.org(), &request.environment).await?;
    let real = |label: &str| latest.name_on(label);
    let named = |server: &Server| real(&server.label);
    let environment = request.environment.as_str();
    let servers = proposal::chosen_servers(app, caller, environment, &request.servers, named).await?;
    let (mut published, mut wrong) = (Vec::with_capacity(servers.len()), Vec::new());
    for (nth, server) in servers.into_iter().enumerate() {
        let database = real(&server.label);
        if !caller.reaches(&Object::DatabaseName(&database)) {
            let message = format!("your permissions don't reach the database {database}");
            wrong.push(field_error(format!("servers[{nth}]"), message));
            continue;
        }
        let wanted = (&latest.design, chosen.as_ref(), &policy);
        match for_server(app, wanted, server, database).await {
            Ok(done) => published.push(done),
            Err(SchemaError::Invalid(fields)) => {
                let placed = |field: FieldError| {
                    let place = if field.field.is_empty() {
                        format!("servers[{nth}]")
                    } else {
                        field.field
                    };
                    field_error(place, field.message)
                };
                wrong.extend(fields.into_iter().map(placed));
            }
            Err(other) => return Err(other),
        }
    }
    if !wrong.is_empty() {
        return Err(SchemaError::Invalid(wrong));
    }
    Ok((latest.values.name, published))
}

async fn open_published(
    app: &App,
    caller: &Caller,
    ticket: Ticketing,
    published: Vec<(ServerSql, Published)>,
) -> Result<Proposed, SchemaError> {
    let ticket_id: TicketId = ticket.id;
    let (servers, states): (Vec<ServerSql>, Vec<Published>) = published.into_iter().unzip();
    open::open(app, caller, ticket, &servers, &states).await?;
    Ok(Proposed { ticket_id, servers })
}

/// The change for one server, against what last succeeded there.
async fn for_server(
    app: &App,
    (latest, chosen, policy): (&Design, Option<&BTreeSet<Uuid>>, &EnvironmentPolicy),
    server: Server,
    database: String,
) -> Result<(ServerSql, Published), SchemaError> {
    let whole = |message: String| SchemaError::invalid("", message);
    let dialect = server.kind.dialect();
    if dialect != latest.dialect {
        return Err(whole(format!(
            "is {dialect}; the database is designed for {}",
            latest.dialect
        )));
    }
    let state = store::state::find(&app.db, server.id, &database).await?;
    let before = state.as_ref().map(|state| &state.design);
    let empty = Design::empty(dialect);
    let target = match chosen {
        Some(chosen) => before.unwrap_or(&empty).with(latest, chosen),
        None => latest.clone(),
    };
    let days = policy.set_aside_days;
    let aside = match days {
        Some(_) => Some(set_aside::option(app, server.id, &database).await?),
        None => None,
    };
    let online = policy.online && dialect == Dialect::Postgres;
    // By what the server last said of itself; of one that was never tested nothing is known, and it chooses by itself.
    let tested = server
        .test
        .as_ref()
        .filter(|test| test.ok)
        .map(|test| test.detail.clone());
    let options = PlanOptions {
        online: tested.filter(|_| policy.online && dialect == Dialect::MySql),
        concurrently: online,
        validate_apart: online,
        aside,
        ..PlanOptions::default()
    };
    let change = change(before, &target, &options).map_err(no_change)?;
    if change.is_empty() {
        return Err(whole("has all of it already: there is nothing to publish".into()));
    }
    let mut read = reading::read(dialect, &change.sql(), &lint_rules::settings(&policy.lint))
        .map_err(SchemaError::Invalid)?;
    // The plan knows from what to what; the text alone may look more harmless than it is.
    for (statement, step) in read.statements.iter_mut().zip(&change.plan.steps) {
        statement.risk = statement.risk.max(step.risk.into());
        statement.lock = Some(StatementLock::planned(statement.lock.take(), step.lock));
        for reason in &step.reasons {
            if !statement.reasons.contains(&reason.text) {
                statement.reasons.push(reason.text.clone());
            }
        }
    }
    if policy.online && dialect == Dialect::MySql && options.online.is_none() {
        for statement in read
            .statements
            .iter_mut()
            .filter(|one| one.kind == StatementKind::AlterTable)
        {
            statement.risk = statement.risk.max(RiskLevel::Warning);
            statement.reasons.push(
                "the server's version is not known, so it may copy the table: test the server, and publish again".to_owned(),
            );
        }
    }
    let (rollback, lost) = change.way_back();
    // What comes after the plan's own steps are the tables' scripts.
    let (held, first) = (policy.held(), change.plan.steps.len());
    let kept = held::hold(app, dialect, (&mut read.statements, first), held)?;
    let risk = ReadSql::highest(&read.statements);
    let asides = days.and_then(|days| PlannedAsides::of(app, days, change.plan.set_aside));
    let sql = ServerSql {
        server: server.id,
        label: server.label,
        kind: server.kind,
        database,
        sql: read.sql,
        sha256: read.sha256,
        rollback_sql: Some(rollback),
        not_taken_back: lost,
        set_aside: held::with_kept(asides, kept, held),
        risk,
        statements: read.statements,
        findings: read.findings,
        row_counts: None,
        proof: None,
    };
    Ok((
        sql,
        Published {
            design: target,
            base: state.as_ref().and_then(|state| state.release),
            base_at: state.map(|state| state.at),
        },
    ))
}

/// Why there is no change, by field.
pub(super) fn no_change(error: ChangeError) -> SchemaError {
    match error {
        ChangeError::Design(faults) => SchemaError::Invalid(
            faults
                .into_iter()
                .map(|fault| {
                    let path = if fault.path.is_empty() {
                        fault.object.clone()
                    } else {
                        format!("{}.{}", fault.object, fault.path)
                    };
                    field_error(path, fault.message)
                })
                .collect(),
        ),
        ChangeError::Refused(refusal) => SchemaError::invalid("", refusal.to_string()),
    }
}

/// The database's design, without its drafts.
pub(super) async fn latest(app: &App, caller: &Caller, name: &str) -> Result<Latest, SchemaError> {
    let no_such = || SchemaError::invalid("database", "there is no such DatabaseSnapshot");
    if !caller.reaches(&Object::DatabaseName(name)) {
        return Err(SchemaError::invalid(
            "database",
            "your permissions don't reach this database",
        ));
    }
    let filter = store::document::Filter {
        database: Some(name.to_owned()),
        limit: i64::MAX,
        ..store::document::Filter::default()
    };
    let documents = store::document::list(&app.db, (caller.org(), caller.scope()), &filter).await?;
    let database = documents.iter().find_map(|document| match &document.spec {
        Spec::Database(database) => Some((**database).clone()),
        _ => None,
    });
    let database = database.ok_or_else(no_such)?;
    let values = database
        .values
        .clone()
        .ok_or_else(|| SchemaError::invalid("database", "is a draft: fill in its form first"))?;
    let mut design = Design::empty(values.dialect);
    for document in documents {
        add(&mut design, document);
    }
    Ok(Latest {
        database,
        values,
        design,
    })
}

fn add(design: &mut Design, document: Stored) {
    let id = *document.id.as_uuid();
    match document.spec {
        Spec::Table(table) => {
            let sql_script = table.sql_script;
            design.tables.extend(table.values.map(|values| DesignTable {
                id,
                name: document.name,
                table: values,
                sql_script,
            }));
        }
        Spec::View(view) => design.views.extend(view.values.map(|view| DesignView {
            id,
            name: document.name,
            view,
        })),
        Spec::Environment(_)
        | Spec::Server(_)
        | Spec::Database(_)
        | Spec::ApprovalFlow(_)
        | Spec::Project(_) => {}
    }
}

/// The chosen tables and views; none if all are.
fn chosen(design: &Design, names: Option<&[String]>) -> Result<Option<BTreeSet<Uuid>>, SchemaError> {
    let Some(names) = names else { return Ok(None) };
    let (mut chosen, mut wrong) = (BTreeSet::new(), Vec::new());
    for (nth, name) in names.iter().enumerate() {
        let tables = design.tables.iter().map(|table| (table.id, &table.name));
        let views = design.views.iter().map(|view| (view.id, &view.name));
        let found: Vec<Uuid> = tables
            .chain(views)
            .filter(|(_, other)| *other == name)
            .map(|(id, _)| id)
            .collect();
        if found.is_empty() {
            let kinds = [Kind::TableSnapshot, Kind::ViewSnapshot]
                .map(Kind::as_str)
                .join(" or ");
            wrong.push(field_error(
                format!("tables[{nth}]"),
                format!("there is no {kinds} {name} that is no draft"),
            ));
        }
        chosen.extend(found);
    }
    if wrong.is_empty() {
        Ok(Some(chosen))
    } else {
        Err(SchemaError::Invalid(wrong))
    }
}
