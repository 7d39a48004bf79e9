//! Uploads: begun, looked at, given up. Their pieces: [`super::piece`]; their end: [`super::complete`].

use muster_base::{FileId, OrgId, Sha256Digest, UnixMs, UploadId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{
    Digest, Sha256,
    digest::common::hazmat::{SerializableState, SerializedState},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    FilesError,
    file::{OwnerType, Sight, Spot},
    folder, name, quota, store,
};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    db::DbError,
    error::Error,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// So long after its last piece an upload is forgotten.
pub(super) const LASTS_MS: i64 = UnixMs::DAY;
/// Most uploads of a person that are not complete.
const MAX_UPLOADS: i64 = 20;

/// An upload to be begun.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadBody {
    /// Name of the file: 1 to 255 bytes, without `/`.
    pub name: String,
    /// The folder that it is to be in; without one, at the top.
    pub parent_id: Option<FileId>,
    /// Whose it is at the top: person 1, org 2. The org's by default; in a folder it is that folder's owner's.
    #[schema(value_type = Option<i64>)]
    pub owner_type: Option<OwnerType>,
    /// How many bytes it has.
    #[schema(minimum = 0)]
    pub size: u64,
    /// Their SHA-256, in 64 hexadecimal digits.
    pub hash: String,
    /// Type of the content; by default the one that the name tells.
    pub mime: Option<String>,
}

/// An upload that is not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FileUpload)]
pub struct Upload {
    /// Id; the file's, too, when it is complete.
    pub id: UploadId,
    /// The folder that the file is to be in; null at the top.
    pub parent_id: Option<FileId>,
    /// The file's name.
    pub name: String,
    /// The file's type.
    pub mime: String,
    /// How many bytes it will have.
    pub size: u64,
    /// The SHA-256 that they must have, hexadecimal.
    pub hash: String,
    /// How many bytes are stored: where to go on.
    pub position: u64,
    /// Whose it is: person 1, org 2.
    #[schema(value_type = i64)]
    pub owner_type: OwnerType,
    /// That person's or org's id.
    pub owner_id: Uuid,
    /// When it was begun.
    pub created_at: UnixMs,
    /// When it is forgotten, unless it goes on before.
    pub expires_at: UnixMs,
    #[serde(skip)]
    pub(super) uploaded_by: Option<UserId>,
    /// The hash as far as `position`.
    #[serde(skip)]
    pub(super) hashed: Vec<u8>,
}

/// Whose uploads are looked for.
#[derive(Debug)]
pub(super) struct Whose {
    pub(super) org: OrgId,
    /// Who began them.
    pub(super) person: String,
    /// Who may have some for themselves alone.
    pub(super) user: Option<UserId>,
}

impl Whose {
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            org: caller.org(),
            person: caller.actor.person(),
            user: Sight::of(caller).person,
        }
    }
}

impl Upload {
    /// The hash as far as it is.
    pub(super) fn hasher(&self) -> Result<Sha256, FilesError> {
        let corrupt = || DbError::Corrupt(format!("file_uploads.hashed of {}", self.id));
        let state = SerializedState::<Sha256>::try_from(self.hashed.as_slice()).map_err(|_| corrupt())?;
        Ok(Sha256::deserialize(&state).map_err(|_| corrupt())?)
    }

    /// Moves on to where this hash is.
    pub(super) fn go_on(&mut self, bytes: u64, hasher: &Sha256, now: UnixMs) {
        self.position += bytes;
        self.hashed = hasher.serialize().to_vec();
        self.expires_at = now.plus_ms(LASTS_MS);
    }
}

