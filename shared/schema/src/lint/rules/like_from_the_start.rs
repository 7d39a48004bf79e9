//! A pattern that no index helps with.

use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const LIKE_FROM_THE_START: Rule = Rule {
    name: "like-from-the-start",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    for line in words.open_patterns() {
        report(line, "a pattern that begins with % reads every row".to_owned());
    }
}
