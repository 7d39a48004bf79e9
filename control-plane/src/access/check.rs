//! The checks of permissions, by name, so that a test can take one out as if somebody had forgotten it, and see that the
//! matrix notices. Outside tests none is ever out, and nothing of this is in the program.

use super::Operation;

/// A check that stands between a caller and what they want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Somebody has this operation.
    Operation(Operation),
    /// The object is in their reach.
    Reach,
    /// An API key does no more than its kind.
    KeyKind,
    /// They are the super administrator.
    SuperAdmin,
    /// They administer a platform.
    Administrator,
    /// They manage one.
    Manager,
    /// They administer this platform.
    Platform,
    /// They manage this platform.
    PlatformManager,
    /// Their access token is still of its time.
    Expiry,
}

#[cfg(not(test))]
pub(crate) const fn is_out(_: Check) -> bool {
    false
}

#[cfg(test)]
pub(crate) use self::taken::{is_out, noting, without};

#[cfg(test)]
mod taken {
    use std::cell::RefCell;

    use super::Check;

    tokio::task_local! {
        static OUT: Option<Check>;
        static PASSED: RefCell<Vec<Check>>;
    }

    /// Whether this check is taken out of what runs now; notes that it was come to.
    pub(crate) fn is_out(check: Check) -> bool {
        PASSED
            .try_with(|passed| passed.borrow_mut().push(check))
            .unwrap_or_default();
        OUT.try_with(|out| *out == Some(check)).unwrap_or_default()
    }

    /// Runs this without a check.
    pub(crate) async fn without<F: Future>(check: Check, what: F) -> F::Output {
        OUT.scope(Some(check), what).await
    }

    /// Runs this; with the checks that it came to.
    pub(crate) async fn noting<F: Future>(what: F) -> (F::Output, Vec<Check>) {
        PASSED
            .scope(RefCell::default(), async {
                let output = what.await;
                (output, PASSED.with(RefCell::take))
            })
            .await
    }
}
