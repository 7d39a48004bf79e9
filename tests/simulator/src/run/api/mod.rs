//! Every list and search of the API, with ten thousand users in fifty orgs, as the super administrator, the owner of an
//! org and one of its members ask them; one after the other, as a person would.

use super::{percentile_ms, start_control_plane};
use anyhow::{Context as _, Result, ensure};
use muster_tests::Api;
use muster_tests::api::text;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A PostgreSQL database, empty; SQLite without.
    #[arg(long)]
    database: Option<String>,
    /// How many users.
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// How many orgs they are in.
    #[arg(long, default_value_t = 50)]
    orgs: usize,
    /// How often each question is asked.
    #[arg(long, default_value_t = 40)]
    times: usize,
}

/// Users are added by so many administrators at a time: each costs a password hash.
const HANDS: usize = 4;
/// Of each kind, in the org that is asked about.
const THINGS: usize = 200;
const PASSWORD: &str = "measured-9-Users-sign-in";

/// Lists that need no object, and searches with something to find and with nothing.
const QUESTIONS: &[&str] = &[
    "/api/v1/users",
    "/api/v1/users?limit=500",
    "/api/v1/users?search=user-77",
    "/api/v1/users?search=nobody",
    "/api/v1/users?registeredFrom=2020-01-01T00:00:00Z&registeredTo=2100-01-01T00:00:00Z",
    "/api/v1/users?region=nowhere",
    "/api/v1/users?lastLoginFrom=2020-01-01T00:00:00Z",
    "/api/v1/orgs",
    "/api/v1/platforms",
    "/api/v1/administrators",
    "/api/v1/audit?scope=platform",
    "/api/v1/audit?scope=platform&operation=user:create",
    "/api/v1/audit?scope=platform&outcome=refused",
    "/api/v1/audit",
    "/api/v1/audit?objectKind=member",
    "/api/v1/members",
    "/api/v1/members?limit=500",
    "/api/v1/members?search=user-1",
    "/api/v1/members?role=ADMIN",
    "/api/v1/join-requests",
    "/api/v1/invitations",
    "/api/v1/messages",
    "/api/v1/messages/unread",
    "/api/v1/departments",
    "/api/v1/roles",
    "/api/v1/operations",
    "/api/v1/permission-templates",
    "/api/v1/api-keys",
    "/api/v1/binding-types",
    "/api/v1/me",
    "/api/v1/me/bindings",
    "/api/v1/me/devices",
    "/api/v1/me/permissions",
    "/api/v1/join-tokens",
    "/api/v1/outbox",
    "/api/v1/alerts",
    "/api/v1/alerts/rules",
    "/api/v1/alerts/receivers",
    "/api/v1/alerts/silences",
    "/api/v1/containers",
    "/api/v1/hosts",
    "/api/v1/instances",
    "/api/v1/instances?search=machine-7",
    "/api/v1/clusters",
    "/api/v1/environments",
    "/api/v1/applications",
    "/api/v1/deployments",
    "/api/v1/secrets",
    "/api/v1/secrets/groups",
    "/api/v1/secrets/providers",
    "/api/v1/env-vars",
    "/api/v1/registries",
    "/api/v1/orders",
    "/api/v1/schema/documents",
    "/api/v1/schema/diagram?database=shop",
    "/api/v1/schema/servers",
    "/api/v1/schema/tickets",
    "/api/v1/schema/releases",
    "/api/v1/schema/executions",
];

pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(
        args.orgs > 0 && args.users >= args.orgs,
        "there are more orgs than users"
    );
    let dir = tempfile::tempdir()?;
    let plane = start_control_plane(dir.path(), 10, args.database.as_deref())?;
    let admin = plane.admin()?;
    let users = add_users(&admin, args.users)?;
    let orgs = add_orgs(&admin, &users, args.orgs)?;

    let first = orgs.first().context("no org")?;
    fill(&plane.api().login("user-0", PASSWORD)?)?;
    let owner = plane.api().login("user-0", PASSWORD)?;
    let member = plane.api().login(&format!("user-{}", args.orgs), PASSWORD)?;
    let mut routes = Map::new();
    for (name, api) in [
        ("admin", admin.in_org(first)),
        ("owner", owner),
        ("member", member),
    ] {
        for question in QUESTIONS {
            // What somebody may not ask is no list.
            if api.call("GET", question, None)?.status == 403 {
                continue;
            }
            let numbers = ask(&api, question, args.times)?;
            routes.insert(format!("{question} ({name})"), numbers);
        }
    }
    let slowest = routes
        .iter()
        .max_by(|a, b| p95(a.1).total_cmp(&p95(b.1)))
        .map(|(name, numbers)| (name.clone(), p95(numbers)));
    let (slowest, slowest_ms) = slowest.context("nothing was asked")?;
    Ok(json!({
        "users": args.users, "orgs": args.orgs, "slowest": slowest, "slowestP95Ms": slowest_ms, "routes": routes,
    }))
}

