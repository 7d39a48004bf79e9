//! `POST /webhook/release/{id}`: a Git host tells a project's hook of a push, and what its commits ask for is executed.
//!
//! Whoever calls is nobody until the proof held ([`crate::delivery`] verifies it, each host in its own way), and learns
//! nothing before: a hook that is not there and a wrong secret take the same steps and have the same answer.
//!
//! What is asked for is written down first, in one transaction, and decided after ([`super::git_wish`]): a control plane that
//! dies in between goes on with it. A commit counts once for a hook, whatever pushes it comes with, for ever, and the same
//! call has the same answer: so nothing is executed twice, and nothing that was refused is executed because somebody repeats
//! an old call. That holds too for what a hook heard while it was off, and for a push that asked for too much; a commit on a
//! branch that does not count was not heard, and is when it comes to one that does.
//!
//! Where the host's proof does not cover the body, somebody who saw one call could write others. The most that can come of it
//! is the execution of a release that people have approved for this project, on its servers, by the rights of the hook's
//! person, within the windows.

use std::{collections::BTreeSet, net::IpAddr};

use muster_base::{GitHookId, GitPushId, OrgId, SecretString, UnixMs, UserId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    GitHook, GitPushReason, GitRefusal, GitRefusalReason, GitWish, GitWishState, SchemaError, git_push,
    git_wish,
    hook_grammar::{self, Asked},
    store::{
        self,
        git_push::NewPush,
        git_wish::{NewWish, OpenWish},
    },
};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    delivery::{
        GitCall, GitHeader, GitProvider, GitRef, Heard, PushedCommit, event_header, plain, pushed, read_event,
    },
    error::Error,
    in_tx,
    secrets::{self, CredentialKind},
};

/// Of one push.
const MOST_WISHES: usize = 50;
/// Of what is shown of a message.
const SHOWN_CHARS: usize = 200;
/// Compared where there is no hook, so that it takes as long.
const NOBODY_S: &str = "prh_0000000000000000000000000000000000000000000";

/// The answer to a Git host.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitPushAnswer {
    /// Nothing was refused.
    pub success: bool,
    /// For a person who looks at the host's list of deliveries.
    pub message: String,
    /// What the commits ask for, and what became of it.
    pub wishes: Vec<GitWish>,
}

/// Hears a Git host's call.
pub(super) async fn hear(
    app: &App,
    ip: Option<IpAddr>,
    id: &str,
    header: GitHeader<'_>,
    body: &[u8],
) -> Result<GitPushAnswer, SchemaError> {
    app.delivery.count_address(ip)?;
    let id = id.parse().unwrap_or(GitHookId::from_uuid(Uuid::nil()));
    let call = GitCall {
        header,
        body,
        now: app.clock.now(),
    };
    let (org, hook) = believed(app, ip, id, &call).await?;
    app.delivery.count_hook(id)?;
    let body: Value = serde_json::from_slice(body).map_err(|_| {
        SchemaError::invalid(
            "",
            "the body is not JSON: choose application/json at the Git host",
        )
    })?;
    let event = match read_event(hook.provider, header(event_header(hook.provider)), &body) {
        Heard::Event(event) => event,
        Heard::Ping => return touched(app, &hook, "pong").await,
        Heard::Nothing(_) => return touched(app, &hook, "only pushes to branches execute releases").await,
        Heard::Unreadable => {
            return Err(SchemaError::invalid(
                "",
                "this is not what the Git host is known to send",
            ));
        }
    };
    let GitRef::Branch(branch) = &event.what else {
        return touched(app, &hook, "only pushes to branches execute releases").await;
    };
    let told = pushed(hook.provider, &body);
    let counts = hook.counts(branch, told.default_branch.as_deref());
    let reason = if !hook.is_of(&event.repo_id, &told.names) {
        Some(GitPushReason::Repository)
    } else if !hook.enabled {
        Some(GitPushReason::Off)
    } else if !counts {
        Some(GitPushReason::Branch)
    } else {
        None
    };
    let wanted = if reason.is_none() {
        wanted(&told.commits)
    } else {
        Vec::new()
    };
    let reason = reason.or((wanted.len() > MOST_WISHES).then_some(GitPushReason::TooMany));
    let refused = match reason {
        Some(GitPushReason::Off | GitPushReason::TooMany) if counts => asking(&told.commits),
        _ => BTreeSet::new(),
    };
    let asked = Wanted {
        person: hook.user,
        wishes: if reason.is_none() { wanted.as_slice() } else { &[] },
        refused: &refused,
    };
    let push = NewPush {
        id: app.clock.new_id(),
        hook: id,
        key: &call.key(hook.provider),
        repository: &hook.repository,
        branch,
        sha: &event.sha,
        commits: i64::try_from(told.commits.len()).unwrap_or(i64::MAX),
        is_complete: told.is_complete,
        reason,
        at: app.clock.now(),
    };
    let (id, reason) = record(app, org, &push, &asked).await?;
    let open = store::git_wish::list_open_of(&app.db, id).await?;
    git_wish::decide_all(app, &open, ip).await;
    answer(app, org, id, reason).await
}

