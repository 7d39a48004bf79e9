//! `/api/v1/schema…`

mod documents;
mod drift;
mod executions;
mod policies;
mod projects;
mod releases;
mod rollouts;
mod servers;
mod set_asides;
mod tickets;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(documents::router())
        .merge(servers::router())
        .merge(drift::router())
        .merge(set_asides::router())
        .merge(tickets::router())
        .merge(policies::router())
        .merge(projects::router())
        .merge(releases::router())
        .merge(executions::router())
        .merge(rollouts::router())
}
