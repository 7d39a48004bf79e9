//! The rotation of the master key, one step at a time. Each step is one write of the key file or a number of rows
//! sealed anew; between any two of them the process may die, and [`step`] goes on from what it finds.

use std::{fs, time::Duration};

use muster_base::UnixMs;

use super::{KeyError, Keys, MasterKey, Plane, Ring, Source, presence, rewrap};
use crate::{app::App, db::DbError};

/// A request that began before the switch has ended after this time.
pub const GRACE: Duration = Duration::from_secs(31);

/// Why the rotation can't go on.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error("the database can't be used")]
    Db(#[from] DbError),
    /// Some values don't open.
    #[error(
        "{0} values are sealed by an older key that does not open them: they were changed or moved to another row. \
         The older key is kept; `muster keys status` counts them"
    )]
    Damaged(i64),
}

/// What a step did, or waits for.
#[derive(Debug)]
pub enum Step {
    /// A new key is known and seals nothing yet.
    Announced(String),
    /// These control planes lack a key, or still seal with the older one.
    WaitsFor(Vec<Plane>),
    /// The new key seals.
    Switched(String),
    /// Values were sealed anew.
    Rewrapped(u64),
    /// Requests that began before the switch may still be under way.
    Settling,
    /// The older keys are dropped.
    Dropped(Vec<String>),
    /// There is nothing to do.
    Stable(String),
}

/// Makes a new master key known, unless a rotation is under way. Take [`step`]s until [`Step::Stable`].
pub fn begin(keys: &Keys) -> Result<Step, RotateError> {
    let ring = keys.source().read()?;
    if ring.next.is_none() && ring.previous.is_empty() {
        let next = MasterKey::generate();
        let id = next.id().to_owned();
        write(
            keys,
            &Ring {
                next: Some(next),
                ..ring
            },
        )?;
        return Ok(Step::Announced(id));
    }
    Ok(Step::Stable(ring.current.id().to_owned()))
}

/// Takes the next step, if it may be taken.
pub async fn step(app: &App, grace: Duration) -> Result<Step, RotateError> {
    let keys = &app.keys;
    keys.reload()?;
    let ring = keys.source().read()?;
    let planes = presence::planes(&app.db, app.clock.now()).await?;
    if let Some(next) = ring.next {
        let lacking: Vec<Plane> = lacking(planes, |plane| plane.master_keys.iter().any(|id| id == next.id()));
        if !lacking.is_empty() {
            return Ok(Step::WaitsFor(lacking));
        }
        let id = next.id().to_owned();
        let mut previous = vec![ring.current];
        previous.extend(ring.previous);
        write(
            keys,
            &Ring {
                current: next,
                previous,
                next: None,
            },
        )?;
        return Ok(Step::Switched(id));
    }
    let id = ring.current.id().to_owned();
    if ring.previous.is_empty() {
        return Ok(Step::Stable(id));
    }
    let lacking = lacking(planes, |plane| plane.master_keys.first() == Some(&id));
    if !lacking.is_empty() {
        return Ok(Step::WaitsFor(lacking));
    }
    let done = rewrap::rewrap(&app.db, keys).await?;
    if done.values > 0 {
        return Ok(Step::Rewrapped(done.values));
    }
    if age(keys.source())? < grace {
        return Ok(Step::Settling);
    }
    let dropped: Vec<String> = ring.previous.iter().map(|key| key.id().to_owned()).collect();
    let census = rewrap::census(&app.db, keys).await?;
    let left = dropped.iter().filter_map(|id| census.known.get(id)).sum::<i64>();
    if left > 0 {
        return Err(RotateError::Damaged(left));
    }
    write(keys, &Ring::of(ring.current))?;
    Ok(Step::Dropped(dropped))
}

fn lacking(planes: Vec<Plane>, has: impl Fn(&Plane) -> bool) -> Vec<Plane> {
    planes.into_iter().filter(|plane| !has(plane)).collect()
}

fn write(keys: &Keys, ring: &Ring) -> Result<(), KeyError> {
    keys.source().write(ring)?;
    keys.reload().map(drop)
}

/// Since when the key file is as it is.
fn age(source: &Source) -> Result<Duration, KeyError> {
    let Source::File(path) = source else {
        return Err(KeyError::Fixed(source.to_string()));
    };
    let written = fs::metadata(path)
        .and_then(|about| about.modified())
        .map_err(|e| KeyError::File(path.clone(), e))?;
    // A file from the future is as good as new.
    Ok(written.elapsed().unwrap_or_default())
}

/// Control planes that serve now and the keys each of them has.
pub async fn planes(app: &App) -> Result<Vec<Plane>, DbError> {
    let now: UnixMs = app.clock.now();
    presence::planes(&app.db, now).await
}
