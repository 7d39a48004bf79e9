//! Alerts through time.

use super::*;

const TIMING: Timing = Timing {
    for_ms: 60_000,
    resolve_ms: 120_000,
    repeat_ms: 3_600_000,
    escalate_ms: 0,
};

/// Goes through what is seen, ten seconds apart, and notes what is told and when.
struct Alert {
    open: Option<Open>,
    now: UnixMs,
    muted: Muted,
    timing: Timing,
    told: Vec<(i64, Say)>,
    ended: Option<Reason>,
}

impl Alert {
    fn new() -> Self {
        Self {
            open: None,
            now: UnixMs(0),
            muted: Muted::default(),
            timing: TIMING,
            told: Vec::new(),
            ended: None,
        }
    }

    fn see(&mut self, seen: Seen, times: usize) -> &mut Self {
        for _ in 0..times {
            match next(self.open, seen, self.timing, self.muted, self.now) {
                Next::Nothing => {}
                Next::Open(open, say) => {
                    self.open = Some(open);
                    self.told.extend(say.map(|say| (self.now.0 / 1_000, say)));
                }
                Next::Dropped => self.open = None,
                Next::Resolved(reason, say) => {
                    self.open = None;
                    self.ended = Some(reason);
                    self.told.extend(say.map(|say| (self.now.0 / 1_000, say)));
                }
            }
            self.now = self.now.plus_ms(10_000);
        }
        self
    }
}

#[test]
fn it_fires_after_its_time_and_is_over_after_its_time() {
    let mut alert = Alert::new();
    alert.see(Seen::Wrong, 6);
    assert!(alert.told.is_empty() && alert.open.unwrap().fired_at.is_none());
    alert.see(Seen::Wrong, 10).see(Seen::Right, 13);
    assert_eq!(alert.told, [(60, Say::Fires), (280, Say::Over)]);
    assert_eq!(alert.ended, Some(Reason::Ok));
}

#[test]
fn what_passes_before_its_time_was_never_there() {
    let mut alert = Alert::new();
    alert.see(Seen::Wrong, 5).see(Seen::Right, 1).see(Seen::Wrong, 6);
    assert!(alert.told.is_empty() && alert.open.unwrap().fired_at.is_none());
    alert.see(Seen::Silent, 1);
    assert_eq!(alert.open, None);
}

#[test]
fn a_flapping_value_fires_once_and_is_over_once() {
    let mut alert = Alert::new();
    alert.see(Seen::Wrong, 7);
    for _ in 0..20 {
        alert.see(Seen::Right, 6).see(Seen::Wrong, 2);
    }
    assert_eq!(alert.told.len(), 1);
    alert.see(Seen::Right, 13);
    assert_eq!(alert.told.len(), 2);
}

#[test]
fn it_is_told_again_as_often_as_the_rule_says() {
    let mut alert = Alert::new();
    alert.see(Seen::Wrong, 7 + 360 + 360);
    let times: Vec<_> = alert.told.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [60, 3_660, 7_260]);
}

#[test]
fn readings_that_stop_are_said_once_each_time_and_nothing_is_over() {
    let mut alert = Alert::new();
    alert
        .see(Seen::Wrong, 7)
        .see(Seen::Silent, 100)
        .see(Seen::Wrong, 1);
    alert.see(Seen::Silent, 3);
    assert_eq!(
        alert.told,
        [(60, Say::Fires), (70, Say::Silent), (1_080, Say::Silent)]
    );
    alert.see(Seen::Unknown, 3).see(Seen::Right, 13);
    assert_eq!(alert.ended, Some(Reason::Ok));
}

#[test]
fn what_is_not_there_any_more_is_gone_after_a_while() {
    let mut alert = Alert::new();
    alert.see(Seen::Wrong, 7).see(Seen::Absent, 61);
    assert_eq!(alert.ended, Some(Reason::Gone));
    assert_eq!(alert.told.last().unwrap().1, Say::Over);
}

#[test]
fn a_host_that_is_down_has_no_other_alerts() {
    let mut alert = Alert::new();
    alert.muted.inhibited = true;
    alert.see(Seen::Wrong, 20);
    assert_eq!(alert.open, None);
    alert.muted.inhibited = false;
    alert.see(Seen::Wrong, 7);
    alert.muted.inhibited = true;
    alert.see(Seen::Silent, 20);
    assert_eq!(
        alert.told,
        [(260, Say::Fires)],
        "it does not say that its readings stopped"
    );
}

#[test]
fn what_fires_under_a_silence_is_told_when_that_ends_and_then_over() {
    let mut alert = Alert::new();
    alert.muted.silenced = true;
    alert.see(Seen::Wrong, 20);
    assert!(alert.open.unwrap().fired_at.is_some() && alert.told.is_empty());
    alert.muted.silenced = false;
    alert.see(Seen::Wrong, 1);
    alert.muted.silenced = true;
    alert.see(Seen::Right, 13);
    assert_eq!(alert.told, [(200, Say::Fires), (330, Say::Over)]);
}

#[test]
fn what_was_never_told_is_not_told_as_over() {
    let mut alert = Alert::new();
    alert.muted.silenced = true;
    alert.see(Seen::Wrong, 20).see(Seen::Right, 13);
    assert!(alert.told.is_empty());
    assert_eq!(alert.ended, Some(Reason::Ok));
}

#[test]
fn what_nobody_acknowledges_is_told_to_others_once() {
    let mut alert = Alert::new();
    alert.timing.escalate_ms = 600_000;
    alert.see(Seen::Wrong, 7 + 120);
    assert_eq!(alert.told, [(60, Say::Fires), (660, Say::Escalates)]);
    // Also while its readings are away, but not under a silence.
    let mut alert = Alert::new();
    alert.timing.escalate_ms = 600_000;
    alert.see(Seen::Wrong, 7).see(Seen::Silent, 30);
    alert.muted.silenced = true;
    alert.see(Seen::Silent, 60);
    alert.muted.silenced = false;
    alert.see(Seen::Silent, 10);
    let said: Vec<_> = alert.told.iter().map(|(_, say)| *say).collect();
    assert_eq!(said, [Say::Fires, Say::Silent, Say::Escalates]);
    assert_eq!(alert.told[2].0, 970);
}

#[test]
fn what_somebody_sees_to_is_not_told_again_until_it_is_over() {
    let mut alert = Alert::new();
    alert.timing.escalate_ms = 600_000;
    alert.see(Seen::Wrong, 7);
    alert.open.as_mut().unwrap().acked_at = Some(alert.now);
    alert.see(Seen::Wrong, 800).see(Seen::Right, 13);
    let said: Vec<_> = alert.told.iter().map(|(_, say)| *say).collect();
    assert_eq!(said, [Say::Fires, Say::Over]);
}

#[test]
fn words_are_read_back() {
    for state in [AlertState::Pending, AlertState::Firing, AlertState::Resolved] {
        assert_eq!(AlertState::read(state.as_str()).unwrap(), state);
    }
    assert!(Reason::read("x").is_err());
}
