//! What a series measures: a number on the wire, a row of the catalogue for people.

use std::fmt;

use crate::CATALOGUE;

/// What a series measures. On the wire and at rest it is its number, which never changes meaning; a number that
/// this build does not know (a newer agent's) is carried along and has no [`KindInfo`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub(crate) u16);

/// A row of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct KindInfo {
    /// The number that stands for it.
    pub kind: Kind,
    /// The series' name; `*` stands for the instance (a core, mount point, device or interface).
    pub pattern: &'static str,
    /// The unit of the stored integers.
    pub unit: Unit,
    /// For people.
    pub meaning: &'static str,
}

/// The unit of a series: what the stored integer counts, and what people and programs get to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Hundredths of a percent; shown as `percent`.
    BasisPoints,
    /// Hundredths of one; shown as `load`.
    Hundredths,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Events in a second.
    PerSecond,
    /// A number of things; of events: how many since the sample before.
    Count,
    /// A code that stands for a state.
    Code,
}

impl Kind {
    /// The number that stands for this kind on the wire.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// The kind that `code` stands for, known to this build or not.
    pub const fn from_code(code: u16) -> Self {
        Self(code)
    }

    /// The catalogue's row.
    pub fn info(self) -> Option<&'static KindInfo> {
        // The catalogue is in order of number, without holes.
        CATALOGUE.get(usize::from(self.0))
    }

    /// Whether there is a series of this kind for each core, mount point, device or interface.
    pub fn has_instance(self) -> bool {
        self.info().is_some_and(|info| info.pattern.contains('*'))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info() {
            Some(info) => f.write_str(info.pattern),
            None => write!(f, "Kind({})", self.0),
        }
    }
}

impl Unit {
    /// The unit's name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BasisPoints => "percent",
            Self::Hundredths => "load",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytesPerSecond",
            Self::PerSecond => "perSecond",
            Self::Count => "count",
            Self::Code => "code",
        }
    }

    /// A stored value, or a mean of stored values, in the unit that [`Unit::name`] names.
    pub fn shown(self, stored: f64) -> f64 {
        match self {
            Self::BasisPoints | Self::Hundredths => stored / 100.0,
            Self::Bytes | Self::BytesPerSecond | Self::PerSecond | Self::Count | Self::Code => stored,
        }
    }
}
