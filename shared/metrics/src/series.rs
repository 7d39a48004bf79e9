//! A series by its name: a kind, and the instance it is of where there are several.

use std::{fmt, str::FromStr};

use crate::{CATALOGUE, Kind, wire};

/// One series of a host or container, such as `cpu.total` or `disk./var.used`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    kind: Kind,
    instance: Box<str>,
}

/// Whose readings: the host's own or one of its containers'.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The host.
    Host,
    /// A container, by name.
    Container(Box<str>),
}

/// One series of one subject: what a column holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Whose.
    pub subject: Subject,
    /// Which.
    pub series: Series,
}

/// There is no series of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no series is called `{0}`")]
pub struct UnknownSeries(pub String);

impl Series {
    /// The series of a kind that has no instances.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            instance: Box::default(),
        }
    }

    /// The series of one instance of a kind. A name beyond 512 bytes is cut.
    pub fn of_instance(kind: Kind, instance: &str) -> Self {
        Self {
            kind,
            instance: wire::clip(instance).into(),
        }
    }

    /// The series of another kind, of the same instance.
    pub(crate) fn with_kind(&self, kind: Kind) -> Self {
        Self {
            kind,
            instance: self.instance.clone(),
        }
    }

    /// What it measures.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The core, mount point, device or interface; empty where the kind has none.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Whether `self`, asked for, means `other`: the same, or the instance asked for is `*`.
    pub fn selects(&self, other: &Self) -> bool {
        self.kind == other.kind && (&*self.instance == "*" || self.instance == other.instance)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(info) = self.kind.info() else {
            return write!(f, "unknown.{}.{}", self.kind.code(), self.instance);
        };
        match info.pattern.split_once('*') {
            Some((before, after)) => write!(f, "{before}{}{after}", self.instance),
            None => f.write_str(info.pattern),
        }
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Series {
    type Err = UnknownSeries;

    fn from_str(name: &str) -> Result<Self, UnknownSeries> {
        CATALOGUE
            .iter()
            .find_map(|info| {
                let Some((before, after)) = info.pattern.split_once('*') else {
                    return (info.pattern == name).then(|| Self::of(info.kind));
                };
                let instance = name.strip_prefix(before)?.strip_suffix(after)?;
                (!instance.is_empty()).then(|| Self::of_instance(info.kind, instance))
            })
            .ok_or_else(|| UnknownSeries(name.to_owned()))
    }
}

impl Subject {
    /// The container of this name; the empty name is the host.
    pub fn from_name(name: &str) -> Self {
        if name.is_empty() {
            Self::Host
        } else {
            Self::Container(wire::clip(name).into())
        }
    }

    /// The container's name; empty for the host.
    pub fn name(&self) -> &str {
        match self {
            Self::Host => "",
            Self::Container(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for info in CATALOGUE {
            let name = info.pattern.replace('*', "/mnt/a.b");
            let series: Series = name.parse().unwrap();
            assert_eq!(series.kind(), info.kind);
            assert_eq!(series.to_string(), name);
        }
    }

    #[test]
    fn a_star_selects_every_instance() {
        let all: Series = "disk.*.used".parse().unwrap();
        assert!(all.selects(&"disk./.used".parse().unwrap()));
        assert!(!all.selects(&"disk./.total".parse().unwrap()));
    }

    #[test]
    fn what_is_not_in_the_catalogue_is_refused() {
        for name in ["", "cpu", "cpu.core.", "disk..used", "disk.used", "nope"] {
            assert!(name.parse::<Series>().is_err(), "{name}");
        }
    }
}
