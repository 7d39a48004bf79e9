//! How much of everything there may be.

/// Rules of an org.
pub(super) const RULES: i64 = 500;
/// Receivers of an org.
pub(super) const RECEIVERS: i64 = 100;
/// Silences of an org that have not ended.
pub(super) const SILENCES: i64 = 500;
/// Names in one list of a selector or matcher.
pub(super) const NAMES: usize = 500;
/// Receivers of a rule.
pub(super) const RULE_RECEIVERS: usize = 20;
/// Addresses of a receiver.
pub(super) const ADDRESSES: usize = 20;
/// Characters of a message in a receiver's own words.
pub(super) const MESSAGE: usize = 1_500;
/// Characters of a rule's note.
pub(super) const NOTE: usize = 240;
/// Seconds in any of a rule's times: a week.
pub(super) const LONGEST_S: i64 = 7 * 24 * 3_600;
/// Hours that a disk may be predicted for: a month.
pub(super) const MOST_HOURS: i64 = 744;
/// Restarts that a rule may wait for: as many are remembered.
pub(super) const MOST_RESTARTS: i64 = 100;
/// Minutes that restarts are counted over: a day.
pub(super) const MOST_MINUTES: i64 = 1_440;
/// Characters of what somebody says who acknowledges an alert.
pub(super) const ACKNOWLEDGEMENT: usize = 500;
/// Days of a silence.
pub(super) const SILENCE_DAYS: i64 = 366;
/// Days of one that comes again: five years.
pub(super) const REPEATED_SILENCE_DAYS: i64 = 5 * 366;
/// What was over is kept so many days.
pub(super) const KEEP_DAYS: i64 = 90;
/// Characters of a message that name hosts.
pub(super) const WHAT: usize = 220;
