//! The product's main job, step by step, through the HTTP API only.

pub mod containers;
pub mod handover;
pub mod hosts;
pub mod people;
pub mod readings;
pub mod releases;
pub mod things;
