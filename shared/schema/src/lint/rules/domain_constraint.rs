//! A domain with a check: changing it reads every table that uses it (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const DOMAIN_CONSTRAINT: Rule = Rule {
    name: "domain-constraint",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.dialect != Dialect::Postgres {
        return;
    }
    let makes = words.begin(&["create", "domain"]) && words.has(&["check"]);
    let adds = words.begin(&["alter", "domain"]) && words.has(&["add"]);
    if makes || adds {
        report(
            words.line(),
            "a domain's check is held against every table that uses it; put checks on the tables".to_owned(),
        );
    }
}
