//! Database change: SQL that is proposed, looked at by somebody else, released, and executed by the agent that reaches
//! the database.
//!
//! A **document** is what people write of a database, a table, a view, an approval flow, a project or a server
//! ([`muster_documents`]): always the latest, with every revision kept. A text of many is applied as a whole or not at
//! all; what its documents name (a database, a table's column, an environment) must be there then. A table's columns
//! keep their ids under new names, so that a rename is known and never guessed. Tables and views are known by their
//! names in their databases; a draft has no database yet. A document of an environment makes that environment and is
//! not kept; one of a server with values makes the server of its name.
//!
//! **Publishing** computes, for each server, the change from what last succeeded there to what is designed now, with the
//! SQL that takes it back, and opens a ticket. Only an execution that succeeded moves what is there; a release whose
//! server has moved since it was computed is not executed. What publishing would propose can be looked at before, and so
//! can the SQL of a table while it is being edited: nothing of that is kept.
//!
//! Which revision of a table's document is live where, and what its draft would change there, is told by [`published`].
//!
//! A **server** is a database server of an environment; one host's agent reaches it. A **proposal** of SQL opens a
//! **ticket**; the SQL is read ([`muster_schema`]): statements, risks, findings. Somebody other than its author
//! approves it, and that makes the **release**, which never changes after. An **execution** is one run of a release
//! on one of its servers, statement by statement, kept for ever.
//!
//! An environment's policy may have **maintenance windows** ([`crate::windows`]): when executions may begin. One that is asked for while
//! none is open waits for the next, or is refused, as the policy says; whoever holds `window:override` (or everybody who may
//! execute, if the policy says so) may begin it with a reason. It waits without an order ([`waiting`]); its order holds until
//! the window closes. Of those that wait for one database one begins after the other, oldest first;
//! what is asked for while a window is open begins at once, and its host's lock on the database keeps the order. Loosening windows
//! (none any more, everybody may begin outside, a freeze that ends sooner) takes `window:override` besides `flow:write`. What has begun by then goes on: stopping between statements would leave a MySQL server half
//! changed, and PostgreSQL nothing of what was done.
//!
//! What is really in a database is read through its agent ([`live`]): as documents to be merged into the design (**sync**), as
//! what should be there from now on (**taking over**, [`take_over`]), and beside what should be there (**drift**, [`drift`]), on
//! demand and every day. What is found is told once to those who may propose SQL there ([`drift_told`]), and so is that it is gone.
//!
//! Right before an execution's order leaves, the database is read through its agent once more and compared with what the release was
//! computed against ([`base_check`]): where anything was changed by hand since, it ends and says what.
//!
//! Drops are **soft** where an environment's policy says so ([`set_aside`]): what is published as gone gets another name, with its
//! rows, and is no drift; what a look does not find any more is noted as gone ([`set_aside_seen`]). When its days are over those who may propose are told once; nothing is dropped by a timer.
//!
//! SQL as text that **changes rows** is held in where a policy or the proposal says so ([`held`]): to a number of rows, and with a
//! copy of the rows for some days. How many rows it would touch can be asked for before ([`row_count`]).
//!
//! What is published can be **proven** before anyone approves it ([`proof`]): on a scratch database beside its target the change makes
//! what is designed, and its way back what was there. An environment's policy may want that of every change.
//!
//! A **rollout** executes a release on many of its servers, wave after wave ([`waves`]): a wave begins when all executions of the
//! one before have succeeded, and after the first somebody may have to say "continue". Whatever does not succeed halts it, and
//! nothing more begins, not even what waits of the wave; its record says on which servers and why. Resumed, it executes the release
//! again where it did not succeed, and goes on; where it did, it does nothing. Called off, what was not begun never will be, and
//! what runs goes on. A release has one rollout at a time. Its executions are like any other, made one wave at a time
//! ([`rolling`]) and begun as those that wait: in the environment's windows, or, if the rollout has a reason for that, whatever
//! they say. A policy that refuses what is asked for outside the windows refuses to start, continue and resume then; a wave whose turn comes
//! while no window is open waits for the next. Each begins by the word of whoever started the rollout or last had it go on, and
//! only while they may do so. Where somebody executes the release on a server by itself, the rollout waits for that and says so.
//! Whoever asked, and those who may execute there, are told of what does not succeed, halts or waits for a word ([`told`]).
//!
//! An **approval flow** says who approves, step after step: by role, people or a department's head, any of them, a number
//! or all; left out by risk and by environment. Which one a ticket gets: the one that the environment's **policy** names for
//! its risk, else the nearest of those that are for its environment and database; those of its project add to that
//! ([`flow`]). The steps are frozen onto the ticket when it is opened. Where they stand is worked out anew at every look and
//! decision from who said yes and what everybody may do then ([`approval`]): a yes of somebody who has left the org or
//! lost `release:approve` counts no more, and the step is open again. One person says yes once on a ticket. A step that
//! nobody can approve says why and who could mend it, and they are told. Who may decide is told by the inbox when it is
//! their turn, the author at every one.
//!
//! A **Git hook** of a project ([`git_hook`]) hears of pushes to a repository ([`git_hear`]): a commit that holds
//! `release: 1.0 (prod#1.0)` ([`hook_grammar`]) executes the project's release of that version there ([`git_wish`]), by the
//! same way as a call of the API, in the name of whoever saved the hook last and with what that person may do then. Each commit
//! counts once. What is refused stands with its reason in the hook's log ([`git_push`]).
//!
//! A **rejected** ticket stays as it is. Its author corrects it by another in its place ([`resubmit`]), which goes through
//! all steps again: SQL as text is changed, what was published is computed anew.
//!
//! | table | holds |
//! |---|---|
//! | `documents`, `document_revisions` | documents as they are now, and every state that they were in |
//! | `db_servers` | servers; a removed one keeps its row (`deleted_at`); the password is in `credentials` |
//! | `tickets`, `ticket_servers`, `ticket_events` | proposals, their SQL for each server, who said what |
//! | `ticket_proofs` | how published changes stood the trial on scratch databases |
//! | `environment_policies` | which flow decides what in an environment, whether authors decide their own, when releases may begin |
//! | `ticket_steps`, `ticket_approvals` | the steps that a ticket was opened with, and who said yes |
//! | `database_states`, `database_state_parts` | what design last succeeded on a server, or was taken over; its tables and views one by one |
//! | `database_drifts` | how each database last compared with that, and what was told of it |
//! | `set_asides` | tables and columns that were renamed aside instead of being dropped, and rows that were kept before they were changed |
//! | `releases` | approved tickets |
//! | `executions`, `execution_steps` | runs, and their statements |
//! | `release_rollouts`, `release_rollout_servers` | releases on their way over many servers, and in which wave each comes |
//! | `git_hooks`, `git_hook_commits` | Git hooks of projects, their secrets in `credentials`; commits that were heard |
//! | `git_pushes`, `git_wishes` | the newest thousand pushes of each hook, what their commits asked for and what became of it |
//!
//! # States
//! ```text
//! ticket:     pending ─→ approved (makes the release) | rejected (with a reason) | withdrawn (by its author)
//! step:       waiting ─→ current ─→ approved; back to current when a yes counts no more; skipped from the start
//! rollout:    rolling ─→ paused | halted ─→ rolling; rolling ─→ success; all but success ─→ cancelled
//! execution:  pending (without an order while it waits) ─→ running ─→ success | failure | rolledBack | cancelled | needsAttention
//! ```
//!
//! Who: `design:read`; `design:write` applies, restores and deletes documents of databases, tables, views and projects
//! in reach by their database's name; for servers `server:write`, for environments `environment:write`, for flows
//! `flow:write` besides; `server:read` and `server:write`; `release:propose` proposes, comments and withdraws one's own;
//! `release:read`; `release:approve` approves what a
//! step lets one approve, and rejects that or what one has approved; one's own only where the environment's policy lets
//! authors decide, as the ticket was opened and still; policies take `flow:write` on the environment; `release:execute` executes
//! and cancels, one execution or a rollout; the super administrator vouches for releases from before there were signatures.
//! Git hooks are seen with `design:read`, their log with `release:read`, in it what is in reach. Saving a hook takes `design:write`
//! on its project, which it is a part of, and `release:execute`, which it lends out; and somebody who signed in, because a
//! key can be narrower than its person, and withdrawn. Whoever calls a hook without its secret is told nothing.
//!
//! Two who approve at once come one after the other (the ticket's row is locked), each is counted once, and one makes
//! the release. A step of others is 403 (`not-an-approver`), a second yes 409, a policy whose flow is gone 409 at the
//! opening; a flow that a policy names can't be deleted.
//!
//! What fails: a push whose control plane dies (what is open is decided a minute later, and executed once); a text of documents in which anything is wrong, each fault with its line (422); a document whose
//! `metadata.revision` is no longer the latest (409); deleting what others need (409); SQL that can't be in a release is
//! refused line by line (422); a version that was given already (409); a second execution of a release on a server while
//! one is under way (409); a second rollout of a release (409); an agent that is away makes an execution wait for a day. What happens on the host, and what a
//! crash there leaves, stands in the agent's `worker::sql`; the same release executed again on a server is answered from
//! the ledger there.
//!
//! # Invariants
//! - A text of documents is applied whole or not at all; no revision is ever changed or removed.
//! - What a table's columns name is there: applying, restoring and deleting look at its whole database, one writer of an org
//!   at a time.
//! - SQL that was proposed is never changed; what is executed has the digest that was approved.
//! - Nobody decides their own proposal unless the environment's policy lets authors; an API key counts as its person.
//! - Nothing becomes a release without somebody's yes: where every step is left out, one other person approves.
//! - A ticket's steps are never changed; under a release stand the approvals that counted when it was made, and no others.
//! - Approvals stand under the order's signature.
//! - A release is signed when it is made; nothing of it is executed whose rows are not what was signed ([`release_seal`]). One from
//!   before is signed when the super administrator vouches for it ([`vouching`]), and by nothing else.
//! - Passwords leave this process only sealed to the host's key; no call answers one.
//! - Nothing of a later wave begins before all of the one before has succeeded; of several control planes one makes a wave.
//! - Every query carries the org.

