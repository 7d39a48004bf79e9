//! A flood of wrong passwords: what it does to those who sign in honestly, and to everybody else's calls.
//!
//! The simulator stands before the control plane as a trusted proxy, so that the attack comes from as many networks as
//! wanted: from a single one the throttle answers nearly all of it before anything is hashed. The attackers sit on other
//! machines in earnest: here they are tasks of one thread, which runs when nobody else wants the core, or one would measure
//! how long a caller's own thread waits for theirs.

use super::{api::bystander, percentile_ms, rounded, start_control_plane_with};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use futures_util::future::try_join_all;
use muster_tests::Api;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};
use tokio::runtime::Builder;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A PostgreSQL database, empty; SQLite without.
    #[arg(long)]
    database: Option<String>,
    /// Accounts under attack.
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// Wrong passwords.
    #[arg(long, default_value_t = 10_000)]
    attempts: usize,
    /// Over how many seconds.
    #[arg(long = "for", default_value_t = 60)]
    seconds: u64,
    /// Networks that the attack comes from.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..))]
    networks: u16,
}

const PASSWORD: &str = "measured-9-Users-sign-in";
/// Attackers at a time: enough to keep the pace while each waits in a line for seconds.
const ATTACKERS: usize = 400;
/// How long others are watched before, so that a hundredth of their calls are some dozens.
const CALM: Duration = Duration::from_secs(20);
/// How often an owner tries who is told to come again.
const PATIENCE: usize = 5;

pub(crate) fn run(args: &Args) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let proxy = ("MUSTER_HTTP__TRUSTED_PROXIES", "[\"127.0.0.1\"]");
    let plane = start_control_plane_with(dir.path(), &[proxy], args.database.as_deref())?;
    let admin = plane.admin()?;
    let owners = owners(&admin, &plane.api(), args.accounts)?;

    let (mut known, mut unknown) = alternating(&plane.api(), args.accounts)?;
    let calm_until = Instant::now() + CALM;
    let mut idle = bystander(&admin, || Instant::now() > calm_until)?;

    let flood = Flood {
        api: plane.api(),
        networks: args.networks,
        accounts: args.accounts,
        attempts: args.attempts,
        pace: Duration::from_secs(args.seconds) / u32::try_from(args.attempts)?,
        began: Instant::now(),
        next: AtomicUsize::new(0),
        answers: Mutex::default(),
    };
    let over = AtomicBool::new(false);
    let (mut during, mut waits, seconds) = thread::scope(|scope| -> Result<_> {
        let attackers = scope.spawn(|| flood.run());
        let watching = scope.spawn(|| bystander(&admin, || over.load(Ordering::Relaxed)));
        // In the thick of it, the owners come to work.
        thread::sleep(Duration::from_secs(args.seconds / 3));
        let mut waits = Vec::new();
        for owner in &owners {
            let began = Instant::now();
            if owner.sign_in_patiently()? {
                waits.push(began.elapsed());
            }
        }
        join(attackers)?;
        let seconds = flood.began.elapsed();
        over.store(true, Ordering::Relaxed);
        Ok((join(watching)?, waits, seconds))
    })?;
    let answers = flood.answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(!answers.contains_key("200"), "a wrong password was accepted");
    let signed_in = waits.len();
    ensure!(
        signed_in == args.accounts,
        "{signed_in} of {} owners could sign in",
        args.accounts
    );
    let (idle_ms, during_ms) = (percentile_ms(&mut idle, 0.99)?, percentile_ms(&mut during, 0.99)?);
    Ok(json!({
        "accounts": args.accounts, "attempts": args.attempts, "networks": args.networks,
        "seconds": rounded(seconds.as_secs_f64()), "answers": answers,
        "ownersSignedIn": signed_in, "ownerP50Ms": percentile_ms(&mut waits, 0.5)?,
        "ownerP99Ms": percentile_ms(&mut waits, 0.99)?,
        "knownP50Ms": percentile_ms(&mut known, 0.5)?, "unknownP50Ms": percentile_ms(&mut unknown, 0.5)?,
        "knownP95Ms": percentile_ms(&mut known, 0.95)?, "unknownP95Ms": percentile_ms(&mut unknown, 0.95)?,
        "idleP50Ms": percentile_ms(&mut idle, 0.5)?, "floodP50Ms": percentile_ms(&mut during, 0.5)?,
        "idleP99Ms": idle_ms, "floodP99Ms": during_ms, "ratioP99": rounded(during_ms / idle_ms),
    }))
}

