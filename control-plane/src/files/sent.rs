//! What was sent to hosts: seeing it, and taking back what no host has begun.

use muster_base::{FileSendId, FileSendTargetId};
use serde_json::json;

use super::{
    FilesError,
    send::{FileSend, FileSendTarget},
    store::{self, send::Reach},
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    fleet,
    http::page::{Cursor, Page, PageQuery},
    in_tx, work,
};

const TAKEN_BACK: &str = "taken back before it was handed over; nothing was changed";

/// What the caller may see of it.
async fn reach(app: &App, caller: &Caller) -> Result<Reach, FilesError> {
    caller.require(Operation::FileSend)?;
    let hosts = fleet::hosts_in_reach(app, caller).await?;
    Ok(Reach {
        org: caller.org(),
        files: caller.scope().keys(ObjectKind::Files),
        hosts: hosts.map(|hosts| serde_json::to_string(&hosts).unwrap_or_else(|_| "[]".to_owned())),
    })
}

/// The org's sends, newest first.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<FileSend>, FilesError> {
    let reach = reach(app, caller).await?;
    let before = query.cursor::<FileSendId>()?;
    let rows = store::send::list(&app.db, &reach, before, query.fetch()).await?;
    let mut page = query.page(rows, |send| Cursor::of(&send.id));
    store::send::fill(&app.db, &reach, &mut page.items).await?;
    Ok(page)
}

pub(super) async fn get(app: &App, caller: &Caller, id: FileSendId) -> Result<FileSend, FilesError> {
    find(app, &reach(app, caller).await?, id).await
}

async fn find(app: &App, reach: &Reach, id: FileSendId) -> Result<FileSend, FilesError> {
    let found = store::send::find(&app.db, reach, id).await?;
    let mut found = [found.ok_or(FilesError::NoSend)?];
    store::send::fill(&app.db, reach, &mut found).await?;
    let [found] = found;
    Ok(found)
}

/// What became of each file on each host.
pub(super) async fn targets(
    app: &App,
    caller: &Caller,
    id: FileSendId,
    query: &PageQuery,
) -> Result<Page<FileSendTarget>, FilesError> {
    let reach = reach(app, caller).await?;
    find(app, &reach, id).await?;
    let after = query.cursor::<FileSendTargetId>()?;
    let rows = store::send::targets(&app.db, &reach, id, after, query.fetch()).await?;
    Ok(query.page(rows, |target| Cursor::of(&target.id)))
}

/// Takes back what no host has got yet. What a host has goes on.
pub(super) async fn cancel(app: &App, caller: &Caller, id: FileSendId) -> Result<FileSend, FilesError> {
    let reach = reach(app, caller).await?;
    find(app, &reach, id).await?;
    let waiting = store::send::waiting(&app.db, &reach, id).await?;
    let taken = in_tx!(app.db, |tx| {
        let taken = work::take_back_many(app, tx, &waiting, TAKEN_BACK).await?;
        if taken.is_empty() {
            return Err(FilesError::NothingWaits);
        }
        store::send::set_taken_back(tx, id, &taken, TAKEN_BACK, app.clock.now()).await?;
        let entry = Entry::done("file:sendCancel", "fileSend", id).after(&json!({"taken": taken.len()}));
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        taken
    });
    work::told_of(app, &taken);
    find(app, &reach, id).await
}
