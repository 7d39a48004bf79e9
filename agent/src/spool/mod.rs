//! The embedded database that keeps samples and rollups until the control plane has them.
