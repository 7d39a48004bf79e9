//! Git hooks of projects: which repository's pushes may execute the project's releases, on which branches, and in whose
//! name.
//!
//! A hook executes in the name of whoever saved it last, with what that person may do at the push: nobody lends out another's
//! rights, and whoever widens a hook answers for what it does from then on. So saving one is for people who signed in
//! themselves and hold `release:execute`, beside `design:write` on the project. Removing one only takes away, and is for keys
//! too.

use muster_base::{DocumentId, GitHookId, SecretString, UnixMs, UserId, random_token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SchemaError, project, store};
use crate::{
    access::{Caller, Operation, org_people},
    app::App,
    audit::{self, Entry},
    db::Tx,
    delivery::GitProvider,
    error::{Error, FieldError},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    secrets::{self, CredentialKind},
};

const PREFIX: &str = "prh_";
/// Of a project.
const MOST: i64 = 20;
const MOST_BRANCHES: usize = 20;
const NAME_CHARS: usize = 256;
/// Where the Git host doesn't say which branch is the default one.
const USUAL_BRANCH: &str = "main";

/// A project's Git hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitHook {
    /// Id.
    pub id: GitHookId,
    /// The Git host.
    pub provider: GitProvider,
    /// The repository: its full name (`acme/shop`), or its id at the host.
    pub repository: String,
    /// Which branches count: names, in which `*` stands for anything. None: the repository's default branch.
    pub branches: Vec<String>,
    /// Whether it executes anything.
    pub enabled: bool,
    /// In whose name it executes: who saved it last.
    pub username: String,
    /// Whether they may execute releases as of now. While they may not, all is refused.
    pub works: bool,
    /// For the host's field "URL", after this control plane's address.
    pub path: String,
    /// When the host last called with the right secret.
    #[schema(required)]
    pub heard_at: Option<UnixMs>,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last saved.
    pub updated_at: UnixMs,
    #[serde(skip)]
    pub(super) user: UserId,
    #[serde(skip)]
    pub(super) project: DocumentId,
}

/// A hook, as people write it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitHookInput {
    /// The Git host.
    pub provider: GitProvider,
    /// The repository: its full name (`acme/shop`), or its id at the host.
    pub repository: String,
    /// Which branches count: names, in which `*` stands for anything. None: the repository's default branch.
    #[serde(default)]
    pub branches: Vec<String>,
    /// Whether it executes anything.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A new hook, with its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewGitHook {
    #[serde(flatten)]
    #[schema(inline)]
    hook: GitHook,
    /// For the host's field "secret" (GitHub, GitLab, Codeup) or "password/signing key" (Gitee). Shown this once.
    pub secret: String,
}

/// A hook's new secret, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitHookSecret {
    /// For the host's field "secret" (GitHub, GitLab, Codeup) or "password/signing key" (Gitee).
    pub secret: String,
}

const fn yes() -> bool {
    true
}

impl GitHook {
    /// Whether pushes to this branch count.
    pub(super) fn counts(&self, branch: &str, default: Option<&str>) -> bool {
        if self.branches.is_empty() {
            return branch == default.unwrap_or(USUAL_BRANCH);
        }
        self.branches.iter().any(|pattern| fits(pattern, branch))
    }

    /// Whether this is its repository: a full name has a `/`, an id has none, and neither passes for the other.
    pub(super) fn is_of(&self, id: &str, names: &[String]) -> bool {
        if !self.repository.contains('/') {
            return self.repository == id;
        }
        names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(&self.repository))
    }
}

/// Where its host calls.
pub(super) fn path(id: GitHookId) -> String {
    format!("/webhook/release/{id}")
}

