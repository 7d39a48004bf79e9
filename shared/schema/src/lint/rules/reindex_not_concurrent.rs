//! An index that is built anew while others wait (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const REINDEX_NOT_CONCURRENT: Rule = Rule {
    name: "reindex-not-concurrent",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.begin(&["reindex"]) && !words.has(&["concurrently"]) {
        report(
            words.line(),
            "writing waits until it is built; write REINDEX … CONCURRENTLY".to_owned(),
        );
    }
}
