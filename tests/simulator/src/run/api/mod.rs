//! Every list and search of the API over a database that is full, as the super administrator, the owner of an org and
//! one of its members ask them; one after the other, as a person would.
//!
//! Which lists there are says the OpenAPI document ([`lists`]). People and orgs come through the API, and so does one
//! thing of each kind in the org that is asked ([`things`](muster_tests::job::things)); what else is there are copies
//! of these ([`copies`]), thousands in that org and tens of thousands in the others.

mod copies;
mod database;
mod known;
mod lists;
mod people;
mod seeds;

use super::{PATIENCE, percentile_ms, start_control_plane};
use crate::complain;
use anyhow::{Context as _, Result, ensure};
use database::Database;
use known::{ELSEWHERE, List};
use lists::Found;
use muster_base::Clock;
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::api::text;
use muster_tests::job::things::{self, Makers, Things};
use muster_tests::wait;
use muster_tests::{Api, ControlPlane, registry};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

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
    /// How much there is of everything else, in percent: less is for trying.
    #[arg(long, default_value_t = 100)]
    percent: usize,
}

/// What the things are called that are copied.
const NAME: &str = "thing";
/// The copies are of the last month.
const SINCE_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// Whose questions are measured, and about what.
struct Asked {
    things: Things,
    org: String,
    owner: String,
    member: String,
    platform: String,
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    ensure!(
        args.orgs > 0 && args.users >= 2 * args.orgs,
        "there are more orgs than users"
    );
    let dir = tempfile::tempdir()?;
    let mut plane = start_control_plane(dir.path(), 10, args.database.as_deref())?;
    let document = plane.api().get("/api/v1/openapi.json")?;
    let lists = lists::read(&document)?;
    complain(&format!(
        "{} lists; adding {} users in {} orgs",
        lists.len(),
        args.users,
        args.orgs
    ));
    let users = people::add_users(&plane.admin()?, args.users)?;
    let orgs = people::add_orgs(&plane.admin()?, &users, args.orgs)?;
    let first = orgs.first().context("no org")?;
    let asked = make(&plane, first, (users[0].as_str(), users[args.orgs].as_str()))?;
    plane.stop();
    complain("filling the tables");
    let rows = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(fill(&plane, args, &asked, &lists))?;
    plane.serve()?;

