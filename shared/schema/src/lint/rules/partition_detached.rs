//! A partition that is detached while others wait (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const PARTITION_DETACHED: Rule = Rule {
    name: "partition-detached",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.has(&["detach", "partition"]) && !words.has(&["concurrently"]) {
        report(
            words.line(),
            "detaching blocks everything on the table; write DETACH PARTITION … CONCURRENTLY".to_owned(),
        );
    }
}
