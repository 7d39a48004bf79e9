//! Reading a database's catalogue.

use muster_protocol::v1::{
    DbDialect, SchemaLook, SchemaRows, ServerStream, SignedLook, SqlTarget, TailFrame, TailRequest,
};

use super::{AT, golden, id, text};

#[test]
fn catalogues() {
    let signed = SignedLook {
        body: vec![1, 2],
        key_id: [3; 8],
        signature: vec![4; 64],
    };
    golden(
        "schema_request",
        &[ServerStream::Tail(TailRequest::Schema(signed))],
    );
    golden(
        "schema_look",
        &[SchemaLook {
            id: id(1),
            org: id(2),
            host: id(3),
            expires: AT,
            target: SqlTarget {
                server: id(4),
                dialect: DbDialect::Postgres,
                host: text("db.internal"),
                port: 5432,
                username: text("release"),
                password_secret: text("password"),
                database: text("shop"),
            },
            sealed: vec![5; 3],
        }],
    );
    golden(
        "schema_frame",
        &[
            TailFrame::Schema(SchemaRows {
                query: text("tables"),
                rows: vec![vec![Some(text("org")), None], Vec::new()],
            }),
            TailFrame::SchemaEnd(text("PostgreSQL 17.2")),
        ],
    );
}
