//! Lanes: one order at a time works on the engine, one on databases and one on files, however many workers there are. A lane is a
//! lock file that the kernel releases when its holder dies.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use muster_protocol::latest::OrderPayload;
use nix::fcntl::{Flock, FlockArg};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A worker that holds a lane for longer is stuck; the order is then left as it is, for the next start.
const LONGEST_WAIT: Duration = Duration::from_hours(6);

/// What orders of one kind have to themselves while they work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The container engine.
    Docker,
    /// Databases.
    Sql,
    /// Files that people send.
    Files,
}

impl Lane {
    /// The lane of an order.
    pub const fn of(payload: &OrderPayload) -> Self {
        match payload {
            OrderPayload::Deploy(_)
            | OrderPayload::Handover(_)
            | OrderPayload::FullDeploy(_)
            | OrderPayload::Container(_) => Self::Docker,
            OrderPayload::Sql(_) | OrderPayload::GuardedSql(_) | OrderPayload::TestServer(_) => Self::Sql,
            OrderPayload::File(_) => Self::Files,
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Docker => "lane-docker.lock",
            Self::Sql => "lane-sql.lock",
            Self::Files => "lane-files.lock",
        }
    }
}

/// The lane is ours until this is dropped.
#[derive(Debug)]
pub struct Held {
    _lock: Flock<File>,
}

/// Waits until the lane is free. `None` if `cancel` came first.
pub async fn take(dir: &Path, lane: Lane, cancel: &CancellationToken) -> io::Result<Option<Held>> {
    let give_up = Instant::now() + LONGEST_WAIT;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(dir.join(lane.file()))?;
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(Some(Held { _lock: lock })),
            Err((file, nix::errno::Errno::EWOULDBLOCK)) if Instant::now() < give_up => file,
            Err((_, errno)) => return Err(errno.into()),
        };
        tokio::select! {
            () = cancel.cancelled() => return Ok(None),
            () = sleep(LOOK_AGAIN) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holds_a_lane_and_the_other_waits() {
        let dir = tempfile::tempdir().unwrap();
        let never = CancellationToken::new();
        let first = take(dir.path(), Lane::Docker, &never).await.unwrap();
        assert!(first.is_some());
        assert!(take(dir.path(), Lane::Sql, &never).await.unwrap().is_some());
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        assert!(
            take(dir.path(), Lane::Docker, &cancelled)
                .await
                .unwrap()
                .is_none()
        );
        drop(first);
        assert!(take(dir.path(), Lane::Docker, &never).await.unwrap().is_some());
    }
}
