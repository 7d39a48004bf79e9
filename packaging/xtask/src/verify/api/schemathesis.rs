//! Gets schemathesis and runs it.

use super::callers::Caller;
use super::objects::Objects;
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result};
use muster_workbench::{cache, tools};
use serde_json::Value;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance";

/// Streams don't end by themselves; a caller who signs out, or takes away the device they are on, is nobody from then
/// on; and an export is many documents of YAML,
/// which schemathesis takes for one and breaks off.
const LEFT_OUT: &str = "/(live|events|log|progress)$|/schema/export$|/auth/logout|/me/devices/";

/// The same calls each time.
const SEED: &str = "20260101";

/// Calls of each operation that are made up at random. Never a time limit: schemathesis would go on until it is spent.
const EXAMPLES: &str = "5";

/// 502 says that a host, a registry or a database server did not answer, which is documented where it may be; there is
/// none of them here.
const EXPECTED: &str =
    "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", \"502\"]\n\n";

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The variable that the caller's credentials come in.
const AUTHORIZATION: &str = "MUSTER_AUTHORIZATION";

/// The installed program.
pub struct Schemathesis(PathBuf);

/// What a run works with.
pub struct Files {
    dir: PathBuf,
    document: PathBuf,
    nobody: PathBuf,
    signed_in: PathBuf,
}

/// How a caller's run ended.
pub struct Found {
    calls: u64,
    tested: u64,
    selected: u64,
    findings: u64,
}

impl Found {
    /// Whether every operation was called and nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings == 0 && self.calls > 0 && self.tested == self.selected
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} calls of {} of {} operations, {} findings",
            self.calls, self.tested, self.selected, self.findings
        )
    }
}

/// The program in an environment of its own that is kept in the cache, installed at the first time.
///
/// Only what is in `requirements.txt`, by its hash; a change of that file makes another environment.
pub fn install(interrupt: &Interrupt) -> Result<Schemathesis> {
    let version = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix("schemathesis=="))
        .and_then(|rest| rest.split(' ').next())
        .context("requirements.txt does not name schemathesis")?;
    let root = cache::dir()?.join(format!("tools/schemathesis-{version}"));
    let program = root.join("bin/st");
    let stamp = root.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(Schemathesis(program));
    }
    tools::install_missing(&[tools::PYTHON])?;
    say::note(format_args!(
        "installing schemathesis {version} (once; it is kept in {})",
        root.display()
    ));
    let mut venv = Command::new(tools::PYTHON.path()?);
    project::must(
        interrupt,
        venv.args(["-m", "venv", "--clear"]).arg(&root),
        "python3 -m venv (on Debian it needs the package python3-venv)",
    )?;
    let wanted = root.join("wanted.txt");
    fs::write(&wanted, REQUIREMENTS)?;
    let mut pip = Command::new(root.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
        .arg(&wanted);
    project::must(interrupt, &mut pip, "pip install")?;
    fs::rename(wanted, stamp)?;
    Ok(Schemathesis(program))
}

impl Files {
    /// Writes the document, with right bodies as its examples, and the ids of real things for the calls that name one.
    pub fn write(dir: &Path, document: &Value, made: &Objects) -> Result<Self> {
        let files = Self {
            dir: dir.to_owned(),
            document: dir.join("openapi.json"),
            nobody: dir.join("nobody.toml"),
            signed_in: dir.join("signed-in.toml"),
        };
        fs::write(&files.document, with_examples(document, made)?.to_string())?;
        let config = config(document, made)?;
        let config = EXPECTED.to_owned() + &config;
        let header = format!("headers = {{ Authorization = \"${{{AUTHORIZATION}}}\" }}\n\n");
        fs::write(&files.signed_in, header + &config)?;
        fs::write(&files.nobody, config)?;
        Ok(files)
    }

    /// Where a caller's calls and their answers stand, one event on each line.
    pub fn events(&self, caller: &Caller) -> PathBuf {
        self.dir.join(format!("{}.ndjson", caller.name))
    }
}

