//! `[telemetry]`

use serde::{Deserialize, Serialize};

/// How long readings are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Raw samples, in days.
    pub raw_days: u32,
    /// Hourly rollups, in days.
    pub hour_days: u32,
    /// Daily rollups, in days.
    pub day_days: u32,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            raw_days: 7,
            hour_days: 90,
            day_days: 3 * 365,
        }
    }
}