    let owner = plane.api().login("user-0", people::PASSWORD)?;
    let member = format!("user-{}", args.orgs);
    let member = plane.api().login(&member, people::PASSWORD)?;
    let callers = [
        ("admin", plane.admin()?.in_org(first)),
        ("owner", owner),
        ("member", member),
    ];
    let mut routes = Map::new();
    // All of them are said at once.
    let mut faults = Vec::new();
    for (found, (own, all)) in lists.iter().zip(rows) {
        let answers = ask_list(found, &callers, &asked.things, args.times).unwrap_or_else(|fault| {
            faults.push(format!("{fault:#}"));
            Vec::new()
        });
        for (question, mut numbers) in answers {
            numbers["rows"] = own.into();
            numbers["of"] = all.into();
            routes.insert(question, numbers);
        }
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    let slowest = routes
        .iter()
        .max_by(|a, b| p95(a.1).total_cmp(&p95(b.1)))
        .map(|(name, numbers)| (name.clone(), p95(numbers)));
    let (slowest, slowest_ms) = slowest.context("nothing was asked")?;
    Ok(json!({
        "users": args.users, "orgs": args.orgs, "lists": lists.len(), "questions": routes.len(), "slowest": slowest,
        "slowestP95Ms": slowest_ms, "routes": routes, "elsewhere": ELSEWHERE.iter().copied().collect::<BTreeMap<_, _>>(),
    }))
}

/// One thing of each kind in the org, through the API, with a simulated host that does what it is told.
fn make(plane: &ControlPlane, org: &str, (owner, member): (&str, &str)) -> Result<Asked> {
    let admin = plane.admin()?;
    let helper = admin.in_org(org);
    let api = plane.api().login("user-0", people::PASSWORD)?;
    let fleet = SimulatedFleet::join(&api, Options { agents: 1, seed: 1 })?;
    fleet.start();
    fleet.await_connected(PATIENCE)?;
    let host = fleet.running().into_keys().next().context("no host joined")?;
    let makers = Makers {
        owner: &api,
        helper: &helper,
        host: &host.to_string(),
        registry: &registry::start()?,
    };
    let mut things = things::make(&makers, NAME)?;
    let table = json!({
        "apiVersion": "v1alpha1", "kind": "TableSnapshot", "metadata": {"name": NAME},
        "spec": {"database": "shop", "columns": [{"name": "id", "dataType": "bigint", "primaryKey": true}]},
    });
    let database = json!({
        "apiVersion": "v1alpha1", "kind": "DatabaseSnapshot", "metadata": {"name": "shop"},
        "spec": {"basic": {"name": "shop", "comment": "Orders", "type": "Postgres"}},
    });
    for document in [database, table] {
        api.post("/api/v1/schema/apply", &document)?;
    }
    let platforms = admin.list("/api/v1/platforms")?;
    let platform = text(platforms.first().context("there is no platform")?, "id")?.to_owned();
    let path = format!("/api/v1/platforms/{platform}");
    let module = admin.post(&format!("{path}/modules"), &json!({"name": NAME}))?;
    let operation = json!({"moduleId": module["id"], "code": "thing:do", "name": NAME});
    admin.post(&format!("{path}/operations"), &operation)?;
    let role = json!({"code": NAME, "name": NAME, "operations": ["host:read"]});
    admin.post(&format!("{path}/roles"), &role)?;
    admin.call(
        "PUT",
        &format!("/api/v1/binding-types/{NAME}"),
        Some(&json!({"name": NAME})),
    )?;
    api.call("PUT", "/api/v1/schema/policies/prod", Some(&json!({})))?;
    things.set("platforms", &platform);
    things.set("platform", &platform);
    things.set("containers", "web");
    for (place, path) in [
        ("deployments", "/api/v1/deployments"),
        ("executions", "/api/v1/schema/executions"),
        ("rollouts", "/api/v1/schema/rollouts"),
    ] {
        let path = format!("{path}/{}", things.get(place)?);
        if await_end(&api, &path)?["status"] == "halted" {
            api.post(&format!("{path}/cancel"), &json!({}))?;
        }
    }
    wait::until("readings of the host", PATIENCE, || {
        let latest = api.get("/api/v1/metrics/latest")?;
        let stored = api.get("/api/v1/metrics/storage")?;
        let are_there = [&latest, &stored].map(|list| list["items"][0].is_object());
        Ok(wait::Found::from_option(
            (are_there == [true, true]).then_some(()),
            latest,
        ))
    })?;
    let org = api.get("/api/v1/org")?;
    Ok(Asked {
        things,
        org: text(&org, "id")?.to_owned(),
        owner: owner.to_owned(),
        member: member.to_owned(),
        platform,
    })
}

/// Waits until something is over, well or not.
fn await_end(api: &Api, path: &str) -> Result<Value> {
    let ends = [
        "success",
        "failure",
        "cancelled",
        "rolledBack",
        "needsAttention",
        "halted",
    ];
    api.await_field(path, "status", &ends, &[], PATIENCE)
}

/// Fills the tables; for each list how many rows are the org's own, and how many there are.
async fn fill(
    plane: &ControlPlane,
    args: &Args,
    asked: &Asked,
    lists: &[Found<'_>],
) -> Result<Vec<(i64, i64)>> {
    let mut database = Database::open(&plane.data(), args.database.as_deref()).await?;
    let now = Clock::system().now().0;
    let words = words(&database, asked, now)?;
    let next = AtomicU64::new(0);
    let is_sqlite = matches!(database, Database::Sqlite { .. });
    let spell = move |sql: &str| spell(&words, (&next, now, is_sqlite), sql);
    seeds::plant(&mut database, &spell).await?;
    let others = database
        .ids(&spell("select id from orgs where id <> {org} order by id")?)
        .await?;
    let ground = copies::Ground {
        since_ms: now - SINCE_MS,
        others: &others,
        percent: args.percent,
    };
    for copies in copies::COPIES {
        copies.make(&mut database, &ground, &spell).await?;
    }
    seeds::settle(&mut database, &spell).await?;
    let mut rows = Vec::with_capacity(lists.len());
    for Found { list, .. } in lists {
        let List { table, own, .. } = list;
        let own = database.count(table, &spell(own)?).await?;
        rows.push((own, database.count(table, "true").await?));
    }
    database.close().await?;
    Ok(rows)
}

/// What stands for a word in braces in SQL.
fn words(database: &Database, asked: &Asked, now: i64) -> Result<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    for (place, id) in asked.things.all() {
        let word = match Uuid::parse_str(id) {
            Ok(id) => database.id(id),
            Err(_) => format!("'{id}'"),
        };
        words.insert(place.to_owned(), word);
    }
    for (name, id) in [
        ("org", &asked.org),
        ("owner", &asked.owner),
        ("member", &asked.member),
        ("platform", &asked.platform),
    ] {
        words.insert(name.to_owned(), database.id(Uuid::parse_str(id)?));
    }
    words.insert("orgText".to_owned(), format!("'{}'", asked.org));
    words.insert("bytes".to_owned(), database.bytes().to_owned());
    words.insert("now".to_owned(), now.to_string());
    Ok(words)
}

/// The text with what the words in braces stand for; `{id}` is another id each time, newer than all that is there.
fn spell(
    words: &BTreeMap<String, String>,
    (next, now, is_sqlite): (&AtomicU64, i64, bool),
    text: &str,
) -> Result<String> {
    let mut spelt = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        spelt.push_str(before);
        let (word, after) = after.split_once('}').context("a brace that nobody closes")?;
        if word.is_empty() {
            // JSON.
            spelt.push_str("{}");
        } else if word == "id" {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let id = Uuid::parse_str(&format!("{now:012x}7fff8fff{number:012x}"))?;
            let literal = if is_sqlite {
                format!("x'{}'", id.simple())
            } else {
                format!("'{id}'::uuid")
            };
            spelt.push_str(&literal);
        } else {
            spelt.push_str(
                words
                    .get(word)
                    .with_context(|| format!("nothing is known as {{{word}}}"))?,
            );
        }
        rest = after;
    }
    spelt.push_str(rest);
    Ok(spelt)
}

