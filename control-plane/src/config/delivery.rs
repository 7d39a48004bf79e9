//! `[delivery]`

use serde::{Deserialize, Serialize};

/// Deployments.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Webhook calls a minute from one address (IPv6: from one /64), whatever comes of them.
    pub webhook_per_address_per_minute: u32,
    /// Webhook calls a minute with a valid token for one application.
    pub webhook_per_application_per_minute: u32,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            webhook_per_address_per_minute: 600,
            webhook_per_application_per_minute: 120,
        }
    }
}
