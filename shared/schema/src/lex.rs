//! Cuts SQL text into the tokens that matter for finding where statements end: the server's own lexical rules,
//! and no grammar.
//!
//! PostgreSQL: <https://www.postgresql.org/docs/15/sql-syntax-lexical.html>.
//! MySQL: <https://dev.mysql.com/doc/refman/8.4/en/language-structure.html>, in its default quoting modes; whoever
//! runs the text sets `standard_conforming_strings` and `sql_mode` to match.

use crate::Dialect;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// White space or a comment.
    Gap,
    /// A name, keyword or number.
    Word,
    /// A quoted name.
    QuotedName,
    /// A string.
    String,
    /// Any other single character.
    Symbol(char),
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Why the text can't be cut; `at` is a byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexError {
    Unterminated { what: &'static str, at: usize },
    ExecutableComment { at: usize },
}

/// Walks over a text.
pub(crate) struct Lexer<'a> {
    dialect: Dialect,
    text: &'a str,
    pub(crate) at: usize,
    /// A word ends where this begins (a client's delimiter such as `//` or `$$`).
    pub(crate) stop: Option<&'a str>,
}

impl<'a> Lexer<'a> {
    pub(crate) const fn new(dialect: Dialect, text: &'a str) -> Self {
        Self {
            dialect,
            text,
            at: 0,
            stop: None,
        }
    }

    /// The next token; `None` at the end of the text.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, LexError> {
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            return Ok(None);
        };
        let kind = match first {
            c if is_space(c, start) => {
                let rest = self.rest();
                let spaces = rest.char_indices().find(|&(i, c)| !is_space(c, start + i));
                self.at += spaces.map_or(rest.len(), |(i, _)| i);
                Kind::Gap
            }
            '-' if self.is_dash_comment() => self.line_comment(),
            '#' if self.dialect == Dialect::MySql => self.line_comment(),
            '/' if self.rest().starts_with("/*") => self.block_comment()?,
            '\'' => self.quoted('\'', self.dialect == Dialect::MySql, "string", Kind::String)?,
            '"' if self.dialect == Dialect::MySql => self.quoted('"', true, "string", Kind::String)?,
            '"' => self.quoted('"', false, "quoted name", Kind::QuotedName)?,
            '`' if self.dialect == Dialect::MySql => {
                self.quoted('`', false, "quoted name", Kind::QuotedName)?
            }
            '$' if self.dialect == Dialect::Postgres => self.dollar()?,
            c if is_word(c) => self.word()?,
            c => {
                self.at += c.len_utf8();
                Kind::Symbol(c)
            }
        };
        Ok(Some(Token {
            kind,
            start,
            end: self.at,
        }))
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn is_dash_comment(&self) -> bool {
        let Some(after) = self.rest().strip_prefix("--") else {
            return false;
        };
        // MySQL wants a blank after it, so that `5--1` stays arithmetic.
        self.dialect == Dialect::Postgres
            || after
                .chars()
                .next()
                .is_none_or(|c| c.is_ascii_whitespace() || c.is_ascii_control())
    }

    fn line_comment(&mut self) -> Kind {
        let ends: &[char] = match self.dialect {
            Dialect::MySql => &['\n'],
            Dialect::Postgres => &['\n', '\r'],
        };
        self.at += self.rest().find(ends).unwrap_or(self.rest().len());
        Kind::Gap
    }

    fn block_comment(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        let unterminated = LexError::Unterminated {
            what: "comment",
            at: start,
        };
        self.at += 2;
        if self.dialect == Dialect::MySql {
            if self.rest().starts_with('!') || self.rest().starts_with("M!") {
                return Err(LexError::ExecutableComment { at: start });
            }
            self.at += self.rest().find("*/").ok_or(unterminated)? + 2;
            return Ok(Kind::Gap);
        }
        let mut depth = 1_usize;
        while depth > 0 {
            let next = self.rest().find(['*', '/']).ok_or(unterminated)?;
            self.at += next;
            if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else {
                self.at += 1;
            }
        }
        Ok(Kind::Gap)
    }

    /// From an opening quote to its closing one; a doubled quote stands for itself.
    fn quoted(
        &mut self,
        quote: char,
        escapes: bool,
        what: &'static str,
        kind: Kind,
    ) -> Result<Kind, LexError> {
        let start = self.at;
        self.at += 1;
        let mut chars = self.rest().char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if escapes && c == '\\' {
                chars.next();
            } else if c == quote {
                if chars.peek().is_some_and(|&(_, next)| next == quote) {
                    chars.next();
                } else {
                    self.at += i + 1;
                    return Ok(kind);
                }
            }
        }
        Err(LexError::Unterminated { what, at: start })
    }

    /// `$$…$$`, `$tag$…$tag$`, or a parameter such as `$1`.
    fn dollar(&mut self) -> Result<Kind, LexError> {
        let start = self.at;
        let rest = self.rest();
        let tag_end = rest[1..]
            .find(|c: char| !(is_word(c) && c != '$'))
            .map_or(rest.len(), |i| i + 1);
        let tag_is_name = !rest[1..tag_end].starts_with(|c: char| c.is_ascii_digit());
        if !rest[tag_end..].starts_with('$') || !tag_is_name {
            self.at += tag_end;
            return Ok(Kind::Word);
        }
        let tag = &rest[..=tag_end];
        self.at += tag.len();
        let length = self.rest().find(tag).ok_or(LexError::Unterminated {
            what: "dollar-quoted string",
            at: start,
        })?;
        self.at += length + tag.len();
        Ok(Kind::String)
    }

    fn word(&mut self) -> Result<Kind, LexError> {
        let rest = self.rest();
        // `1$$` in PostgreSQL: a number, and the start of a dollar quote.
        let no_dollar = self.dialect == Dialect::Postgres && rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest
            .char_indices()
            .find(|&(i, c)| {
                !is_word(c)
                    || (no_dollar && c == '$')
                    || (i > 0 && self.stop.is_some_and(|stop| rest[i..].starts_with(stop)))
            })
            .map_or(rest.len(), |(i, _)| i);
        self.at += end;
        let is_escape = self.dialect == Dialect::Postgres && rest[..end].eq_ignore_ascii_case("e");
        if is_escape && self.rest().starts_with('\'') {
            return self.quoted('\'', true, "string", Kind::String);
        }
        Ok(Kind::Word)
    }
}

fn is_space(c: char, at: usize) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}') || (at == 0 && c == '\u{feff}')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The tokens of a statement without the gaps, for recognisers; words come in upper case. Fails where the text can't
/// be cut to its end.
pub(crate) fn words(dialect: Dialect, text: &str) -> Result<Vec<(Kind, String)>, LexError> {
    let mut lexer = Lexer::new(dialect, text);
    let mut out = Vec::new();
    while let Some(token) = lexer.next()? {
        let piece = &text[token.start..token.end];
        match token.kind {
            Kind::Gap => {}
            Kind::Word => out.push((token.kind, piece.to_ascii_uppercase())),
            Kind::QuotedName | Kind::String | Kind::Symbol(_) => out.push((token.kind, piece.to_owned())),
        }
    }
    Ok(out)
}
