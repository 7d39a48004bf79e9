//! The containers on a host, as the engine itself tells of them.

use anyhow::{Context as _, Result, ensure};
use muster_workbench::process::run;
use std::process::Command;

/// The containers of one application on an engine.
#[derive(Clone, Debug)]
pub struct Containers {
    host: String,
    name: String,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `running`, `exited`…
    pub state: String,
    /// How often the engine started it anew.
    pub restarts: String,
    /// The order that made it.
    pub order: String,
}

impl Containers {
    /// Those that have the name, or had it before a deploy set them aside, on the engine at `host`.
    pub fn new(host: &str, name: &str) -> Self {
        Self {
            host: host.to_owned(),
            name: name.to_owned(),
        }
    }

    /// All of them, running or not.
    pub fn list(&self) -> Result<Vec<Container>> {
        // By its own name, and by the one that a container is set aside under.
        let filter = format!("name=^/{}(\\.before-.*)?$", self.name);
        let ids = self.docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter])?;
        let mut found = Vec::new();
        for id in ids.lines() {
            let format = "{{.Id}} {{.Name}} {{.State.Status}} {{.RestartCount}} {{index .Config.Labels \"muster.order\"}}";
            let about = self.docker(&["inspect", "--format", format, id])?;
            let words: Vec<&str> = about.split_whitespace().collect();
            let word = |n: usize| words.get(n).copied().unwrap_or_default().to_owned();
            found.push(Container {
                id: word(0),
                name: word(1).trim_start_matches('/').to_owned(),
                state: word(2),
                restarts: word(3),
                order: word(4),
            });
        }
        Ok(found)
    }

    /// The one there is: it has the name and runs, and nothing else is left.
    pub fn the_one(&self) -> Result<Container> {
        let mut all = self.list()?;
        ensure!(
            all.len() == 1,
            "one container should be there, not these: {all:#?}"
        );
        let one = all.pop().context("none")?;
        ensure!(
            one.name == self.name && one.state == "running" && one.restarts == "0",
            "the container does not serve under its name: {one:?}"
        );
        Ok(one)
    }

    /// Removes all of them.
    pub fn remove(&self) -> Result<()> {
        for container in self.list()? {
            self.docker(&["rm", "--force", &container.id])?;
        }
        Ok(())
    }

    fn docker(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new("docker")
            .args(["--host", &self.host])
            .args(arguments))
    }
}
