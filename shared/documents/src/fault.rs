//! What is wrong with a text, and where.

use std::fmt;

/// After so many, nobody reads on.
const MOST: usize = 100;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line in the text, from 1; 0 where it is of no line.
    pub line: u32,
    /// Column in the line, from 1.
    pub column: u32,
    /// The field, for instance `spec.columns[2].dataType`; empty for the whole document.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All that was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, (line, column): (u32, u32), path: &str, message: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Fault {
                line,
                column,
                path: path.to_owned(),
                message: message.into(),
            });
        }
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Vec<Fault>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
