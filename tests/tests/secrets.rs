//! No secret stands in any log, event, audit row, database file, process list, or answer that did not ask for it.

use anyhow::{Context, Result};
use muster_tests::api::text;
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::leaks::{Planted, ProcessWatch};
use muster_tests::{Agent, Fleet, control_plane};
use muster_workbench::{Env, images, process, random_hex};
use serde_json::json;

#[test]
fn planted_values_are_found_nowhere() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let plant = |what: &str| -> Result<String> { Ok(format!("planted-{what}-{}", random_hex(8)?)) };
    let mut planted = Planted::default();
    let mut add = |name: &str, value: &str| planted.add(name, value);

    let admin_password = plant("admin")?;
    add("the administrator's password", &admin_password);
    let (secret, database_password, user_password) = (plant("secret")?, plant("database")?, plant("user")?);
    add("the secret", &secret);
    add("the database password", &database_password);
    add("the user's password", &user_password);
    let watch = ProcessWatch::begin(planted.clone());

    let plane = control_plane::Options {
        admin_password,
        ..control_plane::Options::new()?
    };
    let fleet = Fleet::start_with(&services, dir.path(), plane, agent_options(&services))?;
    let registry = fleet.registry()?;
    planted.add("the registry's password", &registry.password);
    watch.add("the registry's password", &registry.password);

    // By contract the join token is an argument of the join command; it is used up with it.
    let grant = fleet
        .admin
        .post("/api/v1/join-tokens", &json!({"uses": 1, "expiresInS": 600}))?;
    planted.add("the join token", text(&grant, "token")?);
    Agent::prepare(&dir.path().join("second"), agent_options(&services))?.enrol(&grant)?;

    let key = fleet
        .admin
        .post("/api/v1/api-keys", &json!({"name": "ci", "kind": "full"}));
    let author = people::add_with_password(&fleet.admin, "ada", "MEMBER", &user_password)?;
    let key = match key {
        Ok(key) => key,
        Err(_) => author.post("/api/v1/api-keys", &json!({"name": "ci", "kind": "full"}))?,
    };
    let key = key.as_object().and_then(|fields| {
        fields
            .values()
            .find_map(|value| value.as_str().filter(|text| text.starts_with("dw_")))
    });
    let key = key.context("no API key in the answer")?.to_owned();
    planted.add("the API key", &key);
    watch.add("the API key", &key);
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;

    let name = format!("web-{}", process::free_port()?);
    let application = Application::register_with_secret(
        &fleet.admin,
        &registry,
        &fleet.host,
        &name,
        process::free_port()?,
        &secret,
    )?;
    planted.add("the webhook token", application.token());
    watch.add("the webhook token", application.token());
    for version in [images::GOOD, images::CRASHING] {
        application.deploy(version)?;
    }
    for kind in [Kind::Postgres, Kind::Mysql] {
        let server =
            Server::register_with_password(&fleet.admin, &services, &fleet.host, kind, &database_password)?;
        let sql = "create table orders (id bigint primary key);\n";
        server.release(&author, &approver, &format!("1.0-{}", server.label), sql)?;
    }
    fleet.admin.with_bearer(&key).call("GET", "/api/v1/hosts", None)?;
    // A wrong account with a right password must not end in a log either.
    assert!(fleet.plane.api().login("nobody", &user_password).is_err());

    for caller in [&fleet.admin, &approver] {
        let answers = planted.in_answers(caller)?;
        assert!(answers.read > 20, "only {} answers were read", answers.read);
        assert!(
            answers.leaks.is_empty(),
            "secrets in answers: {:#?}",
            answers.leaks
        );
    }
    let seen = watch.end();
    assert!(seen.is_empty(), "secrets in process arguments: {seen:#?}");

    // What the story itself wrote.
    std::fs::remove_file(fleet.plane.password_file())?;
    let leaks = planted.in_files(dir.path())?;
    assert!(leaks.is_empty(), "secrets in files: {leaks:#?}");
    Ok(())
}
