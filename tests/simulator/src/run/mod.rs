//! The runs, and what they have in common.

pub(crate) mod api;
pub(crate) mod dispatch;
mod export;
pub(crate) mod fill;
pub(crate) mod fleet;
pub(crate) mod flood;
pub(crate) mod hosts;
mod past;
pub(crate) mod readings;
pub(crate) mod storage;
pub(crate) mod webhook;

use anyhow::{Context as _, Result};
use muster_tests::control_plane::{ControlPlane, Options};
use std::path::Path;
use std::time::Duration;

/// How long a whole fleet may take to connect.
const PATIENCE: Duration = Duration::from_mins(2);

/// A control plane that wants a sample every `interval` seconds.
fn start_control_plane(dir: &Path, interval_s: u16, database: Option<&str>) -> Result<ControlPlane> {
    let interval = interval_s.to_string();
    start_control_plane_with(dir, &[("MUSTER_LINK__SAMPLE_INTERVAL_S", &interval)], database)
}

/// A control plane with these settings, on SQLite or in a PostgreSQL database.
fn start_control_plane_with(
    dir: &Path,
    settings: &[(&str, &str)],
    database: Option<&str>,
) -> Result<ControlPlane> {
    let settings = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options {
        settings: settings.collect(),
        database: database.map(str::to_owned),
        ..Options::new()?
    };
    ControlPlane::start(dir, options)
}

/// The value below which a share of the values are, in milliseconds.
fn percentile_ms(values: &mut [Duration], share: f64) -> Result<f64> {
    values.sort_unstable();
    let last = values.len().checked_sub(1).context("nothing was measured")?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (last as f64 * share).round() as usize;
    Ok(rounded(values[place.min(last)].as_secs_f64() * 1_000.0))
}

/// Two decimals.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
