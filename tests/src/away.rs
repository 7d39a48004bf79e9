//! A host that is somewhere else: at the end of a cable of its own, behind weather if the story wants it, with a database
//! of this machine within its reach.

use crate::api::text;
use crate::job::releases::{Kind, Server};
use crate::job::{hosts, people, readings};
use crate::wait::{self, Found};
use crate::{Agent, Api, ControlPlane, agent, control_plane};
use anyhow::{Context, Result, ensure};
use muster_workbench::net::{Cable, Wire};
use muster_workbench::proxy::{Endpoint, Proxy};
use muster_workbench::{Env, tools};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a thing may take that comes after an outage: a silent connection is given up after 10 s, and the next attempt
/// comes within 30 s.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A control plane and one agent that is away.
pub struct Away {
    // Dropped in this order.
    /// The agent.
    pub agent: Agent,
    /// The super administrator.
    pub admin: Api,
    /// The control plane; on 127.0.0.1 for people, on every address for agents.
    pub plane: ControlPlane,
    /// The host as the API shows it.
    pub host: Value,
    /// The weather on the way to the control plane, if the host joined through it.
    pub wire: Option<Wire>,
    /// What the host hangs on.
    pub cable: Arc<Cable>,
    port: u16,
}

/// How the host reaches the control plane.
#[derive(Clone, Debug)]
pub enum Way {
    /// By the cable's address of this machine.
    Cable,
    /// The same, through weather of this seed.
    Wire(u64),
    /// By a name that a name server of the story's knows.
    Name(String),
}

impl Away {
    /// Starts both in `dir` with samples every second, and waits until the host is online.
    pub fn start(
        dir: &Path,
        plane: control_plane::Options,
        agent: agent::Options,
        cable: Cable,
        way: &Way,
    ) -> Result<Self> {
        let cable = Arc::new(cable);
        let port = control_plane::free_udp_port()?;
        let wire = match way {
            Way::Wire(seed) => Some(Wire::lay(cable.near(), (cable.near(), port).into(), *seed)?),
            Way::Cable | Way::Name(_) => None,
        };
        let server = match (way, &wire) {
            (_, Some(wire)) => wire.address().to_string(),
            (Way::Name(name), None) => format!("{name}:{port}"),
            (Way::Cable | Way::Wire(_), None) => SocketAddr::from((cable.near(), port)).to_string(),
        };
        let mut plane_options = plane;
        plane_options.link_port = Some(port);
        for (name, value) in [
            ("MUSTER_LINK__LISTEN", format!("0.0.0.0:{port}")),
            ("MUSTER_LINK__ADVERTISE", server),
            ("MUSTER_LINK__SAMPLE_INTERVAL_S", "1".to_owned()),
        ] {
            plane_options.settings.push((name.to_owned(), value));
        }
        let plane = ControlPlane::start(dir, plane_options)?;
        let admin = plane.admin()?;
        let near = cable.near();
        let options = agent::Options {
            policy: format!(
                "[sql]\nmax_risk = \"unknown\"\n\n[[databases]]\nhost = \"{near}\"\nname = \"*\"\nmax_risk = \"unknown\"\n"
            ),
            cable: Some(Arc::clone(&cable)),
            ..agent
        };
        let agent = Agent::join_once(&dir.join("host"), &admin, options)?;
        let mut away = Self {
            agent,
            admin,
            plane,
            host: Value::Null,
            wire,
            cable,
            port,
        };
        away.host = hosts::await_online(&away.admin, 1, PATIENCE)
            .with_context(|| format!("the agent's last words:\n{}", away.agent.last_words()))?
            .swap_remove(0);
        Ok(away)
    }

    /// Where agents reach the control plane directly.
    pub fn door(&self) -> SocketAddr {
        (self.cable.near(), self.port).into()
    }

    /// The host as it is now.
    pub fn look(&self) -> Result<Value> {
        self.admin.get(&self.path())
    }

