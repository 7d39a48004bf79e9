//! Agents of older releases are served, each by the protocol version that it speaks: they join, deliver what they measured,
//! take orders and end them, get other certificates, and outlive their control plane; what they don't know they are not sent.
//! Then they are upgraded in place and go on as the same hosts, with nothing lost and nothing twice.
//!
//! For each version that this build serves there are hosts of the simulator whose agents offer it as their newest, write what
//! its agents wrote, and fail where they are sent what those could not read. The bytes themselves are pinned in
//! `shared/protocol/tests/older.rs`.

use anyhow::{Context as _, Result, ensure};
use muster_base::{Clock, HostId, UnixMs};
use muster_metrics::{Kind, Period, RollupBody, Sample, Series, Subject, encode_rollups};
use muster_protocol::{FILES_SINCE, VERSIONS};
use muster_simulator::{Options, Readings, SimulatedFleet, audit};
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use muster_tests::{Api, ControlPlane, control_plane, env};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);
/// Hosts of each version.
const AGENTS: usize = 2;
/// Hours that have ended before they join.
const HOURS: i64 = 2;
const PAST_INTERVAL_MS: i64 = 20 * UnixMs::SECOND;

#[test]
fn agents_of_older_releases_are_served_and_upgraded_on_sqlite() -> Result<()> {
    served(control_plane::Options::new()?)
}

#[test]
fn agents_of_older_releases_are_served_and_upgraded_on_postgres() -> Result<()> {
    served(control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    })
}

/// What an hour of a host holds of one series: how many values, the least and the largest.
type Hours = BTreeMap<i64, [i64; 3]>;

/// Hosts of one version.
struct Older {
    version: u16,
    fleet: SimulatedFleet,
    /// What their hours must say that were added up before they joined.
    hours: Vec<(HostId, Hours)>,
    before: usize,
    server: String,
}

impl Older {
    fn join(admin: &Api, version: u16) -> Result<Self> {
        let options = Options {
            agents: AGENTS,
            seed: u64::from(version),
        };
        let fleet = SimulatedFleet::join_as(admin, options, version)?;
        let ids: Vec<HostId> = fleet.books().map(|(host, _)| host).collect();
        let (mut hours, mut before) = (Vec::new(), 0);
        for (number, host) in ids.iter().enumerate() {
            let seed = u64::from(version) * 100 + number as u64;
            let samples = past(seed);
            before += samples.len();
            hours.push((*host, told(&samples)?));
            let rollups = rollups(&samples);
            fleet.preload(number, samples, vec![rollups])?;
        }
        let host = ids.first().context("no host joined")?;
        let server = json!({
            "label": format!("of-{version}"), "ip": format!("127.0.0.{}", version + 10), "environment": "story",
            "type": "mysql", "username": "nobody", "password": "simulated", "hostId": host, "databases": ["none"],
        });
        let server = admin.post("/api/v1/schema/servers", &server)?;
        fleet.start();
        Ok(Self {
            version,
            fleet,
            hours,
            before,
            server: text(&server, "id")?.to_owned(),
        })
    }

    fn hosts(&self) -> Vec<HostId> {
        self.hours.iter().map(|(host, _)| *host).collect()
    }

    /// An order that agents of every version know.
    fn takes_an_order(&self, admin: &Api) -> Result<()> {
        let before = self.fleet.orders()?.len();
        let test = admin.post(
            &format!("/api/v1/schema/servers/{}/test", self.server),
            &json!({}),
        )?;
        ensure!(test["detail"] == "simulated", "{test}");
        ensure!(self.fleet.orders()?.len() == before + 1, "one order was taken");
        Ok(())
    }

    /// A file for the hosts: done by those who know such orders, refused with what is to be done for the others.
    fn takes_files(&self, admin: &Api, file: &str, speaks: u16) -> Result<()> {
        let body = json!({
            "fileIds": [file], "hosts": self.hosts(), "destination": "/srv/note.txt", "replace": true,
        });
        if speaks < FILES_SINCE {
            let answer = admin.call("POST", "/api/v1/files/sends", Some(&body))?;
            ensure!(
                answer.status == 409 && answer.text.contains("too old to take files: upgrade them first"),
                "{}: {}",
                answer.status,
                answer.text
            );
            return Ok(());
        }
        let send = admin.post("/api/v1/files/sends", &body)?;
        let path = format!("/api/v1/files/sends/{}", text(&send, "id")?);
        wait::until("the file to be sent", PATIENCE, || {
            let seen = admin.get(&path)?;
            let done = seen["outcomes"] == json!({"done": AGENTS});
            Ok(Found::from_option(done.then_some(()), seen["outcomes"].clone()))
        })
    }

