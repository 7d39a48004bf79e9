//! What becomes of a database, by what is in it. Pure: a survey in, a verdict out.
//!
//! | there is | verdict |
//! |---|---|
//! | none of our tables (empty strangers are left alone) | create |
//! | all our tables in the right shape | keep |
//! | some of our tables, in the right shape, others missing | add those |
//! | our names in the wrong shape, and all of ours empty | drop those and create |
//! | our names in the wrong shape, and data in ours | stop |
//! | data in tables that are not ours | stop |
//! | a migration history that is not ours, or torn | stop |

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    db::survey::{HISTORY, History, Mend, Survey},
    flaw::Flaw,
};

/// What is to be done with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Make all tables.
    Create,
    /// Nothing but the newest migrations.
    Keep,
    /// Add these, keep the others with their data.
    Add(BTreeSet<String>),
    /// Drop these, which are ours and empty, and make all tables.
    Recreate(BTreeSet<String>),
    /// Change nothing.
    Stop(Vec<Obstacle>),
}

/// Something in the database that a person has to decide on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Obstacle {
    /// The table.
    pub table: String,
    /// The column, where one is wrong.
    pub column: Option<String>,
    /// What is wrong with it.
    pub problem: ObstacleKind,
}

/// What can be in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ObstacleKind {
    /// The table has data and is none of Muster's.
    Foreign,
    /// A column that Muster needs is missing.
    ColumnMissing,
    /// A column that Muster doesn't know.
    ColumnUnknown,
    /// A column has another type than Muster's.
    ColumnType,
    /// The migration history is another program's, or a newer Muster's.
    HistoryStrange,
    /// A migration broke off.
    HistoryTorn,
}

