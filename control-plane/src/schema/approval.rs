//! Where a ticket's approval stands: a function of its steps, of who said yes, and of what everybody may do as of now. It is
//! asked again at every look and decision, so that a yes counts no more once its giver has left the org or lost
//! `release:approve`.
//!
//! Steps are approved in order. A person says yes once on a ticket, for the step that is being decided then: four eyes
//! are not the same two twice. The super administrator may approve where a role or anyone may, and is never waited for.

use muster_base::{ServerId, UnixMs, UserId};
use muster_documents::kind::flow::Quorum;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Ticket,
    flow::{ApproverKind, SkipReason, Step},
};
use crate::access::{Object, Operation, OrgPeople, OrgPerson};

/// Names that are shown of those who may decide.
const MOST_NAMES: usize = 20;

/// Somebody's yes.
#[derive(Debug, Clone)]
pub(super) struct Yes {
    pub(super) person: String,
    pub(super) name: String,
    /// The step that it was given for.
    pub(super) step: i64,
    pub(super) comment: String,
    pub(super) at: UnixMs,
    /// Whether it is one of those that made the release.
    pub(super) counted: bool,
}

/// What a ticket is judged by.
pub(super) struct Ground<'a> {
    pub(super) ticket: &'a Ticket,
    pub(super) servers: &'a [ServerId],
    pub(super) people: &'a OrgPeople,
    /// Whether the author may decide: as the ticket was opened, and as of now.
    pub(super) author_may: bool,
}

/// Where a step stands.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    /// Those that count.
    pub(super) given: Vec<&'a Yes>,
    /// Members who may say yes and have not.
    pub(super) open: Vec<&'a OrgPerson>,
    /// Whether the super administrator may.
    super_admin_may: bool,
    /// How many are needed in all.
    pub(super) needed: usize,
    pub(super) satisfied: bool,
    /// Why nobody can get it done.
    pub(super) stuck: Option<StuckReason>,
}

/// Where an approval stands.
pub(super) struct Approval<'a> {
    pub(super) steps: Vec<Standing<'a>>,
    /// The step that is to be decided; none when all are satisfied.
    pub(super) current: Option<usize>,
}

/// Why a step can't be approved by anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum StuckReason {
    /// There is nobody whom the step names.
    Nobody,
    /// They lack `release:approve`, or don't reach what it is for.
    NotAllowed,
    /// There is only the author.
    OnlyAuthor,
    /// They have said yes to another step.
    Spent,
    /// There are fewer than are needed.
    TooFew,
}

