//! An insert that breaks when a column is added.

use crate::lint::{Check, Rule, Severity, Words};

pub(in crate::lint) const INSERT_WITHOUT_COLUMNS: Rule = Rule {
    name: "insert-without-columns",
    severity: Some(Severity::Warning),
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    if (words.begin(&["insert"]) || words.begin(&["replace"])) && words.inserts_by_position() {
        report(
            words.line(),
            "the values go by the columns' order, which another release may change; name the columns"
                .to_owned(),
        );
    }
}
