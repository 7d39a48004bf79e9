//! A database that is made for a proof and dropped after it.
//!
//! | what tells that it is ours | |
//! |---|---|
//! | its name | [`PREFIX`] and 24 digits that nobody guesses |
//! | a mark | when it was made: PostgreSQL's comment on it; in MySQL the comment of the table [`MARKER`] inside |
//!
//! Both are needed before anything is dropped that this process has not made, and an age of [`LEFT_AFTER_MS`]: a proof may still
//! be running there, of another host too. A worker that dies between making and marking leaves an empty database without a mark; that
//! one is left alone.

use std::time::Duration;

use muster_base::{SecretString, UnixMs, random_array};
use muster_protocol::latest::{DbDialect, SqlTarget};
use tokio::time::timeout;

use super::super::{mysql, postgres};

/// Names of scratch databases begin with it.
pub(in super::super) const PREFIX: &str = "muster_scratch_";
/// The table that holds the mark (MySQL).
pub(in super::super) const MARKER: &str = "muster_scratch_marker";
/// What the mark says, before the time.
const MARK: &str = "muster scratch database of ";
/// One that is older is nobody's any more: a proof is over long before.
const LEFT_AFTER_MS: i64 = 30 * UnixMs::MINUTE;
/// Left-overs that are dropped at a proof.
const MOST_LEFT: usize = 20;

/// A database that is there.
pub(super) struct Scratch {
    target: SqlTarget,
    admin: SqlTarget,
    others: Vec<String>,
}

/// Making or dropping one takes a checkpoint, on a slow disk some seconds; a statement of ours that still runs in there is
/// waited for.
const LONGEST: Duration = Duration::from_mins(1);

/// What a server says to something that is asked of it for a scratch database; the error is for a person.
pub(in super::super) async fn in_time<T>(
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<Result<T, sqlx::Error>, String> {
    timeout(LONGEST, asked).await.map_err(|_| {
        format!(
            "a scratch database could not be made or dropped in {} s",
            LONGEST.as_secs()
        )
    })
}

/// Why none was made, unless it is for a right that the user lacks.
pub(in super::super) fn not_made(said: &str) -> String {
    format!("a scratch database can't be made: {said}")
}

/// One that was found, with its mark.
pub(in super::super) type Found = (String, Option<String>);

impl Scratch {
    /// Drops what is left of others, and makes one on the target's server. The error says what is missing for it.
    pub(super) async fn make(
        target: &SqlTarget,
        password: &SecretString,
        now: UnixMs,
    ) -> Result<Self, String> {
        let name = format!("{PREFIX}{}", hex::encode(random_array::<12>()));
        sweep(target, password, now).await;
        let mark = format!("{MARK}{}", now.0);
        let made = match target.dialect {
            DbDialect::Postgres => postgres::make_scratch(target, password, &name, &mark)
                .await
                .map(|()| Vec::new()),
            DbDialect::MySql => mysql::make_scratch(target, password, &name, &mark).await,
        };
        let others = match made {
            Ok(others) => others,
            Err(why) => {
                // It may be there all the same: the connection was lost, or it took too long. Without its mark nobody
                // would ever drop it.
                if let Err(error) = drop_database(target, password, &name).await {
                    tracing::debug!(error, database = name, "what may have been made was not dropped");
                }
                return Err(why);
            }
        };
        Ok(Self {
            target: SqlTarget {
                database: name,
                ..target.clone()
            },
            admin: target.clone(),
            others,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.target.database
    }

    /// It, as the target of SQL.
    pub(super) const fn target(&self) -> &SqlTarget {
        &self.target
    }

    /// The databases beside it that the user sees (MySQL).
    pub(super) fn others(&self) -> &[String] {
        &self.others
    }

    /// Drops it, whoever is still in there.
    pub(super) async fn drop_it(&self, password: &SecretString) -> Result<(), String> {
        drop_database(&self.admin, password, self.name()).await
    }
}

async fn drop_database(admin: &SqlTarget, password: &SecretString, name: &str) -> Result<(), String> {
    match admin.dialect {
        DbDialect::Postgres => postgres::drop_scratch(admin, password, name).await,
        DbDialect::MySql => mysql::drop_scratch(admin, password, name).await,
    }
}

/// Drops what killed workers left. What can't be found or dropped keeps nobody from a proof.
async fn sweep(admin: &SqlTarget, password: &SecretString, now: UnixMs) {
    let found = match admin.dialect {
        DbDialect::Postgres => postgres::find_scratch(admin, password).await,
        DbDialect::MySql => mysql::find_scratch(admin, password).await,
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(error, "scratch databases that were left could not be looked for");
            return;
        }
    };
    for (name, _) in found.into_iter().filter(|one| is_left(one, now)).take(MOST_LEFT) {
        match drop_database(admin, password, &name).await {
            Ok(()) => tracing::info!(
                database = name,
                "dropped a scratch database that a killed worker left"
            ),
            Err(error) => tracing::warn!(
                database = name,
                error,
                "a scratch database that was left could not be dropped"
            ),
        }
    }
}

/// Whether it is one of ours, and nobody's any more.
fn is_left((name, mark): &Found, now: UnixMs) -> bool {
    let digits = name.strip_prefix(PREFIX).unwrap_or_default();
    let ours = digits.len() == 24 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let made = mark.as_deref().and_then(|mark| mark.strip_prefix(MARK));
    let made: Option<i64> = made.and_then(|made| made.parse().ok());
    ours && made.is_some_and(|made| now.0.saturating_sub(made) >= LEFT_AFTER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_and_marked_and_old_is_nobody_s() {
        let now = UnixMs(1_800_000_000_000);
        let name = format!("{PREFIX}{}", "a".repeat(24));
        let mark = |age: i64| Some(format!("{MARK}{}", now.0 - age));
        assert!(is_left(&(name.clone(), mark(LEFT_AFTER_MS)), now));
        for (name, mark) in [
            (name.clone(), mark(LEFT_AFTER_MS - 1)),
            (name.clone(), None),
            (
                name.clone(),
                Some("muster scratch database of somebody".to_owned()),
            ),
            (name.clone(), Some(String::new())),
            ("shop".to_owned(), mark(LEFT_AFTER_MS)),
            (format!("{PREFIX}orders"), mark(LEFT_AFTER_MS)),
            (format!("{name}b"), mark(LEFT_AFTER_MS)),
        ] {
            assert!(!is_left(&(name.clone(), mark), now), "{name}");
        }
    }
}
