//! HTTP of this room.

mod accounts;
mod clusters;
mod environments;
mod hosts;
mod instances;
mod join_tokens;
mod keys;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(environments::router())
        .merge(clusters::router())
        .merge(hosts::router())
        .merge(accounts::router())
        .merge(instances::router())
        .merge(join_tokens::router())
        .merge(keys::router())
}
