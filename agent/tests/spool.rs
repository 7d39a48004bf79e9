//! What was recorded arrives, once, whatever happens to the process in between.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use muster_agent::{
    collect::ContainerDirectory,
    link::ReportSource as _,
    rollup::{Accumulators, Recorder},
    spool::{Reports, Spool},
};
use muster_base::{Clock, UnixMs};
use muster_metrics::{
    Kind, Period, Rollup, RollupBody, Sample, SampleBuilder, Subject, decode_rollups, frame::Decoder,
};
use muster_protocol::{
    CONTINUED_REPORTS_SINCE, VERSIONS,
    latest::{AgentConfig, Report},
};
use tokio::sync::watch;

/// 12 samples an hour.
const INTERVAL_MS: i64 = 300_000;
const START: UnixMs = UnixMs(1_700_000_000_000 - 1_700_000_000_000 % UnixMs::DAY);

fn sample(number: i64) -> Sample {
    let mut builder = SampleBuilder::default();
    builder.push(Kind::CPU_TOTAL, number * 37 % 10_000);
    builder.push(Kind::MEMORY_USED, 1 << 30);
    builder.subject("web");
    builder.push(Kind::CONTAINER_CPU, number % 11);
    builder.finish(START.plus_ms(number * INTERVAL_MS))
}

fn reports(spool: &Spool) -> Reports {
    // The receiver keeps the value when the sender is gone.
    let config = watch::channel(AgentConfig::default()).1;
    Reports::new(
        spool.clone(),
        ContainerDirectory::default(),
        config,
        Clock::system(),
    )
}

fn samples_of(report: &Report) -> Vec<Sample> {
    samples_after(report, None)
}

fn samples_after(report: &Report, before: Option<Sample>) -> Vec<Sample> {
    Decoder::after(&report.samples, before)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

async fn deliver(reports: &Reports, stored: &mut Stored) {
    reports.begin_session(VERSIONS.1);
    stored.last = None;
    while let Some(report) = reports.try_next().unwrap() {
        let batch = report.batch;
        stored.take(&report);
        reports.acknowledged(batch).await;
    }
}

/// What a control plane does with reports: keys make repeats harmless, the fuller of two rollups stays.
#[derive(Default)]
struct Stored {
    samples: BTreeMap<UnixMs, Sample>,
    rollups: BTreeMap<(Period, UnixMs, Subject), RollupBody>,
    /// In the present session.
    last: Option<Sample>,
}

impl Stored {
    fn take(&mut self, report: &Report) {
        for sample in samples_after(report, self.last.clone()) {
            self.last = Some(sample.clone());
            self.samples.insert(sample.at, sample);
        }
        for Rollup {
            period,
            start,
            subject,
            body,
        } in decode_rollups(&report.rollups).unwrap()
        {
            let known = self.rollups.entry((period, start, subject)).or_default();
            if body.values() >= known.values() {
                *known = body;
            }
        }
    }

    /// Samples 0 to `last` and every hour and day that they end, with exactly their values.
    fn assert_complete(&self, last: i64) {
        let times: Vec<UnixMs> = (0..=last)
            .map(|number| START.plus_ms(number * INTERVAL_MS))
            .collect();
        assert_eq!(self.samples.keys().copied().collect::<Vec<_>>(), times);

        let mut expected: BTreeMap<(Period, UnixMs, Subject), RollupBody> = BTreeMap::new();
        for number in 0..=last {
            let sample = sample(number);
            for period in [Period::Hour, Period::Day] {
                for subject in [Subject::Host, Subject::from_name("web")] {
                    let start = period.start_of(sample.at);
                    let body = expected.entry((period, start, subject.clone())).or_default();
                    body.add_sample(&subject, &sample);
                }
            }
        }
        let end = START.plus_ms(last * INTERVAL_MS);
        expected.retain(|(period, start, _), _| start.plus_ms(period.width_ms()) <= end);
        assert_eq!(
            self.rollups.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        assert!(
            self.rollups == expected,
            "a rollup's values differ from its samples'"
        );
    }
}

#[tokio::test]
async fn hours_and_days_are_closed_in_passing_and_everything_is_forgotten_once_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let reports = reports(&spool);
    let mut stored = Stored::default();
    let last = 12 * 50;
    for number in 0..=last {
        recorder.record(&sample(number)).unwrap();
        if number % 100 == 0 {
            deliver(&reports, &mut stored).await;
        }
    }
    deliver(&reports, &mut stored).await;
    stored.assert_complete(last);
    recorder.flush(sample(last).at).unwrap();
    assert_eq!(spool.backlog().unwrap(), (0, 0));
    assert_eq!(spool.newest_time().unwrap(), None);
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let reports = reports(&spool);
    recorder.record(&sample(0)).unwrap();
    let first = reports.next().await;
    recorder.record(&sample(1)).unwrap();
    let second = reports.next().await;
    assert_eq!((first.batch, second.batch), (0, 1));
    assert_eq!(samples_of(&second), [sample(1)]);
    reports.acknowledged(0).await;
    assert!(reports.try_next().unwrap().is_none());

    reports.begin_session(VERSIONS.1);
    let again = reports.next().await;
    assert_eq!(again.batch, 0);
    assert_eq!(samples_of(&again), [sample(1)]);
}

#[tokio::test]
async fn a_report_continues_the_one_before_it_where_that_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let reports = reports(&spool);
    for (version, is_continued) in [
        (CONTINUED_REPORTS_SINCE, true),
        (CONTINUED_REPORTS_SINCE - 1, false),
    ] {
        reports.begin_session(version);
        let newest = i64::try_from(spool.last_sample()).unwrap();
        recorder.record(&sample(newest)).unwrap();
        let first = reports.next().await;
        recorder.record(&sample(newest + 1)).unwrap();
        let second = reports.next().await;
        let last = samples_of(&first).pop();
        assert_eq!(Decoder::new(&second.samples).is_err(), is_continued);
        assert_eq!(samples_after(&second, last), [sample(newest + 1)]);
    }
}

