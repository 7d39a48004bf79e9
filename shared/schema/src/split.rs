//! Cuts a text into statements, as `psql` and `mysql` do it.

use crate::{
    Dialect,
    lex::{Kind, LexError, Lexer, Token},
};

/// A text may be this long: with what travels beside it, it must fit into one frame to a host.
pub const MAX_TEXT_BYTES: usize = 896 * 1024;
/// A statement may be this long.
pub const MAX_STATEMENT_BYTES: usize = 256 * 1024;
/// A text may hold so many statements.
pub const MAX_STATEMENTS: usize = 1_000;

/// One statement and where it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// From its first word to its last, without the terminator and without comments before and after it.
    pub text: &'a str,
    /// Byte offset of `text`'s start.
    pub start: usize,
    /// Byte offset of `text`'s end.
    pub end: usize,
    /// Line of its first word, from 1.
    pub line: u32,
}

/// Why a text can't be cut into statements.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// More than [`MAX_TEXT_BYTES`].
    #[error("the text has {bytes} bytes; at most {MAX_TEXT_BYTES} are taken")]
    TextTooLong {
        /// How many it has.
        bytes: usize,
    },
    /// More than [`MAX_STATEMENT_BYTES`].
    #[error("line {line}: the statement has more than {MAX_STATEMENT_BYTES} bytes")]
    StatementTooLong {
        /// Where it starts.
        line: u32,
    },
    /// More than [`MAX_STATEMENTS`].
    #[error("line {line}: more than {MAX_STATEMENTS} statements; make several releases of it")]
    TooManyStatements {
        /// Where the first one too many starts.
        line: u32,
    },
    /// A quote or comment that is never closed.
    #[error("line {line}: the {what} that starts here is never closed")]
    Unterminated {
        /// What it is.
        what: &'static str,
        /// Where it starts.
        line: u32,
    },
    /// `\d`, `\i`, `\G`…
    #[error("line {line}: a backslash command of the command-line client is not SQL; write what it does")]
    ClientCommand {
        /// Where.
        line: u32,
    },
    /// `/*! … */`, which some servers run and others skip.
    #[error("line {line}: an executable comment runs on some servers only; write the statement itself")]
    ExecutableComment {
        /// Where.
        line: u32,
    },
    /// A routine's body without `DELIMITER`.
    #[error("line {line}: a routine with a BEGIN … END body needs a DELIMITER line before it")]
    NeedsDelimiter {
        /// Where the routine starts.
        line: u32,
    },
    /// `DELIMITER` with nothing or a backslash after it, or in PostgreSQL, which has none.
    #[error("line {line}: this DELIMITER line can't be followed; write for instance `DELIMITER //`")]
    BadDelimiter {
        /// Where.
        line: u32,
    },
    /// A zero byte or another control character that no editor writes.
    #[error("line {line}: the text holds a zero byte")]
    ZeroByte {
        /// Where.
        line: u32,
    },
}

/// Cuts `text` into statements. An empty text, or one of comments only, has none.
pub fn split(dialect: Dialect, text: &str) -> Result<Vec<Statement<'_>>, SplitError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(SplitError::TextTooLong { bytes: text.len() });
    }
    cut(dialect, text, MAX_STATEMENTS)
}

/// Cuts a text that we have written ourselves, however long it is.
pub(crate) fn split_ours(dialect: Dialect, text: &str) -> Result<Vec<Statement<'_>>, SplitError> {
    cut(dialect, text, usize::MAX)
}

fn cut(dialect: Dialect, text: &str, most: usize) -> Result<Vec<Statement<'_>>, SplitError> {
    if let Some(at) = text.find('\0') {
        return Err(SplitError::ZeroByte {
            line: line_at(text, at),
        });
    }
    Splitter {
        dialect,
        text,
        lexer: Lexer::new(dialect, text),
        current: Current::default(),
        counted: (0, 1),
        statements: Vec::new(),
        most,
    }
    .run()
}

/// The text by which a list of statements is known: each followed by `;` and a line feed. Its SHA-256 is what
/// people approve and what the agent checks.
pub fn canonical<'a>(statements: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for statement in statements {
        text.push_str(statement);
        text.push_str(";\n");
    }
    text
}

struct Splitter<'a> {
    dialect: Dialect,
    text: &'a str,
    lexer: Lexer<'a>,
    current: Current,
    /// Up to which byte lines have been counted, and the line there.
    counted: (usize, u32),
    statements: Vec<Statement<'a>>,
    /// So many are taken.
    most: usize,
}

/// The statement being read.
#[derive(Default)]
struct Current {
    /// First and last byte of it so far.
    span: Option<(usize, usize)>,
    /// Its first words, in upper case: enough to know a routine.
    head: Vec<String>,
    /// Open parentheses: semicolons in them belong to a rule's actions.
    parens: usize,
    /// Open `BEGIN ATOMIC` and `CASE` in a routine's body.
    blocks: usize,
}

