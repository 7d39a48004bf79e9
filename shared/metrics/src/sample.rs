//! One moment's readings, and the layout that says which value is which.

use std::sync::Arc;

use muster_base::UnixMs;

use crate::{
    Kind, Series, SeriesKey, Subject,
    wire::{DecodeError, Reader, put_len, put_text, put_u64},
};

/// At most this many values in a sample.
pub(crate) const MAX_COLUMNS: usize = 16_384;

/// Readings of a host and its containers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When, by the host's clock.
    pub at: UnixMs,
    /// Which value is which. Shared by consecutive samples, since it changes only when a disk, interface or
    /// container comes or goes.
    pub layout: Arc<Layout>,
    /// As many values as the layout has columns, in its order.
    pub values: Vec<i64>,
}

/// Which series a sample holds, by whose they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// The host's group first, then one for each container.
    pub groups: Vec<Group>,
}

/// The series of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Whose.
    pub subject: Subject,
    /// Which, in order.
    pub series: Vec<Series>,
}

impl Layout {
    /// The number of values that a sample of this layout has.
    pub fn columns(&self) -> usize {
        self.groups.iter().map(|group| group.series.len()).sum()
    }

    /// The columns in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, &Series)> {
        self.groups
            .iter()
            .flat_map(|group| group.series.iter().map(move |series| (&group.subject, series)))
    }

    /// A layout of these columns; neighbours of one subject form a group.
    pub fn from_columns<'a>(columns: impl IntoIterator<Item = &'a SeriesKey>) -> Self {
        let mut layout = Self::default();
        for key in columns {
            layout.group(&key.subject).series.push(key.series.clone());
        }
        layout
    }

    fn group(&mut self, subject: &Subject) -> &mut Group {
        if self.groups.last().is_none_or(|group| group.subject != *subject) {
            self.groups.push(Group {
                subject: subject.clone(),
                series: Vec::new(),
            });
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_len(out, self.groups.len());
        for group in &self.groups {
            put_text(out, group.subject.name());
            put_len(out, group.series.len());
            for series in &group.series {
                encode_series(out, series);
            }
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut columns = 0;
        let groups = reader.count(MAX_COLUMNS, "number of groups")?;
        let mut layout = Self {
            groups: Vec::with_capacity(groups.min(256)),
        };
        for _ in 0..groups {
            let subject = Subject::from_name(reader.text()?);
            let count = reader.count(MAX_COLUMNS - columns, "number of series")?;
            columns += count;
            let mut series = Vec::with_capacity(count.min(256));
            for _ in 0..count {
                series.push(decode_series(reader)?);
            }
            layout.groups.push(Group { subject, series });
        }
        Ok(layout)
    }
}

/// A series is its kind's number, doubled, plus one if an instance follows.
pub(crate) fn encode_series(out: &mut Vec<u8>, series: &Series) {
    let instance = series.instance();
    put_u64(
        out,
        u64::from(series.kind().code()) << 1 | u64::from(!instance.is_empty()),
    );
    if !instance.is_empty() {
        put_text(out, instance);
    }
}

pub(crate) fn decode_series(reader: &mut Reader<'_>) -> Result<Series, DecodeError> {
    let head = reader.u64()?;
    let code = u16::try_from(head >> 1).map_err(|_| DecodeError::Malformed("a series"))?;
    let kind = Kind::from_code(code);
    if head & 1 == 0 {
        Ok(Series::of(kind))
    } else {
        Ok(Series::of_instance(kind, reader.text()?))
    }
}

impl Sample {
    /// The values with whose and which they are.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, &Series, i64)> {
        self.layout
            .iter()
            .zip(&self.values)
            .map(|((subject, series), value)| (subject, series, *value))
    }

    /// The value of one of the host's own series.
    pub fn host_value(&self, series: &Series) -> Option<i64> {
        self.iter()
            .find(|(subject, candidate, _)| **subject == Subject::Host && *candidate == series)
            .map(|(_, _, value)| value)
    }
}

/// Builds one sample after another. While the columns are the same as before it allocates nothing but the values.
#[derive(Debug, Default)]
pub struct SampleBuilder {
    known: Arc<Layout>,
    /// The layout so far, once it has turned out not to be the known one.
    changed: Option<Layout>,
    started: bool,
    /// Inside of the known layout's group number `group`, `place` series into it.
    inside: bool,
    group: usize,
    place: usize,
    values: Vec<i64>,
}

