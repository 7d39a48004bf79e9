//! A right body for each operation that random ones don't get through: put into the document as its example.

use super::Ground;
use anyhow::{Context as _, Result};
use muster_tests::Api;
use muster_tests::job::things::{BYTES, HASH, Things};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn all(
    ground: &Ground<'_>,
    changed: &Things,
    host: &str,
) -> Result<BTreeMap<&'static str, Value>> {
    let mut bodies = BTreeMap::new();
    bodies.extend(org(changed, host)?);
    bodies.extend(people(ground, changed)?);
    bodies.extend(secrets(changed)?);
    bodies.extend(delivery(&ground.people.owner, changed, host)?);
    bodies.extend(schema(host));
    bodies.extend(alerts(&ground.people.owner)?);
    Ok(bodies)
}

type Bodies = Vec<(&'static str, Value)>;

fn org(changed: &Things, host: &str) -> Result<Bodies> {
    let image = json!({"name": "right", "image": "team/nginx", "source": "private", "type": "server"});
    Ok(vec![
        ("POST /api/v1/clusters", json!({"name": "right"})),
        ("PATCH /api/v1/clusters/{id}", json!({"description": "right"})),
        (
            "POST /api/v1/environments",
            json!({"name": "right", "type": "testing"}),
        ),
        ("PATCH /api/v1/environments/{id}", json!({"label": "Right"})),
        ("POST /api/v1/departments", json!({"name": "right"})),
        ("PUT /api/v1/departments/{id}", json!({"name": "right"})),
        ("POST /api/v1/join-tokens", json!({})),
        ("PATCH /api/v1/hosts/{id}", json!({"labels": {"team": "right"}})),
        (
            "POST /api/v1/hosts/{id}/accounts",
            json!({"username": "right", "password": "planted"}),
        ),
        (
            "PUT /api/v1/hosts/{id}/accounts/{accountId}",
            json!({"username": "changed", "note": "right"}),
        ),
        (
            "POST /api/v1/instances/import",
            json!({"instances": [{"provider": "aws", "instanceId": "right"}]}),
        ),
        (
            "POST /api/v1/image-words",
            json!({"kind": "type", "code": "right", "name": "Right"}),
        ),
        ("POST /api/v1/images", image),
        ("PATCH /api/v1/images/{id}", json!({"description": "right"})),
        ("POST /api/v1/files", json!({"name": "right"})),
        ("PATCH /api/v1/files/{id}", json!({"name": "right.txt"})),
        (
            "POST /api/v1/files/uploads",
            json!({"name": "right.bin", "size": BYTES.len(), "hash": HASH}),
        ),
        (
            "POST /api/v1/files/sends",
            json!({"fileIds": [changed.get("files")?], "hosts": [host], "destination": "/srv/right/"}),
        ),
        ("PATCH /api/v1/org", json!({"alias": "right"})),
        ("PUT /api/v1/org/entry", json!({"fields": []})),
        (
            "PUT /api/v1/org/third-parts",
            json!({"provider": "github", "accessToken": "none"}),
        ),
        ("PUT /api/v1/metrics/retention", json!({"rawDays": 7})),
    ])
}

fn people(ground: &Ground<'_>, changed: &Things) -> Result<Bodies> {
    let people = ground.people;
    let newcomer = people.add_user(ground.super_admin, "newcomer")?;
    people.add_user(ground.super_admin, "joining")?;
    let signed_in = Api::new(ground.super_admin.base()).post(
        "/api/v1/auth/login",
        &json!({"login": "newcomer", "password": newcomer.password}),
    )?;
    let invited = people
        .owner
        .post("/api/v1/invitations", &json!({"role": "VIEWER"}))?;
    let link = invited["link"].as_str().context("an invitation without a link")?;
    let invitation = json!({"token": link.rsplit('/').next()});
    let entry = people.owner.get("/api/v1/org/entry")?;
    let operator = people.add_user(ground.super_admin, "overlooking")?;
    Ok(vec![
        (
            "POST /api/v1/auth/login",
            json!({"login": "newcomer", "password": newcomer.password}),
        ),
        (
            "POST /api/v1/auth/refresh",
            json!({"refreshToken": signed_in["refreshToken"]}),
        ),
        (
            "POST /api/v1/auth/register",
            json!({
                "username": "registered", "password": newcomer.password, "platform": people.platform_code,
                "administrator": "manager",
            }),
        ),
        (
            "POST /api/v1/auth/code",
            json!({"login": "newcomer", "by": "email"}),
        ),
        ("POST /api/v1/auth/password/forgot", json!({"login": "newcomer"})),
        (
            "POST /api/v1/users",
            json!({"username": "right", "password": newcomer.password}),
        ),
        ("PATCH /api/v1/users/{id}", json!({"nickName": "Right"})),
        (
            "POST /api/v1/administrators",
            json!({"userId": operator.id, "platformId": people.platform, "kind": "operator"}),
        ),
        (
            "POST /api/v1/members",
            json!({"username": "joining", "role": "VIEWER"}),
        ),
        ("PATCH /api/v1/members/{userId}", json!({"role": "MEMBER"})),
        (
            "PUT /api/v1/members/{userId}/permissions",
            json!({"operations": []}),
        ),
        ("POST /api/v1/invitations", json!({"role": "VIEWER"})),
        ("POST /api/v1/invitations/look", invitation.clone()),
        ("POST /api/v1/invitations/accept", invitation),
        ("POST /api/v1/join-requests", json!({"code": entry["code"]})),
        ("POST /api/v1/join-requests/{userId}/approve", json!({})),
        (
            "POST /api/v1/join-requests/{userId}/reject",
            json!({"reason": "not yet"}),
        ),
        ("PATCH /api/v1/me/profile", json!({"nickName": "Right"})),
        (
            "POST /api/v1/me/orgs",
            json!({"name": "Right", "slug": "right-org"}),
        ),
        (
            "POST /api/v1/me/password/strength",
            json!({"password": "a right password"}),
        ),
        (
            "POST /api/v1/me/permissions/check",
            json!({"operation": "host:read"}),
        ),
        (
            "POST /api/v1/orgs",
            json!({"name": "Another", "slug": "another-org", "ownerId": newcomer.id}),
        ),
        (
            "POST /api/v1/platforms",
            json!({"code": "right", "name": "Right"}),
        ),
        ("PATCH /api/v1/platforms/{id}", json!({"name": "Right"})),
        ("POST /api/v1/platforms/{id}/modules", json!({"name": "right"})),
        (
            "PATCH /api/v1/platforms/{id}/modules/{moduleId}",
            json!({"name": "right too"}),
        ),
        (
            "POST /api/v1/platforms/{id}/operations",
            json!({"code": "right:do", "name": "Right", "moduleId": changed.get("platforms/modules")?}),
        ),
        (
            "PATCH /api/v1/platforms/{id}/operations/{operationId}",
            json!({"name": "right"}),
        ),
        (
            "POST /api/v1/platforms/{id}/roles",
            json!({"code": "right", "name": "Right", "operations": ["host:read"]}),
        ),
        (
            "PATCH /api/v1/platforms/{id}/roles/{roleId}",
            json!({"name": "right"}),
        ),
        ("PUT /api/v1/binding-types/{code}", json!({"name": "Right"})),
        (
            "POST /api/v1/roles",
            json!({"code": "right", "name": "Right", "operations": ["host:read"]}),
        ),
        ("PATCH /api/v1/roles/{id}", json!({"name": "right"})),
        ("POST /api/v1/permission-templates", json!({"name": "right"})),
        (
            "PATCH /api/v1/permission-templates/{id}",
            json!({"description": "right"}),
        ),
        (
            "POST /api/v1/api-keys",
            json!({"name": "right", "kind": "readonly"}),
        ),
        ("POST /api/v1/api-keys/{id}/rotate", json!({"overlapS": 60})),
    ])
}

fn secrets(changed: &Things) -> Result<Bodies> {
    let group = changed.get("secrets/groups")?;
    let provider = json!({
        "name": "right", "url": "http://127.0.0.1:9", "clientId": "c", "clientSecret": "s", "projectId": "p",
        "environment": "prod",
    });
    Ok(vec![
        ("POST /api/v1/secrets/groups", json!({"name": "right"})),
        (
            "PATCH /api/v1/secrets/groups/{id}",
            json!({"description": "right"}),
        ),
        (
            "POST /api/v1/secrets",
            json!({"groupId": group, "name": "RIGHT", "value": "v"}),
        ),
        ("PATCH /api/v1/secrets/{id}", json!({"value": "right"})),
        ("POST /api/v1/secrets/{id}/rollback", json!({"version": 1})),
        ("POST /api/v1/secrets/providers", provider),
        (
            "PATCH /api/v1/secrets/providers/{id}",
            json!({"environment": "qa"}),
        ),
        (
            "POST /api/v1/registries",
            json!({"name": "right", "url": "http://127.0.0.1:9"}),
        ),
        ("PATCH /api/v1/registries/{id}", json!({"name": "changed"})),
    ])
}

fn delivery(owner: &Api, changed: &Things, host: &str) -> Result<Bodies> {
    let application = changed.get("applications")?;
    let path = format!("/api/v1/applications/{application}/webhook-token");
    let token = owner.post(&path, &json!({}))?["token"].clone();
    // Secrets of Git hosts are of a repository.
    let repository = json!({"repository": {"provider": "github", "repoId": "7"}});
    owner.patch(&format!("/api/v1/applications/{application}"), &repository)?;
    // A guard would let nobody of here in.
    let guard = format!("/api/v1/applications/{application}/webhook-guards/default");
    owner.patch(&guard, &json!({"networks": []}))?;
    let build = json!({"status": "built"});
    Ok(vec![
        (
            "POST /api/v1/applications",
            json!({"name": "right", "image": "team/right", "environments": {"default": {"hosts": [host]}}}),
        ),
        ("PATCH /api/v1/applications/{id}", json!({"description": "right"})),
        (
            "POST /api/v1/applications/{id}/deployments",
            json!({"version": "2"}),
        ),
        (
            "POST /api/v1/applications/{id}/import-secrets",
            json!({"groupId": changed.get("secrets/groups")?}),
        ),
        (
            "POST /api/v1/applications/{id}/tracked-deployments",
            json!({"tracker": "jenkins", "version": "3", "status": "success"}),
        ),
        (
            "POST /api/v1/applications/{id}/try-event",
            json!({"event": "tag", "reference": "v1", "provider": "github"}),
        ),
        ("PUT /api/v1/applications/{id}/versions/{version}", build.clone()),
        (
            "PATCH /api/v1/applications/{id}/webhook-guards/{name}",
            json!({"networks": []}),
        ),
        (
            "POST /api/v1/applications/{id}/webhook-token",
            json!({"overlapS": 3_600}),
        ),
        (
            "POST /api/v1/env-vars",
            json!({"applicationId": application, "name": "RIGHT", "value": "1"}),
        ),
        ("PATCH /api/v1/env-vars/{id}", json!({"value": "2"})),
        (
            "POST /api/v1/deployments/{id}/start",
            json!({"overrideReason": "it is urgent"}),
        ),
        ("POST /api/v1/deployments/{id}/cancel", json!({})),
        ("POST /api/v1/deployments/{id}/approve", json!({})),
        (
            "POST /api/v1/deployments/{id}/reject",
            json!({"comment": "not now"}),
        ),
        (
            "POST /webhook/deploy",
            json!({"applicationId": application, "version": "4", "token": token}),
        ),
        (
            "POST /webhook/version",
            json!({"applicationId": application, "version": "4", "token": token, "build": build}),
        ),
    ])
}

fn schema(host: &str) -> Bodies {
    let proposal = json!({
        "version": "right", "database": "shop", "environment": "prod", "servers": ["changed"],
        "sql": "create table r (id int);",
    });
    let server = json!({
        "label": "right", "ip": "127.0.0.1", "environment": "prod", "type": "Postgres", "username": "release",
        "password": "none", "hostId": host, "databases": ["shop"],
    });
    let publish = json!({"database": "shop", "environment": "prod", "servers": ["changed"]});
    let mut published = publish.clone();
    published["version"] = json!("published");
    let hook = json!({"provider": "github", "repository": "acme/right"});
    vec![
        (
            "POST /api/v1/schema/import",
            json!({"dialect": "Postgres", "database": "shop", "sql": "create table i (id int);"}),
        ),
        (
            "POST /api/v1/schema/documents/{id}/restore",
            json!({"revision": 1}),
        ),
        ("POST /api/v1/schema/projects/{id}/hooks", hook.clone()),
        ("PUT /api/v1/schema/projects/{id}/hooks/{hookId}", hook),
        (
            "PUT /api/v1/schema/policies/{environment}",
            json!({"setAsideDays": 7}),
        ),
        ("POST /api/v1/schema/servers", server),
        ("PATCH /api/v1/schema/servers/{id}", json!({"username": "right"})),
        ("POST /api/v1/schema/proposals", proposal),
        ("POST /api/v1/schema/publish/preview", publish),
        ("POST /api/v1/schema/publish", published),
        ("POST /api/v1/schema/tickets/{id}/approve", json!({})),
        (
            "POST /api/v1/schema/tickets/{id}/reject",
            json!({"comment": "not like this"}),
        ),
        ("POST /api/v1/schema/tickets/{id}/withdraw", json!({})),
        (
            "POST /api/v1/schema/tickets/{id}/comment",
            json!({"comment": "why?"}),
        ),
        (
            "POST /api/v1/schema/tickets/{id}/resubmit",
            json!({"version": "resubmitted"}),
        ),
        (
            "POST /api/v1/schema/releases/{id}/execute",
            json!({"server": "idle"}),
        ),
        ("POST /api/v1/schema/releases/{id}/rollouts", json!({})),
        (
            "POST /api/v1/schema/executions/{id}/start",
            json!({"overrideReason": "it is urgent"}),
        ),
    ]
}

fn alerts(owner: &Api) -> Result<Bodies> {
    let invitations = owner.list("/api/v1/invitations")?;
    let soon = &invitations.first().context("there is no invitation")?["expiresAt"];
    let rule = json!({"name": "right", "check": {"kind": "hostDown"}});
    let receiver = json!({"name": "right", "kind": "mail", "addresses": ["ops@example.org"]});
    let changed = |body: &Value, name: &str| {
        let mut body = body.clone();
        body["name"] = json!(name);
        body
    };
    Ok(vec![
        ("POST /api/v1/alerts/rules", rule.clone()),
        ("PUT /api/v1/alerts/rules/{id}", changed(&rule, "changed")),
        ("POST /api/v1/alerts/receivers", receiver.clone()),
        ("PUT /api/v1/alerts/receivers/{id}", changed(&receiver, "changed")),
        (
            "POST /api/v1/alerts/silences",
            json!({"endsAt": soon, "reason": "right"}),
        ),
        ("POST /api/v1/alerts/{id}/acknowledge", json!({"note": "seen"})),
    ])
}
