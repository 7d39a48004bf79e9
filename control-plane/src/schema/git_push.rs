//! The log of a project's Git hooks: which pushes came, what their commits asked for, and what became of that.

use muster_base::{DocumentId, ExecutionId, GitHookId, GitPushId, GitWishId, ReleaseId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ExecutionStatus, SchemaError, project, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
};

/// A push that a Git host told of.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitPush {
    /// Id.
    pub id: GitPushId,
    /// The hook that heard it.
    pub hook_id: GitHookId,
    /// The repository, as the hook has it.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// The commit that the branch is at now.
    pub sha: String,
    /// How many commits the host named.
    pub commits: i64,
    /// Whether these are all. Some hosts name the last 20 only; the others were not looked at.
    pub is_complete: bool,
    /// Why none of it was looked at; null if it was.
    #[schema(required)]
    pub reason: Option<GitPushReason>,
    /// When it came.
    pub at: UnixMs,
    /// What its commits ask for, in their order, as far as the caller may see.
    pub wishes: Vec<GitWish>,
}

/// Why nothing of a push was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitPushReason {
    /// The hook is off.
    Off,
    /// It is about another repository than the hook's.
    Repository,
    /// The branch doesn't count.
    Branch,
    /// Its commits ask for more at once than anybody means to.
    TooMany,
}

impl GitPushReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Repository => "repository",
            Self::Branch => "branch",
            Self::TooMany => "tooMany",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [Self::Off, Self::Repository, Self::Branch, Self::TooMany]
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("git_pushes.reason: {text}")))
    }
}

/// What a commit asks for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitWish {
    /// Id.
    pub id: GitWishId,
    /// The commit.
    pub sha: String,
    /// Who wrote it, as the Git host says; nothing was decided by that.
    pub author: String,
    /// The first line of its message, cut.
    pub title: String,
    /// The bracket, or the line if it has none; cut.
    pub wish: String,
    /// The environment; null if the bracket can't be read.
    #[schema(required)]
    pub environment: Option<String>,
    /// The version; null if the bracket can't be read.
    #[schema(required)]
    pub version: Option<String>,
    /// What became of it.
    pub state: GitWishState,
    /// The release that it means; null if there is none.
    #[schema(required)]
    pub release_id: Option<ReleaseId>,
    /// What was refused, and why.
    pub refusals: Vec<GitRefusal>,
    /// What it began.
    pub executions: Vec<GitExecution>,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitWishState {
    /// It is not decided yet: it will be in a moment.
    Open,
    /// Executions were asked for; some servers may have been refused.
    Executed,
    /// Nothing was asked for.
    Refused,
}

impl GitWishState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Executed => "executed",
            Self::Refused => "refused",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [Self::Open, Self::Executed, Self::Refused]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("git_wishes.state: {text}")))
    }
}

/// Something that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRefusal {
    /// The server that it is about; null if it is about all.
    #[schema(required)]
    pub server: Option<String>,
    /// Why.
    pub reason: GitRefusalReason,
    /// More about it, in English; null if the reason says it all.
    #[schema(required)]
    pub detail: Option<String>,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitRefusalReason {
    /// The line has no bracket `(environment#version)`.
    NoBracket,
    /// The bracket can't be read.
    Malformed,
    /// The same commit asks for the same thing before.
    Repeated,
    /// The commit came with an earlier push already.
    HeardBefore,
    /// In whose name the hook executes is no member any more, or disabled.
    PersonGone,
    /// In whose name the hook executes may not execute releases any more.
    NotAllowed,
    /// There is no such environment, or it is out of that person's reach.
    NoEnvironment,
    /// The project has no such version there, or it is out of that person's reach.
    NoRelease,
    /// It waits for approval.
    Pending,
    /// It was rejected.
    Rejected,
    /// Its author took it back.
    Withdrawn,
    /// It succeeded on all of its servers before.
    AlreadyExecuted,
    /// It is being executed there.
    AlreadyRunning,
    /// Another release is being executed on this database.
    DatabaseBusy,
    /// No maintenance window is open, and the environment lets nothing wait.
    OutsideWindows,
    /// No maintenance window opens within a month.
    NoWindow,
    /// Something else was executed there since the release was computed.
    Moved,
    /// The server was removed.
    ServerGone,
    /// Anything else; the detail says what.
    Failed,
}

impl GitRefusal {
    /// Of the whole wish.
    pub(super) const fn all(reason: GitRefusalReason) -> Self {
        Self {
            server: None,
            reason,
            detail: None,
        }
    }
}

/// An execution that a commit asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitExecution {
    /// Id.
    pub id: ExecutionId,
    /// The server's label.
    pub server: String,
    /// Where it stands.
    pub status: ExecutionStatus,
}

/// Which pushes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GitPushQuery {
    /// Only those that this hook heard.
    #[param(value_type = Option<GitHookId>)]
    pub hook: Option<GitHookId>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// What the hooks of a project heard, newest first.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    project: DocumentId,
    query: GitPushQuery,
) -> Result<Page<GitPush>, SchemaError> {
    project::find_for(app, caller, Operation::ReleaseRead, project).await?;
    let page = PageQuery::new(query.limit, query.cursor);
    let before = page.cursor::<GitPushId>()?;
    let whose = (caller.org(), project);
    let mut rows = store::git_push::list(&app.db, whose, query.hook, before, page.fetch()).await?;
    let ids: Vec<GitPushId> = rows.iter().map(|row| row.id).collect();
    let wishes = wishes_of(app, caller, &ids).await?;
    for (push, wish) in wishes {
        if let Some(row) = rows.iter_mut().find(|row| row.id == push) {
            row.wishes.push(wish);
        }
    }
    Ok(page.page(rows, |row| Cursor::of(&row.id)))
}

/// What these pushes ask for, in their order, with what became of it; as far as the caller may see.
pub(super) async fn wishes_of(
    app: &App,
    caller: &Caller,
    pushes: &[GitPushId],
) -> Result<Vec<(GitPushId, GitWish)>, SchemaError> {
    let whose = (caller.org(), caller.scope());
    let mut wishes = store::git_wish::list(&app.db, whose, pushes).await?;
    let ids: Vec<GitWishId> = wishes.iter().map(|(_, wish)| wish.id).collect();
    let executions = store::git_wish::executions(&app.db, caller.org(), &ids).await?;
    for (wish, execution) in executions {
        if let Some((_, row)) = wishes.iter_mut().find(|(_, row)| row.id == wish) {
            row.executions.push(execution);
        }
    }
    Ok(wishes)
}
