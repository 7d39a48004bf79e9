//! What becomes of this room's orders on hosts, and the bytes that hosts fetch for them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{
    future::{BoxFuture, FutureExt as _},
    stream::BoxStream,
};
use muster_base::{HostId, OrgId, SecretString};
use muster_protocol::latest::{BytesWish, OrderEvent};

use super::{FilesError, download, range::Span, store};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    work::{self, Listener, Order, OrderKind, OrderState, SecretsError},
};

const DELETED: &str = "the file was deleted before this host had all of it; nothing was changed";

/// Has this room hear of its orders. Before the dispatcher starts.
pub fn register(app: &App) {
    app.work.register(OrderKind::File, Arc::new(Orders));
}

struct Orders;

impl Listener for Orders {
    /// There are none; but a file that is gone is not ordered of anybody.
    fn secrets<'a>(
        &'a self,
        app: &'a App,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        async move {
            match store::send::content(&app.db, order.id).await? {
                Some(_) => Ok(Vec::new()),
                None => Err(SecretsError::Never(DELETED.to_owned())),
            }
        }
        .boxed()
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
        _tx: &'a mut Tx,
        _order: &'a Order,
        _event: &'a OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        std::future::ready(Ok(())).boxed()
    }
}

async fn moved(app: &App, tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    store::send::set_state(tx, order.id, order.state, order.error.as_deref(), order.ended_at).await?;
    if !order.state.is_end() {
        return Ok(());
    }
    let entry = if order.state == OrderState::Done {
        Entry::done("file:sent", "order", order.id)
    } else {
        Entry::failed("file:sent", "order", order.id)
    };
    let why = order
        .error
        .clone()
        .unwrap_or_else(|| order.state.as_str().to_owned());
    let agent = Caller::agent(order.host_id, order.org, None);
    audit::record(app, tx, &agent, Some(order.org), entry.detail(why)).await
}

/// Why a host gets no bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBytes {
    /// It may ask again.
    NotNow(String),
    /// It need not.
    Never(String),
}

impl From<FilesError> for NoBytes {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Busy => Self::NotNow("many hosts fetch files at the moment".to_owned()),
            FilesError::Storage(super::storage::StorageError::Gone) => Self::Never(error.to_string()),
            FilesError::Db(_) => Self::NotNow("the control plane's database does not answer".to_owned()),
            other => Self::NotNow(other.to_string()),
        }
    }
}

impl From<DbError> for NoBytes {
    fn from(error: DbError) -> Self {
        FilesError::from(error).into()
    }
}

/// The bytes of the file that an order is about, for the host that has the order.
pub async fn bytes_for_host(
    app: &App,
    org: OrgId,
    host: HostId,
    wish: BytesWish,
) -> Result<BoxStream<'static, Result<Bytes, FilesError>>, NoBytes> {
    let never = |why: &str| Err(NoBytes::Never(why.to_owned()));
    let order = work::find(app, wish.order).await.map_err(FilesError::from)?;
    let is_ours = |order: &Order| order.org == org && order.host_id == host && order.kind == OrderKind::File;
    let Some(order) = order.filter(is_ours) else {
        return never("there is no such order for this host");
    };
    match order.state {
        OrderState::Accepted => {}
        // Its word that it has begun may be on its way.
        OrderState::Sent if app.clock.now() < order.expires_at => {}
        OrderState::Sent => return never("the order's time has passed; nothing was changed"),
        OrderState::Queued | OrderState::WaitingForHost => return never("the order was not handed over"),
        OrderState::Done
        | OrderState::RolledBack
        | OrderState::Failed
        | OrderState::Refused
        | OrderState::Cancelled
        | OrderState::Expired
        | OrderState::NeedsAttention => return never("the order has ended"),
    }
    let Some((file, size)) = store::send::content(&app.db, order.id).await? else {
        return never(DELETED);
    };
    if wish.offset > size {
        return never("the file has fewer bytes");
    }
    let Some(seat) = app.files.sending.try_take(host.to_string()) else {
        return Err(FilesError::Busy.into());
    };
    let span = Span {
        start: wish.offset,
        end: size,
        partial: true,
    };
    Ok(download::bytes_for(app, org, seat, file, span).await?)
}
