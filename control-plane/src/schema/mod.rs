//! Database change: SQL that is proposed, looked at by somebody else, released, and executed by the agent that reaches
//! the database.
//!
//! A **document** is what people write of a database, a table, a view, an approval flow, a project or a server
//! ([`muster_documents`]): always the latest, with every revision kept. A text of many is applied as a whole or not at
//! all; what its documents name (a database, a table's column, an environment) must be there then. A table's columns
//! keep their ids under new names, so that a rename is known and never guessed. Tables and views are known by their
//! names in their databases; a draft has no database yet. A document of an environment makes that environment and is
//! not kept; one of a server with values makes the server of its name. Flows and projects are kept and checked; they
//! decide nothing yet: every ticket is approved by one other person.
//!
//! **Publishing** computes, for each server, the change from what last succeeded there to what is designed now, with the
//! SQL that takes it back, and opens a ticket. Only an execution that succeeded moves what is there; a release whose
//! server has moved since it was computed is not executed. What publishing would propose can be looked at before, and so
//! can the SQL of a table while it is being edited: nothing of that is kept.
//!
//! A **server** is a database server of an environment; one host's agent reaches it. A **proposal** of SQL opens a
//! **ticket**; the SQL is read ([`muster_schema`]): statements, risks, findings. Somebody other than its author
//! approves it, and that makes the **release**, which never changes after. An **execution** is one run of a release
//! on one of its servers, statement by statement, kept for ever.
//!
//! | table | holds |
//! |---|---|
//! | `documents`, `document_revisions` | documents as they are now, and every state that they were in |
//! | `db_servers` | servers; a removed one keeps its row (`deleted_at`); the password is in `credentials` |
//! | `tickets`, `ticket_servers`, `ticket_events` | proposals, their SQL for each server, who said what |
//! | `database_states` | what design last succeeded on a server |
//! | `releases` | approved tickets |
//! | `executions`, `execution_steps` | runs, and their statements |
//!
//! # States
//! ```text
//! ticket:     pending ─→ approved (makes the release) | rejected (with a reason) | withdrawn (by its author)
//! execution:  pending ─→ running ─→ success | failure | rolledBack | cancelled | needsAttention
//! ```
//!
//! Who: `design:read`; `design:write` applies, restores and deletes documents of databases, tables, views and projects
//! in reach by their database's name; for servers `server:write`, for environments `environment:write`, for flows
//! `flow:write` besides; `server:read` and `server:write`; `release:propose` proposes, comments and withdraws one's own;
//! `release:read`; `release:approve` approves and rejects, never one's own; `release:execute` executes and cancels.
//!
//! What fails: a text of documents in which anything is wrong, each fault with its line (422); a document whose
//! `metadata.revision` is no longer the latest (409); deleting what others need (409); SQL that can't be in a release is
//! refused line by line (422); a version that was given already (409); a second execution of a release on a server while
//! one is under way (409); an agent that is away makes an execution wait for a day. What happens on the host, and what a
//! crash there leaves, stands in the agent's `worker::sql`; the same release executed again on a server is answered from
//! the ledger there.
//!
//! # Invariants
//! - A text of documents is applied whole or not at all; no revision is ever changed or removed.
//! - What a table's columns name is there: applying, restoring and deleting look at its whole database, one writer of an org
//!   at a time.
//! - SQL that was proposed is never changed; what is executed has the digest that was approved.
//! - Nobody decides their own proposal; an API key counts as its person.
//! - Approvals stand under the order's signature.
//! - Passwords leave this process only sealed to the host's key; no call answers one.
//! - Every query carries the org.

mod api;
mod design_sql;
mod diagram;
mod document;
mod document_apply;
mod document_change;
mod document_check;
mod error;
mod execution;
mod import;
mod order;
mod proposal;
mod publish;
mod reach;
mod reading;
mod release;
mod server;
mod server_apply;
mod server_test;
mod server_type;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod ticket;
mod timeouts;

pub use self::{
    api::router,
    design_sql::DesignSql,
    diagram::{Diagram, DiagramColumn, DiagramQuery, DiagramReference, DiagramTable},
    document::{
        DocumentDetail, DocumentHead, DocumentQuery, DocumentUser, ExportQuery, Form, FormQuery, Revision,
    },
    document_apply::{AppliedDocument, AppliedDocuments, ApplyQuery, DocumentChange},
    document_change::{DiffQuery, DocumentDiff, DocumentFieldChange, RestoreRequest},
    error::SchemaError,
    execution::{
        ExecuteRequest, Executing, Execution, ExecutionDetail, ExecutionQuery, ExecutionStatus, ExecutionStep,
    },
    import::{ImportRequest, ImportedDdl, ImportedDocument, NotCarriedObject},
    order::register,
    proposal::{NewProposal, Proposed, ServerSql},
    publish::{PublishPreview, PublishPreviewRequest, PublishRequest},
    reading::{LintFinding, ProposedStatement, RiskLevel},
    release::{Release, ReleaseApproval, ReleaseDetail},
    server::{NewServer, Server, ServerPatch, ServerTest, server_environment},
    server_test::TestRequest,
    server_type::ServerType,
    ticket::{Remark, Ticket, TicketDetail, TicketEvent, TicketQuery, TicketStatus},
};

/// By this name an order's payload refers to the password.
const PASSWORD: &str = "password";
