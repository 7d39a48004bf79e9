//! What the agent is asked for, and what becomes of its answers.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use muster_base::{ExecutionId, OrgId, SecretString, ServerId, UnixMs, sha256};
use muster_protocol::latest::{
    GuardedSql, OrderEvent, OrderPayload, SqlGuard, SqlSpec, SqlStatement, StepReport, StepStatus,
};

use super::{
    ExecutionStatus, PASSWORD, ProposedStatement, Release, SchemaError, Server, ServerSql, ServerTest,
    approval::Yes, base_check, release_seal, server_test::target, store,
};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    secrets::{self, CredentialKind},
    work::{Approval, Going, Listener, NewOrder, Order, OrderKind, OrderState, SecretsError},
};

/// A release that is to run on one server.
pub(super) struct NewSqlOrder<'a> {
    pub(super) org: OrgId,
    pub(super) execution: ExecutionId,
    pub(super) release: &'a Release,
    pub(super) server: &'a Server,
    pub(super) approved: &'a ServerSql,
    pub(super) approvals: &'a [Yes],
    pub(super) dry_run: bool,
    pub(super) not_before: UnixMs,
    pub(super) expires: UnixMs,
    pub(super) by: String,
}

impl NewSqlOrder<'_> {
    /// The order: statements, their digest and who approved go under the signature.
    pub(super) fn order(self) -> Result<NewOrder, SchemaError> {
        let digest = sha256(self.approved.sql.as_bytes());
        if digest.to_string() != self.approved.sha256 {
            let message = format!("the SQL of release {} is not what was approved", self.release.id);
            return Err(DbError::Corrupt(message).into());
        }
        let spec = SqlSpec {
            execution: self.execution,
            release: self.release.id,
            version: self.release.version.clone(),
            sql_sha256: digest.0,
            target: target(self.server, self.approved.database.clone()),
            statements: statements(&self.approved.statements),
            lock_timeout_ms: self.server.lock_timeout_ms,
            statement_timeout_ms: self.server.statement_timeout_ms,
            dry_run: self.dry_run,
        };
        let guards = guards(&self.approved.statements);
        let payload = if guards.is_empty() {
            OrderPayload::Sql(Box::new(spec))
        } else {
            OrderPayload::GuardedSql(Box::new(GuardedSql { spec, guards }))
        };
        Ok(NewOrder {
            org: self.org,
            host: self.server.host_id,
            payload,
            approvals: self
                .approvals
                .iter()
                .map(|yes| Approval {
                    by: format!("ticket:{} {} ({})", self.release.ticket_id, yes.person, yes.name),
                    at: yes.at,
                })
                .collect(),
            not_before: self.not_before,
            expires: self.expires,
            created_by: self.by,
        })
    }
}

/// Statements as they travel.
pub(super) fn statements(approved: &[ProposedStatement]) -> Vec<SqlStatement> {
    let statements = approved.iter().map(|statement| SqlStatement {
        sql: statement.sql.clone(),
        transactional: statement.transactional,
        risk: statement.risk.as_u8(),
    });
    statements.collect()
}

/// What statements are held to.
pub(super) fn guards(approved: &[ProposedStatement]) -> Vec<SqlGuard> {
    let guard = |(nth, statement): (u32, &ProposedStatement)| {
        let rows = statement.rows.as_ref()?;
        (rows.max_rows.is_some() || rows.kept_in.is_some()).then(|| SqlGuard {
            statement: nth,
            max_rows: rows.max_rows.map(u64::from),
            keep: rows.kept_in.clone(),
        })
    };
    (0..).zip(approved).filter_map(guard).collect()
}

/// Has this room hear of its orders.
pub(super) fn register(app: &App) {
    let orders = Arc::new(Orders);
    app.work.register(OrderKind::Sql, orders.clone());
    app.work.register(OrderKind::TestServer, orders);
}

/// Hears what becomes of executions and server tests.
struct Orders;

impl Listener for Orders {
    fn may_go<'a>(&'a self, app: &'a App, order: &'a Order) -> BoxFuture<'a, Result<Going, DbError>> {
        async move {
            match order.kind {
                OrderKind::Sql => match release_seal::refusal(app, order).await? {
                    Some(why) => Ok(Going::Never(why)),
                    None => base_check::may_go(app, order).await,
                },
                OrderKind::TestServer | OrderKind::Deploy | OrderKind::Container | OrderKind::File => {
                    Ok(Going::Goes)
                }
            }
        }
        .boxed()
    }

    fn secrets<'a>(
        &'a self,
        app: &'a App,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        password(app, order).boxed()
    }

    fn moved<'a>(
        &'a self,
        app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        moved(app, tx, order).boxed()
    }

    fn event<'a>(
        &'a self,
        _app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
        event: &'a OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        happened(tx, order, event).boxed()
    }
}

