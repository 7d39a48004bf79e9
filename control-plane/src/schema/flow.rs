//! Which approval flow a ticket gets, and its steps as they are frozen onto it.
//!
//! The environment's policy names a flow for the ticket's risk, and that one it is. Where it names none, the flows that
//! are for this environment and database apply, except those that a nearer one (which names what the other leaves open)
//! takes the place of. Flows for the ticket's project come after, and only add: whoever proposes names the project. Where
//! nothing applies, or every step is left out, one other person with `release:approve` approves.

use muster_base::UserId;
use muster_documents::{
    Spec,
    kind::flow::{ApprovalFlow, Approver, FlowStep, Quorum},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{RiskLevel, SchemaError, policy::EnvironmentPolicy, store};
use crate::{
    access::{OrgPeople, Scope},
    app::App,
    db::DbError,
};

/// A flow as it is now.
#[derive(Debug, Clone)]
pub(super) struct NamedFlow {
    pub(super) name: String,
    pub(super) revision: i64,
    pub(super) flow: ApprovalFlow,
}

/// What a ticket is for, as far as flows look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct For<'a> {
    pub(super) environment: &'a str,
    pub(super) database: &'a str,
    /// Empty without one.
    pub(super) project: &'a str,
    pub(super) risk: RiskLevel,
}

/// A step as it was when the ticket was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The flow's name; empty for the built-in one.
    pub(super) flow: String,
    /// Its revision; 0 for the built-in one.
    pub(super) revision: i64,
    pub(super) name: String,
    pub(super) who: Who,
    pub(super) quorum: Quorum,
    pub(super) skipped: Option<SkipReason>,
}

/// Who may approve a step. People and departments are known by their ids from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Who {
    pub(super) kind: ApproverKind,
    /// As the flow names them.
    pub(super) names: Vec<String>,
    /// Users or departments; empty for roles.
    pub(super) ids: Vec<Uuid>,
}

/// What approvers are known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApproverKind {
    /// Whoever has `release:approve`.
    Anyone,
    /// A role.
    Role,
    /// Certain people.
    User,
    /// Heads of departments.
    DepartmentHead,
}

/// Why nobody needs to approve a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// It risks less than the step is for.
    Risk,
    /// The step is for other environments.
    Environment,
}

impl SkipReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Environment => "environment",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [Self::Risk, Self::Environment]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("ticket_steps.skipped: {text}")))
    }
}

/// The org's flows, by name.
pub(super) async fn list(app: &App, org: muster_base::OrgId) -> Result<Vec<NamedFlow>, SchemaError> {
    let filter = store::document::Filter {
        kind: Some(muster_documents::Kind::ApprovalFlow),
        limit: i64::MAX,
        ..store::document::Filter::default()
    };
    let found = store::document::list(&app.db, (org, &Scope::default()), &filter).await?;
    let mut flows: Vec<NamedFlow> = found
        .into_iter()
        .filter_map(|document| match document.spec {
            Spec::ApprovalFlow(flow) => Some(NamedFlow {
                name: document.name,
                revision: document.revision,
                flow,
            }),
            _ => None,
        })
        .collect();
    flows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(flows)
}

/// The flows that a ticket gets, in the order of their steps. `flows` are by name.
pub(super) fn chosen<'a>(
    flows: &'a [NamedFlow],
    policy: &EnvironmentPolicy,
    of: For<'_>,
) -> Result<Vec<&'a NamedFlow>, SchemaError> {
    let named = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let applies = |flow: &&NamedFlow| {
        named(&flow.flow.environments, of.environment) && named(&flow.flow.databases, of.database)
    };
    let by_policy = policy.flows.for_risk(of.risk);
    let mut chosen: Vec<&NamedFlow> = if let Some(name) = by_policy {
        let found = flows.iter().find(|flow| flow.name == *name);
        vec![found.ok_or_else(|| SchemaError::NoSuchFlow {
            environment: of.environment.to_owned(),
            flow: name.clone(),
        })?]
    } else {
        let all: Vec<&NamedFlow> = flows
            .iter()
            .filter(applies)
            .filter(|flow| flow.flow.projects.is_empty())
            .collect();
        let nearest = |flow: &&&NamedFlow| !all.iter().any(|other| is_nearer(&other.flow, &flow.flow));
        all.iter().filter(nearest).copied().collect()
    };
    let added = flows
        .iter()
        .filter(applies)
        .filter(|flow| flow.flow.projects.iter().any(|project| project == of.project));
    for flow in added {
        if !chosen.iter().any(|other| other.name == flow.name) {
            chosen.push(flow);
        }
    }
    Ok(chosen)
}

