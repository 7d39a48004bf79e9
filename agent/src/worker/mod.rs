//! The worker: carries out one order with the privileges it takes, and exits.
