//! The rooms whose work orders are.

use futures_util::{FutureExt as _, future::BoxFuture};
use muster_base::SecretString;
use muster_protocol::latest::OrderEvent;

use super::Order;
use crate::{
    app::App,
    db::{DbError, Tx},
};

/// Why an order's secrets can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Never: the order fails with this sentence.
    #[error("{0}")]
    Never(String),
    /// Not now.
    #[error(transparent)]
    NotNow(#[from] DbError),
}

/// Whether an order may go to its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Going {
    /// Now.
    Goes,
    /// Never: the order fails with this sentence.
    Never(String),
    /// Not now: it is asked again in a moment, until the order's time has passed.
    Later,
}

/// A room that asks for work.
///
/// `moved` and `event` run in the transaction that stores what they tell of: either both last or neither. They may be
/// told the same again after a crash in between other steps, so what they write must not depend on being told once.
pub trait Listener: Send + Sync + 'static {
    /// Whether the order may go: asked before it is signed for the first time, and again if this process dies over it. May
    /// take as long as asking a host does; no transaction is open meanwhile.
    fn may_go<'a>(&'a self, _app: &'a App, _order: &'a Order) -> BoxFuture<'a, Result<Going, DbError>> {
        std::future::ready(Ok(Going::Goes)).boxed()
    }

    /// The order's secrets, by the names that its payload uses. Asked at each hand-over.
    fn secrets<'a>(
        &'a self,
        app: &'a App,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>>;

    /// The order's state changed; `order` is as it is now. The last call has a state that [`is an end`].
    ///
    /// [`is an end`]: super::OrderState::is_end
    fn moved<'a>(
        &'a self,
        app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<(), DbError>>;

    /// The host said something new.
    fn event<'a>(
        &'a self,
        app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
        event: &'a OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>>;

    /// The transaction of `moved` or `event` is committed: wake whoever waits. May be lost to a crash.
    fn committed(&self, _app: &App, _order: &Order) {}
}
