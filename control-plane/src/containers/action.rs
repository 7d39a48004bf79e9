//! Starting, stopping and restarting.

use muster_base::{HostId, OrderId};
use muster_protocol::latest::{ContainerAction, ContainerOrder, OrderPayload};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    ContainersError, ORDER_LASTS_MS,
    target::{self, Target, application_of},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    delivery,
    flaw::Flaw,
    in_tx,
    work::{self, NewOrder},
};

/// No container is waited for longer.
const MAX_GRACE_S: u64 = 3_600;
const MS_PER_S: u64 = 1_000;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Start,
    Stop,
    Restart,
}

/// How a container is stopped.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StopContainer)]
pub struct Stop {
    /// Seconds, 0–3600, that it may take to stop by itself before it is killed; what the container itself says if left
    /// out.
    #[schema(minimum = 0, maximum = 3600)]
    pub grace_s: Option<u64>,
}

/// The order that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ContainerOrdered)]
pub struct Ordered {
    /// The work order: `/api/v1/orders/{id}` says what becomes of it.
    pub order_id: OrderId,
}

impl Action {
    const fn operation(self) -> &'static str {
        match self {
            Self::Start => "container:start",
            Self::Stop => "container:stop",
            Self::Restart => "container:restart",
        }
    }

    const fn on_the_wire(self, grace_ms: Option<u64>) -> ContainerAction {
        match self {
            Self::Start => ContainerAction::Start,
            Self::Stop => ContainerAction::Stop { grace_ms },
            Self::Restart => ContainerAction::Restart { grace_ms },
        }
    }
}

/// Orders it of the container's host.
pub(super) async fn act(
    app: &App,
    caller: &Caller,
    (host, name): (HostId, &str),
    action: Action,
    stop: &Stop,
) -> Result<Ordered, ContainersError> {
    let Target { host, container } =
        target::find(app, caller, Operation::ContainerOperate, host, name).await?;
    if stop.grace_s.is_some_and(|grace_s| grace_s > MAX_GRACE_S) {
        return Err(ContainersError::invalid("graceS", Flaw::Range(0, 3_600)));
    }
    target::require_agent(app, &host)?;
    let now = app.clock.now();
    let grace_ms = stop.grace_s.map(|grace_s| grace_s * MS_PER_S);
    let order_id = in_tx!(app.db, |tx| {
        if let Some((application, environment)) = application_of(&container)
            && let Some(holder) =
                delivery::running_deployment(tx, caller.org(), application, environment).await?
        {
            return Err(ContainersError::UnderDeployment(holder));
        }
        let order = NewOrder {
            org: caller.org(),
            host: host.id,
            payload: OrderPayload::Container(ContainerOrder {
                name: container.name.clone(),
                action: action.on_the_wire(grace_ms),
            }),
            approvals: Vec::new(),
            not_before: now,
            expires: now.plus_ms(ORDER_LASTS_MS),
            created_by: caller.actor.name(),
        };
        let order_id = work::submit(app, tx, order).await?;
        let entry = Entry::done(
            action.operation(),
            "container",
            format!("{}/{}", host.id, container.name),
        )
        .after(&json!({"hostName": host.name, "graceS": stop.grace_s, "orderId": order_id}));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        order_id
    });
    app.work.wake();
    Ok(Ordered { order_id })
}
