//! See `muster_fuzz::git_webhook`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| muster_fuzz::git_webhook(data));
