//! What is stored of a host's readings.

use crate::Api;
use crate::wait::{self, Found};
use anyhow::{Context, Result};
use serde_json::Value;
use std::time::Duration;

/// How much is stored of a host.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// Raw samples.
    pub samples: u64,
    /// Hours of the host and its containers.
    pub hour_rollups: u64,
    /// Days of the host and its containers.
    pub day_rollups: u64,
    /// Series of containers in the newest sample.
    pub container_series: u64,
}

/// What is stored of `host` now.
pub fn stored(api: &Api, host: &Value) -> Result<Stored> {
    let id = crate::api::text(host, "id")?;
    let answer = api.get(&format!("/api/v1/hosts/{id}/metrics/stored"))?;
    let number = |name: &str| {
        answer[name]
            .as_u64()
            .with_context(|| format!("no number {name} in {answer}"))
    };
    Ok(Stored {
        samples: number("samples")?,
        hour_rollups: number("hourRollups")?,
        day_rollups: number("dayRollups")?,
        container_series: number("containerSeries")?,
    })
}

/// Waits until enough is stored of `host`.
pub fn await_stored(
    api: &Api,
    host: &Value,
    deadline: Duration,
    enough: impl Fn(&Stored) -> bool,
) -> Result<Stored> {
    wait::until("enough readings to be stored", deadline, || {
        let stored = stored(api, host)?;
        Ok(if enough(&stored) {
            Found::Yes(stored)
        } else {
            Found::No(format!("{stored:?}"))
        })
    })
}
