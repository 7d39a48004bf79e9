//! How much an org has, and how much it may have.

use muster_base::OrgId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{FilesError, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    db::Tx,
};

/// How much there is, and how much there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FilesUsage)]
pub struct Usage {
    /// Bytes of all files, with what unfinished uploads will have.
    pub bytes: u64,
    /// The most of them.
    pub max_bytes: u64,
    /// Files, folders and unfinished uploads.
    pub items: u64,
    /// The most of them.
    pub max_items: u64,
    /// The most bytes of a file.
    pub max_file_bytes: u64,
    /// The most bytes of a piece of an upload.
    pub max_piece_bytes: u64,
}

pub(super) async fn usage(app: &App, caller: &Caller) -> Result<Usage, FilesError> {
    caller.require(Operation::FileRead)?;
    let (bytes, items) = store::usage::read(&app.db, caller.org()).await?;
    let config = &app.config.files;
    Ok(Usage {
        bytes,
        max_bytes: config.org_bytes,
        items,
        max_items: config.org_items,
        max_file_bytes: config.file_bytes,
        max_piece_bytes: super::piece::LARGEST,
    })
}

/// Passes if so much more is allowed. The caller holds the org's lock.
pub(super) async fn take(
    app: &App,
    tx: &mut Tx,
    org: OrgId,
    bytes: u64,
    items: u64,
) -> Result<(), FilesError> {
    let used = store::usage::read_in(tx, org).await?;
    let config = &app.config.files;
    let wanted = (used.0.saturating_add(bytes), used.1.saturating_add(items));
    if wanted.1 > config.org_items {
        return Err(FilesError::Quota {
            unit: "files and folders",
            wanted: wanted.1,
            most: config.org_items,
        });
    }
    if bytes > 0 && wanted.0 > config.org_bytes {
        return Err(FilesError::Quota {
            unit: "bytes",
            wanted: wanted.0,
            most: config.org_bytes,
        });
    }
    Ok(())
}
