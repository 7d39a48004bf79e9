//! Walks over the tokens of one statement.

use super::{
    Unreadable,
    token::{Comment, Tok, Token, tokens},
};
use crate::{Dialect, lex::LexError};

/// A place in a statement.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    pub(crate) dialect: Dialect,
    text: &'a str,
    /// Line of the statement's first byte.
    line: u32,
    tokens: std::rc::Rc<[Token]>,
    comments: std::rc::Rc<[Comment]>,
    at: usize,
    /// How deep the reader is in brackets and the like.
    depth: usize,
}

/// How deep expressions may be nested.
const DEPTH: usize = 200;

impl<'a> Cursor<'a> {
    /// At the begin of a statement that stands in the given line.
    pub(crate) fn new(dialect: Dialect, text: &'a str, line: u32) -> Result<Self, Unreadable> {
        let (tokens, comments) = tokens(dialect, text).map_err(|error| {
            let (LexError::Unterminated { at, .. } | LexError::ExecutableComment { at }) = error;
            Unreadable::at(
                line_of(text, line, at),
                "a quote or comment that can't be followed",
            )
        })?;
        Ok(Self {
            dialect,
            text,
            line,
            tokens: tokens.into(),
            comments: comments.into(),
            at: 0,
            depth: 0,
        })
    }

    /// The token here.
    pub(crate) fn peek(&self) -> Option<&Tok> {
        self.ahead(0)
    }

    /// The token so many further on.
    pub(crate) fn ahead(&self, by: usize) -> Option<&Tok> {
        self.tokens.get(self.at + by).map(|token| &token.tok)
    }

    /// Takes the token here, whatever it is.
    pub(crate) fn next(&mut self) -> Option<Tok> {
        let tok = self.peek().cloned();
        self.at += usize::from(tok.is_some());
        tok
    }

    /// Which token this is.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes back (or on) to a token.
    pub(crate) fn go_to(&mut self, position: usize) {
        self.at = position;
    }

