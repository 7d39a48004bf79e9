//! `/api/v1/secrets…`

mod group;
mod provider;
mod secret;
mod sync;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(group::router())
        .merge(provider::router())
        .merge(secret::router())
        .merge(sync::router())
}