impl Obstacle {
    /// The same, to be said in any language.
    pub fn flaw(&self) -> Flaw {
        let table = self.table.clone();
        let column = self.column.clone().unwrap_or_default();
        match self.problem {
            ObstacleKind::Foreign => Flaw::TableForeign(table),
            ObstacleKind::ColumnMissing => Flaw::ColumnMissing(table, column),
            ObstacleKind::ColumnUnknown => Flaw::ColumnUnknown(table, column),
            ObstacleKind::ColumnType => Flaw::ColumnType(table, column),
            ObstacleKind::HistoryStrange => Flaw::HistoryStrange(table),
            ObstacleKind::HistoryTorn => Flaw::HistoryTorn(table),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flaw().fmt(f)
    }
}

/// Judges.
pub(super) fn judge(survey: &Survey) -> Verdict {
    let is_ours = |name: &&String| survey.expected.contains_key(*name);
    let mut obstacles: Vec<Obstacle> = survey
        .found
        .iter()
        .filter(|(name, table)| !is_ours(name) && table.filled)
        .map(|(name, _)| obstacle(name, None, ObstacleKind::Foreign))
        .collect();
    match survey.history {
        History::Strange(_) => obstacles.push(obstacle(HISTORY, None, ObstacleKind::HistoryStrange)),
        History::Torn(_) => obstacles.push(obstacle(HISTORY, None, ObstacleKind::HistoryTorn)),
        History::None | History::Ours(_) => {}
    }
    if !obstacles.is_empty() {
        return Verdict::Stop(obstacles);
    }
    let present: BTreeSet<String> = survey.found.keys().filter(is_ours).cloned().collect();
    if present.is_empty() {
        // A history without tables would have the migrations believe that they are there.
        return match survey.history {
            History::None => Verdict::Create,
            _ => Verdict::Recreate(present),
        };
    }
    let wrong: Vec<Obstacle> = present
        .iter()
        .flat_map(|name| differences(survey, name))
        .collect();
    if !wrong.is_empty() {
        let filled = present.iter().any(|name| survey.found[name].filled);
        return if filled {
            Verdict::Stop(wrong)
        } else {
            Verdict::Recreate(present)
        };
    }
    let missing: BTreeSet<String> = survey
        .expected
        .keys()
        .filter(|name| !present.contains(*name))
        .cloned()
        .collect();
    if missing.is_empty() {
        Verdict::Keep
    } else {
        Verdict::Add(missing)
    }
}

/// How a table of ours differs from what it should be.
fn differences(survey: &Survey, name: &str) -> Vec<Obstacle> {
    let (Some(wanted), Some(found)) = (survey.expected.get(name), survey.found.get(name)) else {
        return Vec::new();
    };
    let missing_or_other = wanted.iter().filter_map(|(column, kind)| {
        let problem = match found.columns.get(column) {
            None => ObstacleKind::ColumnMissing,
            Some(present) if present != kind => ObstacleKind::ColumnType,
            Some(_) => return None,
        };
        Some(obstacle(name, Some(column), problem))
    });
    let unknown = found
        .columns
        .keys()
        .filter(|column| !wanted.contains_key(*column))
        .map(|column| obstacle(name, Some(column), ObstacleKind::ColumnUnknown));
    missing_or_other.chain(unknown).collect()
}

fn obstacle(table: &str, column: Option<&String>, problem: ObstacleKind) -> Obstacle {
    Obstacle {
        table: table.to_owned(),
        column: column.cloned(),
        problem,
    }
}

impl Verdict {
    /// What has to be done before the migrations run.
    pub(super) fn mend(&self) -> Mend {
        match self {
            Self::Create | Self::Keep | Self::Stop(_) => Mend::Nothing,
            Self::Add(missing) => Mend::Add(missing.clone()),
            Self::Recreate(ours) => Mend::Drop(ours.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::db::survey::Table;

    fn columns(names: &[(&str, &str)]) -> BTreeMap<String, String> {
        names
            .iter()
            .map(|(n, t)| ((*n).to_owned(), (*t).to_owned()))
            .collect()
    }

    /// A table: its name, its columns with their types, and whether it has a row.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], bool);

    /// A database that should have `users (id, name)` and `orgs (id)`.
    fn survey(found: &[Row<'_>], history: History) -> Survey {
        let found = found.iter().map(|(name, cols, filled)| {
            let table = Table {
                columns: columns(cols),
                filled: *filled,
            };
            ((*name).to_owned(), table)
        });
        Survey {
            expected: [
                ("users".to_owned(), columns(&[("id", "uuid"), ("name", "text")])),
                ("orgs".to_owned(), columns(&[("id", "uuid")])),
            ]
            .into(),
            found: found.collect(),
            history,
        }
    }

    const USERS: &[(&str, &str)] = &[("id", "uuid"), ("name", "text")];
    const ORGS: &[(&str, &str)] = &[("id", "uuid")];

    #[test]
    fn an_empty_database_and_one_with_empty_strangers_are_filled() {
        assert_eq!(judge(&survey(&[], History::None)), Verdict::Create);
        assert_eq!(
            judge(&survey(&[("blog", &[("x", "int")], false)], History::None)),
            Verdict::Create
        );
    }

    #[test]
    fn a_complete_one_is_kept_and_an_incomplete_one_completed() {
        let both: &[Row<'_>] = &[("users", USERS, true), ("orgs", ORGS, false)];
        assert_eq!(judge(&survey(both, History::Ours(8))), Verdict::Keep);
        let missing = Verdict::Add(["orgs".to_owned()].into());
        assert_eq!(judge(&survey(&both[..1], History::Ours(8))), missing);
    }

    #[test]
    fn a_wrong_shape_is_made_anew_only_if_all_is_empty() {
        let wrong: &[(&str, &str)] = &[("id", "int"), ("nick", "text")];
        let empty = survey(&[("users", wrong, false), ("orgs", ORGS, false)], History::None);
        assert!(matches!(judge(&empty), Verdict::Recreate(names) if names.len() == 2));
        for (users, orgs) in [(true, false), (false, true)] {
            let filled = survey(&[("users", wrong, users), ("orgs", ORGS, orgs)], History::None);
            let Verdict::Stop(obstacles) = judge(&filled) else {
                panic!("not stopped")
            };
            let said: Vec<_> = obstacles
                .iter()
                .map(|o| (o.column.as_deref().unwrap(), o.problem))
                .collect();
            assert_eq!(
                said,
                [
                    ("id", ObstacleKind::ColumnType),
                    ("name", ObstacleKind::ColumnMissing),
                    ("nick", ObstacleKind::ColumnUnknown)
                ]
            );
        }
    }

    #[test]
    fn strangers_with_data_and_strange_histories_stop_it() {
        let foreign = survey(
            &[("blog", &[("x", "int")], true), ("users", USERS, false)],
            History::None,
        );
        assert!(matches!(judge(&foreign), Verdict::Stop(o) if o[0].table == "blog"));
        let newer = survey(&[("users", USERS, true)], History::Strange(99));
        assert!(matches!(judge(&newer), Verdict::Stop(o) if o[0].problem == ObstacleKind::HistoryStrange));
    }

    #[test]
    fn a_history_without_tables_is_dropped() {
        assert!(
            matches!(judge(&survey(&[], History::Ours(8))), Verdict::Recreate(names) if names.is_empty())
        );
    }
}
