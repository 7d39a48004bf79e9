//! Programs die at every point of their work, by SIGKILL, and are started again: what is true then?
//!
//! The points (`muster_base::points`) are listed by a run in which nobody dies; then each of them has a round: somebody
//! dies there, is started again, and everything is waited for to be well. The auditor (`muster-auditor`) reads the
//! databases, the engine and the journals by itself.
//!
//! | suite | who dies | doing what |
//! |---|---|---|
//! | [`approvals`] | control plane on both databases | the votes on a ticket, and the release that the last of them makes |
//! | [`archives`] | control plane on both databases | old rows of the audit log move into a sealed file |
//! | [`containers`] | resident and worker; control plane on both databases | a container that is stopped, started, restarted |
//! | [`days`] | resident | a day is closed that ended while it was away |
//! | [`deploys`] | resident and worker | a deploy that succeeds, one that is put back, the first one |
//! | [`files`] | resident and worker | a file that is put onto the host |
//! | [`joins`] | agent; control plane on both databases | a join |
//! | [`keys`] | `muster keys rotate` and the control plane that serves, on both databases | a rotation of the master key |
//! | [`orders`] | control plane on both databases | a deploy, one that is put back, a release |
//! | [`packing`] | control plane on both databases | the hours of a past day become one row |
//! | [`releases`] | worker, and the resident where it is refused | a release on PostgreSQL, one on MariaDB; the first one, one that fails, one that is refused |
//! | [`renewals`] | agent and control plane | a rotation of the CA, with another certificate for the host; one of the signing key |
//! | [`rollouts`] | control plane on both databases | a rollout over several hosts that goes through, stops and goes back, is called off, goes on |
//! | [`setups`] | `muster setup` on both databases | the first set-up, and one on tables of which some are missing |
//! | [`stream`] | resident; control plane on both databases | samples and rollups on their way |
//! | [`uploads`] | control plane on both databases | an upload of a file: each piece, and its completion |
//! | [`ways`] | all of them | a deploy, beside everything else that breaks one: a table |
//!
//! # What these catch
//!
//! Which story has somebody die where is listed in [`stories`]: no point stands in the sources, and none is passed, that has
//! no story.
//!
//! A suite that can't fail proves nothing. In seven tests a program leaves out an effect (`muster_base::effect!`), and the
//! auditor has to notice: an acknowledgement without a commit, a sample that does not reach the disk, a journal without
//! its first line, a restart that the worker does not write down, a release's commit that does not take place, hours that are packed nowhere, hours that are packed and stay as they were.
//!
//! `MUSTER_KILL_PASSINGS=9` has more passings of a point than one.

mod approvals;
mod archives;
mod containers;
mod days;
mod deploys;
mod files;
mod ground;
mod joins;
mod keys;
mod orders;
mod packing;
mod releases;
mod renewals;
mod rollouts;
mod setups;
mod stories;
mod stream;
mod uploads;
mod ways;
