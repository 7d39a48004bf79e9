//! The install page's way: a control plane that is not installed, told by its calls what to become.

use anyhow::{Context, Result, ensure};
use muster_tests::control_plane::{ControlPlane, Options};
use muster_tests::fresh::Fresh;
use muster_tests::job::releases::{make_postgres_database, run_in_postgres};
use muster_tests::wait::{self, Found};
use muster_tests::{Api, programs};
use muster_workbench::process::Launch;
use muster_workbench::{Env, random_hex};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
const PASSWORD: &str = "a long enough password";

/// Installs, and returns the steps that the event stream told.
fn install(fresh: &Fresh, database: &Value) -> Result<String> {
    let body =
        json!({"token": fresh.token()?, "account": "root", "password": PASSWORD, "database": database});
    let begun = fresh.api.post("/api/v1/setup", &body)?;
    let id = begun["installationId"].as_str().context("no id")?;
    fresh
        .api
        .get_text(&format!("/api/v1/setup/progress?installationId={id}"))
}

fn await_ready(fresh: &Fresh) -> Result<()> {
    wait::until("the control plane to serve", PATIENCE, || {
        let answer = fresh.api.call("GET", "/readyz", None);
        Ok(match answer {
            Ok(answer) if answer.status == 200 => Found::Yes(()),
            Ok(answer) => Found::No(answer.text),
            Err(error) => Found::No(format!("{error:#}")),
        })
    })
}

fn is_not_installed(api: &Api, path: &str) -> Result<()> {
    let answer = api.call("GET", path, None)?;
    ensure!(
        answer.status == 503 && answer.json()?["type"] == "not-installed",
        "{path}: {answer:?}"
    );
    Ok(())
}

#[test]
fn a_first_start_needs_nothing_and_installs_on_sqlite() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut fresh = Fresh::start(dir.path())?;
    for path in [
        "/api/v1/hosts",
        "/api/v1/me",
        "/readyz",
        "/metrics",
        "/webhook/deploy",
    ] {
        is_not_installed(&fresh.api, path)?;
    }
    for page in ["/", "/hosts", "/install"] {
        assert!(
            fresh.api.get_text(page)?.contains("<div id=\"app\""),
            "{page} is no page"
        );
    }
    assert_eq!(
        fresh.api.get("/api/v1/setup")?,
        json!({"installed": false, "installing": false})
    );

    let guess = json!({"token": "setup_guess", "account": "root", "password": PASSWORD});
    let refused = fresh.api.call("POST", "/api/v1/setup", Some(&guess))?;
    assert_eq!(
        (refused.status, refused.json()?["errors"][0]["field"].clone()),
        (422, json!("token"))
    );
    let short = json!({"token": fresh.token()?, "account": "root", "password": "short"});
    let refused = fresh.api.call("POST", "/api/v1/setup", Some(&short))?;
    assert_eq!(
        (refused.status, refused.json()?["errors"][0]["field"].clone()),
        (422, json!("password"))
    );
    let tested = fresh.api.post(
        "/api/v1/setup/test",
        &json!({"token": fresh.token()?, "database": {"kind": "sqlite"}}),
    )?;
    assert_eq!(tested, json!({"server": "SQLite", "outcome": "create"}));

    let told = install(&fresh, &json!({"kind": "sqlite"}))?;
    assert!(
        told.contains("\"table\":\"users\",\"state\":\"done\",\"detail\":\"created\""),
        "{told}"
    );
    assert!(
        told.trim_end().ends_with("event: end\ndata: installed") || told.contains("data: installed"),
        "{told}"
    );
    await_ready(&fresh)?;
    let root = fresh.api.login("root", PASSWORD)?;
    assert_eq!(root.get("/api/v1/hosts")?["items"], json!([]));
    assert_eq!(fresh.api.get("/api/v1/setup")?["installed"], true);
    let again = fresh.api.call("POST", "/api/v1/setup", Some(&guess))?;
    assert_eq!(
        (again.status, again.json()?["type"].clone()),
        (409, json!("installed"))
    );
    assert!(fresh.process.stop(PATIENCE), "it did not stop by itself");
    assert!(!fs::read_to_string(&fresh.log)?.contains(PASSWORD));
    Ok(())
}

