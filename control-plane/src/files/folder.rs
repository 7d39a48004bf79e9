//! Making folders; renaming, moving and deleting files and folders.

use muster_base::FileId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    FilesError,
    file::{FileItem, FileKind, MAX_DEPTH, OwnerType, Sight, Spot},
    name, quota, reachable, store,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    flaw::Flaw,
    fleet::Change,
    in_tx,
};

/// Most files and folders that go at once.
const MAX_DELETED: i64 = 10_000;

/// A folder to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FolderBody {
    /// 1 to 255 bytes, without `/`.
    pub name: String,
    /// The folder that it is to be in; without one, at the top.
    pub parent_id: Option<FileId>,
    /// Whose it is at the top: person 1, org 2. The org's by default; in a folder it is that folder's owner's.
    #[schema(value_type = Option<i64>)]
    pub owner_type: Option<OwnerType>,
}

/// What is to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilePatch {
    /// A new name.
    pub name: Option<String>,
    /// Another folder; null is the top.
    #[serde(default)]
    #[schema(value_type = Option<FileId>)]
    pub parent_id: Change<FileId>,
}

/// `DELETE …?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Whether all that is in a folder is to go with it; false by default.
    pub recursive: Option<bool>,
}

/// What was deleted, for the audit log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted<'a> {
    #[serde(flatten)]
    item: &'a FileItem,
    items: i64,
}

/// Where the caller may put something.
pub(super) async fn spot(
    app: &App,
    caller: &Caller,
    parent: Option<FileId>,
    owner: Option<OwnerType>,
) -> Result<Spot, FilesError> {
    let Some(parent) = parent else {
        caller.require_all(Operation::FileWrite, ObjectKind::Files)?;
        return Ok(Spot::top(caller, owner.unwrap_or_default())?);
    };
    let folder = match reachable(app, caller, Operation::FileWrite, parent).await {
        Err(FilesError::NoFile | FilesError::Refused(crate::error::Error::NotFound(_))) => {
            return Err(FilesError::invalid("parentId", Flaw::NoSuch("folder")));
        }
        folder => folder?,
    };
    if !folder.is_folder() {
        return Err(FilesError::invalid("parentId", Flaw::NoFolder));
    }
    if owner.is_some_and(|owner| owner != folder.owner_type) {
        return Err(FilesError::invalid("ownerType", Flaw::OtherOwner));
    }
    Ok(Spot::in_folder(&folder))
}

/// The same place as it is now that nobody else changes the tree; a folder may be gone, or elsewhere.
pub(super) async fn settled(tx: &mut Tx, caller: &Caller, spot: Spot) -> Result<Spot, FilesError> {
    let Some(parent) = spot.parent else {
        return Ok(spot);
    };
    let folder = store::file::find_in(tx, &Sight::of(caller), parent).await?;
    let folder = folder.ok_or_else(|| FilesError::invalid("parentId", Flaw::NoSuch("folder")))?;
    Ok(Spot::in_folder(&folder))
}

pub(super) fn check_depth(depth: usize) -> Result<(), FilesError> {
    if depth > MAX_DEPTH {
        return Err(FilesError::invalid("parentId", Flaw::TooDeep(MAX_DEPTH)));
    }
    Ok(())
}

pub(super) async fn create(app: &App, caller: &Caller, body: FolderBody) -> Result<FileItem, FilesError> {
    caller.require(Operation::FileWrite)?;
    name::check(&body.name)?;
    let spot = spot(app, caller, body.parent_id, body.owner_type).await?;
    let now = app.clock.now();
    let id = app.clock.new_id::<FileId>();
    let item = in_tx!(app.db, |tx| {
        store::file::lock(tx, caller.org()).await?;
        let spot = settled(tx, caller, spot).await?;
        check_depth(spot.path.len() + 1)?;
        quota::take(app, tx, caller.org(), 0, 1).await?;
        let item = FileItem {
            id,
            kind: FileKind::Folder,
            parent_id: spot.parent,
            name: body.name,
            size: 0,
            mime: String::new(),
            hash: None,
            uploaded_by: caller.actor.user(),
            uploaded_by_name: user_name(caller),
            owner_type: spot.owner_type,
            owner_id: spot.owner_id,
            created_at: now,
            updated_at: now,
            path: [spot.path.as_slice(), &[*id.as_uuid()]].concat(),
        };
        insert(tx, caller, &spot, &item).await?;
        let entry = Entry::done(Operation::FileWrite, "folder", id).after(&item);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        item
    });
    Ok(item)
}

