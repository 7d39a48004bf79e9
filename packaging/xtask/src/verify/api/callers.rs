//! Somebody of each kind.

use anyhow::{Context, Result};
use muster_tests::Api;
use muster_tests::api::text;
use muster_tests::job::people;
use muster_workbench::random_hex;
use serde_json::json;

/// Who calls, and how thoroughly.
pub struct Caller {
    pub name: &'static str,
    /// The access token or API key.
    pub bearer: Option<String>,
    /// With the calls that are made systematically from each schema's edges, too: for who gets furthest.
    pub thorough: bool,
}

/// Those who sign in.
pub struct People {
    /// Owner of the default org.
    pub owner: Api,
    /// Another one who may approve what the owner proposes.
    pub admin: Api,
    /// The platform that they are all of.
    pub platform: String,
    /// How it is called at sign-ins.
    pub platform_code: String,
    callers: Vec<Caller>,
}

/// Somebody who is made for a certain call.
pub struct User {
    pub id: String,
    pub password: String,
    /// Signed in.
    pub api: Api,
}

/// Adds them to the default org and its platform, and signs them in.
pub fn sign_in(super_admin: &Api) -> Result<People> {
    let caller = |name, api: &Api| Caller {
        name,
        bearer: api.bearer().map(str::to_owned),
        thorough: false,
    };
    let viewer = people::add(super_admin, "viewer", "VIEWER")?;
    let member = people::add(super_admin, "member", "MEMBER")?;
    let admin = people::add(super_admin, "admin-of-org", "ADMIN")?;
    let owner = people::add(super_admin, "owner", "OWNER")?;
    let platforms = super_admin.list("/api/v1/platforms")?;
    let platform = platforms.first().context("there is no platform")?;
    let [platform, platform_code] = ["id", "code"].map(|field| text(platform, field).map(str::to_owned));
    let platform = platform?;
    let mut callers = vec![
        Caller {
            name: "nobody",
            bearer: None,
            thorough: false,
        },
        caller("viewer", &viewer),
        caller("member", &member),
        caller("admin", &admin),
        Caller {
            thorough: true,
            ..caller("owner", &owner)
        },
    ];
    for kind in ["operator", "manager"] {
        let password = format!("pw-{}", random_hex(12)?);
        let user = super_admin.post("/api/v1/users", &json!({"username": kind, "password": password}))?;
        super_admin.post(
            "/api/v1/administrators",
            &json!({"userId": user["id"], "platformId": platform, "kind": kind}),
        )?;
        let signed_in = Api::new(super_admin.base()).login(kind, &password)?;
        callers.push(caller(kind, &signed_in));
    }
    callers.push(Caller {
        thorough: true,
        ..caller("superAdmin", super_admin)
    });
    Ok(People {
        owner,
        admin,
        platform,
        platform_code: platform_code?,
        callers,
    })
}

impl People {
    /// A user of the platform who is in no org, signed in.
    pub fn add_user(&self, super_admin: &Api, name: &str) -> Result<User> {
        let password = format!("pw-{}", random_hex(12)?);
        let body = json!({"username": name, "password": password, "platformId": self.platform});
        let user = super_admin.post("/api/v1/users", &body)?;
        Ok(User {
            id: text(&user, "id")?.to_owned(),
            api: Api::new(super_admin.base()).login(name, &password)?,
            password,
        })
    }

    /// All of them, and an API key of each kind.
    pub fn with_keys(mut self, application: &str) -> Result<Vec<Caller>> {
        for (name, body) in [
            ("fullKey", json!({"name": "full", "kind": "full"})),
            ("deployKey", json!({"name": "deploy", "kind": "deploy"})),
            ("readKey", json!({"name": "read", "kind": "readonly"})),
            (
                "appKey",
                json!({"name": "application", "kind": "full", "applicationId": application}),
            ),
        ] {
            let key = self.owner.post("/api/v1/api-keys", &body)?;
            self.callers.push(Caller {
                name,
                bearer: key["key"].as_str().map(str::to_owned),
                thorough: false,
            });
        }
        Ok(self.callers)
    }
}