    fn await_taken(&self, more: usize) -> Result<()> {
        let enough = self.fleet.counts().0 + more;
        wait::until(&format!("{enough} samples to be taken"), PATIENCE, || {
            let (taken, _) = self.fleet.counts();
            Ok(Found::from_option((taken >= enough).then_some(()), taken))
        })
    }

    fn await_acknowledged(&self, more: usize) -> Result<()> {
        let enough = self.fleet.counts().1 + more;
        wait::until(&format!("{enough} samples to be acknowledged"), PATIENCE, || {
            let counts = self.fleet.counts();
            let found = (counts.1 >= enough).then_some(());
            Ok(Found::from_option(
                found,
                format!("{counts:?}, {:?}", self.fleet.losses()),
            ))
        })
    }

    /// Everything is there once, and the hours say what was in them.
    fn audit(&self, admin: &Api) -> Result<()> {
        let audit = audit(admin, self.fleet.books())?;
        ensure!(audit.is_clean(), "{audit:?}");
        for (host, told) in &self.hours {
            let mut stored = stored(admin, *host)?;
            // The open hour is no rollup yet.
            stored.retain(|hour, _| told.keys().next_back().is_some_and(|last| hour <= last));
            ensure!(
                stored == *told,
                "{host}: the hours are {stored:?} and were {told:?}"
            );
        }
        let losses = self.fleet.losses();
        ensure!(
            !losses.keys().any(|why| why.contains("can't read")),
            "a host was sent what it does not know: {losses:?}"
        );
        Ok(())
    }
}

