//! How much memory an input may cost.

/// Does `act` and fails if it ever held more than `limit` bytes at a time.
pub(crate) fn within<T>(limit: u64, act: impl FnOnce() -> T) -> T {
    let mut done = None;
    let used = allocation_counter::measure(|| done = Some(act()));
    assert!(
        used.bytes_max <= limit,
        "{} bytes were held at a time, {limit} are allowed",
        used.bytes_max
    );
    done.expect("it was done")
}
