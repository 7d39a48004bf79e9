//! Turns at what takes a core for a while: hashing and scoring passwords. Each holds up to 19 MiB and a core, and whoever
//! signs in need not be anybody, so the work is done off the async threads, a few at a time, and the lines are short. It is done
//! in threads that step back: the system runs them when no other thread wants the core, and takes it away from them at once
//! (`SCHED_IDLE`; a nice thread keeps it for some milliseconds, in which somebody's call waits). Where that
//! leaves them none for seconds, the next ones are only nice for a while ([`NICENESS`]), so that people get in on a machine that is
//! busy all the time.
//!
//! | line | who stands in it | at a time | waiting |
//! |---|---|---|---|
//! | [`Line::Strangers`] | whoever signs in on a new device, or registers | half of the cores, 8 at most | 64 for each |
//! | [`Line::Imported`] | the same, where the password is compared with a hash from another system | a quarter of the cores, 4 at most | 16 for each |
//! | [`Line::Known`] | who is signed in, holds a mailed link, or signs in on a device that they used before | a quarter of the cores, 4 at most | 256 |
//!
//! Who comes when a line is full is told to come again ([`AccessError::Throttled`]): a flood of strangers neither fills the
//! memory nor lets anybody wait for longer than a line takes, and those in the other line don't notice it.
//!
//! Imported hashes cost up to a second each, which strangers with ours would wait for in one line; and a crowd at names that nobody has
//! would keep those out whose hash was imported. Names that nobody has stand in the line of the work that they are given
//! ([`super::decoy`]): as small a share of them stands here as there are users with such hashes, or which line is full would say
//! that there is such a user.
//!
//! The memory of a hash is given back when nobody waits. While somebody does, the next one takes it as it is
//! ([`in_blocks`]): asking the system for 19 MiB and giving them back thirty times a second would stop every other thread
//! for a moment each time, whatever its priority.
//!
//! A turn ends with the work, not with the request: who hangs up while theirs is done makes no room for the next, or
//! hanging up would be the way around the limit.

use std::{
    num::NonZeroUsize,
    sync::{LazyLock, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use argon2::Block;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::AccessError;

const MOST_STRANGERS: usize = 8;
/// Some two seconds' work.
const STRANGERS_WAITING: usize = 64;
const MOST_IMPORTED: usize = 4;
/// At a second each, nobody waits for longer than that many.
const IMPORTED_WAITING: usize = 16;
const MOST_KNOWN: usize = 4;
const KNOWN_WAITING: usize = 256;
/// What somebody is told who finds a line full.
const COME_AGAIN: Duration = Duration::from_secs(2);
/// What takes so long, with any password and hash, got no core for most of it.
const STARVED: Duration = Duration::from_secs(3);
/// How long threads are nice instead of idle after that.
const NICE_INSTEAD: Duration = Duration::from_mins(10);
/// So nice they are then: where others want the core, they get a tenth of it.
const NICENESS: i32 = 10;

static STARVED_UNTIL: Mutex<Option<Instant>> = Mutex::new(None);

static STRANGERS: LazyLock<Turns> = LazyLock::new(|| {
    let at_a_time = (cores() / 2).clamp(1, MOST_STRANGERS);
    Turns::new(at_a_time, at_a_time * STRANGERS_WAITING)
});
static IMPORTED: LazyLock<Turns> = LazyLock::new(|| {
    let at_a_time = (cores() / 4).clamp(1, MOST_IMPORTED);
    Turns::new(at_a_time, at_a_time * IMPORTED_WAITING)
});
static KNOWN: LazyLock<Turns> =
    LazyLock::new(|| Turns::new((cores() / 4).clamp(1, MOST_KNOWN), KNOWN_WAITING));

/// Memory that the next hash takes; of as many as have had a turn at the same time.
static SPARE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// Works in that many blocks, whatever stands in them. Whoever calls it has a turn.
pub(super) fn in_blocks<T>(count: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
    let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut blocks = spare.unwrap_or_default();
    blocks.resize(count, Block::default());
    let worked = work(&mut blocks);
    SPARE.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
    worked
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Where somebody waits for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// They may be anybody.
    Strangers,
    /// They may be anybody, and their hash is another system's.
    Imported,
    /// We have reason to believe that they are somebody.
    Known,
}

impl Line {
    fn turns(self) -> &'static Turns {
        match self {
            Self::Strangers => &STRANGERS,
            Self::Imported => &IMPORTED,
            Self::Known => &KNOWN,
        }
    }
}

#[derive(Debug)]
struct Turns {
    /// Those who wait and those whose turn it is.
    places: Semaphore,
    work: Semaphore,
    at_a_time: usize,
    most: usize,
}

/// Somebody's turn, until it is dropped.
struct Turn {
    _turn: SemaphorePermit<'static>,
    _place: SemaphorePermit<'static>,
}

impl Turns {
    fn new(at_a_time: usize, waiting: usize) -> Self {
        Self {
            places: Semaphore::new(at_a_time + waiting),
            work: Semaphore::new(at_a_time),
            at_a_time,
            most: at_a_time + waiting,
        }
    }

    /// Whether somebody waits for the end of a turn.
    fn are_waited_for(&self) -> bool {
        let there = self.most - self.places.available_permits();
        there > self.at_a_time - self.work.available_permits()
    }

    async fn wait(&'static self) -> Result<Turn, AccessError> {
        let place = self.places.try_acquire();
        let place = place.map_err(|_| AccessError::Throttled(COME_AGAIN))?;
        let turn = self.work.acquire().await;
        Ok(Turn {
            _turn: turn.map_err(|error| AccessError::Crypto(error.to_string()))?,
            _place: place,
        })
    }
}

/// Every place in a line, until it is dropped: for tests of who stands where.
#[cfg(test)]
pub(super) fn crowd(line: Line) -> SemaphorePermit<'static> {
    let turns = line.turns();
    turns
        .places
        .try_acquire_many(u32::try_from(turns.most).unwrap())
        .unwrap()
}

