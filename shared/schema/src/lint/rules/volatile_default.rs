//! A default that is worked out for every row (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const VOLATILE_DEFAULT: Rule = Rule {
    name: "volatile-default",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

/// Functions whose value is another each time.
const VOLATILE: &[&str] = &[
    "gen_random_uuid",
    "uuid_generate_v4",
    "random",
    "clock_timestamp",
    "nextval",
    "timeofday",
];

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.begin(&["alter", "table"]) && words.has(&["add"]) {
        for word in VOLATILE {
            for line in words.all(&["default", word]) {
                report(
                    line,
                    format!(
                        "{word} is worked out for every row: the whole table is written anew while it is locked"
                    ),
                );
            }
        }
    }
}
