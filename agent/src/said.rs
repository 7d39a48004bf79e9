//! What the agent's programs say of themselves: lines on standard error.
//!
//! A filter names levels by module, as in `info,muster_agent=debug`. No patterns: what would match them is a tenth of the
//! resident.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Says what the variable `filter` lets through; from `info` on if it is not there, or is no filter.
pub fn start(filter: &str) {
    let asked = std::env::var(filter).ok().filter(|asked| !asked.is_empty());
    let parsed = asked.as_deref().map(str::parse::<Targets>);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr);
    let targets = match &parsed {
        Some(Ok(targets)) => targets.clone(),
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    tracing_subscriber::registry().with(lines).with(targets).init();
    if let Some(Err(error)) = parsed {
        tracing::warn!("{filter} is no filter: {error}");
    }
}
