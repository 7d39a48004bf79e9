//! The room's SQL.

pub(super) mod annotation;
pub(super) mod approval;
pub(super) mod aside_place;
pub(super) mod base_check;
pub(super) mod document;
pub(super) mod drift;
pub(super) mod execution;
pub(super) mod git_hook;
pub(super) mod git_push;
pub(super) mod git_wish;
pub(super) mod policy;
pub(super) mod proof;
pub(super) mod published;
pub(super) mod release;
pub(super) mod release_seal;
pub(super) mod rollout;
pub(super) mod server;
pub(super) mod set_aside;
pub(super) mod state;
pub(super) mod ticket;
pub(super) mod told;
pub(super) mod waiting;
