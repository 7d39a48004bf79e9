//! An index that is dropped while others wait (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const INDEX_DROP_NOT_CONCURRENT: Rule = Rule {
    name: "index-drop-not-concurrent",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.begin(&["drop", "index"]) && !words.has(&["concurrently"]) {
        report(
            words.line(),
            "dropping it waits for, and blocks, everything on its table; write DROP INDEX CONCURRENTLY"
                .to_owned(),
        );
    }
}
