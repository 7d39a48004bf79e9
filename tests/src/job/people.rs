//! People of the default org.

use crate::Api;
use anyhow::Result;
use muster_workbench::random_hex;
use serde_json::json;

/// Adds a user with a role in the org of `admin`, and signs them in.
pub fn add(admin: &Api, username: &str, role: &str) -> Result<Api> {
    let password = format!("pw-{}", random_hex(12)?);
    add_with_password(admin, username, role, &password)
}

/// The same, with a password of the story's choice.
pub fn add_with_password(admin: &Api, username: &str, role: &str, password: &str) -> Result<Api> {
    admin.post(
        "/api/v1/users",
        &json!({"username": username, "password": password}),
    )?;
    admin.post("/api/v1/members", &json!({"username": username, "role": role}))?;
    Api::new(admin.base()).login(username, password)
}
