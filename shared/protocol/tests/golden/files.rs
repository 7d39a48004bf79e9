//! Files that are put onto hosts.

use muster_protocol::v1::{AgentStream, BytesReply, BytesWish, FileOrder, OrderPayload};

use super::{golden, id, text};

#[test]
fn files_for_hosts() {
    let order = |path, mode, replace| {
        OrderPayload::File(FileOrder {
            send: id(9),
            path: text(path),
            mode,
            replace,
            size: 5 << 30,
            sha256: [7; 32],
        })
    };
    golden(
        "order_payload_file",
        &[
            order("/srv/app/config.toml", 0o644, false),
            order("/srv/app/bin/run", 0o755, true),
        ],
    );
    golden(
        "agent_stream",
        &[AgentStream::Bytes(BytesWish {
            order: id(1),
            offset: 1 << 20,
        })],
    );
    golden(
        "bytes_reply",
        &[
            BytesReply::Piece(vec![0, 1, 250, 251, 255]),
            BytesReply::End,
            BytesReply::NotNow(text("busy")),
            BytesReply::Never(text("deleted")),
        ],
    );
}
