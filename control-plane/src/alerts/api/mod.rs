//! `/api/v1/alerts`

mod alert;
mod receiver;
mod rule;
mod silence;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(alert::router())
        .merge(rule::router())
        .merge(silence::router())
        .merge(receiver::router())
}
