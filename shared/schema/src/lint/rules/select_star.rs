//! A query that takes whatever columns there are.

use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const SELECT_STAR: Rule = Rule {
    name: "select-star",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if let Some(line) = words.star() {
        report(
            line,
            "what * stands for changes with the table; name the columns".to_owned(),
        );
    }
}
