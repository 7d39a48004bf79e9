//! A flood of wrong passwords: what it does to those who sign in honestly, and to everybody else's calls.

use super::{api::bystander, percentile_ms, rounded, start_control_plane};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use muster_tests::Api;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

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
}

const PASSWORD: &str = "measured-9-Users-sign-in";
/// Attackers at a time.
const ATTACKERS: usize = 16;

pub(crate) fn run(args: &Args) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let plane = start_control_plane(dir.path(), 10, args.database.as_deref())?;
    let admin = plane.admin()?;
    for number in 0..args.accounts {
        let user = json!({"username": format!("owner-{number}"), "password": PASSWORD});
        admin.post("/api/v1/users", &user)?;
    }
    // Each owner has signed in on their own device before.
    let api = plane.api();
    let devices = (0..args.accounts)
        .map(|number| {
            let device = sign_in(&api, number, None)?;
            device.context("an owner could not sign in before the flood")
        })
        .collect::<Result<Vec<_>>>()?;

    let quiet_until = Instant::now() + Duration::from_secs(10);
    let mut idle = bystander(&admin, || Instant::now() > quiet_until)?;

    let flood = Flood {
        api: api.clone(),
        accounts: args.accounts,
        attempts: args.attempts,
        pace: Duration::from_secs(args.seconds) / u32::try_from(args.attempts)?,
        began: Instant::now(),
        next: AtomicUsize::new(0),
        answers: Mutex::default(),
    };
    let over = AtomicBool::new(false);
    let (mut during, signed_in) = thread::scope(|scope| -> Result<_> {
        let attackers: Vec<_> = (0..ATTACKERS).map(|_| scope.spawn(|| flood.attack())).collect();
        let watching = scope.spawn(|| bystander(&admin, || over.load(Ordering::Relaxed)));
        // In the thick of it, the owners come to work.
        thread::sleep(Duration::from_secs(args.seconds / 2));
        let mut signed_in = 0;
        for (number, device) in devices.iter().enumerate() {
            signed_in += usize::from(sign_in(&api, number, Some(device))?.is_some());
        }
        for attacker in attackers {
            join(attacker)?;
        }
        over.store(true, Ordering::Relaxed);
        Ok((join(watching)?, signed_in))
    })?;
    let seconds = flood.began.elapsed().as_secs();
    let answers = flood.answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(!answers.contains_key("200"), "a wrong password was accepted");
    let (idle_ms, during_ms) = (percentile_ms(&mut idle, 0.99)?, percentile_ms(&mut during, 0.99)?);
    Ok(json!({
        "accounts": args.accounts, "attempts": args.attempts, "seconds": seconds, "answers": answers,
        "ownersSignedIn": signed_in, "idleP99Ms": idle_ms, "floodP99Ms": during_ms,
        "ratioP99": rounded(during_ms / idle_ms),
    }))
}

/// The attack.
struct Flood {
    api: Api,
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
    fn attack(&self) -> Result<()> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.attempts {
                return Ok(());
            }
            let due = self.began + self.pace * u32::try_from(number)?;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let body = json!({
                "login": format!("owner-{}", number % self.accounts), "password": format!("wrong-{number}-guess"),
            });
            let status = self.api.call("POST", "/api/v1/auth/login", Some(&body))?.status;
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            *answers.entry(status.to_string()).or_default() += 1;
        }
    }
}

/// The device token if they are in: their own from before, or a new one. Everybody is at the same address.
fn sign_in(api: &Api, number: usize, device: Option<&str>) -> Result<Option<String>> {
    let mut body = json!({"login": format!("owner-{number}"), "password": PASSWORD});
    if let Some(device) = device {
        body["deviceToken"] = device.into();
    }
    loop {
        let answer = api.call("POST", "/api/v1/auth/login", Some(&body))?;
        match answer.status {
            200 => {
                let token = answer.json()?["deviceToken"].as_str().map(str::to_owned);
                return Ok(token.or_else(|| device.map(str::to_owned)));
            }
            // Before the flood, a hundred people at one address have to take turns.
            429 if device.is_none() => thread::sleep(Duration::from_millis(500)),
            429 => return Ok(None),
            other => bail!("{other}: {}", answer.text),
        }
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread fell over"))?
}
