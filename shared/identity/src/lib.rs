//! CA, certificates, SPIFFE ids, join tokens, signed work orders, sealing and TLS configurations.
