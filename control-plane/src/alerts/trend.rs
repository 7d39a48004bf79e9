//! When a disk will be full: a least-squares line through the free space of the last hours.
//!
//! Kept in memory only. A point each quarter of an hour and the newest reading; nothing is said before they span an hour,
//! so that a copied file is no trend.

use std::collections::VecDeque;

use muster_base::UnixMs;

const EVERY_MS: i64 = 15 * UnixMs::MINUTE;
const POINTS: usize = 24;
const LEAST_SPAN_MS: i64 = UnixMs::HOUR;

/// The last hours of one file system's free space.
#[derive(Debug, Clone, Default)]
pub(super) struct Trend {
    /// When, and bytes that were free.
    points: VecDeque<(UnixMs, f64)>,
    newest: Option<(UnixMs, f64)>,
}

impl Trend {
    /// Takes a reading in.
    pub(super) fn add(&mut self, at: UnixMs, free: f64) {
        if self.newest.is_some_and(|(newest, _)| newest >= at) {
            return;
        }
        self.newest = Some((at, free));
        if self
            .points
            .back()
            .is_none_or(|(last, _)| at.ms_since(*last) >= EVERY_MS)
        {
            self.points.push_back((at, free));
            if self.points.len() > POINTS {
                self.points.pop_front();
            }
        }
    }

    /// Hours until nothing is free, if it goes on so; infinite if it doesn't get less, none if that can't be told yet.
    pub(super) fn hours_left(&self) -> Option<f64> {
        let (now, free) = self.newest?;
        let (first, _) = self.points.front()?;
        if now.ms_since(*first) < LEAST_SPAN_MS {
            return None;
        }
        let last = self.points.back().filter(|(at, _)| *at != now);
        let hours = |at: UnixMs| at.ms_since(now) as f64 / UnixMs::HOUR as f64;
        let points: Vec<(f64, f64)> = self
            .points
            .iter()
            .copied()
            .chain(last.map(|_| (now, free)))
            .map(|(at, free)| (hours(at), free))
            .collect();
        let count = points.len() as f64;
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        if variance <= 0.0 {
            return None;
        }
        let slope = covariance / variance;
        // From what is free now, not from where the line is now: the line only says how fast.
        Some(if slope < 0.0 { free / -slope } else { f64::INFINITY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(readings: impl IntoIterator<Item = (i64, f64)>) -> Option<f64> {
        let mut trend = Trend::default();
        for (minute, free) in readings {
            trend.add(UnixMs(minute * UnixMs::MINUTE), free);
        }
        trend.hours_left()
    }

    #[test]
    fn a_steady_loss_ends_when_it_should() {
        // 1 GB an hour, and 10 GB left after the last.
        let left = trend((0..=120).map(|minute| (minute, 12e9 - minute as f64 / 60.0 * 1e9))).unwrap();
        assert!((left - 10.0).abs() < 0.01, "{left}");
    }

    #[test]
    fn what_does_not_get_less_never_ends() {
        assert_eq!(trend((0..=120).map(|minute| (minute, 5e9))), Some(f64::INFINITY));
        let growing = trend((0..=120).map(|minute| (minute, 5e9 + minute as f64)));
        assert_eq!(growing, Some(f64::INFINITY));
    }

    #[test]
    fn nothing_is_said_of_less_than_an_hour() {
        assert_eq!(
            trend((0..59).map(|minute| (minute, 1e9 - minute as f64 * 1e7))),
            None
        );
        assert_eq!(trend([]), None);
        assert_eq!(trend([(0, 1.0)]), None);
    }

    #[test]
    fn old_hours_are_forgotten_and_readings_that_come_late_left_out() {
        let falling = (0..600).map(|minute| (minute, 1e12 - minute as f64 * 1e8));
        let steady = (600..1_100).map(|minute| (minute, 1e11));
        assert_eq!(trend(falling.chain(steady)), Some(f64::INFINITY));
        let mut trend = Trend::default();
        trend.add(UnixMs(UnixMs::HOUR), 1.0);
        trend.add(UnixMs(0), 2.0);
        assert_eq!(trend.points.len(), 1);
    }
}
