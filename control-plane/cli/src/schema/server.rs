//! Calls to a control plane.
//!
//! A key is in a file or in the environment, never among the arguments, where every user of the machine sees it. It
//! goes over https, or to this machine itself.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use reqwest::{
    Client, Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which control plane, and by which key.
#[derive(clap::Args)]
pub struct Place {
    /// The control plane, for instance `https://muster.example`; else `MUSTER_SERVER` says it
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A file with an API key; else the key is in `MUSTER_KEY`
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The organisation, by its slug or id; the key's own if left out
    #[arg(long)]
    org: Option<String>,
}

impl Place {
    pub(super) fn server(&self) -> anyhow::Result<Server> {
        Server::of(
            self.server.as_deref(),
            self.key_file.as_deref(),
            self.org.as_deref(),
        )
    }
}

/// A control plane, and a key to it.
pub(super) struct Server {
    url: Url,
    authorization: HeaderValue,
    org: Option<HeaderValue>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.url.host_str().unwrap_or_default())
    }
}

/// What it answers.
pub(super) enum Answer {
    Done(Value),
    /// It says no.
    Refused {
        detail: String,
        /// Fields, and what is wrong with them.
        errors: Vec<(String, String)>,
    },
}

impl Server {
    /// As the arguments say, and where they don't, as the environment does.
    pub(super) fn of(url: Option<&str>, key_file: Option<&Path>, org: Option<&str>) -> anyhow::Result<Self> {
        let from_environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let url = url
            .map(str::to_owned)
            .or_else(|| from_environment("MUSTER_SERVER"))
            .context(
                "say which control plane with --server or MUSTER_SERVER, or only read the files with --check",
            )?;
        let key = match key_file {
            Some(file) => {
                std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?
            }
            None => from_environment("MUSTER_KEY")
                .context("put an API key into MUSTER_KEY, or name a --key-file")?,
        };
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.trim()))
            .ok()
            .context("the API key holds a character that no key has")?;
        authorization.set_sensitive(true);
        let org = org.map(HeaderValue::from_str).transpose();
        Ok(Self {
            url: base(&url)?,
            authorization,
            org: org
                .ok()
                .context("an organisation's slug has no such characters")?,
        })
    }

    /// Sends a text that has to be understood.
    pub(super) fn post(&self, path: &str, content_type: &'static str, body: &str) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, Some((content_type, body.to_owned())))
    }

    /// Sends what is to be done, as JSON.
    pub(super) fn post_json(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, Some(("application/json", body.to_string())))
    }

    /// Asks how something stands.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.call(Method::GET, path, None)
    }

    fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> anyhow::Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (status, text) = runtime.block_on(self.send(method, path, body)).map_err(|error| {
            anyhow::Error::new(error.without_url()).context("no answer from the control plane")
        })?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(Answer::Done(answer));
        }
        let detail = answer["detail"].as_str().or_else(|| answer["title"].as_str());
        let detail = detail.unwrap_or("it doesn't say why").to_owned();
        match status {
            StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::UNPROCESSABLE_ENTITY => Ok(Answer::Refused {
                detail,
                errors: errors(&answer),
            }),
            StatusCode::UNAUTHORIZED => bail!("the control plane doesn't know this key"),
            other => bail!("the control plane answered {}: {detail}", other.as_u16()),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> reqwest::Result<(StatusCode, String)> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .user_agent(concat!("musterctl/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let address = format!("{}{path}", self.url.as_str().trim_end_matches('/'));
        let mut request = client
            .request(method, address)
            .header(AUTHORIZATION, &self.authorization);
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        if let Some(org) = &self.org {
            request = request.header("muster-org", org);
        }
        let response = request.send().await?;
        Ok((response.status(), response.text().await?))
    }
}

fn errors(problem: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    errors
        .iter()
        .map(|error| (text(&error["field"]), text(&error["message"])))
        .collect()
}

/// The address, if a key may go there.
fn base(url: &str) -> anyhow::Result<Url> {
    // A password in it must not be shown.
    let url = Url::parse(url)
        .ok()
        .context("the control plane's URL can't be read")?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" => ensure!(here, "the key would go through the network in clear: use https"),
        _ => bail!("the control plane's URL must begin with https://"),
    }
    ensure!(
        url.username().is_empty() && url.password().is_none() && url.query().is_none(),
        "the control plane's URL must be its address and nothing else"
    );
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_through_no_network_in_clear() {
        for good in [
            "https://muster.example",
            "https://muster.example/below/",
            "http://127.0.0.1:8440",
            "http://[::1]:8440",
            "http://localhost:8440",
        ] {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://muster.example",
            "http://10.0.0.1:8440",
            "http://127.0.0.1.example",
            "https://a:b@muster.example",
            "https://muster.example/?x=1",
            "ftp://muster.example",
            "muster.example",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
