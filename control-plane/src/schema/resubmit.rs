//! Correcting a rejected ticket: a new one takes its place, with SQL that is corrected, or computed anew from the design as
//! it is now. The rejected one stays as it was, with what was said to it.

use muster_base::TicketId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    NewProposal, Proposed, PublishRequest, Remark, SchemaError, TicketStatus,
    proposal::{self, Correction},
    publish, store,
    ticket::{checked, find},
};
use crate::{
    access::{Caller, Operation},
    app::App,
};

/// How a rejected ticket is corrected.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resubmission {
    /// The corrected statements; the same as before if left out. Not for what was published: its design is corrected, and
    /// the change is computed anew.
    pub sql: Option<String>,
    /// The release's version; the same as before if left out.
    pub version: Option<String>,
    /// The limit of rows for each statement; the same as before if left out. Not for what was published.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub max_rows: Option<u32>,
    /// For how many days rows are kept; the same as before if left out. Not for what was published.
    #[schema(minimum = 1, maximum = 365)]
    pub backup_days: Option<u16>,
    /// What was corrected, for those who approve.
    pub comment: Option<String>,
}

/// Opens the ticket that takes a rejected one's place.
pub(super) async fn resubmit(
    app: &App,
    caller: &Caller,
    id: TicketId,
    request: Resubmission,
) -> Result<Proposed, SchemaError> {
    caller.require(Operation::ReleasePropose)?;
    let before = find(app, caller, id).await?;
    if before.person != caller.actor.person() {
        return Err(SchemaError::NotTheAuthor);
    }
    if before.status != TicketStatus::Rejected {
        return Err(SchemaError::NotRejected(before.status.as_str()));
    }
    let earlier = store::ticket::find_correction(&app.db, caller.org(), id).await?;
    if earlier.is_some_and(|(_, status)| status != TicketStatus::Withdrawn) {
        return Err(SchemaError::Corrected);
    }
    let correction = Correction {
        of: Some(id),
        comment: checked(Remark {
            comment: request.comment,
        })?,
        wish: None,
    };
    let servers = store::ticket::list_servers(&app.db, id).await?;
    let servers = servers
        .into_iter()
        .map(|server| server.server.to_string())
        .collect();
    let project = Some(before.project).filter(|project| !project.is_empty());
    let version = request.version.unwrap_or(before.version);
    if let Some(published) = store::ticket::find_published(&app.db, id).await? {
        if request.sql.is_some() {
            return Err(SchemaError::invalid(
                "sql",
                "this was computed from a design: correct the design, and leave this out",
            ));
        }
        let request = PublishRequest {
            project,
            version,
            database: published.database.unwrap_or(before.database),
            tables: published.tables,
            environment: before.environment,
            servers,
        };
        return publish::publish(app, caller, request, correction).await;
    }
    let sql = if let Some(sql) = request.sql {
        sql
    } else {
        let found = store::ticket::find(&app.db, caller.org(), id).await?;
        found.ok_or(SchemaError::NoTicket)?.1
    };
    let held = store::ticket::find_held(&app.db, caller.org(), id).await?;
    let new = NewProposal {
        project,
        version,
        database: before.database,
        environment: before.environment,
        servers,
        sql,
        max_rows: request.max_rows.or(held.max_rows),
        backup_days: request.backup_days.or(held.backup_days),
    };
    proposal::propose(app, caller, new, correction).await
}
