//! The architecture's invariants that a machine can check by reading the sources.
//!
//! Each rule lists every place that breaks it, so that one run shows all there is to mend.

#![expect(clippy::expect_used, reason = "the helpers of a test may fail it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A library, and the only places that may name it. A place is a file or a folder.
const OWNERS: &[(&str, &[&str])] = &[
    ("quinn", &["control-plane/src/link", "agent/src/link", "tests"]),
    ("bincode", &["shared/protocol/src/frame.rs"]),
    ("sqlparser", &["shared/schema"]),
    ("bollard", &["agent/src/worker/docker"]),
    ("aes_gcm", &["control-plane/src/secrets/seal"]),
    ("rcgen", &["shared/identity"]),
    ("lettre", &["control-plane/src/notify/mailer.rs"]),
    (
        "axum",
        &["control-plane/src/http", "control-plane/src/*/api", "tests/fuzz"],
    ),
    ("object_store", &["control-plane/src/files/storage"]),
    ("redb", &["agent/src/spool"]),
    ("serde_saphyr", &["shared/documents", "tests/corpus"]),
    (
        "sd_notify",
        &["agent/src/supervise.rs", "control-plane/src/supervise.rs"],
    ),
];

/// Where SQL may stand.
const SQL: &[&str] = &[
    "control-plane/src/*/store",
    "control-plane/src/*/store.rs",
    "control-plane/src/db",
    "control-plane/cli/src/schema/database",
    "agent/src/worker/sql",
    "tests",
];

/// Holds examples of what it looks for.
const THIS_FILE: &str = "tests/tests/tidy.rs";

const LONGEST_FILE: usize = 500;
const LONG_FILE: usize = 400;

#[test]
fn libraries_are_named_by_their_owners_only() {
    let mut broken = Vec::new();
    for file in rust_files() {
        for (library, places) in OWNERS {
            let names = |line: &str| names_library(line, library);
            broken.extend(
                file.lines_where(places, names)
                    .map(|place| format!("{place} names {library}")),
            );
        }
    }
    none(
        &broken,
        "a library is used outside the room that owns it (ARCHITECTURE.md, Invariants)",
    );
}

#[test]
fn sql_stands_in_stores_only() {
    let calls = [
        "sqlx::query",
        "query_as::<",
        "query_as(",
        "query_scalar::<",
        "query_scalar(",
        "raw_sql(",
    ];
    let mut broken = Vec::new();
    for file in rust_files() {
        broken.extend(file.lines_where(SQL, |line| calls.iter().any(|call| line.contains(call))));
    }
    none(&broken, "SQL stands outside a store/ module");
}

#[test]
fn the_resident_knows_neither_docker_nor_databases() {
    let worker = [
        "agent/src/worker",
        "agent/src/bin/muster-worker.rs",
        "control-plane",
        "tests",
        "shared/schema",
        "shared/base",
    ];
    let mut broken = Vec::new();
    for file in rust_files() {
        let names = |line: &str| names_library(line, "bollard") || names_library(line, "sqlx");
        broken.extend(file.lines_where(&worker, names));
    }
    none(&broken, "only the worker may talk to Docker and to databases");
}

#[test]
fn nothing_is_allowed_or_ignored() {
    // Put together here, so that this file doesn't hold what it looks for.
    let marks = ["allow(", "ignore]", "ignore ="].map(|mark| format!("[{mark}"));
    let breaks = |line: &str| {
        line.trim_start().starts_with('#') && marks.iter().any(|mark| line.contains(mark.as_str()))
    };
    let mut broken = Vec::new();
    for file in rust_files() {
        broken.extend(file.all_lines_where(breaks));
    }
    none(
        &broken,
        "write #[expect(…, reason = \"…\")] instead of allow, and delete a test that can't run",
    );
}

#[test]
fn files_have_one_subject() {
    let mut broken = Vec::new();
    for file in rust_files() {
        let count = file.text.lines().count();
        if count > LONGEST_FILE {
            broken.push(format!("{} has {count} lines", file.name));
        } else if count > LONG_FILE {
            println!("{} has {count} lines: split it by noun, then by verb", file.name);
        }
    }
    none(&broken, "a file is longer than any one subject needs");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let mut sqlite = migrations("sqlite");
    for step in migrations("sqlite-telemetry") {
        assert!(
            sqlite.insert(step.clone()),
            "the step {step} is in both of SQLite's folders"
        );
    }
    let postgres = migrations("postgres");
    let differing: Vec<&String> = sqlite.symmetric_difference(&postgres).collect();
    assert!(
        differing.is_empty(),
        "these steps are missing on one of the two databases: {differing:?}"
    );

    let numbers: Vec<&str> = postgres
        .iter()
        .filter_map(|step| step.split('_').next())
        .collect();
    let distinct: BTreeSet<&&str> = numbers.iter().collect();
    assert_eq!(
        numbers.len(),
        distinct.len(),
        "a migration's number is taken twice: {numbers:?}"
    );
}

