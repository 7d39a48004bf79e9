//! What a rule looks at, and how bad it is when it finds it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{db::DbError, notify::Language};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertSeverity)]
pub enum Severity {
    /// Good to know.
    Info,
    /// To be looked at.
    #[default]
    Warning,
    /// To be looked at now.
    Critical,
}

impl Severity {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [Self::Info, Self::Warning, Self::Critical]
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| DbError::Corrupt("alerts.severity".to_owned()))
    }

    /// For people.
    pub(super) const fn word(self, language: Language) -> &'static str {
        match (language, self) {
            (Language::En, Self::Info) => "info",
            (Language::En, Self::Warning) => "warning",
            (Language::En, Self::Critical) => "critical",
            (Language::Zh, Self::Info) => "提示",
            (Language::Zh, Self::Warning) => "警告",
            (Language::Zh, Self::Critical) => "严重",
        }
    }
}

/// How a value is held against the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertComparison)]
pub enum Comparison {
    /// Greater.
    Above,
    /// Greater or equal.
    AtLeast,
    /// Less.
    Below,
    /// Less or equal.
    AtMost,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
}

impl Comparison {
    #[expect(
        clippy::float_cmp,
        reason = "codes and counts are whole numbers, and exact in a float"
    )]
    pub(super) fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AlertCheck)]
pub enum Check {
    /// A reading against a number.
    Threshold {
        /// As `GET /api/v1/metrics/series` names it; `*` stands for every instance. Those of containers are looked at on
        /// each container.
        series: String,
        /// How.
        comparison: Comparison,
        /// In the series' unit.
        threshold: f64,
    },
    /// The host is not connected and was not heard of.
    HostDown {},
    /// A file system's free space will be used up, by a line through its last hours.
    DiskFull {
        /// In how many hours at most, 1–744.
        #[schema(minimum = 1, maximum = 744)]
        hours: i64,
    },
    /// The engine restarts a container again and again.
    ContainerRestarting {
        /// So many times, 1–100.
        #[schema(minimum = 1, maximum = 100)]
        times: i64,
        /// Within so many minutes, 1–1440.
        #[schema(minimum = 1, maximum = 1_440)]
        minutes: i64,
    },
    /// The host's certificate ends, and was not renewed: the host can't come back then but by joining anew.
    CertificateExpiring {
        /// In how many hours at most, 1–744.
        #[schema(minimum = 1, maximum = 744)]
        hours: i64,
    },
}

/// The kind alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AlertKind {
    /// A reading against a number.
    Threshold,
    /// A host is down.
    HostDown,
    /// A file system will be full.
    DiskFull,
    /// A container restarts again and again.
    ContainerRestarting,
    /// A host's certificate ends.
    CertificateExpiring,
}

impl AlertKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::HostDown => "hostDown",
            Self::DiskFull => "diskFull",
            Self::ContainerRestarting => "containerRestarting",
            Self::CertificateExpiring => "certificateExpiring",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, DbError> {
        [
            Self::Threshold,
            Self::HostDown,
            Self::DiskFull,
            Self::ContainerRestarting,
            Self::CertificateExpiring,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| DbError::Corrupt("alerts.kind".to_owned()))
    }
}