/// Whether one flow names all that the other does, and more.
fn is_nearer(one: &ApprovalFlow, other: &ApprovalFlow) -> bool {
    let says = |flow: &ApprovalFlow| [!flow.environments.is_empty(), !flow.databases.is_empty()];
    let (one, other) = (says(one), says(other));
    one != other && one.iter().zip(other).all(|(one, other)| *one || !other)
}

/// The steps of these flows, for a ticket that is opened now.
pub(super) fn freeze(flows: &[&NamedFlow], people: &OrgPeople, of: For<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for flow in flows {
        for step in &flow.flow.steps {
            steps.push(Step {
                flow: flow.name.clone(),
                revision: flow.revision,
                name: step.name.clone(),
                who: who(&step.who, people),
                quorum: step.quorum,
                skipped: skipped(step, of),
            });
        }
    }
    if steps.iter().all(|step| step.skipped.is_some()) {
        steps.push(built_in());
    }
    steps
}

/// What is approved without any flow: by one other person.
fn built_in() -> Step {
    Step {
        flow: String::new(),
        revision: 0,
        name: String::new(),
        who: Who {
            kind: ApproverKind::Anyone,
            names: Vec::new(),
            ids: Vec::new(),
        },
        quorum: Quorum::Count(1),
        skipped: None,
    }
}

fn skipped(step: &FlowStep, of: For<'_>) -> Option<SkipReason> {
    let elsewhere =
        !step.environments.is_empty() && !step.environments.iter().any(|one| one == of.environment);
    if elsewhere {
        return Some(SkipReason::Environment);
    }
    step.from_risk
        .is_some_and(|from| of.risk < RiskLevel::from(from))
        .then_some(SkipReason::Risk)
}

fn who(approver: &Approver, people: &OrgPeople) -> Who {
    let (kind, names) = match approver {
        Approver::Role(name) => (ApproverKind::Role, vec![name.clone()]),
        Approver::User(name) => (ApproverKind::User, vec![name.clone()]),
        Approver::Users(names) => (ApproverKind::User, names.clone()),
        Approver::DepartmentHead(name) => (ApproverKind::DepartmentHead, vec![name.clone()]),
    };
    let mut ids: Vec<Uuid> = Vec::new();
    for name in &names {
        ids.extend(ids_of(kind, name, people));
    }
    ids.sort_unstable();
    ids.dedup();
    Who { kind, names, ids }
}

/// An approval flow, in one of the orgs that this user is in, that names somebody by one of these user names.
pub(crate) async fn flow_naming(
    app: &App,
    user: UserId,
    names: [&str; 2],
) -> Result<Option<String>, DbError> {
    let flows = store::document::flows_around(&app.db, user).await?;
    let names = names.map(|name| serde_json::Value::from(name).to_string());
    let named = |(_, spec): &(String, String)| names.iter().any(|name| spec.contains(name));
    Ok(flows.into_iter().find(named).map(|(name, _)| name))
}

/// The users or departments that somebody means by a name or an id.
fn ids_of(kind: ApproverKind, name: &str, people: &OrgPeople) -> Vec<Uuid> {
    match kind {
        ApproverKind::Anyone | ApproverKind::Role => Vec::new(),
        ApproverKind::User => {
            let members = people.members.iter();
            let found = members.filter(|person| person.name == name || person.user.to_string() == name);
            found.map(|person| *person.user.as_uuid()).collect()
        }
        ApproverKind::DepartmentHead => {
            let departments = people.departments.iter();
            let found = departments.filter(|one| one.name == name || one.id.to_string() == name);
            found.map(|one| *one.id.as_uuid()).collect()
        }
    }
}

