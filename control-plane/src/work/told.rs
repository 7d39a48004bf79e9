//! What hosts say of orders, cut to what is kept: a host may be mad, and a container's last words may be binary.
//!
//! Texts lose control characters (no database here keeps U+0000, and a terminal might obey the others) and what is
//! beyond their length; an order keeps a bounded number of events. Our own worker stays below all of these.

use muster_protocol::latest::{OrderEvent, OrderOutcome, OrderRefusal, OrderReply, StepReport};

/// Events of one order: a thousand statements with all their news, several times over.
const MAX_EVENTS: u32 = 10_000;
/// Characters of an error, a detail or a line.
const MAX_TEXT: usize = 8_192;
/// Characters of a name, a digest or a version.
const MAX_NAME: usize = 256;

/// The reply as it is kept; none if it is one event too many.
pub(super) fn kept(reply: OrderReply) -> Option<OrderReply> {
    Some(match reply {
        OrderReply::Accepted => OrderReply::Accepted,
        OrderReply::Event(event) if event.seq >= MAX_EVENTS => return None,
        OrderReply::Event(event) => OrderReply::Event(OrderEvent {
            what: report(event.what),
            ..event
        }),
        OrderReply::Refused(OrderRefusal::Policy { rule, message }) => {
            OrderReply::Refused(OrderRefusal::Policy {
                rule: plain(&rule, MAX_NAME),
                message: plain(&message, MAX_TEXT),
            })
        }
        OrderReply::Refused(refusal) => OrderReply::Refused(refusal),
        OrderReply::Outcome(outcome) => OrderReply::Outcome(Box::new(OrderOutcome {
            error: outcome.error.as_deref().map(|text| plain(text, MAX_TEXT)),
            digest: outcome.digest.as_deref().map(|text| plain(text, MAX_NAME)),
            server_version: outcome
                .server_version
                .as_deref()
                .map(|text| plain(text, MAX_NAME)),
            ..*outcome
        })),
    })
}

fn report(report: StepReport) -> StepReport {
    match report {
        StepReport::Step {
            index,
            name,
            status,
            duration_ms,
            rows,
            detail,
        } => StepReport::Step {
            index,
            name: plain(&name, MAX_NAME),
            status,
            duration_ms,
            rows,
            detail: plain(&detail, MAX_TEXT),
        },
        StepReport::Log(line) => StepReport::Log(plain(&line, MAX_TEXT)),
    }
}

fn plain(text: &str, most: usize) -> String {
    let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().filter(shown).take(most).collect()
}

#[cfg(test)]
mod tests {
    use muster_base::UnixMs;

    use super::*;

    fn event(seq: u32, line: &str) -> OrderReply {
        OrderReply::Event(OrderEvent {
            seq,
            at: UnixMs(i64::MIN),
            what: StepReport::Log(line.to_owned()),
        })
    }

    #[test]
    fn binary_and_endless_words_are_cut() {
        assert_eq!(kept(event(0, "a\0b\u{1b}[2J\n\tc")), Some(event(0, "ab[2J\n\tc")));
        let long = "é".repeat(MAX_TEXT + 1);
        assert_eq!(kept(event(1, &long)), Some(event(1, &"é".repeat(MAX_TEXT))));
    }

    #[test]
    fn an_order_has_an_end_of_events() {
        assert!(kept(event(MAX_EVENTS - 1, "x")).is_some());
        assert_eq!(kept(event(MAX_EVENTS, "x")), None);
    }
}
