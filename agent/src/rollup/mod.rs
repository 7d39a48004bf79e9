//! Adds samples up to hours, and hours to days, for the host and each container.
//!
//! - **Hours** are accumulated in memory, sample by sample, aligned to UTC ([`Accumulators`]). **Days** are merged
//!   from the hours that the spool keeps, exactly; no day is held in memory.
//! - **When**: what is due is decided from stored times and the clock. The cron triggers ([`Triggers`]), every
//!   sample, and the start-up only ask; a trigger that never comes costs nothing.
//! - **Survives a kill**: the accumulators are checkpointed in the spool together with the number of the last sample
//!   that is in them; samples after it are folded in again at the start, and the spool keeps each sample until it is
//!   in a checkpoint, acknowledged or not.
//! - **A late sample** (the wall clock was set back) opens its hour again: the hour is merged with what was closed
//!   before and sent once more. The control plane keeps the fuller of two versions.
//! - **Fails how**: if the spool can't be written, the accumulators stay as they are and the next sample tries again.

mod accumulators;
mod recorder;
mod triggers;

pub use accumulators::Accumulators;
pub use recorder::Recorder;
pub use triggers::Triggers;
