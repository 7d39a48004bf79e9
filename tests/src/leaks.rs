//! Looks for values where they must not be: in files, answers and process lists.

use crate::Api;
use anyhow::Result;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Values that were planted, by the names that a report may say.
#[derive(Clone, Debug, Default)]
pub struct Planted(Vec<(String, String)>);

impl Planted {
    /// Adds a value to look for.
    ///
    /// # Panics
    /// When the value is so short that it may be found by chance.
    pub fn add(&mut self, name: &str, value: &str) {
        assert!(value.len() >= 8, "{name} is too short to be looked for");
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Without one of them.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(other, _)| other != name)
                .cloned()
                .collect(),
        )
    }

    /// Which of them stand in `bytes`.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let stands = |value: &str| {
            bytes
                .windows(value.len())
                .any(|window| window == value.as_bytes())
        };
        self.0
            .iter()
            .filter(|(_, value)| stands(value))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Every file below `dir` that holds one, as `file: name`.
    pub fn in_files(&self, dir: &Path) -> Result<Vec<String>> {
        let mut leaks = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                leaks.extend(self.in_files(&entry.path())?);
            } else if kind.is_file() {
                let found = self.found_in(&fs::read(entry.path())?).join(", ");
                if !found.is_empty() {
                    leaks.push(format!("{}: {found}", entry.path().display()));
                }
            }
        }
        Ok(leaks)
    }

    /// Asks everything that can be asked with GET, by the OpenAPI document: lists, and each thing in
    /// them. Every answer that holds a value, as `path: name`.
    pub fn in_answers(&self, api: &Api) -> Result<Answers> {
        let document = api.get("/api/v1/openapi.json")?;
        let paths: Vec<String> = document["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, calls)| calls["get"].is_object() && !follows(&calls["get"]))
            .map(|(path, _)| path.clone())
            .collect();
        let mut answers = Answers::default();
        let mut things: Vec<(String, String)> = Vec::new();
        for path in paths.iter().filter(|path| !path.contains('{')) {
            let answer = api.call("GET", path, None)?;
            answers.take(self, path, &answer.text);
            let items = answer
                .json()
                .map(|list| list["items"].as_array().cloned().unwrap_or_default());
            things.extend(
                items
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|item| Some((path.clone(), item["id"].as_str()?.to_owned()))),
            );
        }
        for path in paths.iter().filter(|path| path.matches('{').count() == 1) {
            let Some((list, rest)) = path.split_once("/{") else {
                continue;
            };
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            for (_, id) in things.iter().filter(|(of, _)| of == list) {
                let path = format!("{list}/{id}{after}");
                answers.take(self, &path, &api.call("GET", &path, None)?.text);
            }
        }
        Ok(answers)
    }
}

/// Whether a call's answer goes on for as long as somebody listens; the log of a deployment ends with it.
fn follows(call: &serde_json::Value) -> bool {
    call["operationId"] != "followDeployment"
        && call["responses"]["200"]["content"]["text/event-stream"].is_object()
}

/// What was asked, and what was found.
#[derive(Debug, Default)]
pub struct Answers {
    /// How many answers were read.
    pub read: usize,
    /// Those that held a value.
    pub leaks: Vec<String>,
}

impl Answers {
    fn take(&mut self, planted: &Planted, path: &str, text: &str) {
        self.read += 1;
        let found = planted.found_in(text.as_bytes()).join(", ");
        if !found.is_empty() {
            self.leaks.push(format!("{path}: {found}"));
        }
    }
}

/// Watches the arguments of every process of this machine until it is asked what it saw.
pub struct ProcessWatch {
    stop: Arc<AtomicBool>,
    planted: Arc<Mutex<Planted>>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl ProcessWatch {
    /// Begins to watch for `planted`.
    pub fn begin(planted: Planted) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let planted = Arc::new(Mutex::new(planted));
        let thread = std::thread::spawn({
            let (stop, planted) = (Arc::clone(&stop), Arc::clone(&planted));
            move || {
                let mut seen = BTreeSet::new();
                while !stop.load(Ordering::Relaxed) {
                    let planted = planted.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    seen.extend(look(&planted));
                    std::thread::sleep(Duration::from_millis(10));
                }
                seen
            }
        });
        Self {
            stop,
            planted,
            thread,
        }
    }

    /// Looks for one more value from now on.
    pub fn add(&self, name: &str, value: &str) {
        self.planted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(name, value);
    }

    /// Ends, and says which programs had which values in their arguments.
    pub fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map(|seen| seen.into_iter().collect())
            .unwrap_or_default()
    }
}

fn look(planted: &Planted) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut seen = Vec::new();
    for entry in entries.flatten() {
        let Ok(arguments) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let found = planted.found_in(&arguments).join(", ");
        if !found.is_empty() {
            let program = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
            seen.push(format!("{}: {found}", String::from_utf8_lossy(program)));
        }
    }
    seen
}
