//! What the cloud says of this machine: asked of its metadata service at the agent's start (and so after a boot), and
//! once a day.
//!
//! **Whom.** The firmware's own words decide ([`dmi`]): a machine that is not of a known cloud sends no packet anywhere.
//! `MUSTER_AGENT_CLOUD` says `off`, or names one cloud where the firmware's words are hidden.
//!
//! **What.** Id, name, region, zone, type, image, addresses, how it is paid, and tags, as far as the service tells them to
//! everybody on the machine: nothing that takes a right, and none of what may hold secrets (user data, attributes,
//! credentials). What a cloud doesn't say is left empty. No cloud says here when an instance ends; Tencent's
//! `payment/termination-time` names no time zone, so it is not read.
//!
//! **How.** A few requests of HTTP/1.1 over plain TCP to an address of the link or the provider's own network ([`http`]). They
//! are made by the resident and not by a worker: what answers may be anybody who is in the way, and the resident has
//! no privilege to lose, while the worker is root. They need no HTTP client: no redirect, no proxy and no name is ever
//! followed, so that a head, a body and three limits are all there is.
//!
//! | cloud | address | proof of being asked on purpose | source of the format |
//! |---|---|---|---|
//! | AWS | 169.254.169.254 | a token (IMDSv2), and never without | EC2 user guide, "Instance metadata" |
//! | Aliyun | 100.100.100.200 | a token (hardened mode); without one only where it gives none | ECS user guide, "Instance metadata" |
//! | Tencent | 169.254.0.23 | none | CVM, "Querying instance metadata" |
//! | GCP | 169.254.169.254 | `Metadata-Flavor: Google`, which must come back | Compute Engine, "About VM metadata" |
//! | Azure | 169.254.169.254 | `Metadata: true` | Azure Instance Metadata Service |
//!
//! **Fails how.** A service that does not answer, answers too slowly or too much, or nonsense, is asked again after 1, 5 and 30
//! minutes and then once a day; what was heard before stays. Nothing else of the agent waits for it.

mod aliyun;
mod aws;
mod azure;
pub mod dmi;
mod gcp;
mod http;
mod tencent;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use muster_protocol::latest::{CloudFacts, CloudProvider};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

pub use self::http::AskError;
use self::http::Service;

/// Where Linux shows the firmware's words.
pub const DMI: &str = "/sys/class/dmi/id";
/// All requests to a service together.
const PATIENCE: Duration = Duration::from_secs(15);
const DAY: Duration = Duration::from_hours(24);
/// After a first, second and third failure; then a day.
const AGAIN: [Duration; 3] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
];
/// As long as the control plane keeps it.
const MOST_CHARS: usize = 128;
const MOST_TAGS: usize = 50;
const MOST_TAG_CHARS: usize = 256;

/// Which cloud is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum CloudChoice {
    /// The one that the firmware names, if it names one.
    #[default]
    Auto,
    /// None.
    Off,
    /// Amazon EC2.
    Aws,
    /// Alibaba Cloud.
    Aliyun,
    /// Tencent Cloud.
    Tencent,
    /// Google Cloud.
    Gcp,
    /// Microsoft Azure.
    Azure,
}

impl CloudChoice {
    /// The cloud to be asked; reads files only.
    pub fn provider(self, dmi: &Path) -> Option<CloudProvider> {
        match self {
            Self::Auto => dmi::Dmi::read(dmi).cloud(),
            Self::Off => None,
            Self::Aws => Some(CloudProvider::Aws),
            Self::Aliyun => Some(CloudProvider::Aliyun),
            Self::Tencent => Some(CloudProvider::Tencent),
            Self::Gcp => Some(CloudProvider::Gcp),
            Self::Azure => Some(CloudProvider::Azure),
        }
    }
}

/// Keeps what `provider` says in `told` until `stop` is cancelled.
pub async fn keep(
    provider: CloudProvider,
    address: Option<SocketAddr>,
    told: watch::Sender<Option<CloudFacts>>,
    stop: CancellationToken,
) {
    let mut failures = 0;
    loop {
        let Some(answer) = stop.run_until_cancelled(ask(provider, address)).await else {
            return;
        };
        match answer {
            Ok(facts) => {
                failures = 0;
                told.send_if_modified(|known| {
                    let is_new = known.as_ref() != Some(&facts);
                    *known = Some(facts);
                    is_new
                });
            }
            Err(error) => {
                if failures == 0 {
                    tracing::info!(cloud.provider = ?provider, "the cloud's metadata service can't be asked: {error}");
                }
                failures += 1;
            }
        }
        let pause = match failures {
            0 => DAY,
            n => AGAIN.get(n - 1).copied().unwrap_or(DAY),
        };
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}

/// Asks a cloud's service once.
pub async fn ask(provider: CloudProvider, address: Option<SocketAddr>) -> Result<CloudFacts, AskError> {
    let asked = async {
        match provider {
            CloudProvider::Aws => aws::ask(&Service::new(address, aws::ADDRESS, aws::HOST)).await,
            CloudProvider::Aliyun => aliyun::ask(&Service::new(address, aliyun::ADDRESS, aliyun::HOST)).await,
            CloudProvider::Tencent => {
                tencent::ask(&Service::new(address, tencent::ADDRESS, tencent::HOST)).await
            }
            CloudProvider::Gcp => gcp::ask(&Service::new(address, gcp::ADDRESS, gcp::HOST)).await,
            CloudProvider::Azure => azure::ask(&Service::new(address, azure::ADDRESS, azure::HOST)).await,
        }
    };
    let facts = timeout(PATIENCE, asked).await.map_err(|_| AskError::Slow)??;
    if facts.instance_id.is_empty() {
        return Err(AskError::NotUnderstood);
    }
    Ok(facts)
}

fn nothing_of(provider: CloudProvider) -> CloudFacts {
    CloudFacts {
        provider,
        instance_id: String::new(),
        instance_name: String::new(),
        hostname: String::new(),
        region_id: String::new(),
        zone_id: String::new(),
        instance_type: String::new(),
        image_id: String::new(),
        inner_ip: String::new(),
        public_ip: String::new(),
        charge_type: String::new(),
        tags: Vec::new(),
    }
}

/// One line of a sane length; anything else is nothing.
fn word(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() > MOST_CHARS || text.chars().any(char::is_control) {
        return String::new();
    }
    text.to_owned()
}

/// An address; anything else is nothing.
fn address(text: &str) -> String {
    let parsed = text.trim().parse::<IpAddr>();
    parsed.map(|ip| ip.to_string()).unwrap_or_default()
}

/// The last part of a path such as `projects/1/zones/europe-west3-a`.
fn last_part(text: &str) -> String {
    word(text.rsplit('/').next().unwrap_or_default())
}

/// Those that are sane, in order.
fn tags(found: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut tags: Vec<_> = found
        .into_iter()
        .filter(|(key, value)| {
            let plain =
                |text: &str, most| text.chars().count() <= most && !text.chars().any(char::is_control);
            !key.is_empty() && plain(key, MOST_CHARS) && plain(value, MOST_TAG_CHARS)
        })
        .take(MOST_TAGS)
        .collect();
    tags.sort();
    tags.dedup_by(|a, b| a.0 == b.0);
    tags
}
