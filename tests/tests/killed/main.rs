//! Programs die at every point of their work, by SIGKILL, and are started again: what is true then?
//!
//! The points (`muster_base::points`) are listed by a run in which nobody dies; then each of them has a round: somebody
//! dies there, is started again, and everything is waited for to be well. The auditor (`muster-auditor`) reads the
//! databases, the engine and the journals by itself.
//!
//! | suite | who dies | doing what |
//! |---|---|---|
//! | [`deploys`] | resident and worker | a deploy that succeeds, one that is put back |
//! | [`releases`] | worker | a release on PostgreSQL, one on MariaDB |
//! | [`stream`] | resident; control plane on both databases | samples and rollups on their way |
//!
//! `MUSTER_KILL_PASSINGS=9` has more passings of a point than two.

mod deploys;
mod ground;
mod releases;
mod stream;
