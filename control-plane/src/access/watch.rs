//! Streams that end with the permission to see them.
//!
//! Whoever opened a stream is asked again, twice a second, who they are and whether they may: a session that was
//! revoked, a role that was lowered or a template that was narrowed ends it within a second. If the database can't
//! tell, the stream ends too; its reader opens it again and is asked then.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{AccessError, Caller, authenticate};
use crate::app::App;

const EVERY: Duration = Duration::from_millis(500);
/// What was taken away counts within a second, the asking included.
const _: () = assert!(EVERY.as_millis() <= 500);

/// What the caller may do now; an error if they are nobody any more.
pub async fn ask_again(app: &App, caller: &Caller) -> Result<Caller, AccessError> {
    let identified = authenticate::identify_again(app, caller).await?;
    let org = caller.org().to_string();
    authenticate::enter_org(app, identified, Some(&org)).await
}

/// Ends when the caller is nobody any more or `still` says no; for `StreamExt::take_until`.
pub async fn until_refused<F, Fut>(app: App, caller: Caller, still: F)
where
    F: Fn(App, Caller) -> Fut + Send,
    Fut: Future<Output = bool> + Send,
{
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match ask_again(&app, &caller).await {
            Ok(caller) => {
                if !still(app.clone(), caller).await {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