pub(super) async fn begin(app: &App, caller: &Caller, body: UploadBody) -> Result<Upload, FilesError> {
    caller.require(Operation::FileWrite)?;
    name::check(&body.name)?;
    let mime = name::mime(body.mime, &body.name)?;
    let hash: Sha256Digest = body
        .hash
        .parse()
        .map_err(|_| FilesError::invalid("hash", Flaw::Sha256))?;
    let most = app.config.files.file_bytes;
    if body.size > most {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        return Err(FilesError::invalid("size", Flaw::Range(0, most)));
    }
    let spot = folder::spot(app, caller, body.parent_id, body.owner_type).await?;
    app.files.check_room(app, body.size).await?;
    let (now, person) = (app.clock.now(), caller.actor.person());
    let upload = Upload {
        id: app.clock.new_id(),
        parent_id: spot.parent,
        name: body.name,
        mime,
        size: body.size,
        hash: hash.to_string(),
        position: 0,
        owner_type: spot.owner_type,
        owner_id: spot.owner_id,
        created_at: now,
        expires_at: now.plus_ms(LASTS_MS),
        uploaded_by: caller.actor.user(),
        hashed: Sha256::new().serialize().to_vec(),
    };
    in_tx!(app.db, |tx| {
        store::file::lock(tx, caller.org()).await?;
        let spot = folder::settled(tx, caller, spot).await?;
        folder::check_depth(spot.path.len() + 1)?;
        if store::file::is_taken(tx, caller.org(), spot.place(), &upload.name).await? {
            return Err(FilesError::NameTaken);
        }
        if store::upload::count(tx, caller.org(), &person).await? >= MAX_UPLOADS {
            return Err(FilesError::TooManyUploads(MAX_UPLOADS));
        }
        quota::take(app, tx, caller.org(), upload.size, 1).await?;
        store::upload::insert(tx, caller.org(), &person, &upload).await?;
    });
    Ok(upload)
}

/// Uploads of the caller's own, the newest first.
pub(super) async fn list(app: &App, caller: &Caller, page: PageQuery) -> Result<Page<Upload>, FilesError> {
    caller.require(Operation::FileWrite)?;
    let (now, after) = (app.clock.now(), page.cursor()?);
    let rows = store::upload::list(&app.db, &Whose::of(caller), now, after, page.fetch()).await?;
    Ok(page.page(rows, |row| Cursor::of(&row.id)))
}

/// One of the caller's own, into a folder that they still reach.
pub(super) async fn get(app: &App, caller: &Caller, id: UploadId) -> Result<Upload, FilesError> {
    caller.require(Operation::FileWrite)?;
    let upload = store::upload::find(&app.db, &Whose::of(caller), id, app.clock.now())
        .await?
        .ok_or(FilesError::NoUpload)?;
    match upload.parent_id {
        Some(parent) => {
            let folder = super::reachable(app, caller, Operation::FileWrite, parent).await;
            folder.map_err(|error| match error {
                FilesError::NoFile
                | FilesError::Refused(Error::NotFound(_) | Error::Forbidden(_) | Error::Denied { .. }) => {
                    FilesError::NoUpload
                }
                error => error,
            })?;
        }
        None => caller.require_all(Operation::FileWrite, ObjectKind::Files)?,
    }
    Ok(upload)
}

/// Gives it up.
pub(super) async fn cancel(app: &App, caller: &Caller, id: UploadId) -> Result<(), FilesError> {
    caller.require(Operation::FileWrite)?;
    in_tx!(app.db, |tx| {
        store::file::lock(tx, caller.org()).await?;
        store::upload::find_in(tx, &Whose::of(caller), id, UnixMs(0))
            .await?
            .ok_or(FilesError::NoUpload)?;
        forget(tx, caller, id).await?;
    });
    Ok(())
}

/// Ends an upload; whoever ends one that somebody else ended meanwhile must do nothing of it.
pub(super) async fn forget(tx: &mut crate::db::Tx, caller: &Caller, id: UploadId) -> Result<(), FilesError> {
    if store::upload::delete(tx, caller.org(), id).await? {
        Ok(())
    } else {
        Err(FilesError::NoUpload)
    }
}

/// Where the file of an upload is to be.
pub(super) async fn spot_of(
    tx: &mut crate::db::Tx,
    caller: &Caller,
    upload: &Upload,
) -> Result<Spot, FilesError> {
    let spot = Spot {
        parent: upload.parent_id,
        owner_type: upload.owner_type,
        owner_id: upload.owner_id,
        path: Vec::new(),
    };
    let spot = folder::settled(tx, caller, spot).await?;
    if spot.parent.is_some() {
        caller.require_on(Operation::FileWrite, &Object::File(&spot.path))?;
    } else {
        caller.require_all(Operation::FileWrite, ObjectKind::Files)?;
    }
    Ok(spot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_goes_on_where_it_was() {
        let mut hasher = Sha256::new();
        for piece in [b"ab".as_slice(), b"", b"c"] {
            hasher.update(piece);
            hasher = Sha256::deserialize(&hasher.serialize()).unwrap();
        }
        let digest: [u8; 32] = hasher.finalize().into();
        assert_eq!(Sha256Digest(digest), muster_base::sha256(b"abc"));
    }
}
