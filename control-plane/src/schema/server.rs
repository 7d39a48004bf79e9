//! Database servers.

use muster_base::{HostId, OrgId, SecretString, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SchemaError, ServerType, error::field_error, store, timeouts};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    error::FieldError,
    fleet,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
    secrets::{self, CredentialKind},
};

/// A database server.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Id.
    pub id: ServerId,
    /// For people; unique in the org.
    pub label: String,
    /// Address or host name, as its agent reaches it.
    pub ip: String,
    /// Port.
    pub port: u16,
    /// Name of its environment.
    pub environment: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: ServerType,
    /// User that releases are run as.
    pub username: String,
    /// The host whose agent reaches it.
    pub host_id: HostId,
    /// The databases that releases may be for.
    pub databases: Vec<String>,
    /// A release's wait for a lock ends after this time.
    pub lock_timeout_ms: u64,
    /// A release's statement ends after this time.
    pub statement_timeout_ms: u64,
    /// How the last test ended; null before the first one.
    #[schema(required)]
    pub test: Option<ServerTest>,
    /// When it was added.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// How a test of a server ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerTest {
    /// When.
    pub at: UnixMs,
    /// Whether the agent could connect.
    pub ok: bool,
    /// What the server said of itself, or why not.
    pub detail: String,
}

/// A server to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewServer {
    /// For people; unique in the org.
    pub label: String,
    /// Address or host name, as its agent reaches it.
    pub ip: String,
    /// 3306 or 5432 if left out.
    pub port: Option<u16>,
    /// Name of its environment.
    pub environment: String,
    /// `MySQL` (also for MariaDB) or `Postgres`, in any case.
    #[serde(rename = "type")]
    pub kind: ServerType,
    /// User that releases are run as.
    pub username: String,
    /// Kept sealed; no call answers it.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
    /// The host whose agent reaches it.
    pub host_id: HostId,
    /// The databases that releases may be for; at least one.
    pub databases: Vec<String>,
    /// A release's wait for a lock ends after this time: 100 to 600,000; 10,000 if left out.
    #[schema(minimum = 100, maximum = 600_000)]
    pub lock_timeout_ms: Option<u64>,
    /// A release's statement ends after this time: 1,000 to 86,400,000; 1,800,000 if left out.
    #[schema(minimum = 1_000, maximum = 86_400_000)]
    pub statement_timeout_ms: Option<u64>,
}

/// What may be changed of a server. Its environment and its kind are what releases were approved for, so they stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerPatch {
    /// For people.
    pub label: Option<String>,
    /// Address or host name.
    pub ip: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// User that releases are run as.
    pub username: Option<String>,
    /// A new password.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
    /// The host whose agent reaches it.
    pub host_id: Option<HostId>,
    /// The databases that releases may be for.
    pub databases: Option<Vec<String>>,
    /// A release's wait for a lock ends after this time.
    #[schema(minimum = 100, maximum = 600_000)]
    pub lock_timeout_ms: Option<u64>,
    /// A release's statement ends after this time.
    #[schema(minimum = 1_000, maximum = 86_400_000)]
    pub statement_timeout_ms: Option<u64>,
}