#[tokio::test]
async fn an_acknowledgement_out_of_order_forgets_nothing_too_soon() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let reports = reports(&spool);
    for number in 0..3 {
        recorder.record(&sample(number)).unwrap();
        reports.next().await;
    }
    reports.acknowledged(2).await;
    reports.acknowledged(0).await;
    reports.begin_session(VERSIONS.1);
    assert_eq!(samples_of(&reports.next().await), [sample(1), sample(2)]);
}

#[tokio::test]
async fn a_clock_that_was_set_back_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let reports = reports(&spool);
    let mut stored = Stored::default();
    for number in (0..=13).filter(|number| *number != 5) {
        recorder.record(&sample(number)).unwrap();
    }
    deliver(&reports, &mut stored).await;
    recorder.record(&sample(5)).unwrap();
    recorder.close_ended(sample(13).at).unwrap();
    deliver(&reports, &mut stored).await;
    stored.assert_complete(13);
}

#[tokio::test]
async fn raw_samples_are_kept_for_48_hours_and_rollups_longer() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let last = 12 * 60;
    for number in 0..=last {
        recorder.record(&sample(number)).unwrap();
    }
    let mut stored = Stored::default();
    deliver(&reports(&spool), &mut stored).await;
    assert_eq!(stored.samples.len(), 12 * 48 + 1);
    assert_eq!(stored.rollups.len(), 2 * (60 + 2));
}

#[test]
fn a_file_that_is_no_spool_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.redb");
    std::fs::write(&path, vec![0x5a; 8_192]).unwrap();
    let recorder = Recorder::start(Spool::open(&path).unwrap(), START).unwrap();
    recorder.record(&sample(0)).unwrap();
    assert!(dir.path().join("spool.redb.damaged").exists());
}

#[test]
fn accumulators_come_back_from_their_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.redb");
    let mut expected = Accumulators::default();
    {
        let recorder = Recorder::start(Spool::open(&path).unwrap(), START).unwrap();
        for number in 0..7 {
            recorder.record(&sample(number)).unwrap();
            expected.add(&sample(number));
        }
        recorder.flush(sample(6).at).unwrap();
    }
    let (restored, checkpoint) = Spool::open(&path).unwrap().checkpoint().unwrap();
    assert_eq!((restored, checkpoint), (expected, 7));
}

const CHILD: &str = "MUSTER_TEST_SPOOL_CHILD";

/// The test starts itself as the process that is killed, again and again, in the middle of its writes.
#[test]
fn a_process_that_is_killed_while_it_writes_loses_nothing_and_repeats_nothing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        record_until_killed(Path::new(&dir));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut last = -1;
    for round in 0..10_i64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("a_process_that_is_killed_while_it_writes_loses_nothing_and_repeats_nothing")
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let goal = last + 23 + round * 7;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("recorded ") {
                last = number.parse().unwrap();
            }
            if last >= goal {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(last >= goal, "the child ended by itself");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut stored = read_stored(&dir.path().join("stored")).0;
    let spool = Spool::open(&dir.path().join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    runtime.block_on(deliver(&reports(&spool), &mut stored));
    drop(recorder);
    // The kill came after `last` was said and perhaps after more was recorded.
    let newest = stored.samples.keys().next_back().unwrap().ms_since(START) / INTERVAL_MS;
    assert!(newest >= last);
    stored.assert_complete(newest);
}

fn record_until_killed(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spool = Spool::open(&dir.join("spool.redb")).unwrap();
    let recorder = Recorder::start(spool.clone(), START).unwrap();
    let reports = Arc::new(reports(&spool));
    let (known, sound) = read_stored(&dir.join("stored"));
    let mut stored = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(dir.join("stored"))
        .unwrap();
    stored.set_len(sound).unwrap();
    std::io::Seek::seek(&mut stored, std::io::SeekFrom::End(0)).unwrap();
    let newest = spool
        .newest_time()
        .unwrap()
        .or(known.samples.keys().next_back().copied());
    let next = newest.map_or(0, |at| at.ms_since(START) / INTERVAL_MS + 1);
    for number in next.. {
        recorder.record(&sample(number)).unwrap();
        println!("recorded {number}");
        if number % 5 == 0 {
            while let Some(report) = reports.try_next().unwrap() {
                let bytes = muster_protocol::encode(&report).unwrap();
                let length = u32::try_from(bytes.len()).unwrap();
                stored.write_all(&length.to_be_bytes()).unwrap();
                stored.write_all(&bytes).unwrap();
                // Some acknowledgements get lost.
                if number % 3 != 0 {
                    runtime.block_on(reports.acknowledged(report.batch));
                }
            }
        }
    }
}

/// What the file holds, and how much of it is sound: the last report may have been cut by a kill.
fn read_stored(path: &Path) -> (Stored, u64) {
    let (mut stored, mut sound) = (Stored::default(), 0);
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        file.read_to_end(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while let Some((prefix, body)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*prefix)).unwrap();
        let Some((report, after)) = body.split_at_checked(length) else {
            break;
        };
        stored.take(&muster_protocol::decode(report).unwrap());
        sound += 4 + u64::try_from(length).unwrap();
        rest = after;
    }
    (stored, sound)
}
