//! Notices that the control plane does not answer any more, sooner than the idle timeout does, and so that one can still hang
//! up: where only the way back is cut, the control plane hears us, and would believe in the connection until after our own
//! idle timeout its own has passed, too. Whoever knows another control plane goes there sooner.

use std::time::Duration;

use quinn::Connection;
use tokio::time::sleep;

/// How patient somebody is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    look_every: Duration,
    /// Looks without an answer to something that was sent. Answers come within a round trip, and what is lost is sent again.
    looks: u32,
}

impl Patience {
    /// Of an agent that has somewhere else to go.
    pub(super) const ONE_OF_MANY: Self = Self {
        look_every: Duration::from_secs(1),
        looks: 3,
    };
    /// Of one that has not. Less than the idle timeout, which begins with the first question.
    pub(super) const ONLY_ONE: Self = Self {
        look_every: Duration::from_secs(2),
        looks: 4,
    };
}

/// Returns when what is sent is not answered any more.
pub(super) async fn begins(connection: &Connection, patience: Patience) {
    let mut silence = Silence::default();
    loop {
        sleep(patience.look_every).await;
        let stats = connection.stats();
        // Only what must be answered: acknowledgements are not.
        let asked = stats.frame_tx.ping + stats.frame_tx.stream;
        if silence.look(asked, stats.udp_rx.datagrams) >= patience.looks {
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
    /// How many looks have found no answer.
    fn look(&mut self, asked: u64, received: u64) -> u32 {
        if received != self.received {
            *self = Self {
                received,
                asked,
                unanswered: 0,
            };
        } else if asked > self.asked {
            self.unanswered += 1;
        }
        self.unanswered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_without_answers_are_silence() {
        let mut silence = Silence::default();
        assert_eq!(silence.look(5, 9), 0);
        for _ in 0..20 {
            assert_eq!(silence.look(5, 9), 0, "nobody asks anything");
        }
        assert_eq!(silence.look(6, 9), 1);
        assert_eq!(silence.look(6, 9), 2);
        assert_eq!(silence.look(7, 10), 0, "an answer");
        assert_eq!(silence.look(8, 10), 1);
        assert_eq!(silence.look(9, 10), 2);
        assert_eq!(silence.look(9, 10), 3);
    }
}