mod api;
mod approval;
mod base_check;
mod begin;
mod comparison;
mod decision;
mod design_sql;
mod diagram;
mod document;
mod document_apply;
mod document_change;
mod document_check;
mod drift;
mod drift_told;
mod error;
mod execute;
mod execution;
mod flow;
mod git_hear;
mod git_hook;
mod git_push;
mod git_wish;
mod held;
mod hook_grammar;
mod import;
mod lint_rules;
mod live;
mod open;
mod order;
mod policy;
mod project;
mod proof;
mod proof_judge;
mod proof_run;
mod proposal;
mod publish;
mod published;
mod reach;
mod reading;
mod release;
mod release_seal;
mod resubmit;
mod rolling;
mod rollout;
mod rollout_start;
mod row_count;
mod server;
mod server_apply;
mod server_test;
mod server_type;
mod set_aside;
mod set_aside_seen;
mod set_aside_told;
mod store;
mod take_over;
#[cfg(test)]
pub(crate) mod tests;
mod ticket;
mod timeouts;
mod told;
mod unsigned;
mod vouching;
mod waiting;
mod waves;

pub(crate) use self::flow::flow_naming;
pub(crate) use self::store::annotation::annotations;
pub(crate) use self::vouching::census as census_of_releases;
pub use self::{
    api::router,
    approval::{StepApproval, StuckReason, TicketStep, TicketStepState},
    base_check::{BaseCheck, BaseCheckState},
    comparison::DriftDifference,
    design_sql::DesignSql,
    diagram::{Diagram, DiagramColumn, DiagramQuery, DiagramReference, DiagramTable},
    document::{
        DocumentDetail, DocumentHead, DocumentQuery, DocumentUser, ExportQuery, Form, FormQuery, Revision,
    },
    document_apply::{AppliedDocument, AppliedDocuments, ApplyQuery, DocumentChange},
    document_change::{DiffQuery, DocumentDiff, DocumentFieldChange, RestoreRequest},
    drift::{DatabaseDrift, DriftLook, DriftQuery, DriftState, DriftUnreached},
    error::SchemaError,
    execute::{ExecuteRequest, Executing},
    execution::{Execution, ExecutionDetail, ExecutionQuery, ExecutionStatus, ExecutionStep},
    flow::{ApproverKind, SkipReason},
    git_hear::GitPushAnswer,
    git_hook::{GitHook, GitHookInput, GitHookSecret, NewGitHook},
    git_push::{
        GitExecution, GitPush, GitPushQuery, GitPushReason, GitRefusal, GitRefusalReason, GitWish,
        GitWishState,
    },
    held::RowGuard,
    import::{ImportRequest, ImportedDdl, ImportedDocument, NotCarriedObject},
    lint_rules::{LintLevel, LintRule, LintRules},
    policy::{EnvironmentPolicies, EnvironmentPolicy, PolicyBody, RiskFlows},
    project::{ProjectHead, ProjectQuery},
    proof::{Proof, ProofOutcome, ProofRule, ProofState, ProveRequest, Proving, WayBackProof},
    proposal::{NewProposal, Proposed, ServerSql},
    publish::{PublishPreview, PublishPreviewRequest, PublishRequest},
    published::{PublishedVersion, PublishedVersions},
    reading::{LintFinding, LockLevel, ProposedStatement, RiskLevel, StatementLock},
    release::{Release, ReleaseApproval, ReleaseDetail},
    release_seal::{ReleaseSignature, ReleaseSignatureState},
    resubmit::Resubmission,
    rollout::{ReleaseRollout, ReleaseRolloutDetail, ReleaseRolloutServer, ReleaseRolloutStatus},
    rollout_start::{NewReleaseRollout, RollingOut},
    row_count::{CountRequest, RowCount, RowCounts},
    server::{NewServer, Server, ServerPatch, ServerTest, server_environment},
    server_test::TestRequest,
    server_type::ServerType,
    set_aside::{
        PlannedAside, PlannedAsides, SetAside, SetAsideKind, SetAsideProposal, SetAsideQuery, SetAsideState,
        Wish,
    },
    take_over::SyncRequest,
    ticket::{
        Remark, Ticket, TicketDetail, TicketEvent, TicketProgress, TicketQuery, TicketRow, TicketStatus,
    },
    unsigned::{UnsignedApprover, UnsignedRelease, UnsignedTarget, list_unsigned},
    vouching::{ReleaseVoucher, VouchRequest, vouch_as},
    waiting::{ExecutionWait, StartRequest, WaitsFor},
};
use crate::app::App;
pub use crate::windows::{
    Freeze, MaintenanceWindows, OutsideWindows, TimeOfDay, Weekday, WeeklyWindow, WindowNow,
};

/// By this name an order's payload refers to the password.
const PASSWORD: &str = "password";

/// Has this room hear of its orders, and begins what waits. Before the dispatcher starts.
pub fn start(app: &App) {
    order::register(app);
    waiting::start(app);
    drift::start(app);
    set_aside_told::start(app);
    git_wish::start(app);
    proof_run::start(app);
}
