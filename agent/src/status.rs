//! The resident's state in a file, for `muster-agent status`: the agent listens on no port that one could ask.
