//! An upload becomes a file.

use muster_base::{FileId, Sha256Digest, UploadId};
use sha2::Digest as _;

use super::{
    FilesError,
    file::{FileItem, FileKind, Sight},
    folder, store,
    upload::{self, Upload, Whose},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    in_tx,
};

/// Makes the file, if all of it is there and has the hash that was said.
pub(super) async fn complete(app: &App, caller: &Caller, id: UploadId) -> Result<FileItem, FilesError> {
    caller.require(Operation::FileWrite)?;
    let upload = match upload::get(app, caller, id).await {
        Err(FilesError::NoUpload) => return completed(app, caller, id).await,
        upload => upload?,
    };
    if upload.position < upload.size {
        return Err(FilesError::Incomplete {
            position: upload.position,
            size: upload.size,
        });
    }
    let digest: [u8; 32] = upload.hasher()?.finalize().into();
    if Sha256Digest(digest).to_string() != upload.hash {
        in_tx!(app.db, |tx| {
            store::file::lock(tx, caller.org()).await?;
            upload::forget(tx, caller, id).await?;
        });
        return Err(FilesError::OtherHash);
    }
    let item = in_tx!(app.db, |tx| {
        store::file::lock(tx, caller.org()).await?;
        let whose = Whose::of(caller);
        let Some(upload) = store::upload::find_in(tx, &whose, id, app.clock.now()).await? else {
            // Somebody else completed it while this one waited, or gave it up.
            let file = store::file::find_in(tx, &Sight::of(caller), file_id(id)).await?;
            return own(caller, file);
        };
        let size = upload.size;
        let spot = upload::spot_of(tx, caller, &upload).await?;
        let item = file(app, caller, upload, &spot.path);
        folder::insert(tx, caller, &spot, &item).await?;
        let given = store::piece::give(tx, id, item.id).await?;
        // One that was given up or forgotten beside this has no pieces any more.
        upload::forget(tx, caller, id).await?;
        if given != size {
            return Err(DbError::Corrupt(format!("file_pieces of {id}: {given} of {size} bytes")).into());
        }
        let entry = Entry::done(Operation::FileWrite, "file", item.id).after(&item);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        item
    });
    Ok(item)
}

/// The file that came of it, for whoever did not hear so.
async fn completed(app: &App, caller: &Caller, id: UploadId) -> Result<FileItem, FilesError> {
    let file = store::file::find(&app.db, &Sight::of(caller), file_id(id)).await?;
    own(caller, file)
}

fn own(caller: &Caller, file: Option<FileItem>) -> Result<FileItem, FilesError> {
    file.filter(|file| file.kind == FileKind::File && file.uploaded_by == caller.actor.user())
        .ok_or(FilesError::NoUpload)
}

fn file_id(id: UploadId) -> FileId {
    FileId::from_uuid(*id.as_uuid())
}

fn file(app: &App, caller: &Caller, upload: Upload, above: &[uuid::Uuid]) -> FileItem {
    let now = app.clock.now();
    let id = file_id(upload.id);
    FileItem {
        id,
        kind: FileKind::File,
        parent_id: upload.parent_id,
        name: upload.name,
        size: upload.size,
        mime: upload.mime,
        hash: Some(upload.hash),
        uploaded_by: upload.uploaded_by,
        uploaded_by_name: folder::user_name(caller),
        owner_type: upload.owner_type,
        owner_id: upload.owner_id,
        created_at: now,
        updated_at: now,
        path: [above, &[*id.as_uuid()]].concat(),
    }
}
