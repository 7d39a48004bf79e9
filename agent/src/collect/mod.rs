//! Readings of the host and its containers, straight from /proc and the cgroup files.
