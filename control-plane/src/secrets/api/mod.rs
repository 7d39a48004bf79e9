//! `/api/v1/secrets…`

mod group;
mod secret;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(group::router())
        .merge(secret::router())
}
