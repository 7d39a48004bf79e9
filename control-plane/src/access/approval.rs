//! The people of an org for who decides releases: what each may do, which departments they head; and what they are told of
//! tickets, by their inbox, and by mail ([`super::mailed`]).

use muster_base::{DepartmentId, OrgId, TicketId, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, Permissions, Role, grant,
    mailed::mail,
    message::{self, Mode, NewMessage, SubMode, Words},
    permission::SourceKind,
    store,
};
use crate::{app::App, db::Tx, notify::Template};

/// Everybody of an org, as of now.
#[derive(Debug, Default)]
pub struct OrgPeople {
    /// Members who are let in and not disabled.
    pub members: Vec<OrgPerson>,
    /// All departments.
    pub departments: Vec<OrgDepartment>,
    /// Names of the roles that the org and its platform made.
    pub roles: Vec<String>,
    /// The super administrator, as [`super::Actor::person`] names them, and their account.
    pub super_admin: Option<(String, String)>,
}

/// A member.
#[derive(Debug)]
pub struct OrgPerson {
    /// Who.
    pub user: UserId,
    /// Their user name.
    pub name: String,
    permissions: Permissions,
}

/// A department, as far as its head matters.
#[derive(Debug)]
pub struct OrgDepartment {
    /// Which.
    pub id: DepartmentId,
    /// Its name; several may have the same.
    pub name: String,
    /// Its head.
    pub head: Option<UserId>,
}

impl OrgPerson {
    /// Whether they may do it on this object.
    pub fn may(&self, operation: Operation, object: &Object<'_>) -> bool {
        self.permissions.decide(Asked::BuiltIn(operation), Some(object)) == Decision::Allowed
    }

    /// Whether they may do it on anything at all.
    pub fn holds(&self, operation: Operation) -> bool {
        self.permissions.decide(Asked::BuiltIn(operation), None) == Decision::Allowed
    }

    /// Whether they have this built-in role or a higher one, or a role of this name that the org or its platform made.
    pub fn has_role(&self, role: &str) -> bool {
        if let Ok(least) = role.parse::<Role>() {
            return self.permissions.role.is_some_and(|own| own >= least);
        }
        let mut sources = self.permissions.sources.iter();
        sources.any(|source| source.kind == SourceKind::OwnRole && source.name == role)
    }
}

/// Everybody of the org.
pub async fn org_people(app: &App, org: OrgId) -> Result<OrgPeople, AccessError> {
    let mut members = Vec::new();
    for (user, name, granted) in store::grant::list_named(&app.db, org).await? {
        members.push(OrgPerson {
            user,
            name,
            permissions: grant::permissions(granted)?,
        });
    }
    let departments = store::department::list(&app.db, org).await?;
    let roles = store::role::list(&app.db, org, None, i64::MAX).await?;
    let super_admin = app.config.super_admin.as_ref();
    Ok(OrgPeople {
        members,
        departments: departments
            .into_iter()
            .map(|department| OrgDepartment {
                id: department.id,
                name: department.name,
                head: department.head_id,
            })
            .collect(),
        roles: roles.into_iter().map(|role| role.name).collect(),
        super_admin: super_admin
            .map(|admin| (format!("superAdmin:{}", admin.account), admin.account.clone())),
    })
}

/// A ticket that something happened to.
#[derive(Debug, Clone, Copy)]
pub struct TicketNews<'a> {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub id: TicketId,
    /// The version that is proposed.
    pub version: &'a str,
    /// For where.
    pub environment: &'a str,
    /// What happened.
    pub turn: TicketTurn<'a>,
}

/// What happened to a ticket.
#[derive(Debug, Clone, Copy)]
pub enum TicketTurn<'a> {
    /// The reader may decide a step now.
    Asked {
        /// Who proposed it.
        author: &'a str,
        /// The step's name.
        step: &'a str,
    },
    /// Somebody approved a step.
    StepApproved {
        /// Who.
        by: &'a str,
        /// The step's name.
        step: &'a str,
    },
    /// The last approval made the release.
    Released {
        /// Who gave it.
        by: &'a str,
    },
    /// It goes back to its author.
    Rejected {
        /// Who rejected it.
        by: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Nobody can approve the step that it waits for.
    Stuck {
        /// The step's name.
        step: &'a str,
    },
}

/// Characters of a reason that a message repeats.
const REASON_CHARS: usize = 400;

/// Tells them; mail goes out when the outbox looks next.
pub async fn tell_of_ticket(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    news: &TicketNews<'_>,
) -> Result<(), AccessError> {
    if to.is_empty() {
        return Ok(());
    }
    let (version, environment) = (news.version, news.environment);
    let mut short = String::new();
    let (sub_mode, words) = match news.turn {
        TicketTurn::Asked { author: name, step } => (
            SubMode::Review,
            Words::ToApprove {
                name,
                version,
                environment,
                step,
            },
        ),
        TicketTurn::StepApproved { by: name, step } => (
            SubMode::View,
            Words::StepApproved {
                name,
                version,
                environment,
                step,
            },
        ),
        TicketTurn::Released { by: name } => (
            SubMode::View,
            Words::TicketApproved {
                name,
                version,
                environment,
            },
        ),
        TicketTurn::Rejected { by: name, reason } => {
            short = reason.chars().take(REASON_CHARS).collect();
            (
                SubMode::Resubmit,
                Words::TicketRejected {
                    name,
                    version,
                    environment,
                    reason: &short,
                },
            )
        }
        TicketTurn::Stuck { step } => (
            SubMode::View,
            Words::TicketStuck {
                version,
                environment,
                step,
            },
        ),
    };
    let message = NewMessage {
        org: news.org,
        mode: Mode::Approval,
        sub_mode,
        words,
        tip: &news.id.to_string(),
    };
    message::send(app, tx, to, &message).await?;
    let address = format!("{}/releases/tickets/{}", app.config.base_url(), news.id);
    let about = [
        ("what", version),
        ("environment", environment),
        ("address", &address),
    ];
    let (template, more) = match news.turn {
        TicketTurn::Asked { author: name, .. } => (Template::ApprovalAsked, vec![("name", name)]),
        // Where it stands is on its page: there is nothing to be done.
        TicketTurn::StepApproved { .. } => return Ok(()),
        TicketTurn::Released { by: name } => (Template::ApprovalGiven, vec![("name", name)]),
        TicketTurn::Rejected { by: name, .. } => (
            Template::ApprovalRefused,
            vec![("name", name), ("reason", short.as_str())],
        ),
        TicketTurn::Stuck { step } => (Template::ApprovalStuck, vec![("step", step)]),
    };
    mail(app, tx, to, template, &[&about[..], &more].concat()).await
}
