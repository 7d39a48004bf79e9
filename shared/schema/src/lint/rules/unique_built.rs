//! A unique constraint whose index is built while the table is locked (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const UNIQUE_BUILT: Rule = Rule {
    name: "unique-built",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.begin(&["alter", "table"]) && !words.has(&["using", "index"]) {
        let keys = ["unique", "primary"];
        for line in keys
            .into_iter()
            .flat_map(|key| words.all(&["add", key]).chain(words.after_constraint(key)))
        {
            report(
                line,
                "its index is built while the table is locked; build a unique index CONCURRENTLY and add the constraint \
                 USING INDEX"
                    .to_owned(),
            );
        }
    }
}
