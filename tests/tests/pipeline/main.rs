//! A whole delivery as the application's own CI makes it: with curl, from a tag to the container that serves.
//!
//! The steps are those of the first design's "complete deployment flow". CI may choose a version and nothing else; the
//! secrets are in the container's environment, and nowhere else.

use anyhow::{Context, Result, ensure};
use muster_tests::api::text;
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::leaks::{Planted, ProcessWatch};
use muster_tests::wait::{self, Found};
use muster_tests::{Api, Fleet, control_plane, env};
use muster_workbench::{Env, images, process, random_hex};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What the container gets, by variable; each is a secret.
const SECRETS: [&str; 3] = ["DATABASE_URL", "REDIS_URL", "API_KEY"];

#[test]
fn a_tag_comes_to_serve_with_its_secrets_on_sqlite() -> Result<()> {
    a_tag_comes_to_serve(control_plane::Options::new()?)
}

#[test]
fn a_tag_comes_to_serve_with_its_secrets_on_postgres() -> Result<()> {
    let database = Some(env::new_postgres_database()?);
    a_tag_comes_to_serve(control_plane::Options {
        database,
        ..control_plane::Options::new()?
    })
}

fn a_tag_comes_to_serve(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start_with(
        &services,
        &dir.path().join("fleet"),
        plane,
        agent_options(&services),
    )?;
    let mut planted = Planted::default();
    let values = SECRETS.map(|name| random_hex(12).map(|random| format!("{}-{random}", name.to_lowercase())));
    let values: Vec<String> = values.into_iter().collect::<Result<_>>()?;
    for (name, value) in SECRETS.iter().zip(&values) {
        planted.add(name, value);
    }
    let watch = ProcessWatch::begin(planted.clone());
    let (name, port) = (format!("myapp-{}", random_hex(3)?), process::free_port()?);
    let application = registered(&fleet, &name, port, &values)?;
    let ci = Ci::new(&fleet, &application, &name, &dir.path().join("ci"))?;
    let engine = Engine::of(&services)?;

    // 3: whoever has no valid token learns nothing, and nothing begins.
    let stranger = ci.runs("v1.2.1", "whk_000000000000000000000000", "")?;
    ensure!(stranger.status == 401, "{stranger:?}");
    ensure!(deployments(&fleet.admin)?.is_empty());

    // 1, 2, 4, 12: the call is taken down before it is answered, and answered before it is carried out.
    let taken = ci.runs("v1.2.2", application.token(), "")?;
    ensure!(taken.status == 202, "{taken:?}");
    let first = ended(&fleet.admin, text(&taken.answer, "deploymentId")?)?;
    ensure!(first["status"] == "success", "{first}");
    ensure!(application.serving(Duration::from_secs(20))? == "v1.2.2");
    let before = engine.inspect(&name)?;

    // The next tag, and CI waits for what comes of it.
    let served = ci.runs("v1.2.3", application.token(), "?wait=1")?;
    ensure!(served.status == 200, "{served:?}");
    let answer = &served.answer;
    ensure!(
        answer["success"] == true && answer["status"] == "success",
        "{answer}"
    );
    ensure!(
        answer["application"] == json!({"id": application.id, "name": name, "version": "v1.2.3"}),
        "{answer}"
    );
    ensure!(
        text(answer, "message")? == "Deployment completed successfully",
        "{answer}"
    );

    // 11: the record says who asked, for what, and how long it took.
    let record = ended(&fleet.admin, text(answer, "deploymentId")?)?;
    ensure!(record["triggerType"] == "webhook", "{record}");
    ensure!(
        record["version"] == "v1.2.3" && record["status"] == "success",
        "{record}"
    );
    ensure!(
        record["durationMs"].as_i64().is_some_and(|took| took > 0),
        "{record}"
    );
    ensure!(
        text(&record, "completedAt")? > text(&record, "startedAt")?,
        "{record}"
    );

    // 5 to 9: the image of the registry, which asks who pulls, in a new container of the same name.
    ensure!(application.serving(Duration::from_secs(20))? == "v1.2.3");
    let now = engine.inspect(&name)?;
    ensure!(now["Id"] != before["Id"], "the old container is still there");
    ensure!(
        engine.gone(text(&before, "Id")?)?,
        "the old container is still there under another name"
    );
    let digest = text(&record, "digest")?;
    let of_image = engine.said(&[
        "image",
        "inspect",
        "--format",
        "{{join .RepoDigests \" \"}}",
        text(&now, "Image")?,
    ])?;
    ensure!(of_image.contains(digest), "{of_image} is not {digest}");
    ensure!(
        now["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped",
        "{now}"
    );
    let bound = &now["HostConfig"]["PortBindings"][format!("{}/tcp", images::PORT)][0];
    let published = port.to_string();
    ensure!(bound["HostPort"] == published.as_str(), "{bound}");
    let variables: Vec<&str> = now["Config"]["Env"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    ensure!(variables.contains(&"NODE_ENV=production"));
    for (name, value) in SECRETS.iter().zip(&values) {
        ensure!(
            variables.contains(&format!("{name}={value}").as_str()),
            "{name} did not come decrypted"
        );
    }

    // 10: the console and the API say what runs where.
    let running = wait::until(
        "the host to tell of its container",
        Duration::from_secs(40),
        || {
            let containers = fleet
                .admin
                .list(&format!("/api/v1/hosts/{}/containers", text(&fleet.host, "id")?))?;
            let ours = containers
                .iter()
                .find(|container| container["name"] == name.as_str())
                .cloned();
            Ok(match ours {
                Some(ours)
                    if ours["image"]
                        .as_str()
                        .is_some_and(|image| image.contains("v1.2.3"))
                        // A look in the middle of the deploy saw it before it was started.
                        && ours["state"] == "running" =>
                {
                    Found::Yes(ours)
                }
                other => Found::No(format!("{other:?}")),
            })
        },
    )?;
    ensure!(running["present"] == true, "{running}");

    // And nothing else holds the values: no answer, no file of the control plane, of the agent or of CI, no process.
    let answers = planted.in_answers(&fleet.admin)?;
    ensure!(
        answers.read > 20 && answers.leaks.is_empty(),
        "{:?} of {}",
        answers.leaks,
        answers.read
    );
    let leaks = planted.in_files(dir.path())?;
    ensure!(leaks.is_empty(), "{leaks:?}");
    let seen = watch.end();
    ensure!(seen.is_empty(), "{seen:?}");
    Ok(())
}

/// The application with its registry, its webhook token, a plain variable of the org and three secrets.
fn registered(fleet: &Fleet, name: &str, port: u16, values: &[String]) -> Result<Application> {
    let admin = &fleet.admin;
    let application = Application::register(admin, &fleet.registry()?, &fleet.host, name, port)?;
    admin.patch(
        &format!("/api/v1/applications/{}", application.id),
        &json!({"image": format!("mycompany/{name}")}),
    )?;
    admin.post(
        "/api/v1/env-vars",
        &json!({"name": "NODE_ENV", "value": "production"}),
    )?;
    let group = admin.post(
        "/api/v1/secrets/groups",
        &json!({"name": format!("{name}-production")}),
    )?;
    for (variable, value) in SECRETS.iter().zip(values) {
        let secret = json!({"groupId": group["id"], "name": variable, "value": value});
        let secret = admin.post("/api/v1/secrets", &secret)?;
        let reference = format!("@secret:{}", text(&secret, "id")?);
        let variable = json!({"applicationId": application.id, "name": variable, "value": reference});
        admin.post("/api/v1/env-vars", &variable)?;
    }
    Ok(application)
}

fn deployments(admin: &Api) -> Result<Vec<Value>> {
    admin.list("/api/v1/deployments")
}

fn ended(admin: &Api, id: &str) -> Result<Value> {
    let ends = ["success", "failure", "cancelled", "rolledBack"];
    let path = format!("/api/v1/deployments/{id}");
    admin.await_field(&path, "status", &ends, &[], Duration::from_mins(1))
}

/// The application's CI: its checkout, its login at the registry, and what it knows of Muster.
struct Ci {
    dir: PathBuf,
    image: String,
    docker_host: String,
    url: String,
    application: String,
}

/// What curl printed.
#[derive(Debug)]
struct Heard {
    status: u16,
    answer: Value,
}

impl Ci {
    fn new(fleet: &Fleet, application: &Application, name: &str, dir: &Path) -> Result<Self> {
        let registry = fleet.registry()?;
        std::fs::create_dir_all(dir.join("logins"))?;
        // As the first design has it: the version is the image's.
        let dockerfile = format!(
            "FROM {}:{}\nARG VERSION\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo -n $VERSION >/www/version\"]\n",
            registry.image,
            images::GOOD
        );
        std::fs::write(dir.join("Dockerfile"), dockerfile)?;
        let ci = Self {
            dir: dir.to_owned(),
            // The engine is the other tests', too.
            image: format!("{}/mycompany/{name}", registry.address),
            docker_host: fleet.service("MUSTER_TEST_DOCKER_HOST")?.to_owned(),
            url: fleet.plane.address().as_str().to_owned(),
            application: application.id.clone(),
        };
        let password_file = fleet.service("MUSTER_TEST_REGISTRY_PASSWORD_FILE")?;
        let login = ci
            .command("docker")
            .args([
                "login",
                "--username",
                &registry.user,
                "--password-stdin",
                &registry.address,
            ])
            .stdin(std::fs::File::open(password_file)?)
            .output()?;
        ensure!(
            login.status.success(),
            "{}",
            String::from_utf8_lossy(&login.stderr)
        );
        Ok(ci)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DOCKER_HOST", &self.docker_host)
            .env("DOCKER_CONFIG", self.dir.join("logins"));
        command
    }

    /// One run for a tag, with a token of the test's choice.
    fn runs(&self, tag: &str, token: &str, wait: &str) -> Result<Heard> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipeline/ci.sh");
        let said = process::run(
            self.command("sh")
                .arg(script)
                .env("GITHUB_REF", format!("refs/tags/{tag}"))
                .env("IMAGE", &self.image)
                .env("CONTEXT", &self.dir)
                .env("MUSTER_URL", &self.url)
                .env("APPLICATION_ID", &self.application)
                .env("DEPLOY_WEBHOOK_TOKEN", token)
                .env("WAIT", wait),
        )?;
        let (answer, status) = said.trim_end().rsplit_once('\n').context("curl gave no status")?;
        Ok(Heard {
            status: status.parse()?,
            answer: serde_json::from_str(answer).with_context(|| answer.to_owned())?,
        })
    }
}

/// The engine of the host, as a person on the host asks it.
struct Engine<'a>(&'a str);

impl<'a> Engine<'a> {
    fn of(services: &'a Env) -> Result<Self> {
        Ok(Self(
            services
                .get("MUSTER_TEST_DOCKER_HOST")
                .context("no engine was started")?,
        ))
    }

    fn said(&self, arguments: &[&str]) -> Result<String> {
        env::docker(self.0, arguments)
    }

    fn inspect(&self, name: &str) -> Result<Value> {
        let said = self.said(&["container", "inspect", name])?;
        let mut all: Vec<Value> = serde_json::from_str(&said)?;
        all.pop().context("there is no such container")
    }

    fn gone(&self, id: &str) -> Result<bool> {
        let all = self.said(&["container", "ls", "--all", "--quiet", "--no-trunc"])?;
        Ok(!all.lines().any(|line| line == id))
    }
}
