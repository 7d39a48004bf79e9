//! What becomes of this room's orders: an audit row at the end. The order itself says the rest.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use muster_base::SecretString;
use muster_protocol::latest::OrderEvent;

use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    work::{Listener, Order, OrderKind, OrderState, SecretsError},
};

/// Has this room hear of its orders. Before the dispatcher starts.
pub fn register(app: &App) {
    app.work.register(OrderKind::Container, Arc::new(Orders));
}

struct Orders;

impl Listener for Orders {
    /// Containers have theirs.
    fn secrets<'a>(
        &'a self,
        _app: &'a App,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }

    fn moved<'a>(
        &'a self,
        app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        ended(app, tx, order).boxed()
    }

    fn event<'a>(
        &'a self,
        _app: &'a App,
        _tx: &'a mut Tx,
        _order: &'a Order,
        _event: &'a OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        std::future::ready(Ok(())).boxed()
    }
}

async fn ended(app: &App, tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    if !order.state.is_end() {
        return Ok(());
    }
    let entry = if order.state == OrderState::Done {
        Entry::done("container:ended", "order", order.id)
    } else {
        Entry::failed("container:ended", "order", order.id)
    };
    let why = order
        .error
        .clone()
        .unwrap_or_else(|| order.state.as_str().to_owned());
    let agent = Caller::agent(order.host_id, order.org, None);
    audit::record(app, tx, &agent, Some(order.org), entry.detail(why)).await
}
