//! Deploys that can't hurt: whatever goes wrong, at the end the old container serves on or the new one is healthy, and
//! the record says which, and why, and what to do. Each table's cases are printed with the record's own words.

mod calls;
mod container;
mod hands;
mod large;
mod registry;
mod restarts;

use muster_protocol::latest::{OrderStatus, StepStatus};

use crate::{
    bench::{POLICY, Said, TestHost},
    engine::Place,
};

const GOOD: &str = "1.0.0";
const NEXT: &str = "1.1.0";
const CRASHING: &str = "1.2.0";
const SICK: &str = "1.3.0";
/// Somewhere in the middle of the large version's layer.
const LARGE_BYTES: u64 = 3 << 20;

/// What is true at the end of a case.
struct End {
    status: OrderStatus,
    /// The version that is served.
    serves: Option<&'static str>,
    /// The steps that failed.
    failed: &'static [&'static str],
    /// What the record's error holds.
    says: &'static [&'static str],
}

/// The way back was taken, and the old container is as it was.
const fn put_back(failed: &'static [&'static str], says: &'static [&'static str]) -> End {
    End {
        status: OrderStatus::RolledBack,
        serves: Some(GOOD),
        failed,
        says,
    }
}

/// The new version is up all the same.
const fn done(serves: &'static str) -> End {
    End {
        status: OrderStatus::Done,
        serves: Some(serves),
        failed: &[],
        says: &[],
    }
}

impl End {
    #[expect(clippy::print_stdout, reason = "the table, for whoever runs it")]
    fn check(&self, case: &str, place: &Place, said: &Said) {
        let outcome = said.outcome();
        let error = outcome.error.clone().unwrap_or_default();
        println!("{case}: {:?}: {error}", outcome.status);
        assert_eq!(outcome.status, self.status, "{case}: {said:#?}");
        assert_eq!(
            place.serves(self.serves).as_deref(),
            self.serves,
            "{case}: {said:#?}"
        );
        assert_eq!(said.steps(StepStatus::Failed), self.failed, "{case}: {said:#?}");
        for part in self.says {
            assert!(error.contains(part), "{case}: {part:?} is not in {error:?}");
        }
    }
}

/// A host on which the good version runs.
async fn serving(place: &Place) -> TestHost {
    let host = TestHost::new(POLICY);
    deploy_good(&host, place).await;
    host
}

async fn deploy_good(host: &TestHost, place: &Place) {
    let said = host.worker(&host.deploy(host.web(place, GOOD))).await.all().await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.served().as_deref(), Some(GOOD));
}

/// Runs in the test image's shell.
fn shell(script: &str) -> Vec<String> {
    ["/bin/busybox", "sh", "-c", script].map(str::to_owned).to_vec()
}
