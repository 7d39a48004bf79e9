//! `[outbox]`

use serde::{Deserialize, Serialize};

/// How long the outbox remembers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxConfig {
    /// Days that what was sent stays visible.
    pub keep_sent_days: u16,
    /// Days that what was given up stays visible, and can be sent again.
    pub keep_dead_days: u16,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            keep_sent_days: 30,
            keep_dead_days: 90,
        }
    }
}