pub(super) async fn list(app: &App, caller: &Caller, query: &PageQuery) -> Result<Page<Server>, SchemaError> {
    caller.require(Operation::ServerRead)?;
    let after = query.cursor::<ServerId>()?;
    let rows = store::server::list(&app.db, (caller.org(), caller.scope()), after, query.fetch()).await?;
    Ok(query.page(rows, |server| Cursor::of(&server.id)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: ServerId) -> Result<Server, SchemaError> {
    find_for(app, caller, Operation::ServerRead, id).await
}

/// Environment of the org's server of this id, for other rooms.
pub async fn server_environment(app: &App, org: OrgId, id: ServerId) -> Result<Option<String>, SchemaError> {
    let server = store::server::find(&app.db, org, id).await?;
    Ok(server.map(|server| server.environment))
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewServer) -> Result<Server, SchemaError> {
    caller.require_all(Operation::ServerWrite, ObjectKind::Servers)?;
    check_host(app, caller, new.host_id).await?;
    let write = async || -> Result<Server, SchemaError> {
        let server = in_tx!(app.db, |tx| create_in(app, tx, caller, new).await?);
        Ok(server)
    };
    write().await.map_err(name_taken)
}

/// Adds a server whose host was checked, in a transaction of the caller's.
pub(super) async fn create_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    new: NewServer,
) -> Result<Server, SchemaError> {
    caller.require_all(Operation::ServerWrite, ObjectKind::Servers)?;
    let now = app.clock.now();
    let server = Server {
        id: app.clock.new_id(),
        label: new.label.trim().to_owned(),
        ip: new.ip.trim().to_owned(),
        port: new.port.unwrap_or(new.kind.default_port()),
        environment: new.environment,
        kind: new.kind,
        username: new.username,
        host_id: new.host_id,
        databases: new.databases,
        lock_timeout_ms: new.lock_timeout_ms.unwrap_or(timeouts::DEFAULT_LOCK_MS),
        statement_timeout_ms: new.statement_timeout_ms.unwrap_or(timeouts::DEFAULT_STATEMENT_MS),
        test: None,
        created_at: now,
        updated_at: now,
    };
    check(tx, caller, &server).await?;
    store::server::insert(tx, caller.org(), &server, &caller.actor.name()).await?;
    let kind = CredentialKind::DatabaseServer;
    secrets::put_credential(app, tx, caller.org(), kind, *server.id.as_uuid(), &new.password).await?;
    let entry = Entry::done(Operation::ServerWrite, "server", server.id).after(&server);
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    Ok(server)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: ServerId,
    patch: ServerPatch,
) -> Result<Server, SchemaError> {
    let before = find_for(app, caller, Operation::ServerWrite, id).await?;
    check_host(app, caller, patch.host_id.unwrap_or(before.host_id)).await?;
    let write = async || -> Result<Server, SchemaError> {
        let server = in_tx!(app.db, |tx| update_in(app, tx, caller, &before, patch).await?);
        Ok(server)
    };
    write().await.map_err(name_taken)
}

/// Changes a server whose host was checked, in a transaction of the caller's.
pub(super) async fn update_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    before: &Server,
    patch: ServerPatch,
) -> Result<Server, SchemaError> {
    let id = before.id;
    let mut server = before.clone();
    server.label = patch.label.map_or(server.label, |label| label.trim().to_owned());
    server.ip = patch.ip.map_or(server.ip, |ip| ip.trim().to_owned());
    server.port = patch.port.unwrap_or(server.port);
    server.username = patch.username.unwrap_or(server.username);
    server.host_id = patch.host_id.unwrap_or(server.host_id);
    server.databases = patch.databases.unwrap_or(server.databases);
    server.lock_timeout_ms = patch.lock_timeout_ms.unwrap_or(server.lock_timeout_ms);
    server.statement_timeout_ms = patch.statement_timeout_ms.unwrap_or(server.statement_timeout_ms);
    server.updated_at = app.clock.now();
    check(tx, caller, &server).await?;
    if !store::server::update(tx, caller.org(), &server).await? {
        return Err(SchemaError::NoServer);
    }
    let kind = CredentialKind::DatabaseServer;
    if let Some(password) = &patch.password {
        secrets::put_credential(app, tx, caller.org(), kind, *id.as_uuid(), password).await?;
    }
    let entry = Entry::done(Operation::ServerWrite, "server", id)
        .before(before)
        .after(&server)
        .detail(if patch.password.is_some() {
            "with a new password"
        } else {
            ""
        });
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    Ok(server)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: ServerId) -> Result<(), SchemaError> {
    let before = find_for(app, caller, Operation::ServerWrite, id).await?;
    in_tx!(app.db, |tx| {
        store::server::lock(tx, &app.db, id).await?;
        if store::server::is_in_use(tx, id).await? {
            return Err(SchemaError::ServerInUse);
        }
        store::server::delete(tx, caller.org(), id, app.clock.now()).await?;
        let kind = CredentialKind::DatabaseServer;
        secrets::delete_credential(tx, caller.org(), kind, *id.as_uuid()).await?;
        let entry = Entry::done(Operation::ServerWrite, "server", id).before(&before);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// The server, if the caller may do `operation` on it.
pub(super) async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: ServerId,
) -> Result<Server, SchemaError> {
    caller.require(operation)?;
    store::server::find(&app.db, caller.org(), id)
        .await?
        .filter(|server| caller.reaches(&server.object()))
        .ok_or(SchemaError::NoServer)
}

impl Server {
    /// What permissions on it are decided by.
    pub(super) fn object(&self) -> Object<'_> {
        Object::Server {
            id: self.id,
            environment: &self.environment,
        }
    }
}

async fn check(tx: &mut Tx, caller: &Caller, server: &Server) -> Result<(), SchemaError> {
    let mut wrong: Vec<FieldError> = Vec::new();
    let mut length = |field: &str, value: &str, most: usize| {
        if value.is_empty() || value.chars().count() > most || value.chars().any(char::is_control) {
            wrong.push(field_error(field, format!("must have 1 to {most} characters")));
        }
    };
    length("label", &server.label, 128);
    length("ip", &server.ip, 253);
    length("username", &server.username, 128);
    for (nth, database) in server.databases.iter().enumerate() {
        length(&format!("databases[{nth}]"), database, 64);
    }
    if server.port == 0 {
        wrong.push(field_error("port", "must be 1 to 65535"));
    }
    if server.databases.is_empty() || server.databases.len() > 1_000 {
        wrong.push(field_error("databases", "must name 1 to 1000 databases"));
    }
    wrong.extend(timeouts::check(
        server.lock_timeout_ms,
        server.statement_timeout_ms,
    ));
    if !wrong.is_empty() {
        return Err(SchemaError::Invalid(wrong));
    }
    let known = fleet::environment_known(tx, caller.org(), &server.environment).await?;
    if !known || !caller.reaches(&Object::Environment(&server.environment)) {
        return Err(SchemaError::invalid(
            "environment",
            "there is no such environment",
        ));
    }
    Ok(())
}

/// The host is there and in the caller's reach.
pub(super) async fn check_host(app: &App, caller: &Caller, id: HostId) -> Result<(), SchemaError> {
    let host = fleet::find_host(app, caller.org(), id)
        .await
        .map_err(crate::error::Error::from)?;
    host.filter(|host| caller.reaches(&host.object()))
        .map(|_| ())
        .ok_or(SchemaError::NoHost)
}

pub(super) async fn environment_exists(app: &App, caller: &Caller, name: &str) -> Result<(), SchemaError> {
    let found = fleet::find_environment(app, caller.org(), name)
        .await
        .map_err(crate::error::Error::from)?;
    match found {
        Some(_) => Ok(()),
        None => Err(SchemaError::invalid(
            "environment",
            "there is no such environment",
        )),
    }
}

fn name_taken(error: SchemaError) -> SchemaError {
    match error {
        SchemaError::Db(db) if is_label_taken(&db) => SchemaError::LabelTaken,
        other => other,
    }
}

fn is_label_taken(error: &DbError) -> bool {
    error.violates_index("db_servers_label", "db_servers", &["org_id", "label"])
}
