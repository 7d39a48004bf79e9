//! Putting a file onto the host.
//!
//! # Steps
//! look (may it be there, is there room?) → fetch (its bytes, into a file beside the place) → place (it gets its name).
//! The bytes come from the control plane by way of the resident, who is not believed: what is placed has the digest that
//! was signed, and is on the disk before it has its name.
//!
//! # Where
//! The policy (`files.allow`) is asked for the path as it was ordered and for the path as it is without links. The folders
//! on the way are opened one by one without following a link, so that one that somebody puts there meanwhile leads nowhere.
//! Folders are not made, and only plain files are replaced.
//!
//! # After a crash
//! The old file is there, or the whole new one. The journal holds that the file is about to get its name: if what has the
//! name is what was signed, the order is done, whatever the policy says by now; if what was fetched still lies beside it,
//! it is removed, and fetched again. Else nobody knows whether the file was there and was changed since: *needs
//! attention*, and nothing is written.
//!
//! # Fails how
//! *Failed*, with nothing changed. A control plane that is away is asked again for [`PATIENCE`] from its last word on, and
//! goes on where it broke off; one that has no turn for this host is asked for [`LONGEST`] without a byte. A worker whose
//! resident is gone can fetch nothing: it goes, and the next one begins anew.

mod folder;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use muster_base::{OrderId, point};
use muster_protocol::latest::{BytesReply, FileOrder, OrderStatus, StepStatus};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::folder::{Folder, FolderError, Part, Present};
use super::{
    deploy::Ending,
    events::{Events, Step},
    wire::{Answer, Coming},
};
use crate::{
    config::DataDir,
    orders::journal::Mark,
    policy::{Policy, PolicyError, PolicyRefusal},
};

const LOOK: &str = "look";
const FETCH: &str = "fetch";
const PLACE: &str = "place";

/// How long the control plane may say nothing.
const PATIENCE: Duration = Duration::from_mins(30);
/// How long no byte may come, whatever the control plane says.
const LONGEST: Duration = Duration::from_hours(24);
/// A resident that says nothing for so long will not.
const SILENCE: Duration = Duration::from_mins(5);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Stays free beside the file.
const SPARE_BYTES: u64 = 16 << 20;

