//! Who this host is: its key, its certificate, the roots it trusts, and the join that got them.
