//! A number for every row, written while the table is locked (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const SERIAL_ADDED: Rule = Rule {
    name: "serial-added",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    if words.begin(&["alter", "table"]) {
        for word in ["serial", "bigserial", "smallserial"] {
            for line in words.all(&[word]) {
                report(
                    line,
                    "every row gets its number while the table is locked; add a plain column, fill it, then give it a \
                     sequence"
                        .to_owned(),
                );
            }
        }
    }
}