/// One order for a file and all that it needs.
pub(super) struct Put<'a> {
    /// Names the file while it is not whole.
    pub id: OrderId,
    /// What is asked.
    pub order: &'a FileOrder,
    /// Muster's own folder: nothing is put there.
    pub data: &'a DataDir,
    /// The policy of this host.
    pub policy: &'a Path,
    /// Where progress goes and marks are kept.
    pub events: &'a Events,
    /// Who is asked for bytes.
    pub asker: &'a mpsc::Sender<Answer>,
    /// Stops it, until it is placed.
    pub cancel: &'a CancellationToken,
    /// What an earlier, killed attempt has written down.
    pub marks: &'a [Mark],
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum PutError {
    #[error("{0}; nothing was changed")]
    Policy(#[from] PolicyRefusal),
    #[error("{0}; nothing was changed")]
    NoPolicy(#[from] PolicyError),
    #[error("cancelled; nothing was changed")]
    Cancelled,
    #[error("{0}; nothing was changed")]
    Folder(#[from] FolderError),
    #[error("{0} is Muster's own; nothing was changed")]
    Own(String),
    #[error("there is a file at {0}, and the order does not say that it is replaced; nothing was changed")]
    There(String),
    #[error("what is at {0} is no plain file, and only those are replaced; nothing was changed")]
    NoPlainFile(String),
    #[error("the file needs {0} bytes and 16 MiB beside them, and {1} are free there; nothing was changed")]
    NoRoom(u64, u64),
    #[error("{0}; nothing was changed")]
    Never(String),
    #[error("the control plane has said nothing for half an hour: {0}; nothing was changed")]
    Broke(String),
    #[error("no byte has come for a day: {0}; nothing was changed")]
    NoTurn(String),
    #[error("the bytes that came are not what was signed; nothing was changed")]
    OtherBytes,
    #[error("the journal can't be written: {0}; nothing was changed")]
    Journal(#[from] std::io::Error),
    #[error("the file is in its place, but may not outlast a power cut: {0}")]
    NotSynced(#[source] FolderError),
    #[error(
        "the agent died when it was about to put the file into its place, and {0}: look at the host; nothing is written \
         a second time"
    )]
    Unknown(String),
    /// The resident is gone.
    #[error("nobody is there who could fetch the file")]
    Alone,
}

/// Why no more bytes come now.
enum Pause {
    /// The control plane says so.
    NotNow(String),
    /// The control plane says nothing.
    Away(String),
}

/// Does it, or what is left of it. `None`: it is not ended, and somebody else goes on with it.
pub(super) async fn run(put: &Put<'_>, mut bytes: mpsc::Receiver<Coming>) -> Option<Ending> {
    let (status, error) = match put.run(&mut bytes).await {
        Ok(()) => (OrderStatus::Done, None),
        Err(PutError::Alone) => return None,
        Err(e @ PutError::Cancelled) => (OrderStatus::Cancelled, Some(e.to_string())),
        Err(e @ (PutError::NotSynced(_) | PutError::Unknown(_))) => {
            (OrderStatus::NeedsAttention, Some(e.to_string()))
        }
        Err(e) => (OrderStatus::Failed, Some(e.to_string())),
    };
    Some(Ending {
        status,
        error,
        digest: None,
    })
}

impl Put<'_> {
    async fn run(&self, bytes: &mut mpsc::Receiver<Coming>) -> Result<(), PutError> {
        let (folder, is_placed) = self.step(0, LOOK, self.look()).await?;
        if is_placed {
            return self.step(2, PLACE, async { sync(&folder) }).await;
        }
        // Not before: it is what tells a next attempt that the file was not placed.
        folder.forget(self.id)?;
        let mut part = folder.begin(self.id).map_err(PutError::Folder)?;
        point!("put.begun");
        if let Err(e) = self.step(1, FETCH, self.fetch(&mut part, bytes)).await {
            if matches!(e, PutError::Alone) && self.was_placing() {
                part.leave();
            }
            return Err(e);
        }
        self.step(2, PLACE, async { self.place(&folder, part) }).await
    }

    /// Looks at the place; whether the file is there already, by an earlier attempt.
    async fn look(&self) -> Result<(Folder, bool), PutError> {
        if let Some(folder) = self.placed().await? {
            return Ok((folder, true));
        }
        let path = &self.order.path;
        let policy = Policy::load(self.policy)?;
        policy.check_file(path)?;
        let folder = Folder::of(path)?;
        let real = folder.path();
        policy.check_file(&real)?;
        if self.is_own(&real) {
            return Err(PutError::Own(real));
        }
        let there = self.check_there(folder.look()?);
        if let Err(e) = there.and_then(|()| self.check_room(&folder)) {
            folder.forget(self.id)?;
            return Err(e);
        }
        Ok((folder, false))
    }

    /// Whether an earlier attempt was about to place the file.
    fn was_placing(&self) -> bool {
        let is_placing = |mark: &Mark| matches!(mark, Mark::Placing { .. });
        self.marks.iter().any(is_placing)
    }

    /// The folder, if an earlier attempt died about when it placed the file, and the file is there.
    async fn placed(&self) -> Result<Option<Folder>, PutError> {
        if !self.was_placing() {
            return Ok(None);
        }
        let unknown = |e: FolderError| PutError::Unknown(e.to_string());
        let folder = Folder::of(&self.order.path).map_err(unknown)?;
        // All of a large file is read.
        let (there, size, sha256) = (folder.clone(), self.order.size, self.order.sha256);
        let holds = tokio::task::spawn_blocking(move || there.holds(size, &sha256)).await;
        if holds
            .map_err(|e| PutError::Unknown(e.to_string()))?
            .map_err(unknown)?
        {
            // Where it got its name by a link.
            folder.forget(self.id).map_err(unknown)?;
            return Ok(Some(folder));
        }
        if folder.part_len(self.id).map_err(unknown)?.is_some() {
            return Ok(None);
        }
        let path = &self.order.path;
        Err(PutError::Unknown(format!(
            "what is at {path} now is something else"
        )))
    }

    /// Whether the file fits; what an earlier attempt left will be gone.
    fn check_room(&self, folder: &Folder) -> Result<(), PutError> {
        let left = folder.part_len(self.id)?.unwrap_or_default();
        let free = folder.free()?.saturating_add(left);
        if free < self.order.size.saturating_add(SPARE_BYTES) {
            return Err(PutError::NoRoom(self.order.size, free));
        }
        Ok(())
    }

    /// Whether it is the agent's data or its policy, wherever they are.
    fn is_own(&self, real: &str) -> bool {
        let own = |path: &Path| {
            let own = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            Path::new(real).starts_with(own)
        };
        own(&self.data.root) || own(self.policy)
    }

    fn check_there(&self, there: Present) -> Result<(), PutError> {
        match there {
            Present::File { .. } if !self.order.replace => Err(PutError::There(self.order.path.clone())),
            Present::Nothing | Present::File { .. } => Ok(()),
            Present::Other => Err(PutError::NoPlainFile(self.order.path.clone())),
        }
    }

    async fn fetch(&self, part: &mut Part, bytes: &mut mpsc::Receiver<Coming>) -> Result<(), PutError> {
        let (mut pause, mut heard, mut came) = (FIRST_PAUSE, Instant::now(), Instant::now());
        while part.len() < self.order.size {
            let before = part.len();
            let want = Answer::WantBytes { offset: before };
            drop(self.asker.send(want).await);
            let Some(pause_for) = self.take(part, bytes).await? else {
                break;
            };
            if part.len() > before {
                (pause, heard, came) = (FIRST_PAUSE, Instant::now(), Instant::now());
            }
            let why = match pause_for {
                // It is there, and others have their turn.
                Pause::NotNow(why) => {
                    heard = Instant::now();
                    why
                }
                Pause::Away(why) => why,
            };
            if heard.elapsed() >= PATIENCE {
                return Err(PutError::Broke(why));
            }
            if came.elapsed() >= LONGEST {
                return Err(PutError::NoTurn(why));
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.cancel.cancelled() => return Err(PutError::Cancelled),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if !part.has(&self.order.sha256) {
            return Err(PutError::OtherBytes);
        }
        part.keep(self.order.mode)?;
        point!("put.written");
        Ok(())
    }

    /// Writes what comes; why no more comes now, or nothing when all of it came.
    async fn take(
        &self,
        part: &mut Part,
        bytes: &mut mpsc::Receiver<Coming>,
    ) -> Result<Option<Pause>, PutError> {
        loop {
            let reply = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(PutError::Cancelled),
                reply = timeout(SILENCE, bytes.recv()) => reply,
            };
            match reply {
                Ok(Some(Coming::Said(BytesReply::Piece(piece)))) => {
                    if part.len().saturating_add(piece.len() as u64) > self.order.size {
                        return Err(PutError::OtherBytes);
                    }
                    part.write(&piece)?;
                    if part.len() == self.order.size {
                        return Ok(None);
                    }
                }
                // Fewer than were signed.
                Ok(Some(Coming::Said(BytesReply::End))) => return Err(PutError::OtherBytes),
                Ok(Some(Coming::Said(BytesReply::NotNow(why)))) => return Ok(Some(Pause::NotNow(why))),
                Ok(Some(Coming::Said(BytesReply::Never(why)))) => return Err(PutError::Never(why)),
                Ok(Some(Coming::Away(why))) => return Ok(Some(Pause::Away(why))),
                Ok(None) | Err(_) => return Err(PutError::Alone),
            }
        }
    }

    fn place(&self, folder: &Folder, part: Part) -> Result<(), PutError> {
        if self.cancel.is_cancelled() {
            return Err(PutError::Cancelled);
        }
        // So that after a power cut it is beside the place, or in it.
        folder.sync()?;
        let (device, inode) = part.identity()?;
        self.events.mark(Mark::Placing { device, inode })?;
        // Somebody may have put something there meanwhile.
        self.check_there(folder.look()?)?;
        if !part.place(self.order.replace)? {
            return Err(PutError::There(self.order.path.clone()));
        }
        point!("put.placed");
        sync(folder)
    }

    async fn step<T>(
        &self,
        index: u32,
        name: &str,
        work: impl Future<Output = Result<T, PutError>>,
    ) -> Result<T, PutError> {
        let step = Step::running(index, name);
        self.events.step(step).await;
        let began = Instant::now();
        let done = work.await;
        // It goes on in another worker.
        if let Err(PutError::Alone) = done {
            return done;
        }
        let told = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let status = if done.is_ok() {
            StepStatus::Done
        } else {
            StepStatus::Failed
        };
        self.events.step(step.ended(status, began, &told)).await;
        done
    }
}

/// Names outlast a power cut from here on.
fn sync(folder: &Folder) -> Result<(), PutError> {
    folder.sync().map_err(PutError::NotSynced)?;
    point!("put.synced");
    Ok(())
}
