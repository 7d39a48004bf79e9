//! What holds statements in that change rows: a limit of how many each may touch, and a copy of those rows that is kept before, for
//! some days, beside what is set aside ([`set_aside`](super::set_aside)).
//!
//! Both are asked for by the environment's policy, by the proposal, or both: the stricter counts, so that nobody who proposes
//! loosens anything. What is asked of a statement stands with it on the ticket, is approved with it and goes to the host under
//! the order's signature; how it is done there, the agent's `worker::sql` says. Of what is published only the scripts of tables
//! are held in: what the plan itself does with rows is its own business.
//!
//! What can't be counted or kept (joins, several tables, `limit`, functions that say something else each time) says why, and counts
//! as destructive where it was to be. Nothing is guessed. An agent that knows none of this is not sent such a release.
//!
//! The copy is listed once its statement has succeeded, also where the rest of the release has not.

use muster_schema::{Dialect, RowChange, StatementKind, canonical, kept_rows_name, row_change};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ProposedStatement, RiskLevel, SchemaError,
    error::field_error,
    set_aside::{PlannedAside, PlannedAsides, SetAsideKind},
};
use crate::{app::App, error::FieldError};

/// Statements of one release whose rows are kept.
const MOST_KEPT: usize = 100;
/// Days for which rows may be kept.
const MOST_DAYS: u16 = 365;
/// Rows that a limit may be.
const MOST_ROWS: u32 = 1_000_000_000;

/// What statements are held to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Each touches no more rows than this.
    pub(super) max_rows: Option<u32>,
    /// The rows are kept for so many days.
    pub(super) backup_days: Option<u16>,
}

/// What a statement that overwrites or deletes rows is held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowGuard {
    /// If it touches more rows than this, it is undone and the release fails; null: any number.
    #[schema(required)]
    pub max_rows: Option<u32>,
    /// The table that its rows are kept in before; null: they are not kept.
    #[schema(required)]
    pub kept_in: Option<String>,
    /// Why its rows can be neither counted nor kept; null: they can.
    #[schema(required)]
    pub not_counted: Option<String>,
}

impl Held {
    /// Both, each by whoever asks for more.
    pub(super) fn and(self, other: Self) -> Self {
        let least = [self.max_rows, other.max_rows].into_iter().flatten().min();
        let longest = [self.backup_days, other.backup_days].into_iter().flatten().max();
        Self {
            max_rows: least,
            backup_days: longest,
        }
    }

    /// What is wrong with it.
    pub(super) fn faults(self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.max_rows.is_some_and(|rows| !(1..=MOST_ROWS).contains(&rows)) {
            faults.push(field_error(
                "maxRows",
                format!("must be 1 to {MOST_ROWS}, or null"),
            ));
        }
        if self
            .backup_days
            .is_some_and(|days| !(1..=MOST_DAYS).contains(&days))
        {
            faults.push(field_error(
                "backupDays",
                format!("must be 1 to {MOST_DAYS}, or null"),
            ));
        }
        faults
    }
}

/// Writes onto each statement from `first` on what it is held to; what will be kept.
pub(super) fn hold(
    app: &App,
    dialect: Dialect,
    (statements, first): (&mut [ProposedStatement], usize),
    held: Held,
) -> Result<Vec<PlannedAside>, SchemaError> {
    let mut kept = Vec::new();
    for (nth, statement) in statements.iter_mut().enumerate().skip(first) {
        let change = match row_change(dialect, &statement.sql) {
            Ok(None) => continue,
            Ok(Some(change)) => Ok(change),
            Err(why) => Err(why.to_string()),
        };
        let is_limited = matches!(statement.kind, StatementKind::Update | StatementKind::Delete);
        let mut guard = RowGuard {
            max_rows: held.max_rows.filter(|_| is_limited),
            kept_in: None,
            not_counted: change.as_ref().err().cloned(),
        };
        let why = guard.not_counted.clone().unwrap_or_default();
        if held.max_rows.is_some() && !is_limited {
            raise(statement, format!("no limit of rows possible: {why}"));
        }
        if held.backup_days.is_some() {
            match &change {
                Ok(change) => {
                    let one = keep(app, dialect, change, nth);
                    guard.kept_in = Some(one.name_now.clone());
                    kept.push(one);
                }
                Err(why) => raise(statement, format!("no backup possible: {why}")),
            }
        }
        statement.rows = Some(guard);
    }
    if kept.len() > MOST_KEPT {
        let message = format!(
            "holds more than {MOST_KEPT} statements whose rows would be kept: make several releases of it"
        );
        return Err(SchemaError::invalid("sql", message));
    }
    Ok(kept)
}

/// All that a ticket sets aside on one server.
pub(super) fn with_kept(
    asides: Option<PlannedAsides>,
    kept: Vec<PlannedAside>,
    held: Held,
) -> Option<PlannedAsides> {
    let Some(days) = held.backup_days.filter(|_| !kept.is_empty()) else {
        return asides;
    };
    let mut all = asides.unwrap_or(PlannedAsides {
        days,
        items: Vec::new(),
    });
    let other = (all.days != days).then_some(days);
    all.items
        .extend(kept.into_iter().map(|one| PlannedAside { days: other, ..one }));
    Some(all)
}

/// What can't be held in as it was to be is shown to approvers as what loses data.
fn raise(statement: &mut ProposedStatement, why: String) {
    statement.risk = statement.risk.max(RiskLevel::Destructive);
    statement.reasons.push(why);
}

fn keep(app: &App, dialect: Dialect, change: &RowChange, statement: usize) -> PlannedAside {
    let id: muster_base::SetAsideId = app.clock.new_id();
    let digits: String = app
        .clock
        .now()
        .to_string()
        .chars()
        .take_while(|c| *c != 'T')
        .filter(char::is_ascii_digit)
        .skip(2)
        .collect();
    // What is random in an id is at its end.
    let text = id.to_string();
    let unlike = text.get(text.len().saturating_sub(8)..).unwrap_or_default();
    let name_now = kept_rows_name(dialect, &format!("{digits}r{unlike}"), &change.table.name);
    let drop = change.drop_kept(&name_now);
    let back = change.put_back(&name_now);
    PlannedAside {
        id,
        kind: SetAsideKind::Rows,
        namespace: change.namespace().to_owned(),
        table: change.table.name.clone(),
        name: change.table.name.clone(),
        drop_sql: canonical([drop.as_str()]),
        restore_sql: canonical(back.iter().map(String::as_str)),
        name_now,
        statement: u32::try_from(statement).ok(),
        days: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_counts() {
        let policy = Held {
            max_rows: Some(100),
            backup_days: Some(7),
        };
        let loose = Held {
            max_rows: Some(1_000),
            backup_days: Some(1),
        };
        assert_eq!(policy.and(loose), policy);
        assert_eq!(policy.and(Held::default()), policy);
        assert_eq!(Held::default().and(loose), loose);
        assert!(policy.faults().is_empty());
        let wrong = Held {
            max_rows: Some(0),
            backup_days: Some(366),
        };
        assert_eq!(wrong.faults().len(), 2);
    }
}
