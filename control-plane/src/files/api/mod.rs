//! HTTP of this room.

mod content;
mod items;
mod sends;
mod uploads;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(items::router())
        .merge(content::router())
        .merge(uploads::router())
        .merge(sends::router())
}