impl<'a> Ground<'a> {
    /// Where the approval stands.
    pub(super) fn approval(&self, steps: &[Step], yeses: &'a [Yes]) -> Approval<'a> {
        let standings: Vec<Standing<'a>> = (0_i64..)
            .zip(steps)
            .map(|(position, step)| self.standing(position, step, yeses))
            .collect();
        let current = standings.iter().position(|step| !step.satisfied);
        Approval {
            steps: standings,
            current,
        }
    }

    fn standing(&self, position: i64, step: &Step, yeses: &'a [Yes]) -> Standing<'a> {
        let given: Vec<&Yes> = yeses
            .iter()
            .filter(|yes| yes.step == position && self.counts(yes))
            .collect();
        if step.skipped.is_some() {
            return Standing {
                given,
                open: Vec::new(),
                super_admin_may: false,
                needed: 0,
                satisfied: true,
                stuck: None,
            };
        }
        let named = || {
            self.people
                .members
                .iter()
                .filter(|person| self.names(step, person))
        };
        let able = |person: &&OrgPerson| self.is_able(person);
        let not_author =
            |person: &&OrgPerson| self.author_may || person.user.to_string() != self.ticket.person;
        let open: Vec<&OrgPerson> = named()
            .filter(able)
            .filter(not_author)
            .filter(|person| !has_said(yeses, &person.user.to_string()))
            .collect();
        let needed = match step.quorum {
            Quorum::Count(count) => usize::from(count).max(1),
            Quorum::All => (given.len() + open.len()).max(1),
        };
        let stuck = (given.len() + open.len() < needed).then(|| {
            if named().next().is_none() {
                StuckReason::Nobody
            } else if !named().any(|person| able(&person)) {
                StuckReason::NotAllowed
            } else if !named().filter(able).any(|person| not_author(&person)) {
                StuckReason::OnlyAuthor
            } else if given.is_empty() && open.is_empty() {
                StuckReason::Spent
            } else {
                StuckReason::TooFew
            }
        });
        let for_anybody = matches!(step.who.kind, ApproverKind::Anyone | ApproverKind::Role);
        Standing {
            super_admin_may: for_anybody && self.super_admin_is_open(yeses),
            satisfied: given.len() >= needed,
            given,
            open,
            needed,
            stuck,
        }
    }

    /// Whether the step is for this person.
    fn names(&self, step: &Step, person: &OrgPerson) -> bool {
        match step.who.kind {
            ApproverKind::Anyone => true,
            ApproverKind::Role => step.who.names.iter().any(|role| person.has_role(role)),
            ApproverKind::User => step.who.ids.contains(person.user.as_uuid()),
            ApproverKind::DepartmentHead => self
                .people
                .departments
                .iter()
                .any(|one| step.who.ids.contains(one.id.as_uuid()) && one.head == Some(person.user)),
        }
    }

    /// Whether they may approve anything of this kind, as of now.
    fn is_able(&self, person: &OrgPerson) -> bool {
        let object = Object::Database {
            name: &self.ticket.database,
            environment: &self.ticket.environment,
            servers: self.servers,
        };
        person.may(Operation::ReleaseApprove, &object)
    }

    /// Whether a yes counts, as of now.
    fn counts(&self, yes: &Yes) -> bool {
        if yes.person == self.ticket.person && !self.author_may {
            return false;
        }
        if let Some((person, _)) = &self.people.super_admin
            && *person == yes.person
        {
            return true;
        }
        let mut members = self.people.members.iter();
        members.any(|person| person.user.to_string() == yes.person && self.is_able(person))
    }

    fn super_admin_is_open(&self, yeses: &[Yes]) -> bool {
        self.people.super_admin.as_ref().is_some_and(|(person, _)| {
            (self.author_may || *person != self.ticket.person) && !has_said(yeses, person)
        })
    }

    /// Names of members who could make somebody able to approve, or change the flow.
    pub(super) fn menders(&self) -> Vec<&'a OrgPerson> {
        let everywhere = Object::Environment(&self.ticket.environment);
        let may = |person: &&OrgPerson| {
            [Operation::MemberWrite, Operation::FlowWrite]
                .iter()
                .any(|operation| person.may(*operation, &everywhere))
        };
        self.people.members.iter().filter(may).take(MOST_NAMES).collect()
    }
}

fn has_said(yeses: &[Yes], person: &str) -> bool {
    yeses.iter().any(|yes| yes.person == person)
}

impl Standing<'_> {
    /// Whether this person may say yes to it.
    pub(super) fn is_open_to(&self, person: &str, people: &OrgPeople) -> bool {
        let super_admin = people.super_admin.as_ref();
        self.open.iter().any(|open| open.user.to_string() == person)
            || (self.super_admin_may && super_admin.is_some_and(|(admin, _)| admin == person))
    }

    /// Who may say yes, for messages.
    pub(super) fn open_users(&self) -> Vec<UserId> {
        self.open.iter().map(|person| person.user).collect()
    }
}

impl Approval<'_> {
    /// Whether this person may approve now: say yes to the current step or, when what was missing has gone away by itself
    /// (somebody of "all" has left), make the release of what they said yes to.
    pub(super) fn may_approve(&self, person: &str, people: &OrgPeople) -> bool {
        match self.current {
            Some(current) => self.steps[current].is_open_to(person, people),
            None => self.has_given(person),
        }
    }

    /// Whether this person may reject now: whoever may say yes, or has.
    pub(super) fn may_reject(&self, person: &str, people: &OrgPeople) -> bool {
        self.may_approve(person, people) || self.has_given(person)
    }

    fn has_given(&self, person: &str) -> bool {
        let mut given = self.steps.iter().flat_map(|step| &step.given);
        given.any(|yes| yes.person == person)
    }

    /// Everybody whose yes counts.
    pub(super) fn counted(&self) -> Vec<String> {
        let given = self.steps.iter().flat_map(|step| &step.given);
        given.map(|yes| yes.person.clone()).collect()
    }
}

