//! Who is at the door, from a request.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::{
    access::{device::Tokens, session::Mode, sign_in::Visitor},
    app::App,
    http::{ClientIp, DEVICE_COOKIE, Spoken, cookie, spoken},
};

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let ClientIp(ip) = ClientIp::from_request_parts(parts, app).await?;
        let Spoken(language) = Spoken::from_request_parts(parts, app).await?;
        let spoken = spoken(&parts.headers);
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok());
        Ok(Self {
            mode: Mode::Bearer,
            ip,
            user_agent: agent.map(str::to_owned),
            devices: Tokens::read(cookie(parts, DEVICE_COOKIE).unwrap_or_default()),
            language,
            spoken,
        })
    }
}
