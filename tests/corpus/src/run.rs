//! All cases of one server, several at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::cases::Case;
use crate::database::Server;
use crate::judge;
use crate::verdict::{Judged, Verdict};

/// Judges all cases, `jobs` at a time; the verdicts are in the cases' order.
pub async fn all<S: Server>(server: &S, cases: Vec<Case>, jobs: usize) -> Result<Vec<Judged>> {
    let waiting: Arc<Mutex<VecDeque<(usize, Case)>>> =
        Arc::new(Mutex::new(cases.into_iter().enumerate().collect()));
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        let (server, waiting) = (server.clone(), Arc::clone(&waiting));
        workers.spawn(async move {
            let mut judged = Vec::new();
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some((place, case)) = next else {
                    return Ok::<_, anyhow::Error>(judged);
                };
                judged.push((place, one(&server, case).await?));
            }
        });
    }
    let mut judged = Vec::new();
    while let Some(worker) = workers.join_next().await {
        judged.extend(worker??);
    }
    server.close().await?;
    judged.sort_by_key(|(place, _)| *place);
    Ok(judged.into_iter().map(|(_, case)| case).collect())
}

/// One case. An error is the server's own, which ends the run; what the planner does wrong is a verdict, a panic too.
async fn one<S: Server>(server: &S, case: Case) -> Result<Judged> {
    let mut judging = JoinSet::new();
    judging.spawn({
        let (server, body) = (server.clone(), case.body.clone());
        async move { judge::judge(&server, &body).await }
    });
    let (verdict, reason) = match judging.join_next().await {
        Some(Ok(judged)) => judged?,
        Some(Err(panic)) if panic.is_panic() => (Verdict::Wrong, "the planner panics".to_owned()),
        Some(Err(cancelled)) => return Err(cancelled.into()),
        None => anyhow::bail!("a case was lost"),
    };
    Ok(Judged {
        engine: S::DIALECT.to_string(),
        file: case.file,
        name: case.name,
        verdict,
        reason,
    })
}