/// A step of a ticket's approval.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketStep {
    /// Its name; empty for the built-in one.
    pub name: String,
    /// The flow that it is of; empty for the built-in one.
    pub flow: String,
    /// The flow's revision; 0 for the built-in one.
    pub flow_revision: i64,
    /// What its approvers are known by.
    pub approver_kind: ApproverKind,
    /// The role, people or departments that it names.
    pub approvers: Vec<String>,
    /// How many must approve; null for all of them.
    #[schema(required)]
    pub quorum: Option<u8>,
    /// How many that is, as of now.
    pub needed: usize,
    /// Where it stands.
    pub state: TicketStepState,
    /// Why it is left out.
    #[schema(required)]
    pub skipped: Option<SkipReason>,
    /// Who said yes, oldest first.
    pub approvals: Vec<StepApproval>,
    /// Who may say yes and has not; 20 of them at most.
    pub open_to: Vec<String>,
    /// Why nobody can get it done; null if somebody can.
    #[schema(required)]
    pub stuck: Option<StuckReason>,
    /// Who could mend that: 20 members at most who change permissions or flows.
    pub menders: Vec<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TicketStepState {
    /// Those before it come first.
    Waiting,
    /// It is being decided.
    Current,
    /// Enough have said yes.
    Approved,
    /// It is left out.
    Skipped,
    /// The ticket came to an end before it.
    Ended,
}

/// Somebody's yes to a step.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepApproval {
    /// Who.
    pub name: String,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: UnixMs,
    /// Whether it counts: not once they have left or lost `release:approve`.
    pub counts: bool,
}

/// The steps as they are shown. Of a ticket that is over, what counted when it was decided.
pub(super) fn shown(ground: &Ground<'_>, steps: &[Step], yeses: &[Yes], pending: bool) -> Vec<TicketStep> {
    let approval = ground.approval(steps, yeses);
    let mut shown = Vec::with_capacity(steps.len());
    for (nth, (step, standing)) in steps.iter().zip(&approval.steps).enumerate() {
        let own: Vec<&Yes> = yeses
            .iter()
            .filter(|yes| usize::try_from(yes.step) == Ok(nth))
            .collect();
        let counts = |yes: &Yes| {
            if pending {
                standing.given.iter().any(|given| given.person == yes.person)
            } else {
                yes.counted
            }
        };
        let state = match (step.skipped, pending) {
            (Some(_), _) => TicketStepState::Skipped,
            (None, false) if own.iter().any(|yes| yes.counted) => TicketStepState::Approved,
            (None, false) => TicketStepState::Ended,
            (None, true) if approval.current == Some(nth) => TicketStepState::Current,
            (None, true) if standing.satisfied => TicketStepState::Approved,
            (None, true) => TicketStepState::Waiting,
        };
        let stuck = standing.stuck.filter(|_| pending);
        let names = |people: &[&OrgPerson]| {
            let names = people.iter().take(MOST_NAMES);
            names.map(|person| person.name.clone()).collect::<Vec<_>>()
        };
        shown.push(TicketStep {
            name: step.name.clone(),
            flow: step.flow.clone(),
            flow_revision: step.revision,
            approver_kind: step.who.kind,
            approvers: step.who.names.clone(),
            quorum: match step.quorum {
                Quorum::Count(count) => Some(count),
                Quorum::All => None,
            },
            needed: standing.needed,
            state,
            skipped: step.skipped,
            approvals: own
                .into_iter()
                .map(|yes| StepApproval {
                    name: yes.name.clone(),
                    comment: yes.comment.clone(),
                    at: yes.at,
                    counts: counts(yes),
                })
                .collect(),
            open_to: if pending {
                names(&standing.open)
            } else {
                Vec::new()
            },
            stuck,
            menders: if stuck.is_some() {
                names(&ground.menders())
            } else {
                Vec::new()
            },
        });
    }
    shown
}
