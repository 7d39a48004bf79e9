//! Which pushes, tags and merged pull requests deploy an environment: `triggerSpec`, by Git host.
//!
//! ```json
//! {"github": {"push": {"branches": {"precise": ["main"], "prefix": ["release/"]}, "tags": {"regex": ["v\\d+\\..*"]}}}}
//! ```
//! A reference fits if it is one of `precise`, begins with one of `prefix` or is what one of `regex` describes as a
//! whole, and nothing of `exclude` fits it. What is not there fits nothing.

use std::collections::BTreeMap;

use regex::RegexBuilder;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    deployment::TriggerType,
    fields::Fields,
    git_event::{GitEvent, GitRef},
};

/// Longest pattern, and how big it may become when it is prepared.
const PATTERN_CHARS: usize = 256;
const PATTERN_BYTES: usize = 64 * 1024;

/// Where a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GitProvider {
    /// GitHub.
    Github,
    /// Gitee.
    Gitee,
    /// GitLab, in its cloud or self-hosted.
    Gitlab,
    /// Codeup.
    Codeup,
}

impl GitProvider {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Github, Self::Gitee, Self::Gitlab, Self::Codeup];

    /// The word in JSON and in the tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitee => "gitee",
            Self::Gitlab => "gitlab",
            Self::Codeup => "codeup",
        }
    }

    /// What asks for a deployment when this host does.
    pub(super) const fn trigger(self) -> TriggerType {
        match self {
            Self::Github => TriggerType::Github,
            Self::Gitee => TriggerType::Gitee,
            Self::Gitlab => TriggerType::Gitlab,
            Self::Codeup => TriggerType::Codeup,
        }
    }

    /// The host that asked for a deployment, if one did.
    pub(super) fn of_trigger(trigger: &TriggerType) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.trigger() == *trigger)
    }
}

/// What deploys an environment, by Git host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct TriggerSpec(pub BTreeMap<GitProvider, ProviderTriggers>);

/// What of one Git host deploys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProviderTriggers {
    /// Pushes.
    pub push: PushTriggers,
    /// Merged pull (or merge) requests.
    #[serde(alias = "pull_request", alias = "pr")]
    pub pull_request: PullRequestTriggers,
    /// The version that is deployed: a text with `{tag}`, `{branch}`, `{sha}` or `{sha7}` in it. If not given, `{tag}` for
    /// tags and `{sha}` for the rest.
    pub version: Option<String>,
}

/// Pushes that deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PushTriggers {
    /// To these branches.
    pub branches: Option<RefRules>,
    /// Of these tags.
    pub tags: Option<RefRules>,
}

/// Merged pull requests that deploy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PullRequestTriggers {
    /// Into these branches.
    pub branches: Option<RefRules>,
}

/// Which references fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RefRules {
    /// One of these.
    pub precise: Vec<String>,
    /// Begins with one of these.
    pub prefix: Vec<String>,
    /// Is, from its first to its last character, what one of these describes.
    pub regex: Vec<String>,
    /// And is none of these.
    pub exclude: Patterns,
}

/// References that are excepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Patterns {
    /// One of these.
    pub precise: Vec<String>,
    /// Begins with one of these.
    pub prefix: Vec<String>,
    /// Is, from its first to its last character, what one of these describes.
    pub regex: Vec<String>,
}

/// How a rule describes references.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TriggerRuleKind {
    /// It is the reference.
    Precise,
    /// The reference begins with it.
    Prefix,
    /// It describes the reference as a whole.
    Regex,
}

/// A rule that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggerRule {
    /// How it describes references.
    pub kind: TriggerRuleKind,
    /// As it is written.
    pub pattern: String,
}

/// What the rules make of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There are none for such events.
    NoRules,
    /// None fits.
    NoMatch,
    /// One fits, and this one excepts it.
    Excluded(TriggerRule),
    /// This one fits; the version to deploy.
    Fits(TriggerRule, String),
}

impl TriggerSpec {
    /// The version to deploy for this event; none if it deploys nothing here.
    pub(super) fn version_for(&self, provider: GitProvider, event: &GitEvent) -> Option<String> {
        match self.judge(provider, event) {
            Verdict::Fits(_, version) => Some(version),
            Verdict::NoRules | Verdict::NoMatch | Verdict::Excluded(_) => None,
        }
    }

    /// What comes of an event, and by which rule.
    pub(super) fn judge(&self, provider: GitProvider, event: &GitEvent) -> Verdict {
        let Some(triggers) = self.0.get(&provider) else {
            return Verdict::NoRules;
        };
        let (rules, name) = match &event.what {
            GitRef::Branch(name) => (&triggers.push.branches, name),
            GitRef::Tag(name) => (&triggers.push.tags, name),
            GitRef::Merged(name) => (&triggers.pull_request.branches, name),
        };
        let Some(rules) = rules else {
            return Verdict::NoRules;
        };
        let Some(rule) = rules.fitting(name) else {
            return Verdict::NoMatch;
        };
        if let Some(rule) = rules.excepting(name) {
            return Verdict::Excluded(rule);
        }
        let tag = matches!(event.what, GitRef::Tag(_));
        let template = triggers
            .version
            .as_deref()
            .unwrap_or(if tag { "{tag}" } else { "{sha}" });
        let short = event.sha.get(..7).unwrap_or(&event.sha);
        Verdict::Fits(
            rule,
            template
                .replace("{tag}", if tag { name } else { "" })
                .replace(
                    "{branch}",
                    &if tag {
                        String::new()
                    } else {
                        name.replace('/', "-")
                    },
                )
                .replace("{sha7}", short)
                .replace("{sha}", &event.sha),
        )
    }

