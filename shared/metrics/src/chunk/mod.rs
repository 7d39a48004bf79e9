//! A stretch of a host's past at rest: its samples turned into columns, each compressed by itself.
//!
//! # Format
//!
//! | part | what |
//! |---|---|
//! | version | one byte, 3; 4 if columns are told |
//! | rows | number of samples |
//! | layout | the columns, as in a sample's frame, each subject once |
//! | directory | for each column its flags (1 packed, 2 partial, 4 predicted, 8 in stretches, 16 told, 32 told as counted) and its bytes' length; the times' column comes first, before the layout's, always present |
//! | columns | their bytes: if partial which rows have a value: a bitmap (a bit for each row, lowest first), or in stretches their number and for each the rows that were left out before it and how many it has; if predicted the prediction; then one value for all as a signed integer, or if packed a standalone pco file of the present values |
//! | check | the first 8 bytes of the SHA-256 of everything before |
//!
//! A predicted column holds what has to be added to a prediction: a sum of other columns, each times a factor, divided
//! by a number and rounded down. It is written as that number, the number of terms and for each term the column's place
//! in the layout and its factor. Memory that is available is what is not used, and takes next to nothing that way.
//!
//! A told column is its `Linear`: the value that all are multiples of a step above, the sum's beginning, the
//! companion's place plus one, and the terms, each what it takes (1 and 2 are the column's own values so many rows before, 4 + 2n
//! another column's, 5 + 2n the same a row before) and its weight in 2^-32; then how many bits tell a number's size, and eight times how many tell a remainder's; then to the end an arithmetic coder's bits, see `coder.rs`. If
//! it was counted, what it was divided by comes before that: 0, the kind (1 blocks, 2 ticks), the usual divisor, and by how much each
//! row's is more, coded; or the place plus one of the column that has them. Then after each number comes what the agent's
//! rounding doesn't explain, nearly always nothing.
//!
//! Version 1 had no predicted columns, version 2 no stretches, version 3 no told ones; all are still read. Version 3 is what is
//! written with little effort.
//!
//! Only the columns that are asked for are decompressed. pco finds the differences' order and the numbers' modes by
//! itself, which is worth several times more than a general compressor on readings like these. Each column costs it some
//! forty bytes before the first value: an hour takes a fifth more than a day for each value, so hours are [merged](merge()).

mod calm;
mod coder;
mod column;
mod counted;
mod encode;
mod fit;
mod linear;
mod merge;
mod predict;
pub(crate) mod range;
mod read;
mod tell;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told_tests;

use muster_base::UnixMs;

use crate::DecodeError;

pub use encode::encode;
pub use merge::merge;
pub use read::Chunk;

/// With little effort, and with more.
const QUICK: u8 = 3;
const THOROUGH: u8 = 4;
/// A sample a second for a day, and some more.
const MAX_ROWS: usize = 90_000;
/// Values of all columns together: what an hour holds of 2,200 series at a second, of 22,000 at ten. A column that
/// never changes takes a byte for all of its rows, so only a limit keeps a small chunk from becoming gigabytes.
pub const MAX_VALUES: usize = 8_000_000;

/// Columns of a chunk.
pub const MAX_COLUMNS: usize = crate::sample::MAX_COLUMNS;

/// How much is done to make a chunk small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A millisecond for an hour, by the compressor alone.
    Quick,
    /// Some tenths of a second for a day: columns are told by each other where they can be.
    Thorough,
}

/// What was done for a chunk.
pub fn effort_of(chunk: &[u8]) -> Effort {
    if chunk.first().is_some_and(|version| *version >= THOROUGH) {
        Effort::Thorough
    } else {
        Effort::Quick
    }
}

/// A column's values with their times, ascending.
pub type Points = Vec<(UnixMs, i64)>;

/// A column's values with the rows that they are in, ascending.
type Rows = Vec<(usize, i64)>;

/// Samples could not be compressed.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// There are more than a chunk may hold.
    #[error("{0} samples, columns or values are too many for one chunk")]
    TooMany(usize),
    /// An hour is not of the day that it was to be packed with.
    #[error("an hour is not one of its day's")]
    OtherDay,
    /// What was packed does not read as what it was made of.
    #[error("the hours don't read back as they were, and stay as they are")]
    NotItself,
    /// The compressor refused the numbers.
    #[error("a column could not be compressed: {0}")]
    Compress(String),
    /// A chunk that was to be merged can't be read.
    #[error("a chunk can't be read")]
    Read(#[from] DecodeError),
}
