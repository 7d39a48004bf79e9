//! A statement that can not be run twice.

use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const IF_EXISTS_MISSING: Rule = Rule {
    name: "if-exists-missing",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    let exists =
        words.has(&["if", "exists"]) || words.has(&["if", "not", "exists"]) || words.has(&["or", "replace"]);
    if (words.begin(&["drop"]) || words.makes("table") || words.makes("index")) && !exists {
        report(
            words.line(),
            "it fails if it is run a second time; IF [NOT] EXISTS makes it robust".to_owned(),
        );
    }
}