    /// The host's path in the API.
    pub fn path(&self) -> String {
        format!("/api/v1/hosts/{}", self.host["id"].as_str().unwrap_or_default())
    }

    /// Waits until the host's status is `status`.
    pub fn await_status(&self, status: &str, deadline: Duration) -> Result<Value> {
        let found = self
            .admin
            .await_field(&self.path(), "status", &[status], &[], deadline);
        found.with_context(|| format!("the agent's last words:\n{}", self.agent.last_words()))
    }

    /// Waits until `more` samples more are stored than there are now.
    pub fn await_samples(&self, more: u64) -> Result<()> {
        let before = readings::stored(&self.admin, &self.host)?.samples;
        readings::await_stored(&self.admin, &self.host, PATIENCE, |stored| {
            stored.samples >= before + more
        })
        .map(drop)
    }

    /// Waits until the agent took samples for about `seconds`, whether or not they can be delivered.
    pub fn await_taken(&self, seconds: u64) -> Result<()> {
        let spool = self.agent.data().join("resident/spool.redb");
        let begin = spool.metadata()?.modified()?;
        wait::until("the agent to take samples", PATIENCE, || {
            let span = spool.metadata()?.modified()?.duration_since(begin);
            let found = span.is_ok_and(|span| span >= Duration::from_secs(seconds));
            Ok(Found::from_option(found.then_some(()), self.agent.last_words()))
        })
    }
}

/// Releases to a database that the host reaches over its cable. What was done is counted in the database itself.
pub struct Releases {
    server: Server,
    author: Api,
    approver: Api,
    submitted: Vec<Submitted>,
    // Carries the database to the cable's address.
    _way: Proxy,
}

struct Submitted {
    number: usize,
    rows: usize,
    path: String,
}

/// What an audit of releases found.
#[derive(Debug, Default)]
pub struct Done {
    /// Executions that ended well, each with its rows there once.
    pub succeeded: usize,
    /// Executions that say that nothing is there, with nothing there.
    pub undone: usize,
    /// Executions that stopped for a person to look, at a statement whose effect nobody can see from outside; what they say
    /// was done is there once, and nothing else.
    pub stopped: usize,
}

impl Done {
    /// All that were submitted.
    pub fn total(&self) -> usize {
        self.succeeded + self.undone + self.stopped
    }
}

impl Releases {
    /// Registers the server, and makes the table that releases write to.
    pub fn to(away: &Away, services: &Env, kind: Kind) -> Result<Self> {
        let target = Endpoint::port(Server::port(services, kind)?);
        let way = Proxy::tcp_at(away.cable.near().into(), target)?;
        let place = away.cable.near().to_string();
        let server = Server::register_at(&away.admin, services, &away.host, kind, (&place, way.port()?))?;
        let releases = Self {
            server,
            author: people::add(&away.admin, "ada", "MEMBER")?,
            approver: people::add(&away.admin, "ben", "ADMIN")?,
            submitted: Vec::new(),
            _way: way,
        };
        let sql = "create table story (number integer not null, part integer not null)";
        let made = releases.propose("table", sql)?;
        releases
            .approver
            .await_field(&made, "status", &["success"], ENDS, PATIENCE)?;
        Ok(releases)
    }

    /// Proposes, approves and executes a release that writes its number `count` times, with a pause of `pause_ms` after
    /// each; its execution's path. Nothing but counting finds a second run: no key forbids it.
    pub fn submit(&mut self, count: usize, pause_ms: u64) -> Result<String> {
        let number = self.submitted.len();
        let sleep = match self.server.kind() {
            Kind::Postgres => format!("select pg_sleep({pause_ms} / 1000.0)"),
            Kind::Mysql => format!("do sleep({pause_ms} / 1000)"),
        };
        let rows = (0..count).map(|part| {
            let insert = format!("insert into story (number, part) values ({number}, {part});\n");
            if pause_ms > 0 {
                format!("{insert}{sleep};\n")
            } else {
                insert
            }
        });
        let sql: String = rows.collect();
        let path = self.propose(&format!("1.{number}"), &sql)?;
        self.submitted.push(Submitted {
            number,
            rows: count,
            path: path.clone(),
        });
        Ok(path)
    }

