//! How a machine becomes a host with one line: the control plane gives out the agent's packages itself, since no other
//! place can be assumed.
//!
//! The line that `POST /api/v1/join-tokens` answers with fetches a script, compares its SHA-256 with the one in the
//! line, and runs it; the script knows the packages' SHA-256 and compares again; the agent then pins the CA by its
//! fingerprint. So the line is all that a host has to believe, and a proxy on the way can't slip in another agent.
//! The join token is in the environment of the script and of `muster-agent join` only, never an argument.
//!
//! Packages are files named `muster-agent_VERSION_ARCHITECTURE.deb`, in `packages/` in the data directory and in
//! `/usr/share/muster/packages`, where the package `muster` puts the agent that it was built with. For each
//! architecture the data directory's counts first; of several there, the greatest version.
//!
//! Who: anybody; there is nothing secret in a package, and the host that asks has no credentials yet.
//!
//! Fails how: without a package, or without an address that hosts could reach, the line only joins, and the agent must
//! be there already. A package that is exchanged between two requests no longer has the sum that the script knows:
//! the script stops, and the line has to be made anew.
//!
//! Tables: none.

mod api;
mod packages;
mod script;
#[cfg(test)]
mod tests;

use muster_identity::{Fingerprint, token::JoinToken};

pub use self::packages::Packages;

pub(crate) use self::api::file;

use crate::{
    app::App,
    config::{HttpConfig, as_seen_from_outside},
};

/// Where the packages put the agent's data.
const AGENT_DATA: &str = "/var/lib/muster-agent";

/// The line that is run on a new host, as root.
pub(crate) async fn join_command(
    app: &App,
    server: &str,
    ca_fingerprint: Fingerprint,
    token: &JoinToken,
) -> String {
    let install = match base_url(&app.config.http) {
        Some(base) => script::render(&base, &app.packages.list(&app.config).await).map(|text| (base, text)),
        None => None,
    };
    let (token, server) = (token.expose(), script::quoted(server));
    match install {
        Some((base, text)) => format!(
            "f=$(mktemp) && curl -fsSo \"$f\" {} && echo \"{}  $f\" | sha256sum -c --quiet - && \
             MUSTER_JOIN_TOKEN={token} sh \"$f\" --server {server} --ca-fingerprint {ca_fingerprint}",
            script::quoted(&format!("{base}/install/{}", script::NAME)),
            hex::encode(muster_base::sha256(text.as_bytes()).0),
        ),
        None => format!(
            "MUSTER_JOIN_TOKEN={token} muster-agent join --data {AGENT_DATA} --server {server} \
             --ca-fingerprint {ca_fingerprint}"
        ),
    }
}

/// The address that hosts can reach the HTTP side by, if there is one: what is configured, or the listener unless only
/// this machine can reach it.
fn base_url(http: &HttpConfig) -> Option<String> {
    if let Some(url) = &http.public_url {
        return Some(url.trim_end_matches('/').to_owned());
    }
    (!http.listen.ip().is_loopback()).then(|| format!("http://{}", as_seen_from_outside(http.listen)))
}
