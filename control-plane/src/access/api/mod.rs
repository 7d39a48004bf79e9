//! HTTP of this room.

mod api_keys;
mod auth;
mod inbox;
mod joining;
mod members;
mod orgs;
mod permissions;
mod platforms;
mod proofs;
mod providers;
mod second_factor;
mod templates;
mod third_parts;
mod users;
mod visitor;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// This room's routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(auth::router())
        .merge(proofs::router())
        .merge(providers::router())
        .merge(second_factor::router())
        .merge(users::router())
        .merge(orgs::router())
        .merge(third_parts::router())
        .merge(members::router())
        .merge(permissions::router())
        .merge(platforms::router())
        .merge(joining::router())
        .merge(inbox::router())
        .merge(templates::router())
        .merge(api_keys::router())
}
