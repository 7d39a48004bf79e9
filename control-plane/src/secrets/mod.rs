//! Secrets, sealed at rest.

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
