//! HTTP: the API, the console's files, health. The only room beside the `api/` folders that knows axum.
//!
//! Every request has a size limit, a time limit and an id. Errors leave as RFC 9457 problems, made in
//! [`problem`] and nowhere else.

mod assets;
mod before;
mod caller;
pub mod extract;
pub mod feed;
#[cfg(test)]
mod garbage_tests;
mod health;
mod language;
mod limits;
mod listen;
mod openapi;
mod openapi_flat;
mod openapi_page;
mod openapi_refusals;
pub mod page;
pub mod problem;
mod refusals;
mod server;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::server::undescribed;
pub use self::{
    before::{serve_installer, serve_waiting},
    caller::{ClientIp, Cookies, cookie},
    language::{Spoken, spoken},
    listen::customer,
    openapi::{document, routes},
    server::{router, serve},
};

/// Header that chooses the org, by id or slug.
pub const ORG_HEADER: &str = "muster-org";
/// Header that carries the CSRF token of a cookie session.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// Cookie of a device that was signed in with.
pub const DEVICE_COOKIE: &str = "muster_device";
/// Cookie of a browser that was sent to a provider.
pub const PROVIDER_COOKIE: &str = "muster_provider";
/// Cookie of a console session.
pub const SESSION_COOKIE: &str = "muster_session";
