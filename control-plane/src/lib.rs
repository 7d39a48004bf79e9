//! Muster's control plane: users, orgs, hosts, readings, secrets, deployments and database releases, over an HTTP
//! API and a console for people and over QUIC for agents.
//!
//! A request's way: `http` → the room's `api/` (extract, call, reply) → its use-case (decides, by a
//! [`access::Caller`]) → its `store/` (SQL). Never upward, and into another room only through its `mod.rs`.

pub mod access;
pub mod alerts;
pub mod app;
pub mod audit;
pub mod backup;
pub mod config;
pub mod containers;
pub mod db;
pub mod delivery;
pub mod doctor;
pub mod error;
pub mod files;
pub mod flaw;
pub mod fleet;
pub mod http;
pub mod install;
pub mod keys;
pub mod link;
pub mod notify;
pub mod outbound;
pub mod peers;
pub mod schedule;
pub mod schema;
pub mod seats;
pub mod secrets;
pub mod setup;
pub mod supervise;
pub mod tasks;
pub mod telemetry;
#[cfg(test)]
pub mod testing;
mod windows;
pub mod work;
