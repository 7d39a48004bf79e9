//! Where a recording's bytes are: column by column as an hour's compressor leaves it and as a day is packed, and its hours and days.
//!
//! `cargo run --release -p muster-metrics --example bytes -- FILE.csv`, where the file is what
//! `GET /api/v1/hosts/{id}/metrics/export` answers, with whole numbers as they are stored.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::{
    collections::BTreeMap,
    error::Error,
    time::{Duration, Instant},
};

use muster_base::UnixMs;
use muster_metrics::{
    Period, RollupBody, Sample, SampleBuilder, Series, Subject,
    chunk::{self, Chunk, Effort},
    packed,
};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("which file?")?;
    let samples = read(&std::fs::read_to_string(file)?)?;
    let values: usize = samples.iter().map(|sample| sample.values.len()).sum();
    let each = |bytes: usize| {
        format!(
            "{bytes} bytes, {:.4} for each value",
            bytes as f64 / values as f64
        )
    };
    println!("{} samples, {values} values", samples.len());
    for (day, samples) in by(&samples, Period::Day) {
        println!("day {day}");
        days(&samples)?;
    }
    let (mut packed, mut single, mut days) = (0, 0, 0);
    for (day, samples) in by(&samples, Period::Day) {
        let mut hours: BTreeMap<UnixMs, RollupBody> = BTreeMap::new();
        let mut whole = RollupBody::default();
        for sample in &samples {
            let hour = hours.entry(Period::Hour.start_of(sample.at)).or_default();
            hour.add_sample(&Subject::Host, sample);
            whole.add_sample(&Subject::Host, sample);
        }
        single += hours
            .iter()
            .map(|(start, body)| body.encode(*start).len())
            .sum::<usize>();
        let bytes = packed::encode(day, &hours)?;
        packed += bytes.len();
        read_hours(&bytes, day, &whole)?;
        days += whole.encode(day).len();
    }
    println!("hours one by one: {}", each(single));
    println!("hours packed: {}", each(packed));
    println!("days: {}", each(days));
    Ok(())
}

/// How long a day's hours are read: all of them, and of one series each.
fn read_hours(bytes: &[u8], day: UnixMs, whole: &RollupBody) -> Result<(), Box<dyn Error>> {
    let mut took = Vec::new();
    for series in whole.0.keys() {
        let mut least = Duration::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            packed::decode(bytes, day, |one| one == series)?;
            least = least.min(began.elapsed());
        }
        took.push(least);
    }
    let began = Instant::now();
    packed::decode(bytes, day, |_| true)?;
    let (all, sum) = (began.elapsed(), took.iter().sum::<Duration>());
    let mean = sum / u32::try_from(took.len())?.max(1);
    let longest = took.iter().max().copied().unwrap_or_default();
    println!("hours of a day: read in {all:?}, a series in {mean:?}, at most {longest:?}");
    Ok(())
}

/// A day's chunk with both efforts, and its columns.
fn days(samples: &[Sample]) -> Result<(), Box<dyn Error>> {
    let hours = by(samples, Period::Hour)
        .into_values()
        .map(chunk::encode)
        .collect::<Result<Vec<_>, _>>()?;
    let hours: Vec<&[u8]> = hours.iter().map(Vec::as_slice).collect();
    let began = Instant::now();
    let (_, quick) = chunk::merge(&hours, Effort::Quick)?;
    let quickly = began.elapsed();
    let began = Instant::now();
    let (_, thorough) = chunk::merge(&hours, Effort::Thorough)?;
    let thoroughly = began.elapsed();
    let began = Instant::now();
    let back = Chunk::open(&thorough)?.samples()?;
    let all = began.elapsed();
    if back != Chunk::open(&quick)?.samples()? {
        return Err("what was packed is not what comes back".into());
    }
    let (quick, thorough) = (Chunk::open(&quick)?, Chunk::open(&thorough)?);
    let (mut sums, mut slowest) = ([0, 0], None);
    for ((key, before), (_, after)) in quick.sizes().zip(thorough.sizes()) {
        let mut took = None;
        for _ in 0..5 {
            let began = Instant::now();
            thorough.read(|one| one == key)?;
            took = Some(took.map_or(began.elapsed(), |least| began.elapsed().min(least)));
        }
        slowest = slowest.max(took);
        sums = [sums[0] + before, sums[1] + after];
        println!(
            "{:>9} {before:>7} {after:>7}  {:?}",
            key.subject.name(),
            key.series
        );
    }
    println!("          {:>7} {:>7}  all columns", sums[0], sums[1]);
    println!("merged in {quickly:?} and {thoroughly:?}; read in {all:?}, a column in up to {slowest:?}");
    Ok(())
}

fn by(samples: &[Sample], period: Period) -> BTreeMap<UnixMs, Vec<Sample>> {
    let mut parts: BTreeMap<UnixMs, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        parts
            .entry(period.start_of(sample.at))
            .or_default()
            .push(sample.clone());
    }
    parts
}

fn read(text: &str) -> Result<Vec<Sample>, Box<dyn Error>> {
    let mut lines = text.lines();
    let names = lines.next().unwrap_or_default().split(',').skip(1);
    let series = names.map(str::parse).collect::<Result<Vec<Series>, _>>()?;
    let mut builder = SampleBuilder::default();
    let mut samples = Vec::new();
    for line in lines {
        let mut words = line.split(',');
        let at = UnixMs(words.next().unwrap_or_default().parse()?);
        for (series, word) in series.iter().zip(words).filter(|(_, word)| !word.is_empty()) {
            builder.push_instance(series.kind(), series.instance(), word.parse()?);
        }
        samples.push(builder.finish(at));
    }
    Ok(samples)
}