/// The hook whose host calls, if it does.
async fn believed(
    app: &App,
    ip: Option<IpAddr>,
    id: GitHookId,
    call: &GitCall<'_, '_>,
) -> Result<(OrgId, GitHook), SchemaError> {
    let found = store::git_hook::find_anywhere(&app.db, id).await?;
    let kind = CredentialKind::ProjectGitHook;
    let secret = match &found {
        Some((org, _)) => secrets::find_credential(app, *org, kind, *id.as_uuid()).await?,
        None => None,
    };
    let provider = found
        .as_ref()
        .map_or(GitProvider::Github, |(_, hook)| hook.provider);
    let is_set = secret.is_some();
    let known = secret.unwrap_or_else(|| SecretString::from(NOBODY_S));
    let holds = call.is_from(provider, &known) && is_set;
    let org = found.as_ref().map(|(org, _)| *org);
    match found {
        Some(found) if holds => Ok(found),
        _ => {
            let nobody = Caller::git_hook(id, org.unwrap_or(OrgId::from_uuid(Uuid::nil())), ip);
            let entry = Entry::refused("release:execute", "gitHook", id).detail("git hook: wrong signature");
            audit::record_refusal(app, &nobody, org, entry).await;
            Err(Error::Unauthenticated.into())
        }
    }
}

async fn touched(app: &App, hook: &GitHook, message: &str) -> Result<GitPushAnswer, SchemaError> {
    in_tx!(app.db, |tx| store::git_hook::touch(tx, hook.id, app.clock.now())
        .await?);
    Ok(GitPushAnswer {
        success: true,
        message: message.to_owned(),
        wishes: Vec::new(),
    })
}

/// What the commits ask for, and no more of it than shows that it is too much.
fn wanted(commits: &[PushedCommit]) -> Vec<(&PushedCommit, hook_grammar::Said<'_>)> {
    let all = commits.iter().flat_map(|commit| {
        let said = hook_grammar::wishes(&commit.message);
        said.into_iter().map(move |said| (commit, said))
    });
    all.take(MOST_WISHES + 1).collect()
}

/// The commits that ask for anything.
fn asking(commits: &[PushedCommit]) -> BTreeSet<&str> {
    let asking = commits
        .iter()
        .filter(|commit| !hook_grammar::wishes(&commit.message).is_empty());
    asking.map(|commit| commit.sha.as_str()).collect()
}

/// What a push asks for.
struct Wanted<'a> {
    /// In whose name the hook acts now.
    person: UserId,
    wishes: &'a [(&'a PushedCommit, hook_grammar::Said<'a>)],
    /// Commits that ask for something and are refused with the push: they count as heard.
    refused: &'a BTreeSet<&'a str>,
}