#[test]
fn it_installs_on_postgres_and_names_what_is_in_the_way() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let server = services
        .get("MUSTER_TEST_POSTGRES_URL")
        .context("no PostgreSQL")?;
    let (login, _) = server.rsplit_once('/').context("an odd URL")?;
    let (who, place) = login
        .trim_start_matches("postgres://")
        .rsplit_once('@')
        .context("an odd URL")?;
    let ((user, password), (host, port)) = (
        who.split_once(':').context("an odd URL")?,
        place.split_once(':').context("an odd URL")?,
    );
    let name = format!("install_{}", random_hex(4)?);
    let mut fresh = Fresh::start(dir.path())?;
    let database = json!({
        "kind": "postgres", "host": host, "port": port.parse::<u16>()?, "user": user, "password": password, "database": name,
    });
    let test = json!({"token": fresh.token()?, "database": database});
    let missing = fresh.api.call("POST", "/api/v1/setup/test", Some(&test))?;
    assert_eq!(missing.status, 422);
    assert!(
        missing.text.contains(&format!("there is no database {name}")),
        "{}",
        missing.text
    );
    assert!(!missing.text.contains(password), "the answer holds the password");

    make_postgres_database(&services, &name)?;
    let told = install(&fresh, &database)?;
    assert!(told.contains("data: installed"), "{told}");
    await_ready(&fresh)?;
    fresh.api.login("root", PASSWORD)?;
    assert!(fresh.process.stop(PATIENCE), "it did not stop by itself");
    assert!(
        !fs::read_to_string(&fresh.log)?.contains(password),
        "the log holds the database's password"
    );
    Ok(())
}

#[test]
fn a_control_plane_whose_database_is_away_says_so_and_never_asks_to_be_installed() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut plane = ControlPlane::start(dir.path(), Options::new()?)?;
    assert!(plane.stop());
    // Nothing listens on port 1.
    let mut process = Launch::new("muster serve", &programs::path("muster")?)
        .args(["serve"])
        .args(["--data".as_ref(), plane.data().as_os_str()])
        .env(
            "MUSTER_HTTP__LISTEN",
            plane.address().trim_start_matches("http://"),
        )
        .env(
            "MUSTER_DATABASE__URL",
            "postgres://muster:secret@127.0.0.1:1/muster",
        )
        .spawn(dir.path(), &dir.path().join("away.log"))?;
    let api = plane.api();
    process.wait_ready(PATIENCE, || {
        api.call("GET", "/healthz", None)
            .is_ok_and(|answer| answer.status == 200)
    })?;
    for path in ["/readyz", "/api/v1/hosts", "/api/v1/setup"] {
        let answer = api.call("GET", path, None)?;
        assert_eq!(
            (answer.status, answer.json()?["type"].clone()),
            (503, json!("database-unavailable"))
        );
    }
    assert!(process.stop(PATIENCE), "it did not stop by itself");
    assert!(!fs::read_to_string(dir.path().join("away.log"))?.contains("secret@"));
    plane.serve()?;
    plane.admin()?;
    Ok(())
}

/// `muster setup` by hand, on a PostgreSQL database; its data directory is below `dir`.
fn set_up(dir: &Path, url: &str) -> Result<Output> {
    let password = dir.join("password");
    fs::write(&password, PASSWORD)?;
    let mut setup = Command::new(programs::path("muster")?);
    setup
        .args(["setup".as_ref(), "--data".as_ref(), dir.join("data").as_os_str()])
        .args(["--account", "root", "--password-file"])
        .arg(&password)
        .env("MUSTER_SETUP_DATABASE", url);
    Ok(setup.output()?)
}

#[test]
fn by_hand_it_names_the_table_and_column_in_the_way_and_makes_empty_tables_anew() -> Result<()> {
    let services = Env::from_process();
    let server = services
        .get("MUSTER_TEST_POSTGRES_URL")
        .context("no PostgreSQL")?;
    let (login, _) = server.rsplit_once('/').context("an odd URL")?;
    // What the database holds, and what stops the set-up; nothing stops it where there is none.
    let cases: [(&str, &[&str]); 3] = [
        (
            "create table blog (title text); insert into blog values ('first')",
            &["blog"],
        ),
        (
            "create table users (id integer primary key, nick text); insert into users values (1, 'x')",
            &["users", "nick"],
        ),
        ("create table users (id integer primary key, nick text)", &[]),
    ];
    for (holds, in_the_way) in cases {
        let dir = tempfile::tempdir()?;
        let name = format!("by_hand_{}", random_hex(4)?);
        make_postgres_database(&services, &name)?;
        run_in_postgres(&services, &name, holds)?;
        let ended = set_up(dir.path(), &format!("{login}/{name}"))?;
        let (said, failed) = (
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr),
        );
        let installed = dir.path().join("data/muster.toml").exists();
        if in_the_way.is_empty() {
            assert_eq!(ended.status.code(), Some(0), "{failed}");
            assert!(said.contains("users recreated") && installed, "{said}");
            continue;
        }
        assert_eq!(ended.status.code(), Some(1), "{said}{failed}");
        assert!(
            failed.contains("nothing was changed") && in_the_way.iter().all(|name| failed.contains(name)),
            "{failed}"
        );
        assert!(!said.contains("check: done") && !installed, "{said}");
    }
    Ok(())
}
