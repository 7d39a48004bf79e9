//! Notices that the control plane does not answer any more, sooner than the idle timeout does. Only for agents that know
//! another one to go to: whoever has nowhere to go may as well wait.

use std::time::Duration;

use quinn::Connection;
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks without an answer to something that was sent. Answers come within a round trip, and what is lost is sent again.
const LOOKS: u32 = 3;

/// Returns when what is sent is not answered any more.
pub(super) async fn begins(connection: &Connection) {
    let mut silence = Silence::default();
    loop {
        sleep(LOOK_EVERY).await;
        let stats = connection.stats();
        // Only what must be answered: acknowledgements are not.
        let asked = stats.frame_tx.ping + stats.frame_tx.stream;
        if silence.look(asked, stats.udp_rx.datagrams) {
            return;
        }
    }
}

#[derive(Debug, Default)]
struct Silence {
    /// What had been received at the last look that found something new, and what had been asked by then.
    received: u64,
    asked: u64,
    unanswered: u32,
}

impl Silence {
    /// Whether the other side is silent.
    fn look(&mut self, asked: u64, received: u64) -> bool {
        if received != self.received {
            *self = Self {
                received,
                asked,
                unanswered: 0,
            };
        } else if asked > self.asked {
            self.unanswered += 1;
        }
        self.unanswered >= LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_without_answers_are_silence() {
        let mut silence = Silence::default();
        assert!(!silence.look(5, 9));
        for _ in 0..20 {
            assert!(!silence.look(5, 9), "nobody asks anything");
        }
        assert!(!silence.look(6, 9));
        assert!(!silence.look(6, 9));
        assert!(!silence.look(7, 10), "an answer");
        assert!(!silence.look(8, 10));
        assert!(!silence.look(9, 10));
        assert!(silence.look(9, 10));
    }
}
