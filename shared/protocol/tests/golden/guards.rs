//! Releases whose statements are held in, and counting rows.

use muster_protocol::v1::{
    CountLook, DbDialect, GuardedSql, OrderPayload, ServerStream, SignedLook, SqlGuard, SqlSpec,
    SqlStatement, SqlTarget, TailFrame, TailRequest,
};

use super::{AT, golden, id, text};

fn target() -> SqlTarget {
    SqlTarget {
        server: id(4),
        dialect: DbDialect::Postgres,
        host: text("db.internal"),
        port: 5432,
        username: text("release"),
        password_secret: text("password"),
        database: text("shop"),
    }
}

#[test]
fn guarded_releases() {
    let spec = SqlSpec {
        execution: id(8),
        release: id(9),
        version: text("1.0.Release"),
        sql_sha256: [1; 32],
        target: target(),
        statements: vec![SqlStatement {
            sql: text("delete from t where a = 1"),
            transactional: true,
            risk: 1,
        }],
        lock_timeout_ms: 5_000,
        statement_timeout_ms: 60_000,
        dry_run: false,
    };
    let guards = vec![
        SqlGuard {
            statement: 0,
            max_rows: Some(100),
            keep: Some(text("zz_aside_261130r1_t")),
        },
        SqlGuard {
            statement: 1,
            max_rows: None,
            keep: None,
        },
    ];
    golden(
        "order_payload_guarded_sql",
        &[OrderPayload::GuardedSql(Box::new(GuardedSql { spec, guards }))],
    );
}

#[test]
fn counts() {
    let signed = SignedLook {
        body: vec![1, 2],
        key_id: [3; 8],
        signature: vec![4; 64],
    };
    golden("count_request", &[ServerStream::Tail(TailRequest::Count(signed))]);
    golden(
        "count_look",
        &[CountLook {
            id: id(1),
            org: id(2),
            host: id(3),
            expires: AT,
            target: target(),
            sealed: vec![5; 3],
            statement: text("delete from t where a = 1"),
            timeout_ms: 20_000,
        }],
    );
    golden("count_frame", &[TailFrame::Count(42)]);
}