/// Who a flow names that is not there, by field.
pub(super) fn unknown_people(flow: &ApprovalFlow, people: &OrgPeople) -> Vec<(String, String)> {
    let mut unknown = Vec::new();
    for (nth, step) in flow.steps.iter().enumerate() {
        let mut say =
            |field: &str, message: String| unknown.push((format!("spec.steps[{nth}].{field}"), message));
        match &step.who {
            Approver::Role(role) => {
                let built_in = role.parse::<crate::access::Role>().is_ok();
                if !built_in && !people.roles.contains(role) {
                    say("role", format!("the org has no role {role}"));
                }
            }
            Approver::User(name) => {
                if ids_of(ApproverKind::User, name, people).is_empty() {
                    say("user", format!("the org has no member {name}"));
                }
            }
            Approver::Users(names) => {
                for name in names {
                    if ids_of(ApproverKind::User, name, people).is_empty() {
                        say("users", format!("the org has no member {name}"));
                    }
                }
            }
            Approver::DepartmentHead(name) => {
                if ids_of(ApproverKind::DepartmentHead, name, people).is_empty() {
                    say("departmentHead", format!("the org has no department {name}"));
                }
            }
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(name: &str, spec: &str) -> NamedFlow {
        let yaml =
            format!("apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {{name: {name}}}\nspec: {spec}\n");
        let spec = muster_documents::parse(&yaml).unwrap().remove(0).spec;
        let Spec::ApprovalFlow(flow) = spec else {
            panic!("{yaml}")
        };
        NamedFlow {
            name: name.to_owned(),
            revision: 1,
            flow,
        }
    }

    const STEP: &str = "steps: [{name: one, role: ADMIN}]";

    fn names(flows: &[NamedFlow], policy: &EnvironmentPolicy, of: For<'_>) -> Vec<String> {
        let chosen = chosen(flows, policy, of).unwrap();
        chosen.into_iter().map(|flow| flow.name.clone()).collect()
    }

    const OF: For<'static> = For {
        environment: "prod",
        database: "shop",
        project: "web",
        risk: RiskLevel::Warning,
    };

    #[test]
    fn the_nearest_flows_apply_and_those_of_the_project_add() {
        let flows = [
            flow("a-all", &format!("{{{STEP}}}")),
            flow("b-prod", &format!("{{environments: [prod], {STEP}}}")),
            flow("c-shop", &format!("{{databases: [shop], {STEP}}}")),
            flow("d-test", &format!("{{environments: [test], {STEP}}}")),
            flow("e-web", &format!("{{projects: [web], {STEP}}}")),
        ];
        let none = EnvironmentPolicy::usual("prod");
        assert_eq!(names(&flows, &none, OF), ["b-prod", "c-shop", "e-web"]);
        assert_eq!(names(&flows[..1], &none, OF), ["a-all"]);
        let elsewhere = For {
            environment: "dev",
            database: "stock",
            project: "",
            ..OF
        };
        assert_eq!(names(&flows, &none, elsewhere), ["a-all"]);
        let both = flow(
            "f-both",
            &format!("{{environments: [prod], databases: [shop], {STEP}}}"),
        );
        let all: Vec<_> = flows.iter().cloned().chain([both]).collect();
        assert_eq!(names(&all, &none, OF), ["f-both", "e-web"]);
    }

    #[test]
    fn a_policy_s_flow_is_the_one_and_must_be_there() {
        let flows = [
            flow("a-all", &format!("{{{STEP}}}")),
            flow("web", &format!("{{projects: [web], {STEP}}}")),
            flow("z-hard", &format!("{{{STEP}}}")),
        ];
        let mut policy = EnvironmentPolicy::usual("prod");
        policy.flows.warning = Some("z-hard".into());
        assert_eq!(names(&flows, &policy, OF), ["z-hard", "web"]);
        policy.flows.warning = Some("gone".into());
        assert!(chosen(&flows, &policy, OF).is_err());
    }

    #[test]
    fn steps_are_left_out_by_risk_and_environment_but_never_all_of_them() {
        let flow = flow(
            "f",
            "{steps: [{name: risky, role: ADMIN, fromRisk: destructive}, {name: test, role: ADMIN, environments: test}]}",
        );
        let people = OrgPeople {
            members: Vec::new(),
            departments: Vec::new(),
            roles: Vec::new(),
            super_admin: None,
        };
        let steps = freeze(&[&flow], &people, OF);
        let skipped: Vec<_> = steps.iter().map(|step| step.skipped).collect();
        assert_eq!(
            skipped,
            [Some(SkipReason::Risk), Some(SkipReason::Environment), None]
        );
        assert_eq!(steps[2].who.kind, ApproverKind::Anyone);
        let risky = For {
            risk: RiskLevel::Unknown,
            ..OF
        };
        assert_eq!(freeze(&[&flow], &people, risky).len(), 2);
    }
}