/// Ids of real things for each operation that names some. By its name: a path and a method beside each other would mean
/// one or the other.
fn config(document: &Value, made: &Objects) -> Result<String> {
    let mut text = String::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for method in METHODS.iter().filter(|method| item[**method].is_object()) {
            let method = method.to_uppercase();
            let known: Vec<String> = made
                .parameters(&method, path)
                .iter()
                .map(|(name, id)| format!("\"path.{name}\" = \"{id}\""))
                .collect();
            if !known.is_empty() {
                writeln!(
                    text,
                    "[[operations]]\ninclude-name = \"{method} {path}\"\nparameters = {{ {} }}\n",
                    known.join(", ")
                )?;
            }
        }
    }
    Ok(text)
}

/// The document with a right body as the example of each operation that one was made for.
fn with_examples(document: &Value, made: &Objects) -> Result<Value> {
    let mut document = document.clone();
    for (operation, body) in &made.bodies {
        let (method, path) = operation.split_once(' ').context("no operation")?;
        let content = &mut document["paths"][path][method.to_lowercase()]["requestBody"]["content"];
        let types = content.as_object_mut();
        let content = types.and_then(|types| types.values_mut().next());
        content.with_context(|| format!("{operation} takes no body, but one was made for it"))?["example"] =
            body.clone();
    }
    Ok(document)
}

impl Schemathesis {
    /// Calls everything as `caller`. What it finds is printed; what was answered stands in the file of events then.
    pub fn run(&self, interrupt: &Interrupt, files: &Files, address: &str, caller: &Caller) -> Result<Found> {
        let log = files.dir.join(format!("{}.log", caller.name));
        let report = files.dir.join(format!("{}.json", caller.name));
        let phases = if caller.thorough {
            "examples,coverage,fuzzing"
        } else {
            "examples,fuzzing"
        };
        let mut command = Command::new(&self.0);
        command
            .current_dir(&files.dir)
            .arg("--config-file")
            .arg(if caller.bearer.is_some() {
                &files.signed_in
            } else {
                &files.nobody
            })
            .arg("run")
            .arg(&files.document)
            .args(["--url", address, "--workers", "1", "--phases", phases])
            .args(["--checks", CHECKS, "--exclude-path-regex", LEFT_OUT])
            .args(["--max-examples", EXAMPLES, "--seed", SEED])
            .args(["--continue-on-failure", "--warnings", "off"])
            .args(["--report", "json,ndjson", "--report-json-path"])
            .arg(&report)
            .arg("--report-ndjson-path")
            .arg(files.events(caller))
            .env("NO_COLOR", "1")
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        if let Some(bearer) = &caller.bearer {
            command.env(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        interrupt.status(&mut command)?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        let report = fs::read_to_string(&report)
            .with_context(|| format!("schemathesis made no report as {}:\n{said}", caller.name))?;
        let found = read(&serde_json::from_str(&report)?);
        if !found.is_clean() {
            say::line(said);
        }
        Ok(found)
    }
}

fn read(report: &Value) -> Found {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let count = |list: &Value| {
        let groups = list.as_array().into_iter().flatten();
        groups.map(|group| number(&group["count"]).max(1)).sum::<u64>()
    };
    Found {
        calls: number(&report["test_cases"]["generated"]),
        tested: number(&report["operations"]["tested"]),
        selected: number(&report["operations"]["selected"]),
        findings: count(&report["failures"]) + count(&report["errors"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_that_was_cut_off_or_found_something_is_not_clean() {
        let report = |tested: u64, failures: Value, errors: Value| {
            read(&json!({
                "test_cases": {"generated": 9},
                "operations": {"selected": 3, "tested": tested},
                "failures": failures,
                "errors": errors,
            }))
        };
        assert!(report(3, json!([]), json!([])).is_clean());
        assert!(!report(2, json!([]), json!([])).is_clean());
        assert!(!report(3, json!([{"count": 2}]), json!([])).is_clean());
        assert!(!report(3, json!([]), json!([{"count": 1}])).is_clean());
        assert!(!read(&json!({})).is_clean());
    }
}
