//! HTTP of this room.

mod containers;
mod log;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(containers::router())
        .merge(log::router())
}
