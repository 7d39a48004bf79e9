//! Keeps the container directory filled: asks a worker when a container came or went, and three times a minute.

use std::time::Duration;

use muster_base::Clock;
use tokio_util::sync::CancellationToken;

use super::ContainerDirectory;
use crate::orders::workers::Workers;

/// Health, restarts, a pause and what becomes of a stopped container change without a cgroup coming or going.
const EVERY: Duration = Duration::from_secs(20);
/// Many containers that come at once are one question.
const AT_MOST_EVERY: Duration = Duration::from_secs(2);
/// After so many answers by difference everything is asked anew.
const ANEW_AFTER: u32 = 15;

/// Asks until `stop` is cancelled. A host without an engine answers with an error, which is said once.
pub async fn keep_directory(
    directory: ContainerDirectory,
    workers: Workers,
    wall: Clock,
    stop: CancellationToken,
) {
    let mut failing = false;
    let mut by_difference = 0;
    loop {
        // What is older than the last answer may have changed unseen.
        let known = match directory.facts() {
            Some(facts) if !failing && !directory.is_doubted() && by_difference < ANEW_AFTER => {
                by_difference += 1;
                facts.to_vec()
            }
            _ => {
                by_difference = 0;
                Vec::new()
            }
        };
        let Some(answer) = stop.run_until_cancelled(workers.containers(known)).await else {
            return;
        };
        match answer {
            Ok(facts) => {
                failing = false;
                directory.set(facts.containers);
                directory.set_engine(facts.engine);
            }
            Err(error) if failing => tracing::debug!("containers are still unknown: {error}"),
            Err(error) => {
                failing = true;
                tracing::info!("nothing is known of containers: {error}");
            }
        }
        let pause = async {
            tokio::time::sleep(wall.real_duration(AT_MOST_EVERY)).await;
            let rest = tokio::time::sleep(wall.real_duration(EVERY.saturating_sub(AT_MOST_EVERY)));
            tokio::select! {
                () = directory.wanted() => {}
                () = rest => {}
            }
        };
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}