/// Things of an org, so that its lists are no empty ones.
fn fill(owner: &Api) -> Result<()> {
    for number in 0..THINGS {
        let name = format!("thing-{number}");
        for (path, body) in [
            ("/api/v1/clusters", json!({"name": name})),
            (
                "/api/v1/environments",
                json!({"name": name, "label": name, "type": "testing"}),
            ),
            ("/api/v1/secrets/groups", json!({"name": name})),
            (
                "/api/v1/applications",
                json!({"name": name, "image": "team/shop", "environments": {"default": {}}}),
            ),
            ("/api/v1/departments", json!({"name": name})),
            ("/api/v1/join-tokens", json!({})),
        ] {
            owner.post(path, &body)?;
        }
    }
    let instance = |number: usize| json!({"provider": "aws", "instanceId": format!("i-{number}"), "instanceName": format!("machine-{number}")});
    let instances: Vec<_> = (0..THINGS * 10).map(instance).collect();
    owner.post("/api/v1/instances/import", &json!({"instances": instances}))?;
    Ok(())
}

fn p95(numbers: &Value) -> f64 {
    numbers["p95Ms"].as_f64().unwrap_or(f64::INFINITY)
}

fn ask(api: &Api, question: &str, times: usize) -> Result<Value> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let began = Instant::now();
        api.get(question)?;
        took.push(began.elapsed());
    }
    Ok(json!({"p50Ms": percentile_ms(&mut took, 0.5)?, "p95Ms": percentile_ms(&mut took, 0.95)?}))
}

/// Their ids, in the order of their names.
fn add_users(admin: &Api, count: usize) -> Result<Vec<String>> {
    let next = AtomicUsize::new(0);
    let hand = || -> Result<Vec<(usize, String)>> {
        let mut added = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(added);
            }
            let user = admin.post(
                "/api/v1/users",
                &json!({
                    "username": format!("user-{number}"), "password": PASSWORD, "email": format!("user-{number}@example.com"),
                    "nickName": format!("User number {number}"),
                }),
            )?;
            added.push((number, text(&user, "id")?.to_owned()));
        }
    };
    let mut all = Vec::new();
    thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(hand)).collect();
        for hand in hands {
            all.extend(hand.join().map_err(|_| anyhow::anyhow!("a hand fell off"))??);
        }
        anyhow::Ok(())
    })?;
    all.sort_unstable();
    Ok(all.into_iter().map(|(_, id)| id).collect())
}

/// The slugs of the orgs; user N is in org N modulo their number, the first ones own them.
fn add_orgs(admin: &Api, users: &[String], count: usize) -> Result<Vec<String>> {
    let mut slugs = Vec::with_capacity(count);
    for (number, owner) in users.iter().take(count).enumerate() {
        let slug = format!("org-{number}");
        let org = json!({"name": format!("Org {number}"), "slug": slug, "ownerId": owner});
        admin.post("/api/v1/orgs", &org)?;
        let api = admin.in_org(&slug);
        for member in (number + count..users.len()).step_by(count) {
            let role = if member / count == 1 { "ADMIN" } else { "MEMBER" };
            // The second in each org asks as a plain member.
            let role = if member == count { "MEMBER" } else { role };
            api.post(
                "/api/v1/members",
                &json!({"username": format!("user-{member}"), "role": role}),
            )?;
        }
        slugs.push(slug);
    }
    Ok(slugs)
}

/// How long somebody waits who has nothing to do with what else goes on.
pub(crate) fn bystander(api: &Api, until: impl Fn() -> bool) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !until() {
        let began = Instant::now();
        api.get("/api/v1/members")?;
        took.push(began.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    Ok(took)
}
