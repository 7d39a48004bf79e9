//! What a new host is told and given.

use std::fs;

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use muster_base::{Clock, UnixMs};
use muster_identity::token::JoinToken;
use tower::ServiceExt;

use super::join_command;
use crate::{app::App, config::Config, db::Databases, http, keys::Keys};

const PACKAGE: &str = "muster-agent_0.1.0-1_amd64.deb";

async fn app(data: &tempfile::TempDir, public_url: Option<&str>) -> App {
    let mut config = Config::load(data.path(), None).unwrap();
    config.http.public_url = public_url.map(str::to_owned);
    config.install.packages = data.path().join("shipped");
    let databases = Databases::sqlite(data.path()).await.unwrap();
    let keys = Keys::load_or_create(data.path()).unwrap();
    App::new(config, databases, Clock::manual(UnixMs(0)), keys)
}

async fn get(app: &App, path: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = http::router(app.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    (
        status,
        to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec(),
    )
}

async fn command(app: &App) -> String {
    let ca = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
    join_command(app, "muster.example:8441", ca, &JoinToken::generate()).await
}

fn sum(bytes: &[u8]) -> String {
    hex::encode(muster_base::sha256(bytes).0)
}

#[tokio::test]
async fn the_command_pins_the_script_and_the_script_the_package() {
    let data = tempfile::tempdir().unwrap();
    let app = app(&data, Some("https://muster.example/")).await;
    fs::create_dir(data.path().join("shipped")).unwrap();
    fs::write(data.path().join("shipped").join(PACKAGE), "a package").unwrap();

    let (status, script) = get(&app, "/install/agent.sh").await;
    assert_eq!(status, StatusCode::OK);
    let command = command(&app).await;
    assert!(
        command.contains("https://muster.example/install/agent.sh"),
        "{command}"
    );
    assert!(command.contains(&sum(&script)), "{command}");
    assert!(
        !command.contains("--token"),
        "the token is no argument: {command}"
    );

    let (status, package) = get(&app, &format!("/install/{PACKAGE}")).await;
    assert_eq!(
        (status, package.as_slice()),
        (StatusCode::OK, b"a package".as_slice())
    );
    let script = String::from_utf8(script).unwrap();
    assert!(
        script.contains(&format!("amd64) file={PACKAGE} sum={}", sum(&package))),
        "{script}"
    );
    assert!(
        !script.contains('@') || script.contains("\"$@\""),
        "every place is filled in"
    );
    let path = data.path().join("agent.sh");
    fs::write(&path, &script).unwrap();
    let read = std::process::Command::new("sh")
        .arg("-n")
        .arg(&path)
        .status()
        .unwrap();
    assert!(read.success(), "a shell reads it");
}

#[tokio::test]
async fn nothing_but_packages_is_given_out() {
    let data = tempfile::tempdir().unwrap();
    let app = app(&data, Some("https://muster.example")).await;
    for path in [
        "agent.sh",
        PACKAGE,
        "master.key",
        "..%2fmaster.key",
        "%2e%2e%2fmuster.toml",
        "",
    ] {
        let (status, body) = get(&app, &format!("/install/{path}")).await;
        assert!(
            status == StatusCode::NOT_FOUND || body.starts_with(b"<!doctype html>"),
            "{path}: {status}"
        );
    }
}

#[tokio::test]
async fn without_a_package_or_an_address_the_command_only_joins() {
    let data = tempfile::tempdir().unwrap();
    let without_package = app(&data, Some("https://muster.example")).await;
    assert!(
        command(&without_package)
            .await
            .contains(" muster-agent join --data ")
    );

    fs::create_dir(data.path().join("packages")).unwrap();
    fs::write(data.path().join("packages").join(PACKAGE), "a package").unwrap();
    assert!(command(&without_package).await.contains("/install/agent.sh"));
    let elsewhere = tempfile::tempdir().unwrap();
    let unreachable = app(&elsewhere, None).await;
    assert!(command(&unreachable).await.contains(" muster-agent join --data "));
}
