//! Collecting what is wrong with an input, so that a person sees all of it at once.

use super::{AlertsError, limits};
use crate::{error::FieldError, flaw::Flaw, notify};

/// Wrong fields found so far.
#[derive(Default)]
pub(super) struct Fields(Vec<FieldError>);

impl Fields {
    /// Notes `flaw` for `field` unless `holds`.
    pub(super) fn check(&mut self, holds: bool, field: &str, flaw: impl Into<Flaw>) {
        if !holds {
            self.0.push(FieldError::new(field, flaw));
        }
    }

    /// Notes what is wrong elsewhere.
    pub(super) fn add(&mut self, wrong: Vec<FieldError>) {
        self.0.extend(wrong);
    }

    /// A name that people type.
    pub(super) fn name(&mut self, name: &str) {
        let plain = name.trim() == name && !name.chars().any(char::is_control);
        self.check(
            plain && (1..=128).contains(&name.chars().count()),
            "name",
            Flaw::Name(128),
        );
    }

    /// A line of text.
    pub(super) fn line(&mut self, field: &str, text: &str, most: usize) {
        self.check(text.chars().count() <= most, field, Flaw::TooLong(most));
        self.check(!text.chars().any(char::is_control), field, "must be one line");
    }

    /// A message with blanks.
    pub(super) fn message(&mut self, field: &str, text: &str) {
        let most = limits::MESSAGE;
        self.check(text.chars().count() <= most, field, Flaw::TooLong(most));
        let odd = text.chars().any(|c| c.is_control() && c != '\n');
        self.check(!odd, field, Flaw::Control);
        self.check(notify::are_blanks_known(text), field, Flaw::Blanks);
    }

    /// A number of its range.
    pub(super) fn range(&mut self, field: &str, value: i64, least: i64, most: i64) {
        self.check((least..=most).contains(&value), field, Flaw::Range(least, most));
    }

    /// A list.
    pub(super) fn count(&mut self, field: &str, count: usize, most: usize) {
        self.check(count <= most, field, Flaw::TooMany(most));
    }

    /// Everything was right, or the whole list of what was not.
    pub(super) fn finish(self) -> Result<(), AlertsError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(AlertsError::Invalid(self.0))
        }
    }
}
