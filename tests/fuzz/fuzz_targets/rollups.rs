//! See `muster_fuzz::rollups`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| muster_fuzz::rollups(data));