pub(super) async fn password(app: &App, order: &Order) -> Result<Vec<(String, SecretString)>, SecretsError> {
    let server = match order.kind {
        OrderKind::TestServer => Some(ServerId::from_uuid(order.subject_id)),
        OrderKind::Sql => {
            store::execution::server_of(&app.db, ExecutionId::from_uuid(order.subject_id)).await?
        }
        OrderKind::Deploy | OrderKind::Container | OrderKind::File => None,
    };
    let server = server.ok_or_else(|| SecretsError::Never("the execution is gone".into()))?;
    let kind = CredentialKind::DatabaseServer;
    match secrets::find_credential(app, order.org, kind, *server.as_uuid()).await {
        Ok(Some(password)) => Ok(vec![(PASSWORD.to_owned(), password)]),
        Ok(None) => Err(SecretsError::Never(
            "the server was removed, and its password with it".into(),
        )),
        Err(secrets::SecretsError::Db(error)) => Err(error.into()),
        Err(error) => Err(SecretsError::Never(format!(
            "the server's password can't be opened: {error}"
        ))),
    }
}

pub(super) async fn moved(app: &App, tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    match order.kind {
        OrderKind::Sql => execution_moved(app, tx, order).await,
        OrderKind::TestServer => test_moved(tx, order).await,
        OrderKind::Deploy | OrderKind::Container | OrderKind::File => Ok(()),
    }
}

async fn execution_moved(app: &App, tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    let id = ExecutionId::from_uuid(order.subject_id);
    if missed(order, app.clock.now())
        && store::waiting::wait_again(tx, (id, order.id), app.clock.now()).await?
    {
        let entry = Entry::done("release:waits", "execution", id)
            .detail("its host could not be reached while the window was open");
        let system = Caller::system("schema.waiting", order.org);
        return audit::record(app, tx, &system, Some(order.org), entry).await;
    }
    let status = status(order.state);
    let written = store::execution::set_status(tx, id, status, order).await?;
    if !written || !status.is_end() {
        return Ok(());
    }
    store::execution::close_steps(tx, id).await?;
    if status == ExecutionStatus::Success {
        store::state::reach(tx, id, app.clock.now()).await?;
    } else {
        store::set_aside::reach_partly(tx, id, app.clock.now()).await?;
    }
    let entry = if status == ExecutionStatus::Success {
        Entry::done("release:ended", "execution", id)
    } else {
        Entry::failed("release:ended", "execution", id)
    };
    let entry = entry.detail(order.error.clone().unwrap_or_else(|| status.as_str().to_owned()));
    let agent = Caller::agent(order.host_id, order.org, None);
    audit::record(app, tx, &agent, Some(order.org), entry).await
}

/// Whether its host has begun nothing of it since it was not reached in time: it may wait for the next window. A host that
/// says so before the time has come has a wrong clock.
fn missed(order: &Order, now: UnixMs) -> bool {
    let never = order.accepted_at.is_none() && now >= order.expires_at;
    order.state == OrderState::Expired && (order.sequence.is_none() || never)
}

async fn test_moved(tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    let Some(at) = order.ended_at.filter(|_| order.state.is_end()) else {
        return Ok(());
    };
    let detail = order.server_version.clone().or_else(|| order.error.clone());
    let test = ServerTest {
        at,
        ok: order.state == OrderState::Done,
        detail: detail.unwrap_or_default(),
    };
    store::server::set_test(tx, ServerId::from_uuid(order.subject_id), &test).await
}

const fn status(state: OrderState) -> ExecutionStatus {
    match state {
        OrderState::Queued | OrderState::WaitingForHost | OrderState::Sent => ExecutionStatus::Pending,
        OrderState::Accepted => ExecutionStatus::Running,
        OrderState::Done => ExecutionStatus::Success,
        OrderState::RolledBack => ExecutionStatus::RolledBack,
        OrderState::Failed | OrderState::Refused | OrderState::Expired => ExecutionStatus::Failure,
        OrderState::Cancelled => ExecutionStatus::Cancelled,
        OrderState::NeedsAttention => ExecutionStatus::NeedsAttention,
    }
}

pub(super) async fn happened(tx: &mut Tx, order: &Order, event: &OrderEvent) -> Result<(), DbError> {
    let StepReport::Step {
        index,
        status,
        duration_ms,
        rows,
        detail,
        ..
    } = &event.what
    else {
        return Ok(());
    };
    if order.kind != OrderKind::Sql {
        return Ok(());
    }
    let step = store::execution::StepNews {
        position: i64::from(*index),
        status: match status {
            StepStatus::Running => "running",
            StepStatus::Done => "success",
            StepStatus::Failed => "failure",
            StepStatus::Skipped => "skipped",
        },
        duration_ms: duration_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
        rows: rows.map(|rows| i64::try_from(rows).unwrap_or(i64::MAX)),
        detail,
    };
    store::execution::set_step(tx, ExecutionId::from_uuid(order.subject_id), &step).await
}
