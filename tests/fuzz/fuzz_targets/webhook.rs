//! See `muster_fuzz::webhook`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: muster_fuzz::start_plane(),
    |data: &[u8]| muster_fuzz::webhook(data)
);
