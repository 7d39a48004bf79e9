//! Proving a change on a scratch database.

use muster_protocol::v1::{
    DbDialect, ProofLook, ProofNote, ProofPart, ServerStream, SignedLook, SqlStatement, SqlTarget, TailFrame,
    TailRequest,
};

use super::{AT, golden, id, text};

#[test]
fn proofs() {
    let signed = SignedLook {
        body: vec![1, 2],
        key_id: [3; 8],
        signature: vec![4; 64],
    };
    golden("proof_request", &[ServerStream::Tail(TailRequest::Prove(signed))]);
    golden(
        "proof_look",
        &[ProofLook {
            id: id(1),
            org: id(2),
            host: id(3),
            expires: AT,
            target: SqlTarget {
                server: id(4),
                dialect: DbDialect::MySql,
                host: text("db.internal"),
                port: 3306,
                username: text("release"),
                password_secret: text("password"),
                database: text("shop"),
            },
            sealed: vec![5; 3],
            before: vec![text("create table t (id int)")],
            change: vec![SqlStatement {
                sql: text("alter table t add column n int"),
                transactional: false,
                risk: 0,
            }],
            back: vec![text("alter table t drop column n")],
            statement_timeout_ms: 60_000,
        }],
    );
    golden(
        "proof_frame",
        &[
            TailFrame::Proof(ProofNote::Ran(ProofPart::Before)),
            TailFrame::Proof(ProofNote::Read(ProofPart::Change)),
            TailFrame::Proof(ProofNote::Failed {
                part: ProofPart::Back,
                statement: Some(2),
                error: text("no such column"),
            }),
            TailFrame::Proof(ProofNote::Untried(text("no right to make databases"))),
            TailFrame::Proof(ProofNote::Ended {
                version: text("MariaDB 11.4"),
                left: Some(text("muster_scratch_1")),
            }),
        ],
    );
}
