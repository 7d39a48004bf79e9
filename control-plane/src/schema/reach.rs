//! Whether somebody whose permissions are narrowed may see or act on a ticket, a release or an execution: its
//! environment, its database and every one of its servers must be in their reach.

use muster_base::{ServerId, TicketId};

use super::{SchemaError, store};
use crate::{
    access::{Caller, Object},
    app::App,
};

/// Whether it is in the caller's reach.
pub(super) async fn reaches(
    app: &App,
    caller: &Caller,
    ticket: TicketId,
    (environment, database): (&str, &str),
) -> Result<bool, SchemaError> {
    if caller.scope().is_whole() {
        return Ok(true);
    }
    let servers = store::ticket::list_servers(&app.db, ticket).await?;
    let servers: Vec<ServerId> = servers.into_iter().map(|server| server.server).collect();
    Ok(caller.reaches(&Object::Database {
        name: database,
        environment,
        servers: &servers,
    }))
}

/// The condition that the rows' environment, database and servers are in reach: parameters `$n` to `$n+2`, null where
/// nothing is narrowed. `row` is `tickets` or `releases` by its alias, `ticket` the ticket's id in it.
pub(super) fn condition(db: &crate::db::Db, row: &str, ticket: &str, n: usize) -> String {
    let environment = db.text_among(&format!("{row}.environment"), n);
    let database = db.text_among(&format!("{row}.database"), n + 1);
    let server = db.id_among("ts.server_id", n + 2);
    let (second, third) = (n + 1, n + 2);
    format!(
        "(${n} is null or {environment}) and (${second} is null or {database}) and (${third} is null or not exists \
         (select 1 from ticket_servers ts where ts.ticket_id = {ticket} and not {server}))"
    )
}
