//! Joining an org by its entry code.
//!
//! An org may have one entry setting: a random code of seven characters, replaced whenever the fields change that an
//! applicant must have filled in. Whoever has the code applies; the org's administrators get a message; they approve
//! (with a role) or reject (with a reason); the applicant gets a message and, if rejected, may correct and apply
//! again. A request is the member's row: rejected -1, pending 0, approved 1, founder 2.

use muster_base::{OrgId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Actor, Caller, Identity, Operation, Role, grant,
    message::{self, Mode, NewMessage, SubMode, Words},
    store, user,
};
use crate::{
    app::App,
    audit::{self, Entry},
    error::Error,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

const CODE_CHARS: usize = 7;
/// Without those that people mistake for each other.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A field of a profile that an org may want to be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProfileField {
    /// E-mail address.
    Email,
    /// Mobile number.
    Mobile,
    /// Name for others.
    NickName,
    /// Picture.
    Portrait,
    /// Gender.
    Gender,
    /// Birthday.
    Birthday,
}

/// How people may apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntrySetting {
    /// Seven characters to hand out.
    pub code: String,
    /// What an applicant must have filled in.
    pub fields: Vec<ProfileField>,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// How people are to apply.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewEntrySetting {
    /// What an applicant must have filled in.
    pub fields: Vec<ProfileField>,
}

/// Somebody's wish to join.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequest {
    /// The applicant.
    pub user_id: UserId,
    /// Their name in the platform.
    pub username: String,
    /// Their name for others.
    pub nick_name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their mobile number.
    pub mobile: Option<String>,
    /// rejected -1, pending 0.
    pub status: i64,
    /// When they last applied.
    pub updated_at: UnixMs,
}

/// One's own wish to join an org.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct OwnRequest {
    /// The org.
    pub org_id: OrgId,
    /// Its name.
    pub org_name: String,
    /// rejected -1, pending 0.
    pub status: i64,
    /// Why it was rejected; empty while it is pending.
    pub reason: String,
    /// When one last applied, or it was rejected.
    pub updated_at: UnixMs,
}

/// All of one's own.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnRequests {
    /// The newest first.
    pub items: Vec<OwnRequest>,
}

/// A wish to join.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntryCode {
    /// The org's entry code.
    pub code: String,
}

/// What became of a wish to join.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// The org.
    pub org_id: OrgId,
    /// Its name.
    pub org_name: String,
    /// pending 0.
    pub status: i64,
}

/// A yes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinApproval {
    /// MEMBER if left out.
    pub role: Option<Role>,
}

/// A no.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinRejection {
    /// For the applicant, so that they can correct it; at most 200 characters.
    pub reason: String,
}

/// The org's setting; none: nobody can apply.
pub(super) async fn setting(app: &App, caller: &Caller) -> Result<Option<EntrySetting>, AccessError> {
    caller.require(Operation::MemberWrite)?;
    Ok(store::joining::find_setting(&app.db, caller.org()).await?)
}

/// Lets people apply, or changes what they must have filled in; other fields make a new code.
pub(super) async fn set(
    app: &App,
    caller: &Caller,
    new: NewEntrySetting,
) -> Result<EntrySetting, AccessError> {
    caller.require(Operation::MemberWrite)?;
    let mut fields = new.fields;
    fields.sort_unstable();
    fields.dedup();
    let before = store::joining::find_setting(&app.db, caller.org()).await?;
    if let Some(same) = before.as_ref().filter(|before| before.fields == fields) {
        return Ok(same.clone());
    }
    let setting = EntrySetting {
        code: code(),
        fields,
        updated_at: app.clock.now(),
    };
    in_tx!(app.db, |tx| {
        store::joining::upsert_setting(tx, caller.org(), &setting).await?;
        // The code lets people in no further than a request, but is not for the log's readers all the same.
        let entry = Entry::done(Operation::MemberWrite, "entrySetting", caller.org()).after(&setting.fields);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(setting)
}

/// Nobody can apply any more.
pub(super) async fn clear(app: &App, caller: &Caller) -> Result<(), AccessError> {
    caller.require(Operation::MemberWrite)?;
    in_tx!(app.db, |tx| {
        store::joining::delete_setting(tx, caller.org()).await?;
        let entry = Entry::done(Operation::MemberWrite, "entrySetting", caller.org()).detail("removed");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Applies, or applies again after a rejection. Throttled, so that codes can't be tried out.
pub(super) async fn apply(app: &App, who: &Identity, wish: EntryCode) -> Result<Applied, AccessError> {
    let Actor::User {
        user: id, username, ..
    } = &who.actor
    else {
        let message = "only users join orgs: sign in as one";
        return Err(AccessError::Refused(Error::denied("only-users", message)));
    };
    app.throttle.attempt(&format!("join {username}"), who.ip)?;
    let applicant = user::get(app, *id).await?;
    let found = store::joining::find_by_code(&app.db, applicant.platform_id, &wish.code).await?;
    let (org, name, setting) = found.ok_or_else(|| AccessError::invalid("code", Flaw::NoOrg))?;
    if let Some(missing) = setting.fields.iter().find(|field| !field.is_filled(&applicant)) {
        let message = format!("fill in your profile first: {}", missing.as_str());
        return Err(AccessError::Conflict {
            code: "profile-incomplete",
            message,
        });
    }
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        // Before the person's row: as whoever accepts an invitation takes the two.
        store::org::lock(tx, &app.db, org).await?;
        store::member::check_name(tx, &app.db, *id, org, &name).await?;
        match store::joining::find_status(tx, org, *id).await? {
            Some(status) if status > 0 => {
                return Err(AccessError::invalid("code", Flaw::MemberAlready));
            }
            Some(_) => store::joining::set_status(tx, (org, *id), 0, now).await?,
            None => store::joining::insert_request(tx, org, *id, now).await?,
        }
        let admins = store::joining::administrators(tx, org).await?;
        let message = NewMessage {
            org,
            mode: Mode::Join,
            sub_mode: SubMode::Review,
            words: Words::WantsToJoin {
                name: &applicant.username,
                org: &name,
            },
            tip: &id.to_string(),
        };
        message::send(app, tx, &admins, &message).await?;
        let entry = Entry::done("member:apply", "member", *id);
        audit::record(app, tx, who, Some(org), entry).await?;
    });
    Ok(Applied {
        org_id: org,
        org_name: name,
        status: 0,
    })
}

/// One's own requests that let one in nowhere yet.
pub(super) async fn list_own(app: &App, who: &Identity) -> Result<OwnRequests, AccessError> {
    let items = store::joining::list_own(&app.db, who.require_user()?).await?;
    Ok(OwnRequests { items })
}

/// Takes one's own request back, pending or rejected.
pub(super) async fn withdraw(app: &App, who: &Identity, org: OrgId) -> Result<(), AccessError> {
    let user = who.require_user()?;
    in_tx!(app.db, |tx| {
        if !store::joining::delete_request(tx, org, user).await? {
            return Err(AccessError::NoRequest);
        }
        let entry = Entry::done("member:apply", "member", user).detail("withdrawn");
        audit::record(app, tx, who, Some(org), entry).await?;
    });
    Ok(())
}

/// Who wants to join, and who was rejected.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<JoinRequest>, AccessError> {
    caller.require(Operation::MemberWrite)?;
    let after = query.cursor::<UserId>()?;
    let rows = store::joining::list(&app.db, caller.org(), after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.user_id)))
}

