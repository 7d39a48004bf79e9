//! Telling of drift: each finding once, and once that it is gone.
//!
//! What was told last stands beside what was seen ([`store::drift`]) and is written in the transaction of the messages, so that
//! nobody hears twice of one finding, whoever looks and however often. Of a database that can't be read, or of which nothing can
//! be said, nobody hears: the next look that can tell goes on from what was told before.

use std::fmt::Write as _;

use muster_base::{OrgId, UnixMs, UserId};

use super::{
    SchemaError, Server,
    comparison::DriftDifference,
    drift::{DriftState, Seen},
    set_aside_seen, store,
};
use crate::{
    access::{self, DriftNews, DriftTurn},
    app::App,
    db::Tx,
    error::Error,
};

/// Different things that a message names.
const NAMED: usize = 5;
/// Characters of a name that it repeats.
const NAME_CHARS: usize = 64;

/// A database that was looked at.
#[derive(Clone, Copy)]
pub(super) struct Looked<'a> {
    pub(super) org: OrgId,
    pub(super) server: &'a Server,
    pub(super) database: &'a str,
}

/// Something that is to be told, and to whom.
pub(super) struct Telling {
    turn: DriftTurn,
    audience: Vec<UserId>,
}

/// What is to be told of this, if anything is. Not in a transaction: who hears of it is asked of several tables.
pub(super) async fn prepare(
    app: &App,
    looked: Looked<'_>,
    seen: &Seen,
) -> Result<Option<Telling>, SchemaError> {
    let place = (looked.server.id, looked.database);
    let told = store::drift::told(&app.db, place).await?;
    let Some(turn) = turn(told.as_deref(), seen) else {
        return Ok(None);
    };
    let at = (looked.server.id, looked.server.environment.as_str());
    let audience = access::drift_audience(app, looked.org, at, looked.database).await;
    Ok(Some(Telling {
        turn,
        audience: audience.map_err(Error::from)?,
    }))
}

/// Keeps what was seen, and tells of it. Where somebody else told something meanwhile, the next look tells. The caller wakes the
/// outbox after the commit.
pub(super) async fn keep(
    app: &App,
    tx: &mut Tx,
    looked: Looked<'_>,
    seen: &Seen,
    telling: Option<&Telling>,
    (by, now): (&str, UnixMs),
) -> Result<(), SchemaError> {
    let Looked { server, database, .. } = looked;
    let place = (server.id, database);
    let told = store::drift::set(tx, place, seen, (by, now)).await?;
    set_aside_seen::note(app, tx, looked.org, &seen.asides, now).await?;
    let Some(telling) = telling.filter(|telling| turn(told.as_deref(), seen) == Some(telling.turn)) else {
        return Ok(());
    };
    let finding = Some(seen.compared.finding.as_str()).filter(|finding| !finding.is_empty());
    store::drift::set_told(tx, place, finding).await?;
    let what = what(&seen.compared.differences, seen.compared.count);
    let news = DriftNews {
        org: looked.org,
        server: server.id,
        label: &server.label,
        environment: &server.environment,
        database,
        turn: telling.turn,
        what: &what,
    };
    access::tell_of_drift(app, tx, &telling.audience, &news)
        .await
        .map_err(Error::from)?;
    Ok(())
}

/// What there is to tell after what was told.
fn turn(told: Option<&str>, seen: &Seen) -> Option<DriftTurn> {
    match (seen.state, told) {
        (DriftState::Drifted, None) => Some(DriftTurn::Found),
        (DriftState::Drifted, Some(told)) => (told != seen.compared.finding).then_some(DriftTurn::Changed),
        (DriftState::InStep, Some(_)) => Some(DriftTurn::Over),
        (DriftState::InStep, None) | (DriftState::Unclear | DriftState::Unreached, _) => None,
    }
}

/// The first things that are different, and the number of the rest: in no language.
pub(super) fn what(differences: &[DriftDifference], count: usize) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut named = 0;
    for one in differences {
        if !names.contains(&one.name.as_str()) {
            if names.len() == NAMED {
                break;
            }
            names.push(&one.name);
        }
        named += 1;
    }
    let names = names
        .into_iter()
        .map(|name| name.chars().take(NAME_CHARS).collect());
    let mut text = names.collect::<Vec<String>>().join(", ");
    if count > named {
        // A text that is written can't fail.
        write!(text, " + {}", count - named).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::comparison::Compared;
    use super::*;

    fn seen(finding: &str) -> Seen {
        let differences = finding.chars().map(|name| DriftDifference {
            kind: "table".to_owned(),
            name: name.to_string(),
            sql: String::new(),
            remedy: None,
        });
        let differences: Vec<_> = differences.collect();
        let compared = Compared {
            count: differences.len(),
            differences,
            finding: finding.to_owned(),
            ..Compared::default()
        };
        Seen::of(String::new(), Ok(compared))
    }

    #[test]
    fn a_finding_is_told_once_another_one_too_and_that_it_is_gone() {
        let unclear = Seen::of(String::new(), Err("what is this?".to_owned()));
        let away = Seen::unreached("the host is not connected");
        for (told, seen, then) in [
            (None, seen("a"), Some(DriftTurn::Found)),
            (Some("a"), seen("a"), None),
            (Some("a"), seen("ab"), Some(DriftTurn::Changed)),
            (Some("a"), seen(""), Some(DriftTurn::Over)),
            (None, seen(""), None),
        ] {
            assert_eq!(turn(told, &seen), then, "{told:?} {seen:?}");
        }
        for told in [None, Some("a")] {
            assert_eq!((turn(told, &unclear), turn(told, &away)), (None, None));
        }
    }

    #[test]
    fn a_message_names_the_first_things_and_counts_the_rest() {
        let said = |text: &str| what(&seen(text).compared.differences, seen(text).compared.count);
        assert_eq!(said("ab"), "a, b");
        assert_eq!(said("aab"), "a, b");
        assert_eq!(said("abcdefgh"), "a, b, c, d, e + 3");
        assert_eq!(what(&seen("ab").compared.differences, 7), "a, b + 5");
    }
}