/// All questions to a list, by everybody who may ask it.
fn ask_list(
    found: &Found<'_>,
    callers: &[(&str, Api)],
    things: &Things,
    times: usize,
) -> Result<Vec<(String, Value)>> {
    let template = found.list.path;
    let path = things.fill(template)?;
    let mut numbers = Vec::new();
    let mut has_items = false;
    for (name, api) in callers {
        let Some(page) = look(api, &path)? else {
            continue;
        };
        has_items |= page["items"].as_array().is_some_and(|items| !items.is_empty());
        let mut questions = found.questions();
        if let Some(cursor) = page["nextCursor"].as_str() {
            questions.push(format!("cursor={cursor}"));
        }
        for question in questions {
            let address = asked(&path, &fill_question(&question, things)?);
            if look(api, &address)?.is_none() {
                continue;
            }
            let shown = if question.starts_with("cursor=") {
                "cursor=…"
            } else {
                &question
            };
            let joint = if shown.is_empty() { "" } else { "?" };
            numbers.push((
                format!("{template}{joint}{shown} ({name})"),
                ask(api, &address, times)?,
            ));
        }
    }
    ensure!(
        has_items,
        "{template} is empty for everybody: nothing would be measured"
    );
    Ok(numbers)
}

/// What a list answers; none to those who may not ask: that is no list.
fn look(api: &Api, address: &str) -> Result<Option<Value>> {
    let answer = api.call("GET", address, None)?;
    if answer.status == 403 {
        return Ok(None);
    }
    ensure!(
        answer.status == 200,
        "{address} answers {}: {}",
        answer.status,
        answer.text
    );
    Ok(Some(answer.json()?))
}

/// A path with a question, if there is any.
fn asked(path: &str, question: &str) -> String {
    let joint = if question.is_empty() { "" } else { "?" };
    format!("{path}{joint}{question}")
}

/// A question with ids in the place of words in braces.
fn fill_question(question: &str, things: &Things) -> Result<String> {
    let mut filled = question.to_owned();
    while let Some((before, after)) = filled.split_once('{') {
        let (word, after) = after.split_once('}').context("a brace that nobody closes")?;
        filled = format!("{before}{}{after}", things.get(word)?);
    }
    Ok(filled)
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
