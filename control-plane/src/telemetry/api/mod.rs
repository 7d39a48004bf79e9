//! HTTP of this room.

mod containers;
mod live;
mod metrics;
mod prometheus;
mod storage;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(metrics::router())
        .merge(containers::router())
        .merge(live::router())
        .merge(prometheus::router())
        .merge(storage::router())
}