/// Writes down the push and what it asks for; the one that it is, if it came before, with why that was not looked at.
async fn record(
    app: &App,
    org: OrgId,
    push: &NewPush<'_>,
    wanted: &Wanted<'_>,
) -> Result<(GitPushId, Option<GitPushReason>), SchemaError> {
    let commits = wanted.wishes.iter().map(|(commit, _)| commit.sha.as_str());
    let commits: BTreeSet<&str> = commits.collect();
    let recorded = in_tx!(app.db, |tx| {
        store::git_hook::touch(tx, push.hook, push.at).await?;
        if !store::git_push::insert(tx, org, push).await? {
            let first = store::git_push::find_by_key(tx, push.hook, push.key).await?;
            return first.ok_or(SchemaError::NoGitHook);
        }
        store::git_push::take_commits(tx, push.hook, wanted.refused).await?;
        let mut fresh = BTreeSet::new();
        for sha in &commits {
            if store::git_push::take_commit(tx, push.hook, sha).await? {
                fresh.insert(*sha);
            }
        }
        let mut seen = BTreeSet::new();
        for (position, (commit, said)) in (0_i64..).zip(wanted.wishes) {
            let (place, refusal) = match said.asked {
                Asked::NoBracket => (None, Some(GitRefusalReason::NoBracket)),
                Asked::Malformed => (None, Some(GitRefusalReason::Malformed)),
                Asked::Release { environment, version } => {
                    let is_new = seen.insert((commit.sha.as_str(), environment, version));
                    let refusal = (!is_new).then_some(GitRefusalReason::Repeated);
                    (Some((environment, version)), refusal)
                }
            };
            let heard = !fresh.contains(commit.sha.as_str());
            let refusal = if heard {
                Some(GitRefusalReason::HeardBefore)
            } else {
                refusal
            };
            let wish = NewWish {
                id: app.clock.new_id(),
                push: push.id,
                hook: push.hook,
                person: wanted.person,
                position,
                sha: &commit.sha,
                author: &commit.author,
                title: &plain(commit.message.lines().next().unwrap_or_default(), SHOWN_CHARS),
                wish: &plain(said.text, SHOWN_CHARS),
                place,
                refusal: refusal.map(GitRefusal::all),
                at: push.at,
            };
            store::git_wish::insert(tx, &wish).await?;
        }
        store::git_push::forget_old(tx, push.hook).await?;
        (push.id, push.reason)
    });
    Ok(recorded)
}

async fn answer(
    app: &App,
    org: OrgId,
    id: GitPushId,
    reason: Option<GitPushReason>,
) -> Result<GitPushAnswer, SchemaError> {
    // Whoever knows the secret asked for all of it.
    let system = Caller::system("schema.hooks", org);
    let wishes = git_push::wishes_of(app, &system, &[id]).await?;
    let wishes: Vec<GitWish> = wishes.into_iter().map(|(_, wish)| wish).collect();
    let refused = wishes
        .iter()
        .any(|wish| wish.state == GitWishState::Refused || !wish.refusals.is_empty());
    let message = match reason {
        Some(GitPushReason::Off) => "the hook is off",
        Some(GitPushReason::Repository) => "this is about another repository than the hook's",
        Some(GitPushReason::Branch) => "pushes to this branch do not count",
        Some(GitPushReason::TooMany) => {
            "the commits ask for more than 50 executions at once: nothing was done"
        }
        None if wishes.is_empty() => "no commit asks for a release",
        None if refused => "something was refused: see why",
        None => "heard",
    };
    Ok(GitPushAnswer {
        success: reason.is_none() && !refused,
        message: message.to_owned(),
        wishes,
    })
}

/// What is left of pushes whose control plane died, or whose database did not answer.
pub(super) async fn left_open(app: &App) -> Result<Vec<OpenWish>, SchemaError> {
    const SETTLING_MS: i64 = 60 * UnixMs::SECOND;
    const BATCH: i64 = 50;
    let before = app.clock.now().plus_ms(-SETTLING_MS);
    Ok(store::git_wish::list_open_before(&app.db, before, BATCH).await?)
}
