//! `ApprovalFlow`

use muster_schema::Risk;
use serde::{Deserialize, Serialize};

use crate::{fault::Faults, fields::Fields, fields::Item};

/// Who approves what is published, step after step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalFlow {
    /// The environments that it is for; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
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
    pub quorum: u8,
    /// It is left out for what risks less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_risk: Option<Risk>,
}

/// Who may approve a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Approver {
    /// Members with this role or a higher one: `OWNER`, `ADMIN`, `MEMBER`.
    Role(String),
    /// One person, by user name or id.
    User(String),
    /// The head of this department, by name or id.
    DepartmentHead(String),
}

const RISKS: &[(&str, Risk)] = &[
    ("safe", Risk::Safe),
    ("warning", Risk::Warning),
    ("destructive", Risk::Destructive),
    ("unknown", Risk::Unknown),
];

const ROLES: &[(&str, &str)] = &[("OWNER", "OWNER"), ("ADMIN", "ADMIN"), ("MEMBER", "MEMBER")];

impl ApprovalFlow {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let environments = spec
            .take("environments")
            .map(|item| item.one_or_more(faults))
            .unwrap_or_default();
        let environments = environments.iter().filter_map(|item| item.text(faults)).collect();
        let item = spec.need("steps", faults)?;
        let steps: Vec<FlowStep> = item
            .items(faults)
            .iter()
            .filter_map(|item| step(item, faults))
            .collect();
        if !(1..=16).contains(&steps.len()) {
            item.wrong(faults, "must have 1 to 16 steps");
        }
        Some(Self { environments, steps })
    }
}

fn step(item: &Item<'_>, faults: &mut Faults) -> Option<FlowStep> {
    let mut fields = item.fields(faults)?;
    let name = fields.need_text("name", faults);
    let role = fields.take("role").and_then(|item| item.word(ROLES, faults));
    let user = fields.text("user", faults);
    let head = fields.text("departmentHead", faults);
    let mut who = [
        role.map(|role| Approver::Role(role.to_owned())),
        user.map(Approver::User),
        head.map(Approver::DepartmentHead),
    ]
    .into_iter()
    .flatten();
    let (first, second) = (who.next(), who.next());
    if first.is_none() || second.is_some() {
        item.wrong(faults, "must name exactly one of role, user and departmentHead");
    }
    let quorum = fields.take("quorum").map_or(Some(1), |item| {
        let quorum = item
            .int(faults)
            .and_then(|n| u8::try_from(n).ok())
            .filter(|n| (1..=20).contains(n));
        if quorum.is_none() {
            item.wrong(faults, "must be 1 to 20");
        }
        quorum
    });
    let from_risk = fields.take("fromRisk").and_then(|item| item.word(RISKS, faults));
    fields.finish(faults);
    Some(FlowStep {
        name: name?,
        who: first?,
        quorum: quorum?,
        from_risk,
    })
}
