//! SQL: reading, splitting and classifying statements. The only crate that knows sqlparser.
