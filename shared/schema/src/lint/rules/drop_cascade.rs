//! A drop that takes along what nobody named.

use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const DROP_CASCADE: Rule = Rule {
    name: "drop-cascade",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if words.begin(&["drop"]) || words.begin(&["alter"]) {
        let drops = words.has(&["drop"]);
        for line in words
            .all(&["cascade"])
            .filter(|_| drops && !words.has(&["foreign", "key"]))
        {
            report(
                line,
                "CASCADE drops what depends on it without naming it".to_owned(),
            );
        }
    }
}
