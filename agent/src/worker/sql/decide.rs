//! After a crash: did the statement that was starting happen?

use muster_schema::{Class, Classification, StatementKind};
use serde::{Deserialize, Serialize};

/// What the catalogue says about a statement's objects at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// For each of the statement's effects, whether it holds.
    pub(super) effects: Vec<Held>,
    /// Each object with the fingerprint of its definition.
    pub(super) objects: Vec<(String, String)>,
}

/// Whether an effect holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Held {
    No,
    Yes,
    /// Something of that name is there and unusable: an index whose building was interrupted.
    Broken,
}

/// What to do with a statement that was starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// It did not happen, or doing it again does no harm.
    Run,
    /// It happened.
    Done,
    /// It left something unusable behind: clear that away and run it.
    ClearAndRun,
    /// Can't be told; the text says why.
    Ask(&'static str),
}

/// Compares the state before the statement with the state now.
pub(super) fn decide(seen: &Classification, before: Option<&State>, now: &State) -> Decision {
    match seen.class {
        Class::Read | Class::Session | Class::Maintenance => return Decision::Run,
        Class::Data => {
            return Decision::Ask(
                "it changes rows of tables without transactions, so whether it did can't be told",
            );
        }
        Class::Unknown => return Decision::Ask("it can't be read, so whether it happened can't be told"),
        Class::Definition => {}
    }
    let Some(before) = before else {
        return Decision::Ask("the state before it was not recorded");
    };
    if before.effects.is_empty() && before.objects.is_empty() {
        return Decision::Ask("nothing that it changes can be looked up");
    }
    if seen.kind == StatementKind::Truncate {
        // Its one effect is that the tables are empty. Rows that are there now may be newer than it.
        return match all(now) {
            Some(Held::Yes) => Decision::Done,
            _ => Decision::Ask("there are rows, and whether they are older than it can't be told"),
        };
    }
    if now == before {
        // Renaming in a circle can leave equal tables under equal names, and doing it twice would undo it.
        if seen.kind == StatementKind::RenameTable && all(before) == Some(Held::Yes) {
            return Decision::Ask("it renames in a circle, so both states look alike");
        }
        return Decision::Run;
    }
    if now.effects.contains(&Held::Broken) {
        return Decision::ClearAndRun;
    }
    match all(now) {
        Some(Held::Yes) => Decision::Done,
        None => Decision::Ask(
            "what it changes is not as it was before, and whether it did that or somebody else can't be told",
        ),
        Some(_) => Decision::Ask("the database is neither as it was before nor as it should be after it"),
    }
}

/// `Yes` if every effect holds, `None` if there is none to look at.
fn all(state: &State) -> Option<Held> {
    if state.effects.is_empty() {
        return None;
    }
    let yes = state.effects.iter().all(|held| *held == Held::Yes);
    Some(if yes { Held::Yes } else { Held::No })
}

#[cfg(test)]
mod tests {
    use muster_schema::{Dialect, classify};

    use super::*;

    fn state(effects: &[Held], print: &str) -> State {
        State {
            effects: effects.to_vec(),
            objects: vec![("t".into(), print.into())],
        }
    }

    fn decided(sql: &str, before: &State, now: &State) -> Decision {
        decide(&classify(Dialect::MySql, sql), Some(before), now)
    }

    #[test]
    fn the_state_before_means_run_and_the_state_after_means_done() {
        let (before, after) = (state(&[Held::No], "a"), state(&[Held::Yes], "b"));
        let sql = "alter table t add column c int";
        assert_eq!(decided(sql, &before, &before), Decision::Run);
        assert_eq!(decided(sql, &before, &after), Decision::Done);
    }

    #[test]
    fn a_changed_definition_without_the_effect_is_for_a_person() {
        let (before, other) = (state(&[Held::No], "a"), state(&[Held::No], "b"));
        assert!(matches!(
            decided("alter table t add column c int", &before, &other),
            Decision::Ask(_)
        ));
    }

    #[test]
    fn a_changed_definition_without_an_effect_to_look_at_may_be_somebody_else_s() {
        let (before, other) = (state(&[], "a"), state(&[], "b"));
        let sql = "alter table t modify column c bigint";
        assert_eq!(decided(sql, &before, &before), Decision::Run);
        assert!(matches!(decided(sql, &before, &other), Decision::Ask(_)));
    }

    #[test]
    fn half_of_several_drops_is_for_a_person() {
        let before = state(&[Held::No, Held::No], "a");
        let half = state(&[Held::Yes, Held::No], "b");
        assert!(matches!(
            decided("drop table a, b", &before, &half),
            Decision::Ask(_)
        ));
    }

    #[test]
    fn an_interrupted_index_is_cleared_away() {
        let (before, broken) = (state(&[Held::No], "a"), state(&[Held::Broken], "a"));
        assert_eq!(
            decided("create index i on t (a)", &before, &broken),
            Decision::ClearAndRun
        );
    }

    #[test]
    fn truncate_counts_only_if_nothing_came_after() {
        let before = state(&[Held::No], "a");
        assert_eq!(
            decided("truncate table t", &before, &state(&[Held::Yes], "a")),
            Decision::Done
        );
        assert!(matches!(
            decided("truncate table t", &before, &before),
            Decision::Ask(_)
        ));
    }

    #[test]
    fn circles_data_and_unreadable_statements_are_for_a_person() {
        let held = state(&[Held::Yes, Held::Yes, Held::Yes], "a");
        for sql in [
            "rename table a to x, b to a, x to b",
            "insert into t values (1)",
            "frobnicate",
        ] {
            assert!(matches!(decided(sql, &held, &held), Decision::Ask(_)), "{sql}");
        }
    }
}
