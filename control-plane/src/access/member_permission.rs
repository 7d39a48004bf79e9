//! What a member may do beside the built-in role: another role, a template, direct grants.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{RoleId, TemplateId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Caller, ObjectKind, Operation, Permissions, Role,
    grant::{self, Granted},
    own_operation,
    permission::{Codes, OwnOperations},
    scope::read_objects,
    store, template,
};
use crate::{
    app::App,
    audit::{self, Entry},
    in_tx,
};

/// What a member may do, and where it comes from.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberPermissions {
    /// The member.
    pub user_id: UserId,
    /// Built-in role.
    pub role: Role,
    /// A role that the org or the platform made.
    #[schema(required)]
    pub role_id: Option<RoleId>,
    /// The template that is applied.
    #[schema(required)]
    pub template_id: Option<TemplateId>,
    /// Operations granted directly.
    pub operations: Vec<String>,
    /// Objects granted directly, beside those of the template.
    pub objects: BTreeMap<ObjectKind, BTreeSet<String>>,
    /// What all that amounts to.
    pub effective: Effective,
}

/// What somebody may do, all told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effective {
    /// Codes of operations, built-in and the platform's own.
    pub operations: Vec<String>,
    /// Whether every operation of the platform's own is among them.
    pub all_own_operations: bool,
    /// Kinds of objects that are narrowed, each with what is left; a kind that isn't here is not narrowed.
    pub objects: BTreeMap<ObjectKind, BTreeSet<String>>,
}

/// What a member is to have beside the built-in role. What is left out is taken away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PermissionsOfMember {
    /// A role that the org or the platform made.
    pub role_id: Option<RoleId>,
    /// A template to apply.
    pub template_id: Option<TemplateId>,
    /// Codes of operations to grant directly.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Objects to grant directly: ids, or names of environments and databases.
    #[serde(default)]
    pub objects: BTreeMap<ObjectKind, Option<BTreeSet<String>>>,
}

impl Effective {
    pub(super) fn of(permissions: &Permissions) -> Self {
        let (own, all) = match permissions.own() {
            OwnOperations::All => (BTreeSet::new(), true),
            OwnOperations::Only(codes) => (codes, false),
        };
        let codes = Codes {
            operations: permissions.operations(),
            own,
        };
        Self {
            operations: codes.list(),
            all_own_operations: all,
            objects: permissions.scope.shown(),
        }
    }
}

fn shown(user: UserId, granted: Granted) -> Result<MemberPermissions, AccessError> {
    let permissions = grant::permissions(granted.clone())?;
    Ok(MemberPermissions {
        user_id: user,
        role: permissions.role.unwrap_or(Role::Viewer),
        role_id: granted.role_id,
        template_id: granted.template_id,
        operations: Codes::stored(Some(&granted.operations)).list(),
        objects: grant::objects(Some(&granted.objects))?,
        effective: Effective::of(&permissions),
    })
}

pub(super) async fn get(app: &App, caller: &Caller, user: UserId) -> Result<MemberPermissions, AccessError> {
    if !caller.is_user(user) {
        caller.require(Operation::MemberRead)?;
    }
    shown(user, find(app, caller, user).await?)
}

/// What is stored about a member of the caller's org.
pub(super) async fn find(app: &App, caller: &Caller, user: UserId) -> Result<Granted, AccessError> {
    let org = caller.org().to_string();
    store::grant::find(&app.db, user, Some(&org))
        .await?
        .ok_or(AccessError::NoMember)
}

/// Sets them. Counts from the member's next request on, and within a second for streams that are open.
pub(super) async fn set(
    app: &App,
    caller: &Caller,
    user: UserId,
    wanted: PermissionsOfMember,
) -> Result<MemberPermissions, AccessError> {
    caller.require(Operation::MemberWrite)?;
    let org = caller.org();
    let role = match wanted.role_id {
        Some(id) => Some(
            store::role::find(&app.db, org, id)
                .await?
                .ok_or(AccessError::NoRole)?,
        ),
        None => None,
    };
    let template = match wanted.template_id {
        Some(id) => Some(template::find(app, org, id).await?),
        None => None,
    };
    let codes = own_operation::known(app, org, wanted.operations).await?;
    let objects = read_objects(wanted.objects)?;
    let after = in_tx!(app.db, |tx| {
        let before = store::grant::lock(tx, &app.db, org, user)
            .await?
            .ok_or(AccessError::NoMember)?;
        if before.role == Role::Owner.as_str() {
            return Err(AccessError::OwnerHasAll);
        }
        grant::within(caller, &grant::permissions(before.clone())?)?;
        let mut after = before.clone();
        after.role_id = role.as_ref().map(|role| role.id);
        after.role_name = role.as_ref().map(|role| role.name.clone());
        after.role_operations = role.as_ref().map(|role| codes_text(&role.operations));
        after.template_id = template.as_ref().map(|template| template.id);
        after.template_name = template.as_ref().map(|template| template.name.clone());
        after.template_operations = template.as_ref().map(|template| codes_text(&template.operations));
        after.template_objects = template
            .as_ref()
            .map(|template| grant::objects_json(&template.objects));
        after.operations = codes_text(&codes.list());
        after.objects = grant::objects_json(&objects);
        grant::within(caller, &grant::permissions(after.clone())?)?;
        let now = app.clock.now();
        let given = (after.role_id, after.template_id);
        store::grant::update(tx, (org, user), given, (&after.operations, &after.objects), now).await?;
        let entry = Entry::done(Operation::MemberWrite, "memberPermissions", user)
            .before(&shown(user, before)?)
            .after(&shown(user, after.clone())?);
        audit::record(app, tx, caller, Some(org), entry).await?;
        after
    });
    shown(user, after)
}

fn codes_text(codes: &[String]) -> String {
    grant::codes_json(&codes.iter().cloned().collect())
}
