//! Tables as Parquet files, for those who look at years of readings with DuckDB, pandas or Spark.
//!
//! Rows are gathered until they make a row group, whose columns are written one after another; what was written goes out at
//! once, and only the list of groups stays until the end, where it belongs in such a file.

use std::sync::Arc;

use muster_base::UnixMs;
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::Type,
};

/// Numbers of a row group: 20 MB before they are written.
const GROUP_NUMBERS: usize = 2_000_000;

/// A file that is being written.
pub(super) struct Columnar {
    writer: SerializedFileWriter<Vec<u8>>,
    times: Vec<i64>,
    columns: Vec<Column>,
}

/// A column of the row group that is gathered.
#[derive(Default)]
struct Column {
    numbers: Vec<f64>,
    /// For each row 1 if it has a number, else 0.
    present: Vec<i16>,
}

impl Columnar {
    /// A file with a column of times and one for each of these names.
    pub(super) fn new(names: &[String]) -> Result<Self, ParquetError> {
        let time = Type::primitive_type_builder("time", Physical::INT64)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
            .build()?;
        let mut fields = vec![Arc::new(time)];
        for name in names {
            let number = Type::primitive_type_builder(name, Physical::DOUBLE)
                .with_repetition(Repetition::OPTIONAL)
                .build()?;
            fields.push(Arc::new(number));
        }
        let schema = Type::group_type_builder("readings").with_fields(fields).build()?;
        // Nobody looks for single values here, and a list of what each page holds would be as long as the pages.
        let properties = WriterProperties::builder()
            .set_created_by("muster".to_owned())
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?,
            times: Vec::new(),
            columns: names.iter().map(|_| Column::default()).collect(),
        })
    }

    /// Another row, later than the last one: its time, and what each column has of it.
    pub(super) fn push(&mut self, at: UnixMs, numbers: impl Iterator<Item = Option<f64>>) {
        self.times.push(at.0);
        for (column, number) in self.columns.iter_mut().zip(numbers) {
            column.numbers.extend(number);
            column.present.push(i16::from(number.is_some()));
        }
    }

    /// What can be sent by now.
    pub(super) fn written(&mut self) -> Result<Vec<u8>, ParquetError> {
        if self.times.len() * (self.columns.len() + 1) >= GROUP_NUMBERS {
            self.write_group()?;
        }
        self.writer.flush()?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// The rest of the file.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, ParquetError> {
        if !self.times.is_empty() {
            self.write_group()?;
        }
        self.writer.into_inner()
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        if let Some(mut times) = group.next_column()? {
            times.typed::<Int64Type>().write_batch(&self.times, None, None)?;
            times.close()?;
        }
        self.times.clear();
        for column in &mut self.columns {
            let Some(mut numbers) = group.next_column()? else {
                break;
            };
            numbers
                .typed::<DoubleType>()
                .write_batch(&column.numbers, Some(&column.present), None)?;
            numbers.close()?;
            column.numbers.clear();
            column.present.clear();
        }
        group.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::{
        file::reader::{FileReader as _, SerializedFileReader},
        record::RowAccessor as _,
    };

    use super::*;

    #[test]
    fn a_long_table_becomes_groups_that_go_out_as_they_are_written() {
        let names: Vec<String> = (0..9).map(|number| format!("series.{number}")).collect();
        let mut columnar = Columnar::new(&names).unwrap();
        let (mut file, mut largest, rows) = (Vec::new(), 0, 250_000_i64);
        for at in 0..rows {
            // Only every third row has the first column.
            let number = |column: i64| (column > 0 || at % 3 == 0).then(|| (at * column) as f64 / 4.0);
            columnar.push(UnixMs(at), (0..9).map(number));
            if at % 1_000 == 999 {
                file.extend(columnar.written().unwrap());
                largest = largest.max(columnar.times.len());
            }
        }
        assert!(largest <= 201_000, "{largest} rows were held");
        assert!(file.len() > 1_000_000, "what is written goes out");
        file.extend(columnar.finish().unwrap());
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let last = reader.get_row_iter(None).unwrap().last().unwrap().unwrap();
        let at = rows - 1;
        assert_eq!(last.get_timestamp_millis(0).unwrap(), at);
        let numbers = [3, 1].map(|column| last.get_double(column).ok().map(|number: f64| number.to_string()));
        let first = (at % 3 == 0).then(|| 0.0_f64.to_string());
        assert_eq!(numbers, [Some(((at * 2) as f64 / 4.0).to_string()), first]);
    }
}