/// Somebody who has signed in on their own device, from a network of their own.
struct Owner {
    api: Api,
    number: usize,
    device: String,
}

fn owners(admin: &Api, api: &Api, count: usize) -> Result<Vec<Owner>> {
    let mut owners = Vec::with_capacity(count);
    for number in 0..count {
        let user = json!({"username": format!("owner-{number}"), "password": PASSWORD});
        admin.post("/api/v1/users", &user)?;
        let api = api.forwarding(address([172, 16], number)?);
        let answer = api.call("POST", "/api/v1/auth/login", Some(&credentials(number, PASSWORD)))?;
        ensure!(
            answer.status == 200,
            "an owner could not sign in before the flood: {}",
            answer.text
        );
        let device = answer.json()?["deviceToken"].as_str().map(str::to_owned);
        let device = device.context("a new device got no token")?;
        owners.push(Owner { api, number, device });
    }
    Ok(owners)
}

impl Owner {
    /// Whether they get in, be it when they come again.
    fn sign_in_patiently(&self) -> Result<bool> {
        let mut body = credentials(self.number, PASSWORD);
        body["deviceToken"] = self.device.as_str().into();
        for _ in 0..PATIENCE {
            let answer = self.api.call("POST", "/api/v1/auth/login", Some(&body))?;
            match answer.status {
                200 => return Ok(true),
                429 => thread::sleep(Duration::from_secs(1)),
                other => bail!("{other}: {}", answer.text),
            }
        }
        Ok(false)
    }
}

/// How long wrong passwords take, by turns for an account that there is and for one that there is not: a stranger must not
/// learn from the time which is which. Each from a network of its own, one after the other.
fn alternating(api: &Api, accounts: usize) -> Result<(Vec<Duration>, Vec<Duration>)> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..accounts {
        for (times, login) in [
            (&mut known, format!("owner-{number}")),
            (&mut unknown, format!("nobody-{number}")),
        ] {
            let body = json!({"login": login, "password": "wrong-9-Guess-of-a-stranger"});
            let api = api.forwarding(address([100, 64], number)?);
            let began = Instant::now();
            let answer = api.call("POST", "/api/v1/auth/login", Some(&body))?;
            times.push(began.elapsed());
            ensure!(answer.status == 401, "{login}: {}", answer.text);
        }
    }
    Ok((known, unknown))
}

/// The attack.
struct Flood {
    api: Api,
    networks: u16,
    accounts: usize,
    attempts: usize,
    /// Time between two attempts.
    pace: Duration,
    began: Instant,
    next: AtomicUsize,
    /// How many answers had which status.
    answers: Mutex<BTreeMap<String, usize>>,
}

impl Flood {
    /// All attackers, until there is nothing left to try.
    fn run(&self) -> Result<()> {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
            .map_err(|error| anyhow!("the attackers can't make way: {error:?}"))?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // As a proxy does, they keep their connections.
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(ATTACKERS)
            .build()?;
        let attackers = (0..ATTACKERS).map(|_| self.attack(&client));
        runtime.block_on(try_join_all(attackers))?;
        Ok(())
    }

    async fn attack(&self, client: &reqwest::Client) -> Result<()> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.attempts {
                return Ok(());
            }
            let due = self.began + self.pace * u32::try_from(number)?;
            tokio::time::sleep_until(due.into()).await;
            let from = address([10, 0], number % usize::from(self.networks))?;
            let answer = client
                .post(format!("{}/api/v1/auth/login", self.api.base()))
                .header("x-forwarded-for", from.to_string())
                .json(&credentials(
                    number % self.accounts,
                    &format!("wrong-{number}-guess"),
                ))
                .send()
                .await?;
            let status = answer.status().as_u16();
            drop(answer.bytes().await?);
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            *answers.entry(status.to_string()).or_default() += 1;
        }
    }
}

fn credentials(number: usize, password: &str) -> Value {
    json!({"login": format!("owner-{number}"), "password": password})
}

/// An address in one of the many /24s below this /16, or the next ones.
fn address([a, b]: [u8; 2], network: usize) -> Result<IpAddr> {
    let [high, low] = u16::try_from(network)?.to_be_bytes();
    Ok(Ipv4Addr::new(a, b + high, low, 1).into())
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread fell over"))?
}