impl<'a> Splitter<'a> {
    fn run(mut self) -> Result<Vec<Statement<'a>>, SplitError> {
        loop {
            if let Some(delimiter) = self.lexer.stop
                && self.lexer.rest().starts_with(delimiter)
            {
                self.lexer.at += delimiter.len();
                self.finish()?;
                continue;
            }
            let next = self.lexer.next().map_err(|error| self.lex_error(error))?;
            let Some(token) = next else {
                self.finish()?;
                return Ok(self.statements);
            };
            self.take(token)?;
        }
    }

    fn take(&mut self, token: Token) -> Result<(), SplitError> {
        match token.kind {
            Kind::Gap => return Ok(()),
            Kind::Symbol(';') if self.lexer.stop.is_none() && self.ends_here() => return self.finish(),
            Kind::Symbol('\\') => {
                return Err(SplitError::ClientCommand {
                    line: self.line(token.start),
                });
            }
            Kind::Symbol('(') => self.current.parens += 1,
            Kind::Symbol(')') => self.current.parens = self.current.parens.saturating_sub(1),
            Kind::Word => {
                let word = self.text[token.start..token.end].to_ascii_uppercase();
                if word == "DELIMITER" && self.current.span.is_none() {
                    return self.set_delimiter(token);
                }
                self.word(word, token)?;
            }
            Kind::QuotedName | Kind::String | Kind::Symbol(_) => {}
        }
        let (start, _) = self
            .current
            .span
            .get_or_insert((token.start, token.end))
            .to_owned();
        self.current.span = Some((start, token.end));
        Ok(())
    }

    fn word(&mut self, word: String, token: Token) -> Result<(), SplitError> {
        if self.is_routine() {
            match (self.dialect, word.as_str()) {
                (Dialect::MySql, "BEGIN") if self.lexer.stop.is_none() => {
                    let start = self.current.span.map_or(token.start, |(start, _)| start);
                    return Err(SplitError::NeedsDelimiter {
                        line: self.line(start),
                    });
                }
                (Dialect::Postgres, "BEGIN" | "CASE") => self.current.blocks += 1,
                (Dialect::Postgres, "END") => self.current.blocks = self.current.blocks.saturating_sub(1),
                _ => {}
            }
        }
        if self.current.head.len() < 12 {
            self.current.head.push(word);
        }
        Ok(())
    }

    /// `CREATE [OR REPLACE] [DEFINER …] FUNCTION | PROCEDURE | TRIGGER | EVENT` has been read.
    fn is_routine(&self) -> bool {
        let head = &self.current.head;
        let kinds: &[&str] = match self.dialect {
            Dialect::MySql => &["FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "PACKAGE"],
            Dialect::Postgres => &["FUNCTION", "PROCEDURE"],
        };
        head.first()
            .is_some_and(|word| word == "CREATE" || word == "ALTER")
            && head.iter().any(|word| kinds.contains(&word.as_str()))
    }

    fn ends_here(&self) -> bool {
        match self.dialect {
            Dialect::MySql => true,
            Dialect::Postgres => self.current.parens == 0 && self.current.blocks == 0,
        }
    }

    /// The rest of the line after `DELIMITER` is what ends statements from here on.
    fn set_delimiter(&mut self, token: Token) -> Result<(), SplitError> {
        let bad = SplitError::BadDelimiter {
            line: self.line(token.start),
        };
        let rest = self.lexer.rest();
        let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        let wanted = line.split_whitespace().next().unwrap_or_default();
        let separated = line.starts_with([' ', '\t']);
        if self.dialect != Dialect::MySql || wanted.is_empty() || wanted.contains('\\') || !separated {
            return Err(bad);
        }
        if wanted.contains(['\'', '"', '`', '#']) || wanted.contains("--") || wanted.contains("/*") {
            return Err(bad);
        }
        self.lexer.stop = (wanted != ";").then_some(wanted);
        self.lexer.at += line.len();
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SplitError> {
        let current = std::mem::take(&mut self.current);
        let Some((start, end)) = current.span else {
            return Ok(());
        };
        let line = self.line(start);
        if end - start > MAX_STATEMENT_BYTES {
            return Err(SplitError::StatementTooLong { line });
        }
        if self.statements.len() == self.most {
            return Err(SplitError::TooManyStatements { line });
        }
        self.statements.push(Statement {
            text: &self.text[start..end],
            start,
            end,
            line,
        });
        Ok(())
    }

    /// Line of a byte offset; cheap for offsets that only grow.
    fn line(&mut self, at: usize) -> u32 {
        let (from, line) = self.counted;
        if at < from {
            return line_at(self.text, at);
        }
        self.counted = (at, line + newlines(&self.text[from..at]));
        self.counted.1
    }

    fn lex_error(&self, error: LexError) -> SplitError {
        match error {
            LexError::Unterminated { what, at } => SplitError::Unterminated {
                what,
                line: line_at(self.text, at),
            },
            LexError::ExecutableComment { at } => SplitError::ExecutableComment {
                line: line_at(self.text, at),
            },
        }
    }
}

fn line_at(text: &str, at: usize) -> u32 {
    1 + newlines(&text[..at])
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|&byte| byte == b'\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
