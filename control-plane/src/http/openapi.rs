//! The OpenAPI document, made from the handlers themselves.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use super::{openapi_flat, openapi_refusals, problem::Problem};
use crate::{
    access, alerts, app::App, audit, containers, delivery, files, fleet, notify, schema, secrets, setup,
    telemetry, work,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Fleet control plane. Errors are RFC 9457 problems (`application/problem+json`): 401 not signed in, \
            403 not allowed, 404 not there or not yours, 409 conflict, 422 wrong input with `errors[]`, 429 too often, \
            503 database unavailable. The org is chosen by the header `Muster-Org` (id or slug); without it the \
            caller's first org is meant.",
        license(name = "Apache-2.0")
    ),
    components(schemas(Problem)),
    modifiers(&Security),
    security(("token" = []), ("session" = []))
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("an access token, or an API key `dw_…`"))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            super::SESSION_COOKIE,
            "the console's session; anything but reads needs the header `X-CSRF-Token`",
        ));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// Every room's routes.
pub fn routes() -> OpenApiRouter<App> {
    let mut routes = OpenApiRouter::with_openapi(Document::openapi())
        .merge(setup::api::router::<App>())
        .merge(access::router())
        .merge(audit::router())
        .merge(notify::router())
        .merge(fleet::router())
        .merge(telemetry::router())
        .merge(alerts::router())
        .merge(containers::router())
        .merge(work::router())
        .merge(secrets::router())
        .merge(delivery::router())
        .merge(files::router())
        .merge(schema::router());
    openapi_flat::write_out(routes.get_openapi_mut());
    openapi_refusals::describe(routes.get_openapi_mut());
    routes
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}