impl SampleBuilder {
    /// Starts the readings of a subject; the host's (the empty name) come first.
    pub fn subject(&mut self, name: &str) {
        self.started = true;
        self.leave_group();
        if self.changed.is_none() {
            let next = self.known.groups.get(self.group);
            if next.is_some_and(|group| group.subject.name() == name) {
                self.inside = true;
                self.place = 0;
                return;
            }
            self.diverge();
        }
        if let Some(changed) = &mut self.changed {
            changed.groups.push(Group {
                subject: Subject::from_name(name),
                series: Vec::new(),
            });
        }
    }

    /// Adds a value of a kind without instances.
    pub fn push(&mut self, kind: Kind, value: i64) {
        self.push_instance(kind, "", value);
    }

    /// Adds a value of one instance of a kind. Values beyond the limit of a sample are left out.
    pub fn push_instance(&mut self, kind: Kind, instance: &str, value: i64) {
        if self.values.len() >= MAX_COLUMNS {
            return;
        }
        if !self.started {
            self.subject("");
        }
        self.values.push(value);
        if self.changed.is_none() {
            let expected = self.known.groups[self.group].series.get(self.place);
            if expected.is_some_and(|series| series.kind() == kind && series.instance() == instance) {
                self.place += 1;
                return;
            }
            self.diverge();
        }
        if let Some(group) = self.changed.as_mut().and_then(|layout| layout.groups.last_mut()) {
            group.series.push(Series::of_instance(kind, instance));
        }
    }

    /// Ends the sample.
    pub fn finish(&mut self, at: UnixMs) -> Sample {
        self.leave_group();
        if self.changed.is_none() && self.group < self.known.groups.len() {
            self.diverge();
        }
        if let Some(changed) = self.changed.take() {
            self.known = Arc::new(changed);
        }
        self.started = false;
        self.group = 0;
        let columns = self.values.len();
        Sample {
            at,
            layout: Arc::clone(&self.known),
            values: std::mem::replace(&mut self.values, Vec::with_capacity(columns)),
        }
    }

    fn leave_group(&mut self) {
        if !self.inside {
            return;
        }
        if self.known.groups[self.group].series.len() == self.place {
            self.group += 1;
            self.inside = false;
        } else {
            self.diverge();
        }
    }

    /// From here on the columns are not the known ones: keeps those that were met so far.
    fn diverge(&mut self) {
        let mut groups = self.known.groups[..self.group].to_vec();
        if self.inside {
            let group = &self.known.groups[self.group];
            groups.push(Group {
                subject: group.subject.clone(),
                series: group.series[..self.place].to_vec(),
            });
            self.inside = false;
        }
        self.changed = Some(Layout { groups });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(builder: &mut SampleBuilder, columns: &[(String, u16, String)]) -> Sample {
        let mut subject = None;
        for (name, code, instance) in columns {
            if subject != Some(name) {
                builder.subject(name);
                subject = Some(name);
            }
            builder.push_instance(Kind::from_code(*code), instance, 7);
        }
        builder.finish(UnixMs(1))
    }

    #[test]
    fn an_unchanged_layout_is_shared() {
        let mut builder = SampleBuilder::default();
        let columns = [
            (String::new(), 0, String::new()),
            ("web".into(), 41, String::new()),
        ];
        let first = build(&mut builder, &columns);
        let second = build(&mut builder, &columns);
        assert!(Arc::ptr_eq(&first.layout, &second.layout));
    }

    proptest! {
        #[test]
        fn whatever_was_built_before_the_columns_are_those_given(
            samples in prop::collection::vec(
                prop::collection::vec(("[ab]?", 0_u16..3, "[xy]?"), 0..6), 1..6
            )
        ) {
            let mut builder = SampleBuilder::default();
            for columns in samples {
                let sample = build(&mut builder, &columns);
                let got: Vec<_> = sample
                    .iter()
                    .map(|(subject, series, _)| {
                        (subject.name().to_owned(), series.kind().code(), series.instance().to_owned())
                    })
                    .collect();
                prop_assert_eq!(got, columns);
                prop_assert_eq!(sample.layout.columns(), sample.values.len());
            }
        }
    }
}
