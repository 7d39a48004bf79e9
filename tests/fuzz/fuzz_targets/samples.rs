//! See `muster_fuzz::samples`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| muster_fuzz::samples(data));
