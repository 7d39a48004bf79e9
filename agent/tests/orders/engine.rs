//! The engine and the registry that `cargo verify` started.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use muster_base::random_token;

pub(crate) const PASSWORD: &str = "registry-password";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run `cargo verify`, which starts an engine and a registry for tests")
    })
}

pub(crate) fn docker_host() -> String {
    variable("MUSTER_TEST_DOCKER_HOST")
}

/// The web server's repository, with its registry.
pub(crate) fn image(tag: &str) -> String {
    format!("{}:{tag}", variable("MUSTER_TEST_IMAGE"))
}

pub(crate) fn registry_user() -> String {
    variable("MUSTER_TEST_REGISTRY_USER")
}

pub(crate) fn registry_password() -> String {
    let path = variable("MUSTER_TEST_REGISTRY_PASSWORD_FILE");
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}

/// What the docker command says of the engine that all tests share.
pub(crate) fn docker(arguments: &[&str]) -> String {
    docker_at(&docker_host(), arguments)
}

/// What the docker command says of an engine.
pub(crate) fn docker_at(host: &str, arguments: &[&str]) -> String {
    let output = Command::new("docker")
        .args(["--host", host])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A port that nobody listens on and no outgoing connection takes: below those that the kernel gives away.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    loop {
        let place = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + place).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A container name (and a port) of this test's own; what has the name, or had it, goes at the end.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) port: u16,
    engine: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::at(docker_host())
    }

    /// On an engine of the test's own.
    pub(crate) fn at(engine: String) -> Self {
        Self {
            name: format!("test-{}", random_token("").to_lowercase()),
            port: free_port(),
            engine,
        }
    }

    /// What the docker command says of this place's engine.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        docker_at(&self.engine, arguments)
    }

    /// Names of the containers that have the name or had it.
    pub(crate) fn containers(&self) -> Vec<String> {
        let filter = format!("name={}", self.name);
        let names = self.docker(&["ps", "--all", "--format", "{{.Names}}", "--filter", &filter]);
        names.lines().map(str::to_owned).collect()
    }

    /// Whether one container has the name and none had it.
    pub(crate) fn is_alone(&self) -> bool {
        let containers = self.containers();
        containers.len() == 1 && containers[0] == self.name
    }

    pub(crate) fn inspect(&self, what: &str) -> String {
        self.docker(&["inspect", "--format", what, &self.name])
    }

    /// The id and the start of what has the name: changes if it is replaced or restarted.
    pub(crate) fn life(&self) -> String {
        self.inspect("{{.Id}} {{.State.StartedAt}} {{.State.Running}}")
    }

    /// Waits until the port serves this version.
    pub(crate) fn await_served(&self, version: &str) {
        let give_up = Instant::now() + Duration::from_secs(30);
        while self.served().as_deref() != Some(version) {
            assert!(Instant::now() < give_up, "{} does not serve {version}", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The version that is served on the port, after at most ten seconds in which it is another than `expected`: what was
    /// put back runs before it listens.
    pub(crate) fn serves(&self, expected: Option<&str>) -> Option<String> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let served = self.served();
            if served.as_deref() == expected || Instant::now() > end {
                return served;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The version that is served on the port.
    pub(crate) fn served(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(b"GET /version HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.contains(" 200 ").then(|| body.trim().to_owned())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for name in self.containers() {
            self.docker(&["rm", "--force", &name]);
        }
    }
}
