//! An order that sorts every row for one.

use crate::lint::{Check, Rule, Words};

pub(in crate::lint) const RANDOM_ORDER: Rule = Rule {
    name: "random-order",
    severity: None,
    check: Check::Words(check),
};

fn check(words: &Words, report: &mut dyn FnMut(u32, String)) {
    for word in ["rand", "random"] {
        for line in words.all(&["order", "by", word]) {
            report(line, "every row is read and sorted by chance".to_owned());
        }
    }
}