/// The name beside the id of who does it.
pub(super) fn user_name(caller: &Caller) -> Option<String> {
    match &caller.actor {
        crate::access::Actor::User { username, .. } => Some(username.clone()),
        _ => None,
    }
}

pub(super) async fn insert(
    tx: &mut Tx,
    caller: &Caller,
    spot: &Spot,
    item: &FileItem,
) -> Result<(), FilesError> {
    let inserted = store::file::insert(tx, caller.org(), spot.place(), item).await;
    inserted.map_err(name_taken)
}

fn name_taken(error: crate::db::DbError) -> FilesError {
    if error.violates_unique("files", &["org_id", "place", "name"]) {
        FilesError::NameTaken
    } else {
        error.into()
    }
}

/// Renames and moves.
pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: FileId,
    patch: FilePatch,
) -> Result<FileItem, FilesError> {
    let before = reachable(app, caller, Operation::FileWrite, id).await?;
    if let Some(name) = &patch.name {
        name::check(name)?;
    }
    let spot = match patch.parent_id {
        Change::Keep => None,
        Change::To(parent) if parent == before.parent_id => None,
        Change::To(None) => Some(spot(app, caller, None, Some(before.owner_type)).await?),
        Change::To(parent) => Some(spot(app, caller, parent, None).await?),
    };
    let now = app.clock.now();
    let item = in_tx!(app.db, |tx| {
        store::file::lock(tx, caller.org()).await?;
        let before = store::file::find_in(tx, &Sight::of(caller), id)
            .await?
            .ok_or(FilesError::NoFile)?;
        let mut item = before.clone();
        if let Some(name) = patch.name {
            item.name = name;
        }
        if let Some(spot) = spot {
            let spot = settled(tx, caller, spot).await?;
            if spot.path.contains(id.as_uuid()) {
                return Err(FilesError::invalid("parentId", Flaw::InItself));
            }
            if (spot.owner_type, spot.owner_id) != (item.owner_type, item.owner_id) {
                return Err(FilesError::invalid("parentId", Flaw::OtherOwner));
            }
            let levels = store::file::levels(tx, caller.org(), &item.path).await?;
            check_depth(spot.path.len() + levels)?;
            item.parent_id = spot.parent;
            item.path = [spot.path.as_slice(), &[*id.as_uuid()]].concat();
        }
        item.updated_at = now;
        let place = item.parent_id.map_or(item.owner_id, |parent| *parent.as_uuid());
        store::file::update(tx, caller.org(), place, &item)
            .await
            .map_err(name_taken)?;
        if item.path != before.path {
            store::file::carry(tx, caller.org(), &before.path, &item.path).await?;
        }
        let entry = Entry::done(Operation::FileWrite, kind(&item), id)
            .before(&before)
            .after(&item);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        item
    });
    Ok(item)
}

pub(super) async fn delete(
    app: &App,
    caller: &Caller,
    id: FileId,
    query: DeleteQuery,
) -> Result<(), FilesError> {
    reachable(app, caller, Operation::FileWrite, id).await?;
    in_tx!(app.db, |tx| {
        store::file::lock(tx, caller.org()).await?;
        let item = store::file::find_in(tx, &Sight::of(caller), id)
            .await?
            .ok_or(FilesError::NoFile)?;
        let items = store::file::count_below(tx, caller.org(), &item.path).await?;
        if items > 1 && !query.recursive.unwrap_or_default() {
            return Err(FilesError::NotEmpty);
        }
        if items > MAX_DELETED {
            return Err(FilesError::TooManyAtOnce(MAX_DELETED));
        }
        store::file::delete(tx, caller.org(), &item.path).await?;
        let deleted = Deleted { item: &item, items };
        let entry = Entry::done(Operation::FileWrite, kind(&item), id).before(&deleted);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

fn kind(item: &FileItem) -> &'static str {
    if item.is_folder() { "folder" } else { "file" }
}
