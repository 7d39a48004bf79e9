//! `ApprovalFlow`

use muster_schema::Risk;
use serde::{Deserialize, Serialize};

use crate::{
    fault::Faults,
    fields::{Fields, Item},
    node::Value,
};

/// Who approves what is to be released, step after step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalFlow {
    /// The environments that it is for; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The databases that it is for; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// The projects that it is for; all if empty. One with projects comes after what else applies: whoever proposes names
    /// the project, so that it can only add to what is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// In their order.
    pub steps: Vec<FlowStep>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowStep {
    /// For people.
    pub name: String,
    /// Who may approve.
    #[serde(flatten)]
    pub who: Approver,
    /// How many of them must.
    pub quorum: Quorum,
    /// It is left out for what risks less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_risk: Option<Risk>,
    /// It is left out in other environments than these; in none if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
}

/// Who may approve a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Approver {
    /// Members with this role or a higher one (`OWNER`, `ADMIN`, `MEMBER`), or with a role of this name that the org made.
    Role(String),
    /// One person, by user name or id.
    User(String),
    /// These people, by user names or ids.
    Users(Vec<String>),
    /// The head of this department, by name or id.
    DepartmentHead(String),
}

/// How many of those who may approve must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "RawQuorum", into = "RawQuorum")]
pub enum Quorum {
    /// So many of them, at least one.
    Count(u8),
    /// Every one of them.
    All,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum RawQuorum {
    Count(u8),
    Word(QuorumWord),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum QuorumWord {
    All,
}

impl From<RawQuorum> for Quorum {
    fn from(raw: RawQuorum) -> Self {
        match raw {
            RawQuorum::Count(count) => Self::Count(count),
            RawQuorum::Word(QuorumWord::All) => Self::All,
        }
    }
}

impl From<Quorum> for RawQuorum {
    fn from(quorum: Quorum) -> Self {
        match quorum {
            Quorum::Count(count) => Self::Count(count),
            Quorum::All => Self::Word(QuorumWord::All),
        }
    }
}

const RISKS: &[(&str, Risk)] = &[
    ("safe", Risk::Safe),
    ("warning", Risk::Warning),
    ("destructive", Risk::Destructive),
    ("unknown", Risk::Unknown),
];

const ROLES: &[&str] = &["OWNER", "ADMIN", "MEMBER"];

impl ApprovalFlow {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let environments = names(spec, "environments", faults);
        let databases = names(spec, "databases", faults);
        let projects = names(spec, "projects", faults);
        let item = spec.need("steps", faults)?;
        let steps: Vec<FlowStep> = item
            .items(faults)
            .iter()
            .filter_map(|item| step(item, faults))
            .collect();
        if !(1..=16).contains(&steps.len()) {
            item.wrong(faults, "must have 1 to 16 steps");
        }
        Some(Self {
            environments,
            databases,
            projects,
            steps,
        })
    }
}

/// A list of names, or one name.
fn names(fields: &mut Fields<'_>, field: &'static str, faults: &mut Faults) -> Vec<String> {
    let items = fields
        .take(field)
        .map(|item| item.one_or_more(faults))
        .unwrap_or_default();
    items.iter().filter_map(|item| item.text(faults)).collect()
}

fn step(item: &Item<'_>, faults: &mut Faults) -> Option<FlowStep> {
    let mut fields = item.fields(faults)?;
    let name = fields.need_text("name", faults);
    if name
        .as_ref()
        .is_some_and(|name| !(1..=128).contains(&name.chars().count()))
    {
        item.wrong(faults, "must have a name of 1 to 128 characters");
    }
    let role = fields.take("role").and_then(|item| role(&item, faults));
    let user = fields.text("user", faults);
    let users = fields
        .peek("users")
        .is_some()
        .then(|| names(&mut fields, "users", faults));
    if users
        .as_ref()
        .is_some_and(|users| !(1..=20).contains(&users.len()))
    {
        item.wrong(faults, "must name 1 to 20 users");
    }
    let head = fields.text("departmentHead", faults);
    let mut who = [
        role.map(Approver::Role),
        user.map(Approver::User),
        users.map(Approver::Users),
        head.map(Approver::DepartmentHead),
    ]
    .into_iter()
    .flatten();
    let (first, second) = (who.next(), who.next());
    if first.is_none() || second.is_some() {
        item.wrong(
            faults,
            "must name exactly one of role, user, users and departmentHead",
        );
    }
    let quorum = fields
        .take("quorum")
        .map_or(Some(Quorum::Count(1)), |item| quorum(&item, faults));
    let from_risk = fields.take("fromRisk").and_then(|item| item.word(RISKS, faults));
    let environments = names(&mut fields, "environments", faults);
    fields.finish(faults);
    Some(FlowStep {
        name: name?,
        who: first?,
        quorum: quorum?,
        from_risk,
        environments,
    })
}

/// A built-in role in any case, or the name of one of the org's own.
fn role(item: &Item<'_>, faults: &mut Faults) -> Option<String> {
    let text = item.text(faults)?;
    if text.eq_ignore_ascii_case("VIEWER") {
        item.wrong(
            faults,
            "must be OWNER, ADMIN, MEMBER or a role of the org: viewers only look",
        );
        return None;
    }
    let built_in = ROLES.iter().find(|role| role.eq_ignore_ascii_case(&text));
    Some(built_in.map_or(text, |role| (*role).to_owned()))
}

/// `any`, `all`, or how many.
fn quorum(item: &Item<'_>, faults: &mut Faults) -> Option<Quorum> {
    let word = match &item.node.value {
        Value::Text(text) => text.to_ascii_lowercase(),
        _ => String::new(),
    };
    let quorum = match word.as_str() {
        "any" => Some(Quorum::Count(1)),
        "all" => Some(Quorum::All),
        _ => item
            .int(&mut Faults::default())
            .and_then(|n| u8::try_from(n).ok())
            .filter(|n| (1..=20).contains(n))
            .map(Quorum::Count),
    };
    if quorum.is_none() {
        item.wrong(faults, "must be any, all, or 1 to 20");
    }
    quorum
}
