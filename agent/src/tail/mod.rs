//! Live samples while somebody looks.
