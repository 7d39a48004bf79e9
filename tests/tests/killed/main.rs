//! Programs die at every point of their work, by SIGKILL, and are started again: what is true then?
//!
//! The points (`muster_base::points`) are listed by a run in which nobody dies; then each of them has a round: somebody
//! dies there, is started again, and everything is waited for to be well. The auditor (`muster-auditor`) reads the
//! databases, the engine and the journals by itself.
//!
//! | suite | who dies | doing what |
//! |---|---|---|
//! | [`deploys`] | resident and worker | a deploy that succeeds, one that is put back |
//! | [`joins`] | agent; control plane on both databases | a join |
//! | [`keys`] | `muster keys rotate` and the control plane that serves, on both databases | a rotation of the master key |
//! | [`orders`] | control plane on both databases | a deploy, a release |
//! | [`releases`] | worker | a release on PostgreSQL, one on MariaDB |
//! | [`renewals`] | agent and control plane | a rotation of the CA, with another certificate for the host; one of the signing key |
//! | [`setups`] | `muster setup` on both databases | the first set-up, and one on tables of which some are missing |
//! | [`stream`] | resident; control plane on both databases | samples and rollups on their way |
//!
//! # What these catch
//!
//! A suite that can't fail proves nothing. In three tests a program leaves out an effect (`muster_base::effect!`), and the
//! auditor has to notice: an acknowledgement without a commit, a journal without its first line, a commit that does not
//! take place.
//!
//! `MUSTER_KILL_PASSINGS=9` has more passings of a point than one.

mod deploys;
mod ground;
mod joins;
mod keys;
mod orders;
mod releases;
mod renewals;
mod setups;
mod stream;
