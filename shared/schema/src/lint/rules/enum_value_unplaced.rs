//! A value of an enumeration without a place (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const ENUM_VALUE_UNPLACED: Rule = Rule {
    name: "enum-value-unplaced",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    let is_placed = words.has(&["before"]) || words.has(&["after"]);
    if words.begin(&["alter", "type"]) && words.has(&["add", "value"]) && !is_placed {
        report(
            words.line(),
            "the value comes last; say BEFORE or AFTER where the order means something".to_owned(),
        );
    }
}
