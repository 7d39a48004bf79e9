//! Readings of hosts and containers: what is measured, how a sample travels and rests, and how samples roll up.
//!
//! No I/O, no async, no clock: the agent and the control plane both stand on this crate, each for its own half.
//!
//! | part | what it holds |
//! |---|---|
//! | [`Kind`], [`Series`], [`Unit`] | the catalogue: every series by name, with its unit and meaning |
//! | [`Sample`], [`Layout`], [`SampleBuilder`] | one moment's readings of a host and its containers |
//! | [`frame`] | samples on the wire: each the difference from the one before |
//! | [`Aggregate`], [`Sketch`], [`Rollup`] | hours and days: count, sum, min, max, last, percentiles |
//! | [`packed`] | the hours of a day at rest |
//! | [`chunk`] | a stretch of a host's past at rest, in compressed columns |
//!
//! Values are integers in fixed units. Every decoder has limits, checks before it allocates and never panics: what
//! it reads may come from a broken disk or a hostile host.
#![deny(missing_docs)]

mod aggregate;
mod at_rest;
mod catalogue;
pub mod chunk;
pub mod frame;
mod kind;
pub mod packed;
mod rollup;
mod sample;
mod series;
mod sketch;
mod wire;

pub use aggregate::Aggregate;
pub use catalogue::CATALOGUE;
pub use kind::{Kind, KindInfo, Unit};
pub use rollup::{Period, Rollup, RollupBody, decode_rollups, encode_rollups};
pub use sample::{Group, Layout, Sample, SampleBuilder};
pub use series::{Series, SeriesKey, Subject, UnknownSeries};
pub use sketch::Sketch;
pub use wire::DecodeError;
