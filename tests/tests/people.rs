//! People sign in, and see and do only what they may.

use anyhow::Result;
use muster_tests::control_plane::{ADMIN, ControlPlane, Options};
use muster_tests::env;
use muster_tests::job::people;
use serde_json::json;

fn options() -> Options {
    Options {
        admin_password: "a password for the story".to_owned(),
        ..Options::default()
    }
}

#[test]
fn roles_decide_on_sqlite() -> Result<()> {
    let dir = tempfile::tempdir()?;
    roles_decide(&ControlPlane::start(dir.path(), options())?)
}

#[test]
fn roles_decide_on_postgres() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let database = env::new_postgres_database()?;
    roles_decide(&ControlPlane::start(
        dir.path(),
        Options {
            database: Some(database),
            ..options()
        },
    )?)
}

fn roles_decide(plane: &ControlPlane) -> Result<()> {
    let nobody = plane.api();
    assert_eq!(nobody.call("GET", "/api/v1/members", None)?.status, 401);
    assert!(nobody.login(ADMIN, "not the password").is_err());

    let admin = plane.admin()?;
    let viewer = people::add(&admin, "vera", "VIEWER")?;
    assert_eq!(viewer.call("GET", "/api/v1/members", None)?.status, 200);
    let refused = viewer.call(
        "POST",
        "/api/v1/members",
        Some(&json!({"username": "vera", "role": "ADMIN"})),
    )?;
    assert_eq!(refused.status, 403, "{}", refused.text);

    let unknown = admin.call(
        "POST",
        "/api/v1/users",
        Some(&json!({"username": "otto", "passwort": "x"})),
    )?;
    assert_eq!(unknown.status, 422, "{}", unknown.text);

    let rows = admin.list("/api/v1/audit")?;
    let of_vera = rows
        .iter()
        .filter(|row| row["outcome"] == "refused" && row.to_string().contains("vera"));
    assert_eq!(of_vera.count(), 1, "the refused attempt is on record: {rows:?}");
    Ok(())
}

#[test]
fn another_org_is_not_found() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let plane = ControlPlane::start(dir.path(), options())?;
    let admin = plane.admin()?;
    let insider = people::add(&admin, "ines", "ADMIN")?;
    let owner = admin.post(
        "/api/v1/users",
        &json!({"username": "olga", "password": "another password"}),
    )?;
    let other = admin.post(
        "/api/v1/orgs",
        &json!({"name": "Other", "slug": "other", "ownerId": owner["id"]}),
    )?;
    let path = format!("/api/v1/members?org={}", other["id"].as_str().unwrap_or_default());
    assert_eq!(insider.call("GET", &path, None)?.status, 404);
    Ok(())
}

#[test]
fn a_killed_control_plane_comes_back_as_it_was() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut plane = ControlPlane::start(dir.path(), options())?;
    people::add(&plane.admin()?, "vera", "VIEWER")?;
    plane.kill()?;
    plane.serve()?;
    let members = plane.admin()?.list("/api/v1/members")?;
    assert!(
        members.iter().any(|member| member["username"] == "vera"),
        "{members:?}"
    );
    Ok(())
}
