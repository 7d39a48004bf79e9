//! A name that the server cuts or refuses.

use crate::Dialect;
use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const IDENTIFIER_TOO_LONG: Rule = Rule {
    name: "identifier-too-long",
    severity: Some(Severity::Error),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    for (line, name) in words.names() {
        let is_long = match words.dialect {
            Dialect::Postgres => name.len() > 63,
            Dialect::MySql => name.chars().count() > 64,
        };
        if is_long {
            let what = match words.dialect {
                Dialect::Postgres => "PostgreSQL cuts it after 63 bytes",
                Dialect::MySql => "MySQL refuses more than 64 characters",
            };
            report(line, format!("the name {name} is too long: {what}"));
        }
    }
}