    fn propose(&self, version: &str, sql: &str) -> Result<String> {
        let proposed = self.server.propose(&self.author, version, sql)?;
        let ticket = format!("/api/v1/schema/tickets/{}", text(&proposed, "ticketId")?);
        let approved = self.approver.post(&format!("{ticket}/approve"), &json!({}))?;
        let release = text(&approved, "releaseId")?;
        let executing = self.approver.post(
            &format!("/api/v1/schema/releases/{release}/execute"),
            &json!({"server": self.server.label}),
        )?;
        Ok(format!(
            "/api/v1/schema/executions/{}",
            text(&executing, "executionId")?
        ))
    }

    /// Waits until an execution has one of these states.
    pub fn await_status(&self, path: &str, wanted: &[&str]) -> Result<Value> {
        let ends = ENDS.iter().chain(&["success"]);
        let never: Vec<&str> = ends.filter(|end| !wanted.contains(end)).copied().collect();
        self.approver
            .await_field(path, "status", wanted, &never, PATIENCE)
    }

    /// Waits for the end of everything that was submitted, and compares what is said with what the database holds.
    pub fn audit(&self) -> Result<Done> {
        let mut done = Done::default();
        for submitted in &self.submitted {
            let ended = self.await_status(&submitted.path, &[&["success"], ENDS].concat())?;
            let rows: usize = self
                .server
                .query(&format!(
                    "select count(*) from story where number = {}",
                    submitted.number
                ))?
                .parse()?;
            let parts: usize = self
                .server
                .query(&format!(
                    "select count(distinct part) from story where number = {}",
                    submitted.number
                ))?
                .parse()?;
            match text(&ended, "status")? {
                "success" => {
                    ensure!(rows == submitted.rows && parts == rows, "{rows} rows: {ended}");
                    done.succeeded += 1;
                }
                "rolledBack" | "cancelled" => {
                    ensure!(rows == 0, "{rows} rows of what was rolled back: {ended}");
                    done.undone += 1;
                }
                "failure" if rows == 0 => done.undone += 1,
                "needsAttention" => {
                    let said = inserts_done(&ended)?;
                    ensure!(
                        rows == said && parts == rows && text(&ended, "error")?.contains("needs a person"),
                        "{rows} rows: {ended}"
                    );
                    done.stopped += 1;
                }
                other => anyhow::bail!("{other} with {rows} of {} rows: {ended}", submitted.rows),
            }
        }
        Ok(done)
    }
}

/// How many of its rows an execution says it has written.
fn inserts_done(execution: &Value) -> Result<usize> {
    let steps = execution["steps"].as_array().context("no steps")?;
    let done = steps
        .iter()
        .filter(|step| step["status"] == "success" && step["rows"] == 1);
    Ok(done.count())
}

const ENDS: &[&str] = &["failure", "rolledBack", "cancelled", "needsAttention"];

/// A clock for one program that can be set while it runs; time goes on as it does.
pub struct Faked {
    file: PathBuf,
    library: PathBuf,
}

impl Faked {
    /// One that is right, kept in `dir`.
    pub fn right(dir: &Path) -> Result<Self> {
        tools::install_missing(&[tools::FAKETIME])?;
        let library = Path::new("/usr/lib").join(format!(
            "{}-linux-gnu/faketime/libfaketime.so.1",
            std::env::consts::ARCH
        ));
        ensure!(library.exists(), "{} is not there", library.display());
        let clock = Self {
            file: dir.join("clock"),
            library,
        };
        clock.set("+0")?;
        Ok(clock)
    }

    /// Sets it so much off: `+1h`, `-1h`, `+0`.
    pub fn set(&self, offset: &str) -> Result<()> {
        Ok(fs::write(&self.file, format!("{offset}\n"))?)
    }

    /// What makes a program go by it.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Waits and timeouts go by the monotonic clock, which no person sets.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}
