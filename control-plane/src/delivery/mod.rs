//! Delivery: applications, and getting versions of them onto hosts.
//!
//! A **registry** has an address and credentials. An **application** is registered beforehand with everything that
//! matters (image, container, where it runs), so that whoever deploys chooses the version only. **Variables** come in
//! four scopes, the later wins: global, org, application, environment. A **deployment** is one version of one
//! application going to one environment; its steps, its log and its end are kept.
//!
//! Tables: `registries`, `applications`, `versions`, `registry_reads`, `hub_images`, `image_words`, `webhook_tokens`,
//! `webhook_guards`, `webhook_refusals`, `env_vars`, `deployments`,
//! `deployment_hosts`, `deployment_steps`, `deployment_events`, `placements`. Registry passwords and secrets are in the room [`crate::secrets`].
//!
//! # A deployment's way
//! `trigger` (API or `webhook`) records it as *pending*, with the application as it is now and references to secrets →
//! `driver` makes it *running*, finds the hosts, checks that the secrets are there, asks the registry for the tag's
//! digest → `order` submits one work order for each host, in one transaction → [`crate::work`] delivers them, asks for
//! the secrets at that moment, and tells `progress` what the hosts say → when the last host has ended, the deployment
//! has: *success*, *failure*, *rolledBack* or *cancelled*.
//!
//! In one environment of one application at most one deployment runs (a unique index holds this). A new one supersedes
//! what waits, which ends as cancelled, or waits behind it if the environment says `queue`; one that waits says which
//! deployment it waits for. Where an environment asks for approval, it waits as *waitingApproval* until somebody else
//! approves of it; going back needs none. Where one has windows ([`window`]), a deployment that is no rollback waits for the
//! next, or for whoever may begin outside of them and says why. What is done again or gone back to has the image and the container of then; its
//! hosts, its rollout and who must approve are the environment's of today. Which one ran last is told by when it ended.
//!
//! Hosts are asked in **batches** ([`rollout`]): the next begins when the one before has ended. Each step is decided from
//! the rows alone; `advance` takes those that make orders, `settle` the others in the transaction of what a host said.
//! A rollout can pause, and stops when more hosts have failed than may; the changed ones then go back to what ran there
//! before, by orders of the same deployment, if the policy or a person says so. What has stopped goes on by a deployment of
//! its own on the hosts that are left ([`resume`]).
//!
//! # Versions
//! What can be deployed is known from three sides ([`version`]): CI reports its builds ([`version_report`]), the registry
//! is read when somebody looks ([`version_read`]), and deployments name theirs. None of them decides what may be deployed:
//! any tag can be asked for, and the registry has the last word.
//!
//! # What others did
//! Another system's deployments are told and kept as `tracker:<name>` ([`tracked`]); nothing is asked of any host.
//!
//! # The image hub
//! A catalogue of images that are good to use, and how ([`image_hub`]), with dictionaries of types and sources
//! ([`image_word`]). It is advice: it neither allows nor forbids a deployment. Who may see registries may see it.
//!
//! # What is really there
//! [`truth`] compares what was put on each host last with the containers that its agent tells of: what somebody changed by
//! hand is found within seconds, shown, told once, and put right by [`reconcile`] when a person or the environment's policy
//! says so.
//!
//! # Git hosts
//! GitHub, Gitee, GitLab and Codeup call `/webhook/git/{id}` ([`git_hook`]); what fits an environment's [`trigger_spec`] is
//! deployed there, and can be tried beforehand ([`trigger_try`]). The image may not be built yet: such a deployment waits for its tag, `imageWaitS` long.
//! How a call is verified and read, and how often one may call, serves the Git hooks of projects in [`crate::schema`] too, which
//! uses this room and is not used by it.
//!
//! # Who
//! `registry:read|write`, `application:read|write` (variables and tokens too), `deployment:read|create|cancel|approve`
//! (nobody approves what they asked for; pausing and going on is `create`); the webhook token is a caller that may create deployments of its application, report its builds, and nothing else, and where an environment wants it, only from certain addresses and signed ([`webhook_guard`]). Beginning outside
//! of windows is `window:override`. Reporting is
//! `deployment:create`: who says what is deployed may say what there is. Reading the registry for an application is
//! `application:read`; looking about in a registry is `registry:read`.
//!
//! # What fails, and what happens then
//! - The control plane dies while preparing: its lease runs out and whoever is there prepares again.
//! - The registry can't be asked: the step says so, and the host pins what it pulls; later batches get what the first host
//!   reported. It says "no such tag" or "wrong
//!   credentials": the deployment fails before any host is touched.
//! - The registry can't be read for the list of versions: the list says since when it is old, and why.
//! - A host runs another application's or environment's container of the same name: it fails before any host is touched
//!   where that is known here ([`claim`]), and the host refuses where it is not.
//! - A secret is gone or stale: it fails before any host is touched.
//! - A host is away: its order waits for half an hour (`waitS`) and then has failed; or the host is left out, or has failed
//!   at once, as the policy says.
//! - A host can't go back, or fails to: it is left on the new version, and the deployment is a failure that says so.
//! - The new container is not healthy: the host puts the old one back, and the deployment ends as rolledBack.
//!
//! # Invariants
//! - No secret is in an order, a plan, an event, a list, an audit row or a log line; orders and plans name them.
//! - Every query carries the org; the driver's own look-ups take the org from the row.
//! - The webhook says nothing to whoever has no valid token, and says it in the same time.
//! - Locks are taken in one order: work order, application, deployment.

