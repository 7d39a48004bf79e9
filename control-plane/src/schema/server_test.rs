//! Testing a server: its agent connects and says what answers.

use std::time::Duration;

use muster_base::{ServerId, UnixMs};
use muster_protocol::latest::{OrderPayload, SqlTarget};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use super::{PASSWORD, SchemaError, Server, ServerTest, server};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    in_tx,
    work::{self, NewOrder, OrderState},
};

/// An agent that is there connects within 10 s, or says that it can't.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Which database to connect to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestRequest {
    /// The first one of the server's if left out.
    pub database: Option<String>,
}

/// Has the server's agent connect to it, and waits for what it says.
pub(super) async fn test(
    app: &App,
    caller: &Caller,
    id: ServerId,
    request: TestRequest,
) -> Result<ServerTest, SchemaError> {
    let server = server::find_for(app, caller, Operation::ServerWrite, id).await?;
    let database = match request.database {
        Some(database) if server.databases.contains(&database) => database,
        Some(_) => {
            return Err(SchemaError::invalid(
                "database",
                "is not one of the server's databases",
            ));
        }
        None => server.databases.first().cloned().unwrap_or_default(),
    };
    let now = app.clock.now();
    let order = in_tx!(app.db, |tx| {
        let order = NewOrder {
            org: caller.org(),
            host: server.host_id,
            payload: OrderPayload::TestServer(target(&server, database)),
            approvals: Vec::new(),
            not_before: now,
            expires: now.plus_ms(UnixMs::MINUTE),
            created_by: caller.actor.name(),
        };
        let order = work::submit(app, tx, order).await?;
        let entry = Entry::done("server:test", "server", id);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        order
    });
    app.work.wake();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let ended = work::find(app, order).await?.filter(|order| order.state.is_end());
        if let Some(order) = ended {
            return Ok(ServerTest {
                at: order.ended_at.unwrap_or(now),
                ok: order.state == OrderState::Done,
                detail: order.server_version.or(order.error).unwrap_or_default(),
            });
        }
        sleep(POLL).await;
    }
    in_tx!(app.db, |tx| {
        // It may have ended this very moment; either way nothing is left waiting.
        match work::cancel(app, tx, order, &caller.actor.name()).await {
            Ok(()) | Err(work::WorkError::Ended) => {}
            Err(error) => return Err(error.into()),
        }
    });
    app.work.wake();
    Err(SchemaError::NoAnswer)
}

/// The server as its agent reaches it.
pub(super) fn target(server: &Server, database: String) -> SqlTarget {
    SqlTarget {
        server: server.id,
        dialect: server.kind.on_the_wire(),
        host: server.ip.clone(),
        port: server.port,
        username: server.username.clone(),
        password_secret: PASSWORD.to_owned(),
        database,
    }
}