fn served(options: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let every_second = ("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "1".to_owned());
    let options = control_plane::Options {
        settings: vec![every_second],
        ..options
    };
    let mut plane = ControlPlane::start(dir.path(), options)?;
    let admin = plane.admin()?;
    admin.post(
        "/api/v1/environments",
        &json!({"name": "story", "label": "Story", "type": "testing"}),
    )?;
    too_old_may_not_join(&plane, &admin)?;

    let older = (VERSIONS.0..VERSIONS.1)
        .map(|version| Older::join(&admin, version).with_context(|| format!("version {version}")))
        .collect::<Result<Vec<_>>>()?;
    let bytes = b"for hosts that know what a file is";
    let file = admin.upload("note.txt", bytes, &muster_base::sha256(bytes).to_string())?;
    for older in &older {
        at_work(older, &admin, &file).with_context(|| format!("version {}", older.version))?;
    }

    // In the middle of their streams of reports.
    plane.kill()?;
    for older in &older {
        older.await_taken(2 * AGENTS)?;
    }
    plane.serve()?;
    let admin = plane.admin()?;
    for older in &older {
        older.fleet.await_connected(PATIENCE)?;
        older.await_acknowledged(2 * AGENTS)?;
    }

    // Upgraded in place, with reports on their way.
    for older in &older {
        older.fleet.become_of(VERSIONS.1);
    }
    for older in &older {
        upgraded(older, &admin, &file)
            .with_context(|| format!("version {}, upgraded to {}", older.version, VERSIONS.1))?;
    }
    let known = admin.list("/api/v1/hosts")?.len();
    ensure!(known == older.len() * AGENTS, "there are {known} hosts now");
    let last = older.last().context("no older version is served")?;
    too_old_is_told_what_to_do(&plane, last)?;
    for older in &older {
        older.fleet.drain(PATIENCE)?;
        older
            .audit(&admin)
            .with_context(|| format!("version {}, at the end", older.version))?;
    }
    Ok(())
}

fn at_work(older: &Older, admin: &Api, file: &str) -> Result<()> {
    older.fleet.await_connected(PATIENCE)?;
    wait::until("what they brought to be acknowledged", PATIENCE, || {
        let (_, acknowledged) = older.fleet.counts();
        let found = (acknowledged >= older.before + 2 * AGENTS).then_some(());
        Ok(Found::from_option(
            found,
            format!("{acknowledged}, {:?}", older.fleet.losses()),
        ))
    })?;
    older.takes_an_order(admin)?;
    older.takes_files(admin, file, older.version)?;
    older.fleet.renew(PATIENCE)?;
    // With the new certificate.
    older.fleet.await_connected(PATIENCE)?;
    older.await_acknowledged(2 * AGENTS)
}

fn upgraded(older: &Older, admin: &Api, file: &str) -> Result<()> {
    wait::until("their sessions as older agents to end", PATIENCE, || {
        let losses = older.fleet.losses();
        let ended = losses.get("the agent became one of another release").copied();
        let found = (ended >= Some(AGENTS)).then_some(());
        Ok(Found::from_option(found, format!("{losses:?}")))
    })?;
    older.fleet.await_connected(PATIENCE)?;
    older.await_acknowledged(2 * AGENTS)?;
    older.takes_an_order(admin)?;
    older.takes_files(admin, file, VERSIONS.1)?;
    older.fleet.renew(PATIENCE)?;
    older.fleet.await_connected(PATIENCE)?;
    older.await_acknowledged(2 * AGENTS)
}

/// A release whose newest version is older than the oldest that is served may not join, and whoever looks into the log is
/// told what to do.
fn too_old_may_not_join(plane: &ControlPlane, admin: &Api) -> Result<()> {
    let one = Options { agents: 1, seed: 1 };
    let joined = SimulatedFleet::join_as(admin, one, VERSIONS.0 - 1);
    let why = joined.err().context("it joined")?;
    ensure!(format!("{why:#}").contains("UnsupportedVersion"), "{why:#}");
    ensure!(admin.list("/api/v1/hosts")?.is_empty(), "no host came of it");
    await_logged(plane, "may not join")
}

/// A host whose agent was put back too far is not served, nothing of it is lost, and it is served again once it is upgraded.
fn too_old_is_told_what_to_do(plane: &ControlPlane, older: &Older) -> Result<()> {
    older.fleet.become_of(VERSIONS.0 - 1);
    wait::until("hosts that are too old to be gone", PATIENCE, || {
        let connected = older.fleet.connected();
        Ok(Found::from_option((connected == 0).then_some(()), connected))
    })?;
    await_logged(plane, "the agent speaks no protocol version that we speak")?;
    older.fleet.become_of(VERSIONS.1);
    older.fleet.await_connected(PATIENCE)?;
    older.await_acknowledged(2 * AGENTS)
}

fn await_logged(plane: &ControlPlane, what: &str) -> Result<()> {
    wait::until("the log to say so", PATIENCE, || {
        let log = std::fs::read_to_string(plane.log())?;
        let said = log
            .lines()
            .any(|line| line.contains(what) && line.contains("upgrade that host's agent package"));
        Ok(Found::from_option(said.then_some(()), plane.last_words()))
    })
}

/// Samples of the hours before, up to a little before now.
fn past(seed: u64) -> Vec<Sample> {
    let mut readings = Readings::new(seed);
    let now = Clock::system().now();
    let mut at = Period::Hour.start_of(now).plus_ms(-HOURS * UnixMs::HOUR);
    let mut samples = Vec::new();
    while at < now.plus_ms(-30 * UnixMs::SECOND) {
        samples.push(readings.sample(at));
        at = at.plus_ms(PAST_INTERVAL_MS);
    }
    samples
}

/// The hours of them that have ended, as a report carries them.
fn rollups(samples: &[Sample]) -> Vec<u8> {
    let mut bodies: BTreeMap<UnixMs, RollupBody> = BTreeMap::new();
    for sample in samples {
        let body = bodies.entry(Period::Hour.start_of(sample.at)).or_default();
        body.add_sample(&Subject::Host, sample);
    }
    let encoded: Vec<_> = bodies
        .into_iter()
        .take(usize::try_from(HOURS).unwrap_or_default())
        .map(|(start, body)| (start, body.encode(start)))
        .collect();
    encode_rollups(
        encoded
            .iter()
            .map(|(start, body)| (Period::Hour, *start, "", body.as_slice())),
    )
}

/// What those hours must say, reckoned apart.
fn told(samples: &[Sample]) -> Result<Hours> {
    let series = Series::of(Kind::MEMORY_USED);
    let open = samples
        .last()
        .map(|last| Period::Hour.start_of(last.at))
        .context("no sample")?;
    let mut hours = Hours::new();
    for sample in samples.iter().filter(|sample| sample.at < open) {
        let value = sample.host_value(&series).context("no memory in a sample")?;
        let hour = hours
            .entry(Period::Hour.start_of(sample.at).0)
            .or_insert([0, value, value]);
        *hour = [hour[0] + 1, hour[1].min(value), hour[2].max(value)];
    }
    Ok(hours)
}

fn stored(admin: &Api, host: HostId) -> Result<Hours> {
    let since = Clock::system().now().plus_ms(-30 * UnixMs::HOUR).0;
    let path =
        format!("/api/v1/hosts/{host}/metrics?series=memory.used&stats=count,min,max&from={since}&step=1h");
    let answer = admin.get(&path)?;
    let points = answer["series"][0]["points"].as_array().context("no points")?;
    points
        .iter()
        .map(|point| {
            let number = |n: usize| point[n].as_f64().with_context(|| format!("not a point: {point}"));
            #[expect(clippy::cast_possible_truncation, reason = "bytes and counts are whole")]
            let whole = |n: usize| number(n).map(|number| number as i64);
            Ok((
                point[0].as_i64().context("a point without a time")?,
                [whole(1)?, whole(2)?, whole(3)?],
            ))
        })
        .collect()
}