#[test]
fn migrations_leave_time_to_the_program_and_types_strict() {
    let mut broken = Vec::new();
    for (database, path) in ["sqlite", "sqlite-telemetry", "postgres"]
        .into_iter()
        .flat_map(|name| sql_files(name).into_iter().map(move |path| (name, path)))
    {
        let text = fs::read_to_string(&path)
            .expect("a migration that can be read")
            .to_lowercase();
        let code: String = text
            .lines()
            .map(|line| line.split("--").next().unwrap_or_default())
            .fold(String::new(), |all, line| all + line + "\n");
        for word in ["now()", "current_timestamp", "gen_random_uuid", "randomblob"] {
            if code.contains(word) {
                broken.push(format!("{} uses {word}", path.display()));
            }
        }
        for statement in code
            .split(';')
            .map(str::trim)
            .filter(|statement| statement.starts_with("create table"))
        {
            if database != "postgres"
                && !statement
                    .trim_end()
                    .trim_end_matches(", without rowid")
                    .ends_with("strict")
            {
                broken.push(format!(
                    "{}: not strict: {}",
                    path.display(),
                    statement.lines().next().unwrap_or_default()
                ));
            }
        }
    }
    none(
        &broken,
        "time and ids are parameters, and SQLite's tables are STRICT",
    );
}

#[test]
fn every_shape_of_the_api_has_a_name_of_its_own() {
    // utoipa makes one schema of two types that have one name, and says nothing.
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in rust_files() {
        for (name, line) in file.schemas() {
            places
                .entry(name)
                .or_default()
                .push(format!("{}:{line}", file.name));
        }
    }
    assert!(places.len() > 50, "the shapes are found");
    let twice = places.iter().filter(|(_, places)| places.len() > 1);
    let broken: Vec<String> = twice
        .map(|(name, places)| format!("{name}: {}", places.join(", ")))
        .collect();
    none(
        &broken,
        "two types have one name in the OpenAPI document: write #[schema(as = …)]",
    );
}

#[test]
fn every_route_is_in_the_document() {
    // The second is there before there is an application: while Muster is installed, or waits for its database.
    let servers = [
        "control-plane/src/http/server.rs",
        "control-plane/src/http/before.rs",
    ];
    let mut broken = Vec::new();
    for file in rust_files()
        .iter()
        .filter(|file| file.name.starts_with("control-plane/src"))
    {
        broken.extend(file.lines_where(&servers, |line| line.contains(".route(")));
    }
    none(
        &broken,
        "routes!() puts a route into the OpenAPI document, route() does not",
    );
    // What is beside it stands in the one list that the matrix of permissions reads, too.
    let beside: BTreeSet<String> = rust_files()
        .iter()
        .filter(|file| servers.contains(&file.name.as_str()))
        .flat_map(|file| file.code().filter_map(|line| line.split_once(".route(")))
        .map(|(_, rest)| rest.trim().to_owned())
        .collect();
    let known = ["path, method))", "\"/healthz\", get(health::healthz))"];
    let known = known.map(str::to_owned).into();
    assert_eq!(beside, known, "put it into `undescribed` in http/server.rs");
}

#[test]
fn every_version_in_the_workspace_is_somebody_s() {
    let manifests = files_ending("Cargo.toml");
    let root = manifests.iter().find(|file| file.name == "Cargo.toml");
    let list = root.and_then(|root| root.text.split_once("[workspace.dependencies]"));
    let (_, list) = list.expect("the root has the versions");
    let names = list.lines().take_while(|line| !line.starts_with('['));
    let unused = names
        .filter_map(|line| line.split_once(" = "))
        .filter(|(name, _)| {
            let uses = |line: &str| {
                let rest = line.strip_prefix(name).unwrap_or_default();
                rest.starts_with(".workspace") || rest.starts_with(" = { workspace")
            };
            !manifests.iter().any(|file| file.text.lines().any(uses))
        });
    let broken: Vec<String> = unused.map(|(name, _)| name.to_owned()).collect();
    none(&broken, "the root names dependencies that no package uses");
}

#[test]
fn every_package_follows_the_workspace() {
    let mut broken = Vec::new();
    for file in files_ending("Cargo.toml") {
        if file.name == "Cargo.toml" {
            continue;
        }
        if !file.text.contains("[lints]\nworkspace = true") {
            broken.push(format!("{} does not take the workspace's lints", file.name));
        }
        let pinned = file
            .text
            .lines()
            .filter(|line| line.contains("version = \"") && line.contains('{') || line.contains("git = "));
        broken.extend(
            pinned.map(|line| format!("{}: its version belongs into the workspace: {line}", file.name)),
        );
    }
    none(&broken, "packages share versions and lints");
}

// ---- reading the sources --------------------------------------------------------------------------

struct Source {
    name: String,
    text: String,
}