/// Whether the name is the pattern, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A project's hooks, oldest first.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    project: DocumentId,
    query: &PageQuery,
) -> Result<Page<GitHook>, SchemaError> {
    project::find_for(app, caller, Operation::DesignRead, project).await?;
    let after = query.cursor::<GitHookId>()?;
    let mut rows = store::git_hook::list(&app.db, (caller.org(), project), after, query.fetch()).await?;
    if !rows.is_empty() {
        let people = org_people(app, caller.org()).await.map_err(Error::from)?;
        for row in &mut rows {
            let mut members = people.members.iter();
            row.works =
                members.any(|person| person.user == row.user && person.holds(Operation::ReleaseExecute));
        }
    }
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

/// Makes a hook; answers its secret, which is never shown again.
pub(super) async fn create(
    app: &App,
    caller: &Caller,
    project: DocumentId,
    input: GitHookInput,
) -> Result<NewGitHook, SchemaError> {
    let (user, username) = in_whose_name(caller)?;
    project::find_for(app, caller, Operation::DesignWrite, project).await?;
    check(&input)?;
    let (id, now) = (app.clock.new_id(), app.clock.now());
    let hook = GitHook {
        id,
        provider: input.provider,
        repository: input.repository,
        branches: input.branches,
        enabled: input.enabled,
        username,
        works: true,
        path: path(id),
        heard_at: None,
        created_at: now,
        updated_at: now,
        user,
        project,
    };
    let secret = random_token(PREFIX);
    in_tx!(app.db, |tx| {
        // Whoever deletes the project looks for hooks first.
        store::document::one_at_a_time(tx, caller.org()).await?;
        let there = store::document::lock(tx, &app.db, caller.org(), project).await?;
        if there.is_none() {
            return Err(SchemaError::NoDocument);
        }
        if store::git_hook::count(tx, project).await? >= MOST {
            return Err(SchemaError::TooManyHooks(MOST));
        }
        store::git_hook::insert(tx, caller.org(), &hook).await?;
        put_secret(app, tx, caller, id, &secret).await?;
        let entry = Entry::done(Operation::DesignWrite, "gitHook", id).after(&hook);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(NewGitHook { hook, secret })
}

/// Puts another in its place; its secret stays. It executes in the caller's name from then on.
pub(super) async fn replace(
    app: &App,
    caller: &Caller,
    (project, id): (DocumentId, GitHookId),
    input: GitHookInput,
) -> Result<GitHook, SchemaError> {
    let (user, username) = in_whose_name(caller)?;
    project::find_for(app, caller, Operation::DesignWrite, project).await?;
    let before = find(app, caller, project, id).await?;
    check(&input)?;
    let after = GitHook {
        provider: input.provider,
        repository: input.repository,
        branches: input.branches,
        enabled: input.enabled,
        username,
        user,
        works: true,
        updated_at: app.clock.now(),
        ..before.clone()
    };
    in_tx!(app.db, |tx| {
        save(tx, caller, &after).await?;
        let entry = Entry::done(Operation::DesignWrite, "gitHook", id)
            .before(&before)
            .after(&after);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(after)
}

/// Makes a new secret; the one before ends at once, because its host keeps one only. Whoever gives the secret to a host answers
/// for what comes from there.
pub(super) async fn rotate(
    app: &App,
    caller: &Caller,
    (project, id): (DocumentId, GitHookId),
) -> Result<GitHookSecret, SchemaError> {
    let (user, username) = in_whose_name(caller)?;
    project::find_for(app, caller, Operation::DesignWrite, project).await?;
    let after = GitHook {
        username,
        user,
        updated_at: app.clock.now(),
        ..find(app, caller, project, id).await?
    };
    let secret = random_token(PREFIX);
    in_tx!(app.db, |tx| {
        save(tx, caller, &after).await?;
        put_secret(app, tx, caller, id, &secret).await?;
        let entry = Entry::done(Operation::DesignWrite, "gitHook", id).detail("a new secret");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(GitHookSecret { secret })
}

/// Removes a hook with its secret and its log. What it has executed stays.
pub(super) async fn delete(
    app: &App,
    caller: &Caller,
    project: DocumentId,
    id: GitHookId,
) -> Result<(), SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    project::find_for(app, caller, Operation::DesignWrite, project).await?;
    let before = find(app, caller, project, id).await?;
    in_tx!(app.db, |tx| {
        if !store::git_hook::delete(tx, caller.org(), id).await? {
            return Err(SchemaError::NoGitHook);
        }
        let kind = CredentialKind::ProjectGitHook;
        secrets::delete_credential(tx, caller.org(), kind, *id.as_uuid()).await?;
        let entry = Entry::done(Operation::DesignWrite, "gitHook", id).before(&before);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Who saves a hook, if they may: it executes in their name.
fn in_whose_name(caller: &Caller) -> Result<(UserId, String), SchemaError> {
    let user = caller.require_user()?;
    caller.require(Operation::ReleaseExecute)?;
    Ok((user, caller.actor.name()))
}

async fn find(
    app: &App,
    caller: &Caller,
    project: DocumentId,
    id: GitHookId,
) -> Result<GitHook, SchemaError> {
    store::git_hook::find(&app.db, caller.org(), id)
        .await?
        .filter(|hook| hook.project == project)
        .ok_or(SchemaError::NoGitHook)
}

async fn save(tx: &mut Tx, caller: &Caller, hook: &GitHook) -> Result<(), SchemaError> {
    if store::git_hook::update(tx, caller.org(), hook).await? {
        Ok(())
    } else {
        Err(SchemaError::NoGitHook)
    }
}

async fn put_secret(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    id: GitHookId,
    secret: &str,
) -> Result<(), SchemaError> {
    let (kind, value) = (CredentialKind::ProjectGitHook, SecretString::from(secret));
    Ok(secrets::put_credential(app, tx, caller.org(), kind, *id.as_uuid(), &value).await?)
}

fn check(input: &GitHookInput) -> Result<(), SchemaError> {
    let plain = |text: &str| {
        (1..=NAME_CHARS).contains(&text.chars().count())
            && text.trim() == text
            && !text.contains(char::is_control)
    };
    let mut wrong = Vec::new();
    if !plain(&input.repository) {
        wrong.push(FieldError::new("repository", Flaw::Name(NAME_CHARS)));
    }
    if input.branches.len() > MOST_BRANCHES {
        wrong.push(FieldError::new("branches", Flaw::TooMany(MOST_BRANCHES)));
    }
    let branches = input
        .branches
        .iter()
        .enumerate()
        .filter(|(_, branch)| !plain(branch));
    wrong.extend(
        branches
            .take(1)
            .map(|(nth, _)| FieldError::new(format!("branches[{nth}]"), Flaw::Name(NAME_CHARS))),
    );
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(SchemaError::Invalid(wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_nothing_else_for_something() {
        for (pattern, name) in [
            ("main", "main"),
            ("*", "feature/x"),
            ("release/*", "release/1.0"),
            ("release/*", "release/"),
            ("*-hotfix", "a/b-hotfix"),
            ("a*b*c", "a1b2c"),
            ("a*a", "aa"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("main", "main2"),
            ("main", "domain"),
            ("release/*", "prerelease/1"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("m.in", "main"),
            ("", "main"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
