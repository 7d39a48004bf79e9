//! What a rule sees of a statement: its words, each with its line.

use crate::{
    Dialect,
    read::{Tok, token::tokens},
};

/// The words and marks of a statement.
pub(in crate::lint) struct Words {
    pub(in crate::lint) dialect: Dialect,
    all: Vec<(Tok, u32)>,
    line: u32,
}

impl Words {
    /// Of a statement that begins in this line; none where it has no tokens.
    pub(super) fn of(dialect: Dialect, text: &str, line: u32) -> Option<Self> {
        let (found, _) = tokens(dialect, text).ok()?;
        let (mut at, mut now) = (0, line);
        let mut all = Vec::with_capacity(found.len());
        for token in found {
            let between = text.get(at..token.start).unwrap_or_default();
            now += u32::try_from(between.matches('\n').count()).unwrap_or(0);
            at = token.start;
            all.push((token.tok, now));
        }
        let line = all.first()?.1;
        Some(Self { dialect, all, line })
    }

    /// The line of the first word.
    pub(in crate::lint) fn line(&self) -> u32 {
        self.line
    }

    fn is(&self, at: usize, word: &str) -> bool {
        matches!(self.all.get(at), Some((Tok::Word(own), _)) if own.eq_ignore_ascii_case(word))
    }

    fn is_mark(&self, at: usize, mark: &str) -> bool {
        matches!(self.all.get(at), Some((Tok::Mark(own), _)) if own == mark)
    }

    fn are(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(by, word)| self.is(at + by, word))
    }

    fn line_at(&self, at: usize) -> u32 {
        self.all.get(at).map_or(self.line, |(_, line)| *line)
    }

    /// Whether it begins with these words.
    pub(in crate::lint) fn begin(&self, words: &[&str]) -> bool {
        self.are(0, words)
    }

    /// Whether these words stand somewhere, one after the other.
    pub(in crate::lint) fn has(&self, words: &[&str]) -> bool {
        self.all(words).next().is_some()
    }

    /// The lines of all places where these words stand one after the other.
    pub(in crate::lint) fn all(&self, words: &[&str]) -> std::vec::IntoIter<u32> {
        (0..self.all.len())
            .filter(|at| self.are(*at, words))
            .map(|at| self.line_at(at))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// The lines of all `constraint name word`.
    pub(in crate::lint) fn after_constraint(&self, word: &str) -> std::vec::IntoIter<u32> {
        (0..self.all.len())
            .filter(|at| self.is(*at, "constraint") && self.is(at + 2, word))
            .map(|at| self.line_at(at))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Whether it makes such a thing: `create [or replace] [unique…] kind`.
    pub(in crate::lint) fn makes(&self, kind: &str) -> bool {
        const BETWEEN: &[&str] = &[
            "or",
            "replace",
            "unique",
            "fulltext",
            "spatial",
            "temporary",
            "unlogged",
            "constraint",
            "aggregate",
        ];
        let mut at = 1;
        while BETWEEN.iter().any(|word| self.is(at, word)) {
            at += 1;
        }
        // MySQL's `definer = user@host`.
        while self.is(at, "definer") || at > 1 && at < 12 && !self.is(at, kind) && self.has(&["definer"]) {
            at += 1;
        }
        self.is(0, "create") && self.is(at, kind)
    }

    /// `= null` and `<> null` where something is asked.
    pub(in crate::lint) fn compared_to_null(&self) -> Vec<(u32, &'static str)> {
        let asks = |word: &str| ["where", "and", "or", "on", "having", "when", "not"].contains(&word);
        let sets = |word: &str| ["set", "default", "values"].contains(&word);
        let mut asking = false;
        let mut found = Vec::new();
        for (at, (tok, line)) in self.all.iter().enumerate() {
            match tok {
                Tok::Word(word) if asks(&word.to_ascii_lowercase()) => asking = true,
                Tok::Word(word) if sets(&word.to_ascii_lowercase()) => asking = false,
                Tok::Mark(mark) if asking && self.is(at + 1, "null") => {
                    let operator = ["=", "<>", "!="].into_iter().find(|operator| operator == mark);
                    found.extend(operator.map(|operator| (*line, operator)));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether an insert says only values: `into table values`, `into table select`.
    pub(in crate::lint) fn inserts_by_position(&self) -> bool {
        let Some(into) = (0..self.all.len()).find(|at| self.is(*at, "into")) else {
            return false;
        };
        let mut at = into + 2;
        while self.is_mark(at, ".") {
            at += 2;
        }
        self.is(at, "values") || self.is(at, "value") || self.is(at, "select")
    }

    /// The line of a `select *` or `select t.*`.
    pub(in crate::lint) fn star(&self) -> Option<u32> {
        let stars = |at: usize| {
            self.is_mark(at, "*")
                && (self.is(at.wrapping_sub(1), "select")
                    || self.is(at.wrapping_sub(1), "distinct")
                    || self.is_mark(at.wrapping_sub(1), "."))
        };
        (1..self.all.len())
            .find(|at| stars(*at))
            .map(|at| self.line_at(at))
    }

    /// The lines of `like '%…'`.
    pub(in crate::lint) fn open_patterns(&self) -> Vec<u32> {
        let is_open =
            |at: usize| matches!(self.all.get(at), Some((Tok::Str(text), _)) if text.starts_with('%'));
        (0..self.all.len())
            .filter(|at| (self.is(*at, "like") || self.is(*at, "ilike")) && is_open(at + 1))
            .map(|at| self.line_at(at))
            .collect()
    }

    /// All names, quoted or not.
    pub(in crate::lint) fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        self.all.iter().filter_map(|(tok, line)| match tok {
            Tok::Word(name) | Tok::Quoted(name) => Some((*line, name.as_str())),
            Tok::Str(_) | Tok::Number(_) | Tok::Mark(_) => None,
        })
    }

    /// Columns that one `update` sets twice, outside of brackets.
    pub(in crate::lint) fn assigned_twice(&self) -> Vec<(u32, String)> {
        if !self.begin(&["update"]) {
            return Vec::new();
        }
        let Some(set) = (0..self.all.len()).find(|at| self.is(*at, "set")) else {
            return Vec::new();
        };
        let (mut seen, mut twice, mut depth, mut begins) = (Vec::new(), Vec::new(), 0_i32, true);
        let mut name: Vec<String> = Vec::new();
        for (tok, line) in &self.all[set + 1..] {
            match tok {
                Tok::Mark(mark) if mark == "(" => depth += 1,
                Tok::Mark(mark) if mark == ")" => depth -= 1,
                Tok::Mark(mark) if mark == "," && depth == 0 => (begins, name) = (true, Vec::new()),
                Tok::Mark(mark) if mark == "=" && depth == 0 && begins => {
                    let own = name.join(".");
                    if seen.contains(&own) {
                        twice.push((*line, own.clone()));
                    }
                    seen.push(own);
                    begins = false;
                }
                Tok::Word(word)
                    if ["where", "from", "returning", "order", "limit"]
                        .iter()
                        .any(|end| depth == 0 && word.eq_ignore_ascii_case(end)) =>
                {
                    break;
                }
                Tok::Word(word) if begins && depth == 0 => name.push(match self.dialect {
                    Dialect::Postgres => word.to_lowercase(),
                    Dialect::MySql => word.clone(),
                }),
                Tok::Quoted(word) if begins && depth == 0 => name.push(word.clone()),
                _ => {}
            }
        }
        twice
    }
}
