//! A check that is held against every row while the table is locked (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const CHECK_VALIDATED: Rule = Rule {
    name: "check-validated",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.begin(&["alter", "table"]) && !words.has(&["not", "valid"]) {
        for line in words
            .all(&["add", "check"])
            .chain(words.after_constraint("check"))
        {
            report(
                line,
                "the check is held against every row while the table is locked; add it NOT VALID and validate it in a \
                 later release"
                    .to_owned(),
            );
        }
    }
}