    pub(super) fn check(&self, field: &str, fields: &mut Fields) {
        for (provider, triggers) in &self.0 {
            let field = format!("{field}.{}", provider.as_str());
            for (part, rules) in [
                ("push.branches", &triggers.push.branches),
                ("push.tags", &triggers.push.tags),
                ("pullRequest.branches", &triggers.pull_request.branches),
            ] {
                if let Some(rules) = rules {
                    rules.check(&format!("{field}.{part}"), fields);
                }
            }
            let template = triggers.version.as_deref();
            let plain = template
                .is_none_or(|text| (1..=128).contains(&text.len()) && !text.contains(char::is_control));
            fields.check(plain, format!("{field}.version"), "1 to 128 characters");
        }
    }
}

impl RefRules {
    fn fitting(&self, name: &str) -> Option<TriggerRule> {
        fitting(&self.precise, &self.prefix, &self.regex, name)
    }

    fn excepting(&self, name: &str) -> Option<TriggerRule> {
        fitting(
            &self.exclude.precise,
            &self.exclude.prefix,
            &self.exclude.regex,
            name,
        )
    }

    fn check(&self, field: &str, fields: &mut Fields) {
        let excepted = &self.exclude;
        let texts = [&self.precise, &self.prefix, &excepted.precise, &excepted.prefix];
        let short = texts
            .into_iter()
            .chain([&self.regex, &excepted.regex])
            .all(|list| {
                list.len() <= 50 && list.iter().all(|text| (1..=PATTERN_CHARS).contains(&text.len()))
            });
        fields.check(short, field, "at most 50 patterns of 1 to 256 characters each");
        for pattern in self.regex.iter().chain(&excepted.regex) {
            let message = format!("{pattern:?} is no regular expression, or too big a one");
            fields.check(prepared(pattern).is_some(), field, message);
        }
    }
}

/// The first rule that fits.
fn fitting(precise: &[String], prefix: &[String], regex: &[String], name: &str) -> Option<TriggerRule> {
    let is = |one: &&String| **one == name;
    let begins = |one: &&String| name.starts_with(one.as_str());
    let described = |one: &&String| prepared(one).is_some_and(|pattern| pattern.is_match(name));
    let precise = precise.iter().find(is).map(|one| (TriggerRuleKind::Precise, one));
    let prefix = || {
        let found = prefix.iter().find(begins);
        found.map(|one| (TriggerRuleKind::Prefix, one))
    };
    let regex = || {
        let found = regex.iter().find(described);
        found.map(|one| (TriggerRuleKind::Regex, one))
    };
    let (kind, pattern) = precise.or_else(prefix).or_else(regex)?;
    Some(TriggerRule {
        kind,
        pattern: pattern.clone(),
    })
}

fn prepared(pattern: &str) -> Option<regex::Regex> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .size_limit(PATTERN_BYTES)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(what: GitRef) -> GitEvent {
        GitEvent {
            repo_id: "1".to_owned(),
            what,
            sha: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        }
    }

    #[test]
    fn the_seed_s_own_spec_is_read() {
        let seed = json!({"github": {"push": {"branches": {"precise": ["serverless-cd-project-setup"]}}}});
        let spec: TriggerSpec = serde_json::from_value(seed).unwrap();
        let fits = event(GitRef::Branch("serverless-cd-project-setup".to_owned()));
        assert_eq!(spec.version_for(GitProvider::Github, &fits).unwrap(), fits.sha);
        assert_eq!(spec.version_for(GitProvider::Gitee, &fits), None);
        let other = event(GitRef::Branch("serverless-cd-project-setup-2".to_owned()));
        assert_eq!(spec.version_for(GitProvider::Github, &other), None);
        let tag = event(GitRef::Tag("serverless-cd-project-setup".to_owned()));
        assert_eq!(spec.version_for(GitProvider::Github, &tag), None);
    }

    #[test]
    fn rules_fit_what_they_say() {
        let spec: TriggerSpec = serde_json::from_value(json!({"gitlab": {
            "push": {
                "branches": {"prefix": ["release/"], "exclude": {"precise": ["release/old"], "regex": [".*-wip"]}},
                "tags": {"regex": ["v[0-9]+\\.[0-9]+"]},
            },
            "pr": {"branches": {"precise": ["main"]}},
            "version": "{branch}{tag}-{sha7}",
        }}))
        .unwrap();
        let version = |what| spec.version_for(GitProvider::Gitlab, &event(what));
        let branch = |name: &str| version(GitRef::Branch(name.to_owned()));
        assert_eq!(branch("release/2").as_deref(), Some("release-2-0123456"));
        assert_eq!(
            (branch("release/old"), branch("release/2-wip"), branch("main")),
            (None, None, None)
        );
        let tag = |name: &str| version(GitRef::Tag(name.to_owned()));
        assert_eq!(tag("v1.2").as_deref(), Some("v1.2-0123456"));
        assert_eq!((tag("v1.2-rc"), tag("xv1.2")), (None, None));
        assert_eq!(
            version(GitRef::Merged("main".to_owned())).as_deref(),
            Some("main-0123456")
        );
    }

    #[test]
    fn what_can_t_be_a_pattern_is_told() {
        for wrong in [
            json!({"regex": ["("]}),
            json!({"regex": ["(a{1000}){1000}"]}),
            json!({"prefix": [""]}),
        ] {
            let spec = json!({"github": {"push": {"tags": wrong}}});
            let mut fields = Fields::default();
            serde_json::from_value::<TriggerSpec>(spec)
                .unwrap()
                .check("triggerSpec", &mut fields);
            assert!(fields.finish().is_err());
        }
    }
}
