//! How deep a statement's tree can become, found out before it is built.
//!
//! The parser counts how deep it calls itself, but what it reads in a loop (`1 + 1 + 1 …`, `a::b::c …`, `select …
//! union select …`) becomes a tree that leans to the left, one level for each link. Walking over such a tree, and
//! dropping it, takes stack for each level, and a stack that overflows ends the process. So the links are counted in
//! the tokens.

use crate::{
    Dialect,
    lex::{Kind, Lexer},
};

/// Levels that are read. A thread of 2 MiB holds several times as many (see the tests).
const MAX_LEVELS: usize = 2_000;

/// What is known of one nesting of brackets.
#[derive(Default)]
struct Nesting {
    /// Tokens since the last comma: each could be a link of one chain.
    run: usize,
    /// The deepest of the brackets in this run.
    inner: usize,
    /// The deepest run so far.
    deepest: usize,
    /// Set operations, which commas in their select lists do not interrupt.
    sets: usize,
}

impl Nesting {
    fn next_run(&mut self) {
        self.deepest = self.deepest.max(self.run + self.inner);
        (self.run, self.inner) = (0, 0);
    }

    fn levels(mut self) -> usize {
        self.next_run();
        self.deepest + self.sets
    }
}

/// Whether the statement may be deeper than is read. What the lexer can't cut is as deep as it is up to there.
pub(crate) fn is_deep(dialect: Dialect, text: &str) -> bool {
    let mut lexer = Lexer::new(dialect, text);
    let mut outer: Vec<Nesting> = Vec::new();
    let mut here = Nesting::default();
    while let Ok(Some(token)) = lexer.next() {
        match token.kind {
            Kind::Gap => {}
            Kind::Symbol('(' | '[' | '{') => outer.push(std::mem::take(&mut here)),
            Kind::Symbol(')' | ']' | '}') => here = close(here, outer.pop().unwrap_or_default()),
            Kind::Symbol(',' | ';') => here.next_run(),
            Kind::Word if is_set_operation(&text[token.start..token.end]) => here.sets += 1,
            Kind::Word | Kind::QuotedName | Kind::String | Kind::Symbol(_) => here.run += 1,
        }
        if here.run + here.inner + here.sets > MAX_LEVELS {
            return true;
        }
    }
    while let Some(around) = outer.pop() {
        here = close(here, around);
    }
    here.levels() > MAX_LEVELS
}

/// The nesting around, after a bracket in it was closed.
fn close(inside: Nesting, mut around: Nesting) -> Nesting {
    around.inner = around.inner.max(inside.levels());
    around.run += 1;
    around
}

fn is_set_operation(word: &str) -> bool {
    ["union", "except", "intersect", "minus"]
        .iter()
        .any(|operation| word.eq_ignore_ascii_case(operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Risk, classify, lint};
    use Dialect::{MySql, Postgres};

    /// `begin`, then `link` as often as gives so many levels.
    fn chain(begin: &str, link: &str, levels: usize) -> String {
        begin.to_owned() + &link.repeat(levels)
    }

    /// Each kind of chain that the parser reads in a loop, with the tokens that count in a link.
    const CHAINS: &[(Dialect, &str, &str, usize)] = &[
        (Postgres, "select 1", "+1", 2),
        (MySql, "select 1", " or 1", 2),
        (Postgres, "select a", "::int", 3),
        (Postgres, "select 1", " is null", 2),
        (Postgres, "select a", " collate b", 2),
        (Postgres, "select 1", "!", 1),
        (Postgres, "select array[1,2]", "||array[1,2]", 4),
        (Postgres, "select a,b", " union select a,b", 1),
        (MySql, "select a,b", " union all select a,b", 1),
        (Postgres, "alter table t add c int", "[]", 1),
        (Postgres, "select f(1)", "+f(1,2)", 3),
    ];

    #[test]
    fn chains_up_to_the_limit_are_walked_over_on_a_small_stack() {
        for (dialect, begin, link, tokens) in CHAINS {
            let text = chain(begin, link, MAX_LEVELS / tokens - 10);
            assert!(!is_deep(*dialect, &text), "{begin}{link}…");
            // A test's thread has 2 MiB, as tokio's have.
            classify(*dialect, &text);
            lint(*dialect, &text).unwrap();
        }
    }

    #[test]
    fn longer_chains_are_not_read() {
        for (dialect, begin, link, _) in CHAINS {
            let text = chain(begin, link, 3 * MAX_LEVELS);
            assert!(is_deep(*dialect, &text), "{begin}{link}…");
            assert_eq!(classify(*dialect, &text).risk, Risk::Unknown, "{begin}{link}…");
        }
    }

    #[test]
    fn chains_in_chains_add_up() {
        let half = MAX_LEVELS / 4;
        let inner = chain("1", "+1", half);
        assert!(!is_deep(Postgres, &format!("select ({inner})")));
        assert!(is_deep(
            Postgres,
            &format!("select {}", chain(&format!("({inner})"), "+1", 2 * half))
        ));
    }

    #[test]
    fn what_is_wide_is_not_deep() {
        let rows = vec!["(1, 'a', now())"; 10_000].join(", ");
        assert!(!is_deep(Postgres, &format!("insert into t values {rows}")));
        let columns: Vec<String> = (0..5_000).map(|n| format!("c{n} int not null")).collect();
        assert!(!is_deep(
            MySql,
            &format!("create table t ({})", columns.join(", "))
        ));
        let body = "begin atomic ".to_owned() + &"select 1; ".repeat(3_000) + "end";
        assert!(!is_deep(Postgres, &body));
    }
}
