//! Files and folders: what they are, and who sees them.

use muster_base::{FileId, OrgId, UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::{Caller, Object, ObjectKind},
    error::Error,
};

/// Most levels of the tree.
pub(super) const MAX_DEPTH: usize = 20;

/// A file or folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileItem {
    /// Id.
    pub id: FileId,
    /// 0 file, 1 folder.
    #[serde(rename = "type")]
    #[schema(value_type = i64)]
    pub kind: FileKind,
    /// The folder that it is in; null at the top.
    pub parent_id: Option<FileId>,
    /// Unique where it is.
    pub name: String,
    /// Bytes; 0 of a folder.
    pub size: u64,
    /// Type of the content, as it was said or its name tells; empty of a folder.
    pub mime: String,
    /// SHA-256 of its bytes, hexadecimal; null of a folder.
    pub hash: Option<String>,
    /// Who uploaded or made it; null if it was no user.
    pub uploaded_by: Option<UserId>,
    /// Their name.
    pub uploaded_by_name: Option<String>,
    /// Whose it is: person 1, org 2.
    #[schema(value_type = i64)]
    pub owner_type: OwnerType,
    /// That person's or org's id.
    pub owner_id: Uuid,
    /// When it was made.
    pub created_at: UnixMs,
    /// When its name or place last changed.
    pub updated_at: UnixMs,
    /// The ids of the folders that it is in, from the top, and its own.
    #[serde(skip)]
    pub(super) path: Vec<Uuid>,
}

/// What it is; the seed's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum FileKind {
    /// 0
    File,
    /// 1
    Folder,
}

impl From<FileKind> for i64 {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::File => 0,
            FileKind::Folder => 1,
        }
    }
}

impl TryFrom<i64> for FileKind {
    type Error = &'static str;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        match code {
            0 => Ok(Self::File),
            1 => Ok(Self::Folder),
            _ => Err("must be 0 (file) or 1 (folder)"),
        }
    }
}

/// Whose something is; the seed's codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum OwnerType {
    /// 1
    Person,
    /// 2
    #[default]
    Org,
}

impl From<OwnerType> for i64 {
    fn from(owner: OwnerType) -> Self {
        match owner {
            OwnerType::Person => 1,
            OwnerType::Org => 2,
        }
    }
}

impl TryFrom<i64> for OwnerType {
    type Error = &'static str;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        match code {
            1 => Ok(Self::Person),
            2 => Ok(Self::Org),
            _ => Err("must be 1 (person) or 2 (org)"),
        }
    }
}

/// What somebody sees of an org's files.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    pub(super) org: OrgId,
    /// Whose own things are seen.
    pub(super) person: Option<UserId>,
    /// The files and folders that bring what is seen, as a JSON array; none: all do.
    pub(super) keys: Option<String>,
}

impl Sight {
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            org: caller.org(),
            // A key is for the org's work, not for its person's own things.
            person: caller.require_user().ok(),
            keys: caller.scope().keys(ObjectKind::Files),
        }
    }
}

/// Somewhere that something can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The folder; none at the top.
    pub(super) parent: Option<FileId>,
    pub(super) owner_type: OwnerType,
    pub(super) owner_id: Uuid,
    /// That folder's path.
    pub(super) path: Vec<Uuid>,
}

impl Spot {
    /// The top.
    pub(super) fn top(caller: &Caller, owner: OwnerType) -> Result<Self, Error> {
        let owner_id = match owner {
            OwnerType::Org => *caller.org().as_uuid(),
            OwnerType::Person => *caller.require_user()?.as_uuid(),
        };
        Ok(Self {
            parent: None,
            owner_type: owner,
            owner_id,
            path: Vec::new(),
        })
    }

    /// In a folder.
    pub(super) fn in_folder(folder: &FileItem) -> Self {
        Self {
            parent: Some(folder.id),
            owner_type: folder.owner_type,
            owner_id: folder.owner_id,
            path: folder.path.clone(),
        }
    }

    /// What names are unique in.
    pub(super) fn place(&self) -> Uuid {
        self.parent.map_or(self.owner_id, |parent| *parent.as_uuid())
    }
}

impl FileItem {
    /// What permissions are asked for.
    pub(super) fn object(&self) -> Object<'_> {
        Object::File(&self.path)
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind == FileKind::Folder
    }

    /// The folder that it is in, by its path.
    pub(super) fn above(&self) -> &[Uuid] {
        self.path.split_last().map_or(&[], |(_, above)| above)
    }
}

/// As it is stored.
pub(super) fn path_text(path: &[Uuid]) -> String {
    let mut text = String::from("/");
    for id in path {
        text.push_str(&id.to_string());
        text.push('/');
    }
    text
}
