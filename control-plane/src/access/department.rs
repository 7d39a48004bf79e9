//! Departments: a tree in the org. A department has a head and members, all of them members of the org.

use std::collections::BTreeMap;

use muster_base::{DepartmentId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Caller, Operation, store};
use crate::{
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    in_tx,
};

/// Most departments of an org, and most levels of its tree.
const MAX_DEPARTMENTS: usize = 2_000;
const MAX_DEPTH: usize = 20;

/// A department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Department {
    /// Id.
    pub id: DepartmentId,
    /// The department above; null at the top.
    pub parent_id: Option<DepartmentId>,
    /// For people.
    pub name: String,
    /// Its head.
    pub head_id: Option<UserId>,
    /// Place among those beside it.
    pub order: i64,
    /// Who is in it.
    pub member_ids: Vec<UserId>,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// The whole tree as a list: parents are named by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct Departments {
    /// By order and name.
    pub items: Vec<Department>,
}

/// A department to be made, or what it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DepartmentBody {
    /// 1 to 128 characters.
    pub name: String,
    /// The department above.
    pub parent_id: Option<DepartmentId>,
    /// Its head: a member of the org.
    pub head_id: Option<UserId>,
    /// Place among those beside it.
    #[serde(default)]
    pub order: i64,
    /// Who is in it: members of the org.
    #[serde(default)]
    pub member_ids: Vec<UserId>,
}

pub(super) async fn list(app: &App, caller: &Caller) -> Result<Departments, AccessError> {
    caller.require(Operation::DepartmentRead)?;
    let items = store::department::list(&app.db, caller.org()).await?;
    Ok(Departments { items })
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    body: DepartmentBody,
) -> Result<Department, AccessError> {
    caller.require(Operation::DepartmentWrite)?;
    let now = app.clock.now();
    let department = body.department(app.clock.new_id(), now, now)?;
    in_tx!(app.db, |tx| {
        let others = check(app, tx, caller, &department).await?;
        if others >= MAX_DEPARTMENTS {
            return Err(AccessError::invalid("name", Flaw::TooMany(MAX_DEPARTMENTS)));
        }
        store::department::insert(tx, caller.org(), &department).await?;
        let entry = Entry::done(Operation::DepartmentWrite, "department", department.id).after(&department);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(department)
}

/// Replaces a department: also how it is moved in the tree.
pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: DepartmentId,
    body: DepartmentBody,
) -> Result<Department, AccessError> {
    caller.require(Operation::DepartmentWrite)?;
    let now = app.clock.now();
    let department = in_tx!(app.db, |tx| {
        let before = store::department::find(tx, caller.org(), id)
            .await?
            .ok_or(AccessError::NoDepartment)?;
        let department = body.department(id, before.created_at, now)?;
        check(app, tx, caller, &department).await?;
        store::department::update(tx, caller.org(), &department).await?;
        let entry = Entry::done(Operation::DepartmentWrite, "department", id)
            .before(&before)
            .after(&department);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        department
    });
    Ok(department)
}

/// Deletes a department that has none below it.
pub(super) async fn delete(app: &App, caller: &Caller, id: DepartmentId) -> Result<(), AccessError> {
    caller.require(Operation::DepartmentWrite)?;
    let delete = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            let before = store::department::find(tx, caller.org(), id)
                .await?
                .ok_or(AccessError::NoDepartment)?;
            store::department::delete(tx, caller.org(), id).await?;
            let entry = Entry::done(Operation::DepartmentWrite, "department", id).before(&before);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    delete().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_foreign_key() => AccessError::Conflict {
            code: "has-departments",
            message: "there are departments below this one: move or delete them first".to_owned(),
        },
        other => other,
    })
}

impl DepartmentBody {
    fn department(
        self,
        id: DepartmentId,
        created_at: UnixMs,
        now: UnixMs,
    ) -> Result<Department, AccessError> {
        let mut member_ids = self.member_ids;
        member_ids.sort_unstable();
        member_ids.dedup();
        if member_ids.len() > 1_000 {
            return Err(AccessError::invalid("memberIds", Flaw::TooMany(1_000)));
        }
        Ok(Department {
            id,
            parent_id: self.parent_id,
            name: super::org::check_name(&self.name)?,
            head_id: self.head_id,
            order: self.order,
            member_ids,
            created_at,
            updated_at: now,
        })
    }
}

/// People must be members of the org, and the tree a tree. The org's departments change one by one: those who would
/// put two departments below each other wait for one another. Answers how many there are.
async fn check(app: &App, tx: &mut Tx, caller: &Caller, new: &Department) -> Result<usize, AccessError> {
    let org = caller.org();
    store::org::lock(tx, &app.db, org).await?;
    let people: Vec<UserId> = new.member_ids.iter().copied().chain(new.head_id).collect();
    let members = store::member::all_ids(tx, org).await?;
    if people.iter().any(|person| !members.contains(person)) {
        return Err(AccessError::invalid("memberIds", Flaw::NotMembers));
    }
    let parents: BTreeMap<_, _> = store::department::parents(tx, org).await?.into_iter().collect();
    let (mut above, mut depth) = (new.parent_id, 1);
    while let Some(id) = above {
        depth += 1;
        if id == new.id {
            return Err(AccessError::invalid("parentId", Flaw::BelowItself));
        }
        let Some(parent) = parents.get(&id) else {
            return Err(AccessError::invalid("parentId", Flaw::NoSuch("department")));
        };
        if depth > MAX_DEPTH {
            return Err(AccessError::invalid("parentId", Flaw::TooDeep(MAX_DEPTH)));
        }
        above = *parent;
    }
    Ok(parents.len())
}
