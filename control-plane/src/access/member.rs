//! Members of an org.

use muster_base::{UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AccessError, Caller, Operation, Role,
    grant::{self, Granted},
    legacy, store,
};
use crate::{
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A member.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The person.
    pub user_id: UserId,
    /// Their name in the platform.
    pub username: String,
    /// Their name for others.
    pub nick_name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// `OWNER`, `ADMIN`, `MEMBER` or `VIEWER`.
    pub role: Role,
    /// approved 1, founder 2.
    pub status: i64,
    /// Their id as a member in the system that the org came from.
    pub legacy_id: Option<String>,
    /// Since when.
    pub created_at: UnixMs,
}

/// A member to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMember {
    /// Name in the platform of the person to add.
    pub username: String,
    /// Their role.
    pub role: Role,
    /// Their id as a member in the system that the org comes from, unique in the org.
    pub legacy_id: Option<String>,
}

/// Which members.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MemberQuery {
    /// The beginning of the name, nick name or e-mail address, or the whole legacy id.
    pub search: Option<String>,
    /// Only those with this role.
    #[param(inline)]
    pub role: Option<Role>,
    /// approved 1, founder 2.
    pub status: Option<i64>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// The org's members, in the order in which they were added to Muster.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: MemberQuery,
) -> Result<Page<Member>, AccessError> {
    caller.require(Operation::MemberRead)?;
    let page = PageQuery::new(query.limit, query.cursor.clone());
    let after = page.cursor::<UserId>()?;
    let rows = store::member::list(&app.db, caller.org(), &query, after, page.fetch()).await?;
    Ok(page.page(rows, |member| Cursor::of(&member.user_id)))
}

/// Adds a user of the platform. The first owner of an org that has none yet is named by the super administrator.
pub(super) async fn add(app: &App, caller: &Caller, new: NewMember) -> Result<Member, AccessError> {
    caller.require(Operation::MemberWrite)?;
    may_give(caller, new.role)?;
    grant::within(caller, &grant::of_role(new.role))?;
    let legacy_id = new.legacy_id.map(legacy::check).transpose()?;
    let now = app.clock.now();
    let mut added = None;
    let add = async |added: &mut Option<UserId>| -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            // Before the person's row: as whoever accepts an invitation takes the two.
            store::org::lock(tx, &app.db, caller.org()).await?;
            let user = store::user::find_by_username(tx, caller.org(), &new.username).await?;
            let user =
                user.ok_or_else(|| AccessError::invalid("username", Flaw::NoSuch("user in this platform")))?;
            let org = store::org::find_in(tx, caller.org())
                .await?
                .ok_or(AccessError::NoOrg)?;
            store::member::check_name(tx, &app.db, user, caller.org(), &org).await?;
            if !store::member::insert(tx, (caller.org(), user), new.role, 1, now).await? {
                return Err(AccessError::invalid("username", Flaw::IsMember));
            }
            if let Some(id) = &legacy_id {
                store::member::set_legacy_id(tx, (caller.org(), user), id).await?;
            }
            let entry = Entry::done(Operation::MemberWrite, "member", user).after(&new.role);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
            *added = Some(user);
        });
        Ok(())
    };
    add(&mut added).await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_index("members_one_owner", "members", &["org_id"]) => {
            AccessError::SecondOwner
        }
        AccessError::Db(db) if db.violates_index("members_legacy", "members", &["org_id", "legacy_id"]) => {
            AccessError::Taken("legacyId")
        }
        other => other,
    })?;
    let user = added.ok_or(AccessError::NoUser)?;
    store::member::get(&app.db, caller.org(), user)
        .await?
        .ok_or(AccessError::NoMember)
}

/// Changes a member's role. Making somebody OWNER transfers the ownership: the present owner becomes ADMIN.
pub(super) async fn set_role(
    app: &App,
    caller: &Caller,
    user: UserId,
    role: Role,
) -> Result<Member, AccessError> {
    caller.require(Operation::MemberWrite)?;
    may_give(caller, role)?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        // Roles of an org change one by one.
        store::org::lock(tx, &app.db, caller.org()).await?;
        let granted = store::grant::lock(tx, &app.db, caller.org(), user)
            .await?
            .ok_or(AccessError::NoMember)?;
        let before = may_change(caller, granted.clone(), Some(role))?;
        match (before, role) {
            (Role::Owner, Role::Owner) => {}
            (Role::Owner, _) => return Err(AccessError::LastOwner),
            (_, Role::Owner) => {
                caller.require(Operation::OrgTransfer)?;
                still_owner(tx, caller).await?;
                store::member::lower_owner(tx, caller.org(), now).await?;
                store::member::update(tx, caller.org(), user, role, now).await?;
                // The owner has everything; narrowed again only by whoever comes after.
                store::grant::update(tx, (caller.org(), user), (None, None), ("[]", "{}"), now).await?;
            }
            _ => store::member::update(tx, caller.org(), user, role, now).await?,
        }
        let entry = Entry::done(Operation::MemberWrite, "member", user)
            .before(&before)
            .after(&role);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    store::member::get(&app.db, caller.org(), user)
        .await?
        .ok_or(AccessError::NoMember)
}

/// Removes a member; one may always leave by oneself, unless one is the owner. Their API keys and
/// invitations here end too.
pub(super) async fn remove(app: &App, caller: &Caller, user: UserId) -> Result<(), AccessError> {
    let leaving = caller.is_user(user);
    if !leaving {
        caller.require(Operation::MemberWrite)?;
    }
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::org::lock(tx, &app.db, caller.org()).await?;
        // Before the member's row, as whoever accepts one of them locks the two.
        store::invitation::revoke_of(tx, caller.org(), user, now).await?;
        let granted = store::grant::lock(tx, &app.db, caller.org(), user)
            .await?
            .ok_or(AccessError::NoMember)?;
        let before = if leaving {
            store::member::parse_role(&granted.role)?
        } else {
            may_change(caller, granted, None)?
        };
        if before == Role::Owner {
            return Err(AccessError::LastOwner);
        }
        store::department::forget_member(tx, caller.org(), user).await?;
        store::member::delete(tx, caller.org(), user).await?;
        store::api_key::revoke_of(tx, caller.org(), user, now).await?;
        let entry = Entry::done(Operation::MemberWrite, "member", user).before(&before);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Of two transfers at once, the one that comes second is by somebody who is the owner no more.
async fn still_owner(tx: &mut Tx, caller: &Caller) -> Result<(), AccessError> {
    let Some(user) = caller.actor.user() else {
        return Ok(());
    };
    match store::member::find_owner(tx, caller.org()).await? {
        Some(owner) if owner != user => Err(AccessError::AboveYou),
        _ => Ok(()),
    }
}

/// The member's role, if the caller may change what they have, and to this role.
fn may_change(caller: &Caller, granted: Granted, to: Option<Role>) -> Result<Role, AccessError> {
    let before = store::member::parse_role(&granted.role)?;
    may_give(caller, before)?;
    grant::within(caller, &grant::permissions(granted.clone())?)?;
    if let Some(role) = to {
        let role = role.as_str().to_owned();
        grant::within(caller, &grant::permissions(Granted { role, ..granted })?)?;
    }
    Ok(before)
}

/// Nobody gives, takes or changes a role above their own. The super administrator has none and may.
fn may_give(caller: &Caller, role: Role) -> Result<(), AccessError> {
    match caller.role() {
        Some(own) if role > own => Err(AccessError::AboveYou),
        _ => Ok(()),
    }
}
