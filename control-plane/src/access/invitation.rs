//! Invitations: a link that makes whoever signs in and opens it a member.
//!
//! The link holds a token that is answered once and stored as a hash; it works once, until it expires or is revoked.
//! One that is for an e-mail address is mailed there, too, and works only for the user who has verified that address.
//! It works for as long as whoever made it could make it: it ends when they leave the org, and is worth nothing while they
//! are disabled or may not invite to that role any more.
//!
//! Whoever accepts, revokes or ends invitations of an org takes the org's row first, as whoever changes its members does: a member
//! that is added waits for the org's row, too, and of two who hold what the other waits for the database would end one.

use std::net::IpAddr;

use muster_base::{InvitationId, OrgId, SecretString, UnixMs, UserId, random_token, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Actor, Asked, Caller, Decision, Identity, Operation, Role, User, grant,
    message::{self, Mode, NewMessage, SubMode, Words},
    profile::is_email,
    store, user,
};
use crate::{
    app::App,
    audit::{self, Entry},
    error::Error,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    notify::{self, Channel, Language, Letter, Template},
};

const PREFIX: &str = "inv_";
const DEFAULT_DAYS: u16 = 7;

/// An invitation, without its token.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Id.
    pub id: InvitationId,
    /// For whom; null: for whoever has the link.
    pub email: Option<String>,
    /// What they will be.
    pub role: Role,
    /// Who invited them.
    pub created_by: String,
    /// When.
    pub created_at: UnixMs,
    /// Until when it works.
    pub expires_at: UnixMs,
}

/// An invitation to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvitation {
    /// For whom; whoever has the link if left out.
    pub email: Option<String>,
    /// What they will be; not OWNER.
    pub role: Role,
    /// 1 to 30; 7 if left out.
    #[schema(minimum = 1, maximum = 30)]
    pub expires_in_days: Option<u16>,
}

/// An invitation to be accepted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acceptance {
    /// `inv_…` from the link.
    #[schema(value_type = String)]
    pub token: SecretString,
}

/// An invitation, as whoever has its link sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationView {
    /// Into which org.
    pub org_name: String,
    /// Its picture; empty without one.
    pub org_logo: String,
    /// Of which platform: code.
    pub platform: String,
    /// What one will be.
    pub role: Role,
    /// Who invites.
    pub created_by: String,
    /// The address that the account must have; null: any.
    #[schema(required)]
    pub email: Option<String>,
    /// Until when it works.
    pub expires_at: UnixMs,
}

/// The org that somebody is a member of now.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The org.
    pub org_id: OrgId,
    /// What they are there.
    pub role: Role,
}

/// What an acceptance needs.
pub(super) struct Open {
    pub(super) id: InvitationId,
    pub(super) org: OrgId,
    pub(super) org_name: String,
    pub(super) email: Option<String>,
    pub(super) role: Role,
    /// Who made it; nobody: the super administrator.
    pub(super) maker: Option<UserId>,
}