/// Does the work when it is its turn.
pub(super) async fn in_turn<T: Send + 'static>(
    line: Line,
    work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
) -> Result<T, AccessError> {
    work_in(line.turns(), work).await
}

async fn work_in<T: Send + 'static>(
    turns: &'static Turns,
    work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
) -> Result<T, AccessError> {
    let turn = turns.wait().await?;
    let (done, result) = oneshot::channel();
    // A thread of its own, which costs a thousandth of the work: how nice a thread is can't be taken back.
    let thread = thread::Builder::new().name("muster-turn".to_owned());
    let started = thread.spawn(move || {
        step_back();
        let began = Instant::now();
        let worked = work();
        if began.elapsed() > STARVED {
            let until = Instant::now() + NICE_INSTEAD;
            *STARVED_UNTIL.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        if !turns.are_waited_for() {
            SPARE.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        drop(turn);
        // Whoever asked may have hung up.
        drop(done.send(worked));
    });
    started.map_err(|error| AccessError::Crypto(error.to_string()))?;
    result
        .await
        .map_err(|error| AccessError::Crypto(error.to_string()))?
}

/// Has this thread make way for every other. Where that is not allowed it does its work as all others do.
fn step_back() {
    let until = *STARVED_UNTIL.lock().unwrap_or_else(PoisonError::into_inner);
    let made_way = if until.is_some_and(|until| Instant::now() < until) {
        rustix::process::nice(NICENESS)
            .map(drop)
            .map_err(|error| error.to_string())
    } else {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
            .map_err(|error| format!("{error:?}"))
    };
    if let Err(error) = made_way {
        tracing::debug!(error, "passwords are hashed at the usual priority");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        sync::mpsc,
        task::Poll,
    };

    use super::*;

    /// A line of a test's own.
    fn line(at_a_time: usize, waiting: usize) -> &'static Turns {
        Box::leak(Box::new(Turns::new(at_a_time, waiting)))
    }

    async fn is_waiting<T>(work: &mut Pin<&mut impl Future<Output = T>>) -> bool {
        std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn the_work_makes_way_for_everything_else() {
        let turns = line(1, 1);
        let policy = work_in(turns, || Ok(thread_priority::thread_schedule_policy())).await;
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        assert_eq!(policy.unwrap(), Ok(idle));
    }

    #[tokio::test]
    async fn who_finds_the_line_full_is_told_to_come_again() {
        let turns = line(1, 1);
        let (go, wait) = mpsc::channel::<()>();
        let mut first = pin!(work_in(turns, move || {
            wait.recv().unwrap();
            Ok(1)
        }));
        assert!(is_waiting(&mut first).await);
        let mut second = pin!(work_in(turns, || Ok(2)));
        assert!(is_waiting(&mut second).await, "one works");
        let third = work_in(turns, || Ok(3)).await;
        assert!(matches!(third, Err(AccessError::Throttled(_))), "and one waits");
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), 1);
        assert_eq!(second.await.unwrap(), 2);
        assert_eq!(work_in(turns, || Ok(3)).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn who_hangs_up_makes_no_room_while_their_work_is_done() {
        let turns = line(1, 8);
        let (go, wait) = mpsc::channel::<()>();
        {
            let mut given_up = Box::pin(work_in(turns, move || {
                wait.recv().unwrap();
                Ok(())
            }));
            assert!(is_waiting(&mut given_up.as_mut()).await);
        }
        let mut next = pin!(work_in(turns, || Ok(())));
        assert!(
            is_waiting(&mut next).await,
            "a core is still used for the one who left"
        );
        go.send(()).unwrap();
        next.await.unwrap();
        // Nor does one who leaves the line keep a place in it.
        let (go, wait) = mpsc::channel::<()>();
        let mut working = pin!(work_in(turns, move || {
            wait.recv().unwrap();
            Ok(())
        }));
        assert!(is_waiting(&mut working).await);
        for _ in 0..99 {
            let mut waiting = Box::pin(work_in(turns, || Ok(())));
            assert!(is_waiting(&mut waiting.as_mut()).await);
        }
        go.send(()).unwrap();
        working.await.unwrap();
    }

    /// With every turn of `crowd` taken those in the other lines have theirs.
    async fn is_in_nobody_else_s_way(crowd: Line) {
        let at_a_time = crowd.turns().at_a_time;
        let all = crowd
            .turns()
            .work
            .acquire_many(u32::try_from(at_a_time).unwrap())
            .await
            .unwrap();
        let mut waiting = pin!(in_turn(crowd, || Ok(())));
        assert!(is_waiting(&mut waiting).await);
        for line in [Line::Strangers, Line::Imported, Line::Known] {
            if line != crowd {
                in_turn(line, || Ok(())).await.unwrap();
            }
        }
        drop(all);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_crowd_in_one_line_is_in_nobody_else_s_way() {
        is_in_nobody_else_s_way(Line::Strangers).await;
        is_in_nobody_else_s_way(Line::Imported).await;
    }
}
