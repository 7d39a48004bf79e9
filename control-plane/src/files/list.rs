//! What is in a folder; where a file is; what is found by name.

use muster_base::FileId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    FilesError,
    file::{FileItem, OwnerType, Sight, Spot},
    reachable, store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    http::page::{Cursor, Page, PageQuery},
};

/// `GET /api/v1/files?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// What is in this folder; without one, at the top. With `search`, what is anywhere below it.
    pub parent_id: Option<FileId>,
    /// Whose top: person 1 (one's own), org 2; the org's by default.
    #[param(value_type = Option<i64>)]
    pub owner_type: Option<OwnerType>,
    /// Part of a name, whatever its case.
    pub search: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// A file or folder, and the folders that it is in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileDetail {
    /// The file or folder.
    #[serde(flatten)]
    pub item: FileItem,
    /// The folders that it is in, from the top, as far as they are in one's reach.
    pub folders: Vec<FolderStep>,
}

/// A folder on the way to something.
#[derive(Debug, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct FolderStep {
    /// Id.
    pub id: FileId,
    /// Name.
    pub name: String,
}

/// What is looked for.
#[derive(Debug)]
pub(super) struct Filter {
    /// Exactly here.
    pub(super) place: Option<uuid::Uuid>,
    /// Anywhere below this path.
    pub(super) below: Option<Vec<uuid::Uuid>>,
    pub(super) owner: Option<OwnerType>,
    pub(super) search: Option<String>,
    /// Only what is not in anything else that is in reach: the top, for whoever is narrowed.
    pub(super) entrances: bool,
}

pub(super) async fn list(app: &App, caller: &Caller, query: FileQuery) -> Result<Page<FileItem>, FilesError> {
    caller.require(Operation::FileRead)?;
    let sight = Sight::of(caller);
    let search = query.search.filter(|text| !text.is_empty());
    let mut filter = Filter {
        place: None,
        below: None,
        owner: None,
        search,
        entrances: false,
    };
    if let Some(parent) = query.parent_id {
        let folder = reachable(app, caller, Operation::FileRead, parent).await?;
        match filter.search {
            Some(_) => filter.below = Some(folder.path),
            None => filter.place = Some(*parent.as_uuid()),
        }
    } else {
        let owner = query.owner_type.unwrap_or_default();
        let spot = Spot::top(caller, owner)?;
        filter.owner = Some(owner);
        filter.entrances = sight.keys.is_some() && filter.search.is_none();
        if sight.keys.is_none() && filter.search.is_none() {
            filter.place = Some(spot.place());
        }
    }
    let page = PageQuery::new(query.limit, query.cursor);
    let after = page.cursor::<(i64, String, FileId)>()?;
    let rows = store::file::list(&app.db, &sight, filter, after, page.fetch()).await?;
    Ok(page.page(rows, |row| {
        Cursor::of(&(1 - i64::from(row.kind), &row.name, row.id))
    }))
}

pub(super) async fn get(app: &App, caller: &Caller, id: FileId) -> Result<FileDetail, FilesError> {
    let item = reachable(app, caller, Operation::FileRead, id).await?;
    let folders = store::file::steps(&app.db, &Sight::of(caller), item.above()).await?;
    Ok(FileDetail { item, folders })
}
