//! Hour and day accumulators: what the readings add up to.