mod advance;
mod api;
mod application;
mod approval;
mod challenge;
mod claim;
mod container;
mod container_more;
mod container_order;
mod container_rules;
mod deployment;
mod deployment_detail;
mod draft;
mod driver;
mod env_merge;
mod env_var;
mod environment;
mod error;
mod events;
mod fields;
mod git_event;
mod git_hook;
mod git_push;
mod git_verify;
mod image;
mod image_hub;
mod image_versions;
mod image_word;
mod import;
mod limits;
mod network;
mod order;
mod outside;
mod payload;
mod pinning;
mod progress;
mod reach;
mod reconcile;
mod registry;
mod registry_client;
mod registry_content;
mod registry_list;
mod registry_size;
mod registry_url;
mod repository;
mod resume;
mod rollout;
mod rollout_policy;
mod stats;
mod steer;
mod store;
mod strategy;
#[cfg(test)]
pub(crate) mod tests;
mod token;
mod told;
mod tracked;
mod trigger;
mod trigger_spec;
mod trigger_try;
mod trigger_type;
mod truth;
mod truth_list;
mod truth_look;
mod truth_told;
mod usage;
mod version;
mod version_read;
mod version_report;
mod webhook;
mod webhook_guard;
mod webhook_proof;
mod window;

use std::{fmt, net::IpAddr};

use muster_base::{DeploymentId, GitHookId};
use tokio::sync::{Notify, broadcast};

use self::limits::Limits;
pub use self::{
    api::router,
    application::application_exists,
    driver::start,
    environment::environment_used,
    error::DeliveryError,
    outside::{application_names, running_deployment},
    registry_client::RegistryFault,
    registry_url::{RegistryUrl, RegistryUrlError},
    rollout_policy::Share,
    trigger_spec::GitProvider,
    usage::secrets_referred_to,
};
pub(crate) use self::{
    git_event::{GitRef, Heard, event_header, read as read_event},
    git_push::{PushedCommit, plain, pushed},
    git_verify::{Call as GitCall, Header as GitHeader},
    store::annotation::annotations,
};
use crate::{config::DeliveryConfig, error::Error, outbound, peers::Peers};

/// News that a slow reader may be behind; one that misses some reads the tables again.
const NEWS: usize = 1_024;

/// The room's memory. What matters is in the tables.
pub struct Delivery {
    http: Option<reqwest::Client>,
    limits: Limits,
    wake: Notify,
    changes: broadcast::Sender<DeploymentId>,
    peers: Peers,
}

impl Delivery {
    /// Starts nothing; see [`start`].
    pub fn new(config: &DeliveryConfig, peers: Peers) -> Self {
        Self {
            http: outbound::client(),
            limits: Limits::new(config),
            wake: Notify::new(),
            changes: broadcast::Sender::new(NEWS),
            peers,
        }
    }

    /// Counts a call of a webhook of another room from an address, whatever comes of it.
    pub(crate) fn count_address(&self, ip: Option<IpAddr>) -> Result<(), Error> {
        Ok(self.limits.address(ip)?)
    }

    /// Counts a call of a project's Git hook that is believed.
    pub(crate) fn count_hook(&self, id: GitHookId) -> Result<(), Error> {
        Ok(self.limits.hook(id)?)
    }

    fn http(&self) -> Result<&reqwest::Client, RegistryFault> {
        self.http.as_ref().ok_or(RegistryFault::NoTls)
    }

    /// Tells whoever follows the deployment that something happened.
    fn changed(&self, id: DeploymentId) {
        self.changed_here(id);
        self.peers.tell_deployment(id);
    }

    /// Tells those who follow it here.
    pub(crate) fn changed_here(&self, id: DeploymentId) {
        // Nobody may be listening.
        drop(self.changes.send(id));
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").finish_non_exhaustive()
    }
}
