//! The lists and searches that the measurement knows: what each looks through, and how it is asked beside the plain page.

/// How a list is asked, and what its answer is found in.
pub(super) struct List {
    pub(super) path: &'static str,
    /// The table that it looks through.
    pub(super) table: &'static str,
    /// The rows of the table that are in question.
    pub(super) own: &'static str,
    /// Questions beside the first page, a page of 500, the second page, and a search for something and for nothing.
    pub(super) more: &'static [&'static str],
    /// What a search is for.
    pub(super) word: &'static str,
}

/// Lists that are not answered from the database, and by whom.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[(
    "/api/v1/hosts/{id}/containers/{name}/log",
    "the host reads it from its engine",
)];

const ORG: &str = "org_id = {org}";
const ALL: &str = "true";

const fn list(
    path: &'static str,
    table: &'static str,
    own: &'static str,
    more: &'static [&'static str],
) -> List {
    List {
        path,
        table,
        own,
        more,
        word: "thing-77",
    }
}

const fn searched(list: List, word: &'static str) -> List {
    List { word, ..list }
}

pub(super) static LISTS: &[List] = &[
    list("/api/v1/administrators", "administrators", ALL, &[]),
    list(
        "/api/v1/alerts",
        "alerts",
        ORG,
        &[
            "view=firing",
            "view=history",
            "view=history&severity=critical",
            "view=history&host={hosts}",
            "view=history&rule={alerts/rules}",
        ],
    ),
    list("/api/v1/alerts/receivers", "alert_receivers", ORG, &[]),
    list("/api/v1/alerts/rules", "alert_rules", ORG, &[]),
    list("/api/v1/alerts/silences", "alert_silences", ORG, &["open=true"]),
    list("/api/v1/api-keys", "api_keys", ORG, &[]),
    list("/api/v1/applications", "applications", ORG, &[]),
    list(
        "/api/v1/applications/{id}/environments",
        "deployments",
        "application_id = {applications}",
        &[],
    ),
    list(
        "/api/v1/applications/{id}/environments/{name}/env",
        "env_vars",
        "application_id = {applications}",
        &[],
    ),
    list(
        "/api/v1/applications/{id}/environments/{name}/targets",
        "placements",
        "application_id = {applications}",
        &[],
    ),
    searched(
        list(
            "/api/v1/applications/{id}/versions",
            "versions",
            "application_id = {applications}",
            &[],
        ),
        "1-77",
    ),
    list(
        "/api/v1/applications/{id}/webhook-guards",
        "webhook_guards",
        "application_id = {applications}",
        &[],
    ),
    list(
        "/api/v1/applications/{id}/webhook-refusals",
        "webhook_refusals",
        "application_id = {applications}",
        &[],
    ),
    list(
        "/api/v1/audit",
        "audit_log",
        "scope = {orgText}",
        &[
            "objectKind=member",
            "operation=member:update",
            "outcome=refused",
            "scope=platform",
            "scope=platform&operation=user:create",
            "scope=platform&outcome=refused",
        ],
    ),
    list("/api/v1/binding-types", "binding_types", ALL, &[]),
    list("/api/v1/clusters", "clusters", ORG, &[]),
    searched(
        list(
            "/api/v1/containers",
            "containers",
            ORG,
            &[
                "host={hosts}",
                "state=running",
                "health=unhealthy",
                "application={applications}",
                "gone=true",
            ],
        ),
        "web-77",
    ),
    list("/api/v1/departments", "departments", ORG, &[]),
    list(
        "/api/v1/deployments",
        "deployments",
        ORG,
        &[
            "applicationId={applications}",
            "status=failure",
            "environment=default",
            "environment=nowhere",
        ],
    ),
    list(
        "/api/v1/env-vars",
        "env_vars",
        ORG,
        &["applicationId={applications}"],
    ),
    list("/api/v1/environments", "environments", ORG, &[]),
    list(
        "/api/v1/files",
        "files",
        ORG,
        &["ownerType=1", "parentId={folders}"],
    ),
    list("/api/v1/files/sends", "file_sends", ORG, &[]),
    list(
        "/api/v1/files/sends/{id}/targets",
        "file_send_targets",
        "send_id = {sends}",
        &[],
    ),
    list("/api/v1/files/uploads", "file_uploads", ORG, &[]),
    list(
        "/api/v1/hosts",
        "hosts",
        ORG,
        &[
            "status=offline",
            "status=online",
            "businessStatus=1",
            "cluster={clusters}",
        ],
    ),
    list(
        "/api/v1/hosts/{id}/accounts",
        "host_accounts",
        "host_id = {hosts}",
        &[],
    ),
    list(
        "/api/v1/hosts/{id}/annotations",
        "deployment_hosts",
        "host_id = {hosts}",
        &["from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"],
    ),
    list(
        "/api/v1/hosts/{id}/containers",
        "containers",
        "host_id = {hosts}",
        &[],
    ),
    list("/api/v1/image-words", "image_words", ORG, &[]),
    list(
        "/api/v1/images",
        "hub_images",
        ORG,
        &["type=server", "source=private", "source=nowhere"],
    ),
    list("/api/v1/images/{id}/versions", "hub_images", "id = {images}", &[]),
    list(
        "/api/v1/instances",
        "instances",
        ORG,
        &[
            "provider=aws",
            "region=nowhere",
            "hostId={hosts}",
            "expiresBefore=2100-01-01T00:00:00Z",
        ],
    ),
    list("/api/v1/invitations", "invitations", ORG, &[]),
    list(
        "/api/v1/join-requests",
        "members",
        "org_id = {org} and status <= 0",
        &[],
    ),
    list("/api/v1/join-tokens", "join_tokens", ORG, &[]),
    list("/api/v1/me/bindings", "bindings", "user_id = {owner}", &[]),
    list("/api/v1/me/devices", "devices", "user_id = {owner}", &[]),
    list("/api/v1/me/join-requests", "members", "user_id = {owner}", &[]),
    searched(
        list(
            "/api/v1/members",
            "members",
            ORG,
            &["role=ADMIN", "role=VIEWER", "status=1"],
        ),
        "user-1",
    ),
    list(
        "/api/v1/messages",
        "messages",
        "user_id = {owner}",
        &["unread=true"],
    ),
    list("/api/v1/metrics/latest", "hosts", ORG, &["top=20"]),
    list("/api/v1/metrics/storage", "orgs", ALL, &[]),
    list("/api/v1/orders", "work_orders", ORG, &["host={hosts}"]),
    list("/api/v1/org/third-parts", "third_parts", ORG, &[]),
    searched(
        list("/api/v1/orgs", "orgs", ALL, &["platformId={platform}"]),
        "org-7",
    ),
    list(
        "/api/v1/outbox",
        "outbox",
        ALL,
        &["state=dead", "state=sent", "recipient=nobody@example.com"],
    ),
    list("/api/v1/permission-templates", "permission_templates", ORG, &[]),
    list("/api/v1/platforms", "platforms", ALL, &[]),
    list(
        "/api/v1/platforms/{id}/modules",
        "operations",
        "platform_id = {platform}",
        &[],
    ),
    list(
        "/api/v1/platforms/{id}/roles",
        "roles",
        "platform_id = {platform} and org_id is null",
        &[],
    ),
    list("/api/v1/registries", "registries", ORG, &[]),
    // Whatever the registry takes; the other numbers are of a registry on the same machine.
    list(
        "/api/v1/registries/{id}/repositories",
        "registries",
        "id = {registries}",
        &[],
    ),
    list("/api/v1/roles", "roles", ORG, &[]),
    list(
        "/api/v1/schema/documents",
        "documents",
        ORG,
        &[
            "kind=Project",
            "database=shop",
            "database=nowhere",
            "kind=ViewSnapshot",
        ],
    ),
    list(
        "/api/v1/schema/documents/{id}/revisions",
        "document_revisions",
        "document_id = {documents}",
        &[],
    ),
    list("/api/v1/schema/drift", "db_servers", ORG, &[]),
    list(
        "/api/v1/schema/executions",
        "executions",
        ORG,
        &["release={releases}"],
    ),
    list("/api/v1/schema/lint-rules", "environment_policies", ORG, &[]),
    list("/api/v1/schema/policies", "environment_policies", ORG, &[]),
    list(
        "/api/v1/schema/projects",
        "documents",
        "org_id = {org} and kind = 'Project'",
        &[],
    ),
    list(
        "/api/v1/schema/projects/{id}/hooks",
        "git_hooks",
        "project_id = {projects}",
        &[],
    ),
    list(
        "/api/v1/schema/projects/{id}/pushes",
        "git_pushes",
        ORG,
        &["hook={projects/hooks}"],
    ),
    list("/api/v1/schema/releases", "releases", ORG, &[]),
    list(
        "/api/v1/schema/releases/{id}/rollouts",
        "release_rollouts",
        "release_id = {releases}",
        &[],
    ),
    list("/api/v1/schema/servers", "db_servers", ORG, &[]),
    list(
        "/api/v1/schema/set-asides",
        "set_asides",
        ORG,
        &["state=kept", "state=dropped"],
    ),
    list(
        "/api/v1/schema/tickets",
        "tickets",
        ORG,
        &["status=pending", "status=rejected", "waitsForMe=true"],
    ),
    list("/api/v1/secrets", "secrets", ORG, &["groupId={secrets/groups}"]),
    list("/api/v1/secrets/groups", "secret_groups", ORG, &[]),
    list(
        "/api/v1/secrets/groups/{id}/syncs",
        "secret_syncs",
        "group_id = {secrets/groups}",
        &[],
    ),
    list("/api/v1/secrets/providers", "secret_providers", ORG, &[]),
    list(
        "/api/v1/secrets/{id}/versions",
        "secret_versions",
        "secret_id = {secrets}",
        &[],
    ),
    searched(
        list(
            "/api/v1/users",
            "users",
            ALL,
            &[
                "registeredFrom=2020-01-01T00:00:00Z&registeredTo=2100-01-01T00:00:00Z",
                "region=nowhere",
                "lastLoginFrom=2020-01-01T00:00:00Z",
                "lastLoginTo=2100-01-01T00:00:00Z",
                "platformId={platform}",
            ],
        ),
        "user-77",
    ),
];
