//! Containers that are there: orders for them, and their logs.

use muster_protocol::v1::{
    ContainerAction, ContainerOrder, LogEnd, LogLine, LogLook, LogStream, OrderPayload, ServerStream,
    SignedLook, TailFrame, TailRequest,
};

use super::{AT, golden, id, text};

#[test]
fn containers_that_are_there() {
    let order = |action| {
        OrderPayload::Container(ContainerOrder {
            name: text("shop"),
            action,
        })
    };
    golden(
        "order_payload_container",
        &[
            order(ContainerAction::Start),
            order(ContainerAction::Stop { grace_ms: None }),
            order(ContainerAction::Restart {
                grace_ms: Some(10_000),
            }),
        ],
    );
    golden(
        "log_request",
        &[ServerStream::Tail(TailRequest::Log(SignedLook {
            body: vec![1, 2],
            key_id: [3; 8],
            signature: vec![4; 64],
        }))],
    );
    let look = |after_ns, search: Option<&str>| LogLook {
        org: id(1),
        host: id(2),
        expires: AT,
        container: text("shop"),
        tail: 200,
        after_ns,
        follow: search.is_some(),
        search: search.map(text),
    };
    golden(
        "log_look",
        &[
            look(None, None),
            look(Some(1_700_000_000_123_456_789), Some("error")),
        ],
    );
    let line = |stream, cut| LogLine {
        at_ns: 1_700_000_000_123_456_789,
        stream,
        text: text("hello"),
        cut,
    };
    golden(
        "log_frame",
        &[
            TailFrame::Log(vec![
                line(LogStream::Stdout, false),
                line(LogStream::Stderr, true),
            ]),
            TailFrame::LogEnd(LogEnd::Complete),
            TailFrame::LogEnd(LogEnd::Gone),
        ],
    );
}