    /// Whether the statement ends here.
    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Whether the word stands here, in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.is_word_ahead(0, word)
    }

    /// Whether the word stands so many tokens further on.
    pub(crate) fn is_word_ahead(&self, by: usize, word: &str) -> bool {
        matches!(self.ahead(by), Some(Tok::Word(here)) if here.eq_ignore_ascii_case(word))
    }

    /// Whether these words stand here.
    pub(crate) fn is_words(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(by, word)| self.is_word_ahead(by, word))
    }

    /// Whether one of these words stands here.
    pub(crate) fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Takes the word if it stands here.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        self.take_words(&[word])
    }

    /// Takes these words if all of them stand here.
    pub(crate) fn take_words(&mut self, words: &[&str]) -> bool {
        let is = self.is_words(words);
        self.at += if is { words.len() } else { 0 };
        is
    }

    /// Takes the word; without it the statement can't be read.
    pub(crate) fn need(&mut self, word: &str) -> Result<(), Unreadable> {
        if self.take(word) {
            Ok(())
        } else {
            Err(self.expected(&word.to_uppercase()))
        }
    }

    /// Whether the mark stands here.
    pub(crate) fn is_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Tok::Mark(here)) if here == mark)
    }

    /// Whether the mark stands so many tokens further on.
    pub(crate) fn is_mark_ahead(&self, by: usize, mark: &str) -> bool {
        matches!(self.ahead(by), Some(Tok::Mark(here)) if here == mark)
    }

    /// Takes the mark if it stands here.
    pub(crate) fn take_mark(&mut self, mark: &str) -> bool {
        let is = self.is_mark(mark);
        self.at += usize::from(is);
        is
    }

    /// Takes the mark; without it the statement can't be read.
    pub(crate) fn need_mark(&mut self, mark: &str) -> Result<(), Unreadable> {
        if self.take_mark(mark) {
            Ok(())
        } else {
            Err(self.expected(mark))
        }
    }

    /// A name, as the server stores it.
    pub(crate) fn name(&mut self) -> Result<String, Unreadable> {
        match self.peek() {
            Some(Tok::Word(word)) => {
                let name = self.fold(word);
                self.at += 1;
                Ok(name)
            }
            Some(Tok::Quoted(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.expected("a name")),
        }
    }

    /// A name that may be qualified.
    pub(crate) fn qualified(&mut self) -> Result<(Option<String>, String), Unreadable> {
        let first = self.name()?;
        if !self.take_mark(".") {
            return Ok((None, first));
        }
        let second = self.name()?;
        if self.is_mark(".") {
            return Err(self.fail("a name of three parts; leave out the database"));
        }
        Ok((Some(first), second))
    }

    /// Names in brackets.
    pub(crate) fn names(&mut self) -> Result<Vec<String>, Unreadable> {
        self.list(Self::name)
    }

    /// `(item, item…)`.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        self.need_mark("(")?;
        let mut items = vec![item(self)?];
        while self.take_mark(",") {
            items.push(item(self)?);
        }
        self.need_mark(")")?;
        Ok(items)
    }

    /// A string's value.
    pub(crate) fn string(&mut self) -> Result<String, Unreadable> {
        let Some(Tok::Str(value)) = self.peek() else {
            return Err(self.expected("a string"));
        };
        let value = value.clone();
        self.at += 1;
        Ok(value)
    }

    /// A whole number, which may have a sign.
    pub(crate) fn integer(&mut self) -> Result<i64, Unreadable> {
        let sign = if self.take_mark("-") { "-" } else { "" };
        if sign.is_empty() {
            self.take_mark("+");
        }
        let value = match self.peek() {
            Some(Tok::Number(number)) => format!("{sign}{number}").parse().ok(),
            _ => None,
        };
        let value = value.ok_or_else(|| self.expected("a whole number"))?;
        self.at += 1;
        Ok(value)
    }

    /// The text from a token up to here, without comments, with single blanks.
    pub(crate) fn text_since(&self, from: usize) -> String {
        self.text_between(from, self.at)
    }

    /// The text of tokens, without comments, with single blanks.
    pub(crate) fn text_between(&self, from: usize, to: usize) -> String {
        let mut out = String::new();
        let mut last_end = None;
        for token in self.tokens.get(from..to).unwrap_or_default() {
            if last_end.is_some_and(|end| end < token.start) {
                out.push(' ');
            }
            out.push_str(&self.text[token.start..token.end]);
            last_end = Some(token.end);
        }
        out
    }

    /// The text from a token up to here, as it was written.
    pub(crate) fn raw_since(&self, from: usize) -> String {
        let tokens = self.tokens.get(from..self.at).unwrap_or_default();
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => self.text[first.start..last.end].to_owned(),
            _ => String::new(),
        }
    }

    /// The whole text without `qualifier.`, wherever it stands as a quoted name.
    pub(crate) fn without_qualifier(&self, qualifier: &str) -> String {
        let mut out = String::new();
        let mut from = 0;
        for pair in self.tokens.windows(2) {
            let [name, dot] = pair else { continue };
            let is_it = matches!(&name.tok, Tok::Quoted(quoted) if quoted == qualifier);
            if is_it && matches!(&dot.tok, Tok::Mark(mark) if mark == ".") && name.start >= from {
                out.push_str(&self.text[from..name.start]);
                from = dot.end;
            }
        }
        out.push_str(&self.text[from..]);
        out
    }

    /// Skips a bracket and all in it.
    pub(crate) fn skip_brackets(&mut self) -> Result<(), Unreadable> {
        self.need_mark("(")?;
        let mut open = 1_usize;
        while open > 0 {
            match self.next() {
                Some(Tok::Mark(mark)) if mark == "(" => open += 1,
                Some(Tok::Mark(mark)) if mark == ")" => open -= 1,
                Some(_) => {}
                None => return Err(self.expected(")")),
            }
        }
        Ok(())
    }

    /// Comments between the token before `from` (or the statement's begin) and the end of the line in which the
    /// token before `to` stands: where an annotation of what stands between them may be.
    pub(crate) fn comments_around(&self, from: usize, to: usize) -> impl Iterator<Item = &'a str> {
        let start = self.tokens.get(from).map_or(self.text.len(), |token| token.start);
        let last = self.tokens.get(to.saturating_sub(1)).map_or(0, |token| token.end);
        let mut end = last + self.text[last..].find('\n').unwrap_or(self.text.len() - last);
        // The next item may begin in the same line; its comments are its own.
        if let Some(next) = self.tokens.get(to + 1).filter(|next| next.start < end) {
            end = next.start;
        }
        let text = self.text;
        let comments: Vec<Comment> = self.comments.to_vec();
        comments
            .into_iter()
            .filter(move |comment| comment.start >= start && comment.start < end)
            .map(move |comment| &text[comment.start..comment.end])
    }

    /// The statement can't be read at this token.
    pub(crate) fn fail(&self, reason: impl Into<String>) -> Unreadable {
        let at = self
            .tokens
            .get(self.at)
            .map_or(self.text.len(), |token| token.start);
        Unreadable::at(line_of(self.text, self.line, at), reason)
    }

    /// The statement can't be read: something else should stand here.
    pub(crate) fn expected(&self, what: &str) -> Unreadable {
        let here = self
            .tokens
            .get(self.at)
            .map_or("the end", |token| &self.text[token.start..token.end]);
        let here: String = here.chars().take(40).collect();
        self.fail(format!("expected {what}, found {here}"))
    }

    /// All has been read.
    pub(crate) fn end(&self) -> Result<(), Unreadable> {
        if self.is_done() {
            Ok(())
        } else {
            Err(self.expected("the end of the statement"))
        }
    }

    /// Goes one level deeper while `inside` reads.
    pub(crate) fn deeper<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        if self.depth >= DEPTH {
            return Err(self.fail("nested too deeply"));
        }
        self.depth += 1;
        let out = inside(self);
        self.depth -= 1;
        out
    }

    /// A name without quotes, as the server stores it.
    fn fold(&self, word: &str) -> String {
        match self.dialect {
            // The server folds ASCII letters; others only in single-byte encodings.
            Dialect::Postgres => word.to_ascii_lowercase(),
            Dialect::MySql => word.to_owned(),
        }
    }
}

fn line_of(text: &str, first: u32, at: usize) -> u32 {
    let newlines = text[..at].bytes().filter(|&byte| byte == b'\n').count();
    first.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX))
}