impl Source {
    /// The places outside `allowed` whose code `breaks` a rule, as `file:line`.
    fn lines_where<'a>(
        &'a self,
        allowed: &[&str],
        breaks: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let exempt = self.is_test() || allowed.iter().any(|place| is_below(&self.name, place));
        let lines = self
            .code()
            .enumerate()
            .filter(move |(_, line)| !exempt && breaks(line));
        lines.map(|(number, _)| format!("{}:{}", self.name, number + 1))
    }

    /// Test code may look behind every door: this file, `testing.rs`, modules named `…tests.rs`, and a room's `tests/`.
    fn is_test(&self) -> bool {
        self.name == THIS_FILE
            || (self.name.contains("/src/") && self.name.contains("/tests/"))
            || ["/testing.rs", "tests.rs"]
                .iter()
                .any(|end| self.name.ends_with(end))
    }

    /// The names under which types stand in the OpenAPI document, with their lines.
    fn schemas(&self) -> impl Iterator<Item = (String, usize)> {
        let mut derives = false;
        let mut given: Option<String> = None;
        self.code().enumerate().filter_map(move |(number, line)| {
            derives |= line.contains("ToSchema") && !line.contains("use ") && !line.contains("impl ");
            if let Some((_, rest)) = line.split_once("schema(as = ") {
                given = rest.split([')', ',']).next().map(str::to_owned);
            }
            let (_, rest) = line.split_once("struct ").or_else(|| line.split_once("enum "))?;
            let own = rest.split(|c: char| !c.is_alphanumeric()).next()?;
            let name = given.take().unwrap_or_else(|| own.to_owned());
            std::mem::take(&mut derives).then_some((name, number + 1))
        })
    }

    /// The places anywhere in the file, unit tests included, that break a rule.
    fn all_lines_where<'a>(
        &'a self,
        breaks: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let lines = self
            .text
            .lines()
            .enumerate()
            .filter(move |(_, line)| breaks(line));
        lines.map(|(number, _)| format!("{}:{}", self.name, number + 1))
    }

    /// Its lines up to the unit tests, comments blanked.
    fn code(&self) -> impl Iterator<Item = &str> {
        let code = self.text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        code.lines().map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
    }
}

/// Whether the file `name` is `place` or below it; a `*` in `place` stands for folders.
fn is_below(name: &str, place: &str) -> bool {
    let Some((start, end)) = place.split_once('*') else {
        return name == place || name.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
    };
    let Some(rest) = name.strip_prefix(start) else {
        return false;
    };
    let inside = format!("/{rest}");
    inside.ends_with(end) || inside.contains(&format!("{end}/"))
}

/// `library::…` or `use library…`, as a whole word.
fn names_library(line: &str, library: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(library).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + library.len()..]);
        let whole = !before.ends_with(is_word)
            && !after.starts_with(is_word)
            && !before.ends_with(['"', '\'', '.', '-', '/']);
        let path = after.starts_with("::") && !before.ends_with("::");
        whole && (path || before.trim_end().ends_with("use"))
    })
}

fn rust_files() -> Vec<Source> {
    files_ending(".rs")
}

fn files_ending(end: &str) -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder that can be read")
            .flatten()
        {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" && name != "dist" {
                    folders.push(path);
                }
            } else if name.ends_with(end) {
                let text = fs::read_to_string(&path).expect("a source file that can be read");
                let name = path
                    .strip_prefix(&root)
                    .expect("a path below the root")
                    .to_string_lossy()
                    .into_owned();
                found.push(Source { name, text });
            }
        }
    }
    assert!(
        !found.is_empty(),
        "no file ending with {end} below {}",
        root.display()
    );
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn migrations(database: &str) -> BTreeSet<String> {
    sql_files(database)
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect()
}

fn sql_files(database: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join("migrations").join(database)) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in a folder of the project")
        .to_owned()
}

fn none(broken: &[String], rule: &str) {
    let list = broken.iter().fold(String::new(), |mut list, place| {
        writeln!(list, "  {place}").expect("writing to a string");
        list
    });
    assert!(broken.is_empty(), "{rule}:\n{list}");
}

#[test]
fn the_tidy_test_sees_what_it_looks_for() {
    assert!(names_library("use quinn::Endpoint;", "quinn"));
    assert!(names_library("    let x = quinn::Endpoint::new();", "quinn"));
    assert!(names_library("use bollard as docker;", "bollard"));
    assert!(!names_library("let filter = \"quinn=warn\";", "quinn"));
    assert!(!names_library("mod quinn_tests;", "quinn"));
    assert!(!names_library("muster::quinn::x", "quinn"));
    assert!(is_below(
        "control-plane/src/fleet/api/host.rs",
        "control-plane/src/*/api"
    ));
    assert!(is_below(
        "control-plane/src/fleet/store.rs",
        "control-plane/src/*/store.rs"
    ));
    assert!(!is_below(
        "control-plane/src/fleet/apiary.rs",
        "control-plane/src/*/api"
    ));
    assert!(is_below("shared/schema/src/lib.rs", "shared/schema"));
    assert!(!is_below("shared/schematic/src/lib.rs", "shared/schema"));
}
