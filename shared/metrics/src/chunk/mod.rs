//! A stretch of a host's past at rest: its samples turned into columns, each compressed by itself.
//!
//! # Format
//!
//! | part | what |
//! |---|---|
//! | version | one byte, 3 |
//! | rows | number of samples |
//! | layout | the columns, as in a sample's frame, each subject once |
//! | directory | for each column its flags (1 packed, 2 partial, 4 predicted, 8 in stretches) and its bytes' length; the times' column comes first, before the layout's, always present |
//! | columns | their bytes: if partial which rows have a value: a bitmap (a bit for each row, lowest first), or in stretches their number and for each the rows that were left out before it and how many it has; if predicted the prediction; then one value for all as a signed integer, or if packed a standalone pco file of the present values |
//! | check | the first 8 bytes of the SHA-256 of everything before |
//!
//! A predicted column holds what has to be added to a prediction: a sum of other columns, each times a factor, divided
//! by a number and rounded down. It is written as that number, the number of terms and for each term the column's place
//! in the layout and its factor. Memory that is available is what is not used, and takes next to nothing that way.
//!
//! Version 1 had no predicted columns, version 2 no stretches; both are still read.
//!
//! Only the columns that are asked for are decompressed. pco finds the differences' order and the numbers' modes by
//! itself, which is worth several times more than a general compressor on readings like these. Each column costs it some
//! forty bytes before the first value: an hour takes a fifth more than a day for each value, so hours are [merged](merge()).

mod column;
mod encode;
mod merge;
mod predict;
mod read;
#[cfg(test)]
mod tests;

use muster_base::UnixMs;

use crate::DecodeError;

pub use encode::encode;
pub use merge::merge;
pub use read::Chunk;

const VERSION: u8 = 3;
/// A sample a second for a day, and some more.
const MAX_ROWS: usize = 90_000;
/// Values of all columns together: what an hour holds of 2,200 series at a second, of 22,000 at ten. A column that
/// never changes takes a byte for all of its rows, so only a limit keeps a small chunk from becoming gigabytes.
pub const MAX_VALUES: usize = 8_000_000;

/// Columns of a chunk.
pub const MAX_COLUMNS: usize = crate::sample::MAX_COLUMNS;

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
    /// The compressor refused the numbers.
    #[error("a column could not be compressed: {0}")]
    Compress(String),
    /// A chunk that was to be merged can't be read.
    #[error("a chunk can't be read")]
    Read(#[from] DecodeError),
}
