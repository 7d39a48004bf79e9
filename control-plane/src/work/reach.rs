//! Which orders somebody whose permissions are narrowed may see.
//!
//! An order is on a host, so the host must be in reach. What it is for (a deployment, a release) has its own calls,
//! which know applications, servers and environments: whoever is narrowed in those does not see such orders here.

use super::{Order, OrderKind, WorkError};
use crate::{
    access::{Caller, ObjectKind},
    app::App,
    error::Error,
    fleet,
};

/// What a query filters by: JSON arrays, none where nothing is narrowed.
#[derive(Debug, Default)]
pub(super) struct Reach {
    pub(super) hosts: Option<String>,
    pub(super) kinds: Option<String>,
}

impl Reach {
    pub(super) async fn of(app: &App, caller: &Caller) -> Result<Self, WorkError> {
        let hosts = fleet::hosts_in_reach(app, caller).await.map_err(Error::from)?;
        let kinds: Vec<_> = kinds(caller).map(OrderKind::as_str).collect();
        let narrowed = !caller.scope().is_whole();
        Ok(Self {
            hosts: hosts.map(|hosts| serde_json::to_string(&hosts).unwrap_or_else(|_| "[]".to_owned())),
            kinds: narrowed.then(|| serde_json::to_string(&kinds).unwrap_or_else(|_| "[]".to_owned())),
        })
    }
}

/// Passes if the order is in the caller's reach.
pub(super) async fn require(app: &App, caller: &Caller, order: &Order) -> Result<(), WorkError> {
    if caller.scope().is_whole() {
        return Ok(());
    }
    let hosts = fleet::hosts_in_reach(app, caller).await.map_err(Error::from)?;
    let host = hosts.is_none_or(|hosts| hosts.contains(&order.host_id));
    if host && kinds(caller).any(|kind| kind == order.kind) {
        Ok(())
    } else {
        Err(WorkError::NoOrder)
    }
}

fn kinds(caller: &Caller) -> impl Iterator<Item = OrderKind> {
    let narrowed = |kind| caller.scope().keys(kind).is_some();
    let deploys = !narrowed(ObjectKind::Applications) && !narrowed(ObjectKind::Environments);
    let databases = ![
        ObjectKind::Servers,
        ObjectKind::Databases,
        ObjectKind::Environments,
    ]
    .into_iter()
    .any(narrowed);
    let files = !narrowed(ObjectKind::Files);
    OrderKind::ALL.into_iter().filter(move |kind| match kind {
        OrderKind::Deploy | OrderKind::Container => deploys,
        OrderKind::Sql | OrderKind::TestServer => databases,
        OrderKind::File => files,
    })
}
