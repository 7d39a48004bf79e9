//! See `muster_fuzz::sql`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| muster_fuzz::sql(data));