pub(super) async fn approve(
    app: &App,
    caller: &Caller,
    user: UserId,
    approval: JoinApproval,
) -> Result<(), AccessError> {
    caller.require(Operation::MemberWrite)?;
    let role = approval.role.unwrap_or(Role::Member);
    if role == Role::Owner {
        return Err(AccessError::SecondOwner);
    }
    grant::within(caller, &grant::of_role(role))?;
    let name = super::org::get(app, caller).await?.name;
    decide(app, caller, user, (1, Some(role)), Words::LetIn { org: &name }).await
}

pub(super) async fn reject(
    app: &App,
    caller: &Caller,
    user: UserId,
    rejection: JoinRejection,
) -> Result<(), AccessError> {
    caller.require(Operation::MemberWrite)?;
    let reason = rejection.reason.trim();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(AccessError::invalid("reason", Flaw::Length(1, 200)));
    }
    let name = super::org::get(app, caller).await?.name;
    decide(
        app,
        caller,
        user,
        (-1, None),
        Words::Rejected { org: &name, reason },
    )
    .await
}

async fn decide(
    app: &App,
    caller: &Caller,
    user: UserId,
    (status, role): (i64, Option<Role>),
    words: Words<'_>,
) -> Result<(), AccessError> {
    let (org, now) = (caller.org(), app.clock.now());
    let (sub_mode, reason) = match words {
        Words::Rejected { reason, .. } => (SubMode::Resubmit, reason),
        Words::LetIn { .. }
        | Words::WantsToJoin { .. }
        | Words::Accepted { .. }
        | Words::OrgChanged { .. }
        | Words::NotDeployed { .. }
        | Words::DeploymentAsks { .. }
        | Words::DeploymentApproved { .. }
        | Words::DeploymentRejected { .. }
        | Words::AlertFires { .. }
        | Words::AlertSilent { .. }
        | Words::ToApprove { .. }
        | Words::StepApproved { .. }
        | Words::TicketApproved { .. }
        | Words::TicketRejected { .. }
        | Words::TicketStuck { .. }
        | Words::AlertOver { .. }
        | Words::DriftFound { .. }
        | Words::DriftChanged { .. }
        | Words::AsidesExpired { .. }
        | Words::DriftOver { .. }
        | Words::TargetsDrifted { .. }
        | Words::TargetsInStep { .. }
        | Words::NotExecuted { .. }
        | Words::NeedsALook { .. }
        | Words::RolloutHalted { .. }
        | Words::RolloutPaused { .. } => (SubMode::Enter, ""),
    };
    in_tx!(app.db, |tx| {
        if !store::joining::decide(tx, (org, user), (status, role, reason), now).await? {
            return Err(AccessError::NoRequest);
        }
        let message = NewMessage {
            org,
            mode: Mode::Join,
            sub_mode,
            words,
            tip: &org.to_string(),
        };
        message::send(app, tx, &[user], &message).await?;
        let entry = Entry::done(Operation::MemberWrite, "joinRequest", user)
            .after(&role)
            .detail(words.sentence());
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

impl ProfileField {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Mobile => "mobile",
            Self::NickName => "nickName",
            Self::Portrait => "portrait",
            Self::Gender => "gender",
            Self::Birthday => "birthday",
        }
    }

    fn is_filled(self, user: &user::User) -> bool {
        match self {
            Self::Email => user.email.is_some(),
            Self::Mobile => user.mobile.is_some(),
            Self::NickName => !user.nick_name.is_empty(),
            Self::Portrait => !user.portrait.is_empty(),
            Self::Gender => user.gender != 3,
            Self::Birthday => user.birthday.is_some(),
        }
    }
}

fn code() -> String {
    let random: [u8; CODE_CHARS] = muster_base::random_array();
    let char_of = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    random.iter().map(char_of).collect()
}
