//! Database change: SQL that is proposed, looked at by somebody else, released, and executed by the agent that reaches
//! the database.
//!
//! A **server** is a database server of an environment; one host's agent reaches it. A **proposal** of SQL opens a
//! **ticket**; the SQL is read ([`muster_schema`]): statements, risks, findings. Somebody other than its author
//! approves it, and that makes the **release**, which never changes after. An **execution** is one run of a release
//! on one of its servers, statement by statement, kept for ever.
//!
//! | table | holds |
//! |---|---|
//! | `db_servers` | servers; a removed one keeps its row (`deleted_at`); the password is in `credentials` |
//! | `tickets`, `ticket_servers`, `ticket_events` | proposals, their SQL for each server, who said what |
//! | `releases` | approved tickets |
//! | `executions`, `execution_steps` | runs, and their statements |
//!
//! # States
//! ```text
//! ticket:     pending ─→ approved (makes the release) | rejected (with a reason) | withdrawn (by its author)
//! execution:  pending ─→ running ─→ success | failure | rolledBack | cancelled | needsAttention
//! ```
//!
//! Who: `server:read` and `server:write`; `release:propose` proposes, comments and withdraws one's own;
//! `release:read`; `release:approve` approves and rejects, never one's own; `release:execute` executes and cancels.
//!
//! What fails: SQL that can't be in a release is refused line by line (422); a version that was given already (409); a
//! second execution of a release on a server while one is under way (409); an agent that is away makes an execution
//! wait for a day. What happens on the host, and what a crash there leaves, stands in the agent's `worker::sql`; the
//! same release executed again on a server is answered from the ledger there.
//!
//! # Invariants
//! - SQL that was proposed is never changed; what is executed has the digest that was approved.
//! - Nobody decides their own proposal; an API key counts as its person.
//! - Approvals stand under the order's signature.
//! - Passwords leave this process only sealed to the host's key; no call answers one.
//! - Every query carries the org.

mod api;
mod error;
mod execution;
mod order;
mod proposal;
mod reach;
mod reading;
mod release;
mod server;
mod server_test;
mod server_type;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod ticket;
mod timeouts;

pub use self::{
    api::router,
    error::SchemaError,
    execution::{
        ExecuteRequest, Executing, Execution, ExecutionDetail, ExecutionQuery, ExecutionStatus, ExecutionStep,
    },
    order::register,
    proposal::{NewProposal, Proposed, ServerSql},
    reading::{LintFinding, ProposedStatement, RiskLevel},
    release::{Release, ReleaseApproval, ReleaseDetail},
    server::{NewServer, Server, ServerPatch, ServerTest, server_environment},
    server_test::TestRequest,
    server_type::ServerType,
    ticket::{Remark, Ticket, TicketDetail, TicketEvent, TicketQuery, TicketStatus},
};

/// By this name an order's payload refers to the password.
const PASSWORD: &str = "password";
