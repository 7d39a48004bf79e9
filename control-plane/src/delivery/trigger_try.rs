//! What an event at the Git host would do, without one: so that rules can be tried before they are kept.
//!
//! The same functions decide as for a real call; only who calls is not asked, and nothing is deployed.

use std::collections::BTreeMap;

use muster_base::ApplicationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError, application,
    fields::Fields,
    git_event::{GitEvent, GitRef},
    image::is_tag,
    trigger_spec::{GitProvider, TriggerRule, TriggerSpec, Verdict},
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    flaw::Flaw,
};

/// A commit that nobody made, for events that name none.
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// An event that might happen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TriedEvent {
    /// The Git host; the application's own if not given.
    pub provider: Option<GitProvider>,
    /// What happens.
    pub event: TriedKind,
    /// The branch or tag.
    pub reference: String,
    /// The commit that it is at then, hexadecimal; made up if not given.
    pub sha: Option<String>,
    /// Rules to try instead of those that are kept, by environment.
    pub trigger_specs: Option<BTreeMap<String, TriggerSpec>>,
}

/// What happens at the Git host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TriedKind {
    /// A push to a branch.
    Push,
    /// A push of a tag.
    Tag,
    /// A pull request is merged into a branch.
    Merged,
}

/// What would come of it in one environment.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedOutcome {
    /// The environment.
    pub environment: String,
    /// What would come of it.
    pub outcome: TriedResult,
    /// The rule that decides.
    pub rule: Option<TriggerRule>,
    /// The version that would be deployed, or would have been.
    pub version: Option<String>,
}

/// What would come of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TriedResult {
    /// It is deployed.
    Deploys,
    /// It fits, and is excepted.
    Excluded,
    /// No rule fits.
    NoMatch,
    /// There are no rules for such events.
    NoRules,
    /// It fits, but what the version becomes is no image tag: the deployment would be refused.
    BadVersion,
}

/// What would come of the event in each environment that the caller reaches, by name.
pub(super) async fn try_event(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    tried: TriedEvent,
) -> Result<Vec<TriedOutcome>, DeliveryError> {
    let application = application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    let own = application.repository.map(|repository| repository.provider);
    let provider = tried.provider.or(own).ok_or_else(|| {
        DeliveryError::invalid("provider", "is needed: the application has no repository yet")
    })?;
    let event = tried.event()?;
    let kept = application.environments.into_iter();
    let specs = tried.trigger_specs.unwrap_or_else(|| {
        kept.map(|(name, environment)| (name, environment.trigger_spec))
            .collect()
    });
    let mut fields = Fields::default();
    for (name, spec) in &specs {
        spec.check(&format!("triggerSpecs.{name}"), &mut fields);
    }
    fields.finish()?;
    let reached = specs
        .into_iter()
        .filter(|(name, _)| caller.reaches(&Object::ApplicationIn(id, name)));
    Ok(reached
        .map(|(environment, spec)| outcome(environment, &spec, provider, &event))
        .collect())
}

impl TriedEvent {
    fn event(&self) -> Result<GitEvent, DeliveryError> {
        let mut fields = Fields::default();
        let plain = !self.reference.contains(|c: char| c.is_control() || c == ' ');
        fields.check(
            (1..=255).contains(&self.reference.len()) && plain,
            "reference",
            "must be the name of a branch or tag, without refs/heads/",
        );
        let sha = self.sha.as_deref().unwrap_or(SHA);
        let hex = (7..=64).contains(&sha.len()) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        fields.check(hex, "sha", "must be 7 to 64 hexadecimal digits");
        fields.check(
            self.trigger_specs.as_ref().is_none_or(|specs| specs.len() <= 32),
            "triggerSpecs",
            Flaw::TooMany(32),
        );
        fields.finish()?;
        let name = self.reference.clone();
        Ok(GitEvent {
            repo_id: String::new(),
            what: match self.event {
                TriedKind::Push => GitRef::Branch(name),
                TriedKind::Tag => GitRef::Tag(name),
                TriedKind::Merged => GitRef::Merged(name),
            },
            sha: sha.to_owned(),
        })
    }
}

fn outcome(environment: String, spec: &TriggerSpec, provider: GitProvider, event: &GitEvent) -> TriedOutcome {
    let (outcome, rule, version) = match spec.judge(provider, event) {
        Verdict::NoRules => (TriedResult::NoRules, None, None),
        Verdict::NoMatch => (TriedResult::NoMatch, None, None),
        Verdict::Excluded(rule) => (TriedResult::Excluded, Some(rule), None),
        Verdict::Fits(rule, version) if is_tag(&version) => (TriedResult::Deploys, Some(rule), Some(version)),
        Verdict::Fits(rule, version) => (TriedResult::BadVersion, Some(rule), Some(version)),
    };
    TriedOutcome {
        environment,
        outcome,
        rule,
        version,
    }
}
