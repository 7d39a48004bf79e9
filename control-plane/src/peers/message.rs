//! What control planes tell one another: where to look. Small, because PostgreSQL takes 8,000 bytes of a message at most.

use muster_base::{DeploymentId, HostId, OrderId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Ids in a message: 39 bytes each, with quotes and comma.
const PAGE: usize = 150;

/// Something happened at the sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "what", content = "of")]
pub(crate) enum Message {
    /// Orders were submitted or cancelled.
    Work,
    /// There is news of these orders.
    Orders(Vec<OrderId>),
    /// There is news of these deployments.
    Deployments(Vec<DeploymentId>),
    /// The rows of these hosts in `host_sessions` changed.
    Sessions(Vec<HostId>),
    /// A host was removed.
    Removed,
    /// The fleet's keys changed.
    Keys,
    /// Alert rules, silences or acknowledgements changed.
    Alerts,
}

#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    /// The sender's run.
    from: Uuid,
    #[serde(flatten)]
    message: Message,
}

impl Message {
    /// As it travels.
    pub(super) fn sealed(self, from: Uuid) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Envelope { from, message: self })
    }

    /// What somebody else says; nothing if it is our own, or of a kind that this version does not know.
    pub(super) fn read(text: &str, own: Uuid) -> Option<Self> {
        let envelope: Envelope = serde_json::from_str(text).ok()?;
        (envelope.from != own).then_some(envelope.message)
    }
}

/// The ids in as many lists as messages are needed.
pub(super) fn pages<T>(ids: impl IntoIterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    let mut ids = ids.into_iter().peekable();
    std::iter::from_fn(move || {
        ids.peek()?;
        Some(ids.by_ref().take(PAGE).collect())
    })
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;

    #[test]
    fn messages_are_small_and_those_of_others_only_are_heard() {
        let clock = Clock::system();
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let hosts: Vec<HostId> = (0..400).map(|_| clock.new_id()).collect();
        let sent: Vec<_> = pages(hosts.clone()).map(Message::Sessions).collect();
        assert_eq!(sent.len(), 3);
        let mut heard = Vec::new();
        for message in sent {
            let text = message.sealed(other).unwrap();
            assert!(text.len() < 7_000, "{} bytes", text.len());
            assert_eq!(Message::read(&text, other), None, "one's own");
            let Some(Message::Sessions(of)) = Message::read(&text, own) else {
                panic!("{text}")
            };
            heard.extend(of);
        }
        assert_eq!(heard, hosts);
        let work = Message::Work.sealed(other).unwrap();
        assert_eq!(Message::read(&work, own), Some(Message::Work));
        let newer = format!(r#"{{"from":"{other}","what":"weather","of":"fine"}}"#);
        assert_eq!(Message::read(&newer, own), None);
        assert_eq!(Message::read("hello", own), None);
        assert_eq!(pages(Vec::<HostId>::new()).count(), 0);
    }
}