/// Makes an invitation; answers it with its link, which is not shown again.
pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewInvitation,
    language: Language,
) -> Result<(Invitation, SecretString), AccessError> {
    caller.require(Operation::MemberWrite)?;
    if new.role == Role::Owner {
        return Err(AccessError::SecondOwner);
    }
    grant::within(caller, &grant::of_role(new.role))?;
    let days = new.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=30).contains(&days) {
        return Err(AccessError::invalid("expiresInDays", Flaw::Range(1, 30)));
    }
    let email = new.email.map(|email| email.trim().to_owned());
    if email.as_ref().is_some_and(|email| !is_email(email)) {
        return Err(AccessError::invalid("email", Flaw::Email));
    }
    let now = app.clock.now();
    let token = random_token(PREFIX);
    let invitation = Invitation {
        id: app.clock.new_id(),
        email,
        role: new.role,
        created_by: caller.actor.name(),
        created_at: now,
        expires_at: now.plus_ms(i64::from(days) * UnixMs::DAY),
    };
    let link = SecretString::from(format!("{}/invitations/{token}", app.config.base_url()));
    let org = store::org::get(&app.db, caller.org())
        .await?
        .ok_or(AccessError::NoOrg)?;
    in_tx!(app.db, |tx| {
        let maker = (caller.org(), caller.actor.user());
        store::invitation::insert(tx, maker, &invitation, &sha256(token.as_bytes()).0).await?;
        if let Some(email) = &invitation.email {
            let letter = Letter::new(
                Channel::Mail,
                email,
                language,
                Template::Invitation,
                invitation.expires_at,
            )
            .with("org", org.name)
            .with("inviter", caller.actor.name())
            .with("days", days.to_string())
            .carrying(link.clone());
            let platform = store::org::platform_of(tx, caller.org()).await?;
            notify::post(app, tx, letter.of_platform(platform)).await?;
        }
        let entry = Entry::done(Operation::MemberWrite, "invitation", invitation.id).after(&invitation);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    app.notify.wake();
    Ok((invitation, link))
}

/// Those that still work, newest first.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<Invitation>, AccessError> {
    caller.require(Operation::MemberWrite)?;
    let after = query.cursor::<InvitationId>()?;
    let now = app.clock.now();
    let rows = store::invitation::list(&app.db, caller.org(), now, after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

/// It works no more.
pub(super) async fn revoke(app: &App, caller: &Caller, id: InvitationId) -> Result<(), AccessError> {
    caller.require(Operation::MemberWrite)?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::org::lock(tx, &app.db, caller.org()).await?;
        if !store::invitation::revoke(tx, caller.org(), id, now).await? {
            return Err(AccessError::NoInvitation);
        }
        let entry = Entry::done(Operation::MemberWrite, "invitation", id).detail("revoked");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// What a link invites to, as long as it works. For whoever has it, signed in or not: it was sent to them.
pub(super) async fn look(app: &App, hash: &[u8], ip: Option<IpAddr>) -> Result<InvitationView, AccessError> {
    app.throttle.address(ip)?;
    let found = store::invitation::find(&app.db, hash, app.clock.now()).await?;
    found.ok_or(AccessError::NoInvitation)
}

/// Makes the caller a member. Two who use one link at once: one gets in.
pub(super) async fn accept(app: &App, who: &Identity, hash: &[u8]) -> Result<Joined, AccessError> {
    let Actor::User {
        user: id, username, ..
    } = &who.actor
    else {
        let message = "only users join orgs: sign in as one";
        return Err(AccessError::Refused(Error::denied("only-users", message)));
    };
    app.throttle.attempt(&format!("join {username}"), who.ip)?;
    let (person, now) = (user::get(app, *id).await?, app.clock.now());
    let open = in_tx!(app.db, |tx| {
        let org = store::invitation::org_of(tx, hash).await?;
        store::org::lock(tx, &app.db, org.ok_or(AccessError::NoInvitation)?).await?;
        let open = store::invitation::take(tx, person.platform_id, hash, now)
            .await?
            .ok_or(AccessError::NoInvitation)?;
        is_for(&open, &person)?;
        still_stands(app, tx, &open).await?;
        store::member::check_name(tx, &app.db, *id, open.org, &open.org_name).await?;
        if !store::member::insert(tx, (open.org, *id), open.role, 1, now).await? {
            return Err(AccessError::invalid("token", Flaw::MemberAlready));
        }
        tell_admins(app, tx, &person.username, *id, &open).await?;
        let entry = Entry::done("member:accept", "invitation", open.id).after(&open.role);
        audit::record(app, tx, who, Some(open.org), entry).await?;
        open
    });
    Ok(Joined {
        org_id: open.org,
        role: open.role,
    })
}

/// Whether it is for this person: for whoever has it, or for whoever verified its address.
fn is_for(open: &Open, person: &User) -> Result<(), AccessError> {
    let Some(wanted) = &open.email else { return Ok(()) };
    let own = person.email.as_ref();
    if !own.is_some_and(|own| own.eq_ignore_ascii_case(wanted)) {
        return Err(AccessError::Conflict {
            code: "other-address",
            message: "this invitation is for another e-mail address: add it to your profile".to_owned(),
        });
    }
    if person.email_verified_at.is_none() {
        return Err(AccessError::Conflict {
            code: "unverified-address",
            message: "this invitation is for an e-mail address that you have not verified yet: have a link mailed in \
                      your profile, or ask for an invitation without an address"
                .to_owned(),
        });
    }
    Ok(())
}

/// Whether its maker could make it now.
async fn still_stands(app: &App, tx: &mut crate::db::Tx, open: &Open) -> Result<(), AccessError> {
    let Some(maker) = open.maker else { return Ok(()) };
    let granted = store::grant::lock(tx, &app.db, open.org, maker).await?;
    let permissions = grant::permissions(granted.ok_or(AccessError::NoInvitation)?)?;
    let person = store::user::find_in(tx, maker).await?;
    let may = permissions.decide(Asked::BuiltIn(Operation::MemberWrite), None);
    if matches!(may, Decision::Allowed)
        && grant::of_role(open.role).is_within(&permissions)
        && person.is_some_and(|person| person.status == "active")
    {
        Ok(())
    } else {
        Err(AccessError::NoInvitation)
    }
}

async fn tell_admins(
    app: &App,
    tx: &mut crate::db::Tx,
    username: &str,
    id: UserId,
    open: &Open,
) -> Result<(), AccessError> {
    let admins = store::joining::administrators(tx, open.org).await?;
    let message = NewMessage {
        org: open.org,
        mode: Mode::Join,
        sub_mode: SubMode::View,
        words: Words::Accepted {
            name: username,
            org: &open.org_name,
        },
        tip: &id.to_string(),
    };
    Ok(message::send(app, tx, &admins, &message).await?)
}
