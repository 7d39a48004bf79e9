//! Who acts in a person's name while the person is away: a project's Git hook.

use std::net::IpAddr;

use muster_base::{GitHookId, OrgId, UserId};

use super::{AccessError, Actor, Caller, Identity, Operation, Permissions, grant, store};
use crate::app::App;

/// The Git hook as a caller, in the name of this member and with what they may do now, as far as it is about executing
/// releases; nothing if they are no member any more, or disabled.
pub async fn git_hook_caller(
    app: &App,
    org: OrgId,
    (hook, user): (GitHookId, UserId),
    ip: Option<IpAddr>,
) -> Result<Option<Caller>, AccessError> {
    let Some((username, granted)) = store::grant::find_named(&app.db, org, user).await? else {
        return Ok(None);
    };
    let executing = [Operation::ReleaseRead, Operation::ReleaseExecute];
    let permissions = Permissions {
        limit: Some(("git hook", executing.into_iter().collect())),
        ..grant::permissions(granted)?
    };
    let identity = Identity {
        actor: Actor::GitHook {
            hook,
            user: Some(user),
            name: format!("{username} (git)"),
        },
        ip,
        platform: None,
    };
    Ok(Some(Caller::new(identity, org, permissions)))
}
