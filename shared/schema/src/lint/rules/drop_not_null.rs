//! A column that programs have never seen null in.

use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const DROP_NOT_NULL: Rule = Rule {
    name: "drop-not-null",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    for line in words.all(&["drop", "not", "null"]) {
        report(
            line,
            "programs that never saw a null there may fail on the first one; look at them first".to_owned(),
        );
    }
}
