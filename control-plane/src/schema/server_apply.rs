//! Servers from documents: once a document has values, there is a server of its name.

use muster_base::{ExposeSecret as _, HostId};
use muster_documents::kind::server::{Server as ServerDocument, ServerValues};

use super::{NewServer, SchemaError, Server, ServerPatch, server, store};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    db::Tx,
    secrets::{self, CredentialKind},
};

/// What a document makes of a server, once everything outside of the transaction is known.
pub(super) enum Prepared {
    /// The document is a draft, or says what is there.
    Nothing,
    /// There is no server of this name.
    New(Box<NewServer>),
    /// Something of it is different.
    Changed(Box<(Server, ServerPatch)>),
}

/// Looks at what is there: before the transaction, which then waits for no second connection.
pub(super) async fn prepare(
    app: &App,
    caller: &Caller,
    name: &str,
    document: &ServerDocument,
) -> Result<Prepared, SchemaError> {
    let Some(values) = &document.values else {
        return Ok(Prepared::Nothing);
    };
    caller.require_all(Operation::ServerWrite, ObjectKind::Servers)?;
    let agent = values.database.agent.as_deref().map(host).transpose()?;
    if let Some(host) = agent {
        server::check_host(app, caller, host).await?;
    }
    let Some(before) = store::server::find_named(&app.db, caller.org(), name).await? else {
        let password = values.database.password.clone();
        let password = password.ok_or_else(|| missing("password", "is missing: a new server needs one"))?;
        let host_id = agent.ok_or_else(|| missing("agent", "is missing: the host whose agent reaches it"))?;
        return Ok(Prepared::New(Box::new(NewServer {
            label: name.to_owned(),
            ip: values.basic.ip.clone(),
            port: values.database.port,
            environment: values.basic.environment.clone(),
            kind: values.database.dialect.into(),
            username: values.database.username.clone(),
            password,
            host_id,
            databases: values.database.databases.clone(),
            lock_timeout_ms: None,
            statement_timeout_ms: None,
        })));
    };
    stays(&before, values)?;
    let databases = Some(values.database.databases.clone()).filter(|names| !names.is_empty());
    let patch = ServerPatch {
        label: None,
        ip: Some(values.basic.ip.clone()),
        port: Some(values.database.port.unwrap_or(before.kind.default_port())),
        username: Some(values.database.username.clone()),
        password: new_password(app, caller, &before, values).await?,
        host_id: agent,
        databases,
        lock_timeout_ms: None,
        statement_timeout_ms: None,
    };
    let same = patch.password.is_none()
        && patch.ip.as_ref() == Some(&before.ip)
        && patch.port == Some(before.port)
        && patch.username.as_ref() == Some(&before.username)
        && patch.host_id.is_none_or(|host| host == before.host_id)
        && patch
            .databases
            .as_ref()
            .is_none_or(|names| *names == before.databases);
    if same {
        Ok(Prepared::Nothing)
    } else {
        Ok(Prepared::Changed(Box::new((before, patch))))
    }
}

/// Makes the server as the document says; whether that changed anything.
pub(super) async fn write(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    prepared: Prepared,
) -> Result<bool, SchemaError> {
    match prepared {
        Prepared::Nothing => return Ok(false),
        Prepared::New(new) => server::create_in(app, tx, caller, *new).await?,
        Prepared::Changed(change) => {
            let (before, patch) = *change;
            server::update_in(app, tx, caller, &before, patch).await?
        }
    };
    Ok(true)
}

/// What releases were approved for can't be changed by a document.
fn stays(before: &Server, values: &ServerValues) -> Result<(), SchemaError> {
    if before.environment != values.basic.environment {
        let message = format!(
            "is {} and stays so: releases were approved for it",
            before.environment
        );
        return Err(SchemaError::invalid("spec.basic.environment", message));
    }
    if before.kind.dialect() != values.database.dialect {
        return Err(missing(
            "type",
            "is another one and stays so: releases were approved for it",
        ));
    }
    Ok(())
}

/// The password, if it is another one than before.
async fn new_password(
    app: &App,
    caller: &Caller,
    before: &Server,
    values: &ServerValues,
) -> Result<Option<muster_base::SecretString>, SchemaError> {
    let Some(password) = &values.database.password else {
        return Ok(None);
    };
    let kind = CredentialKind::DatabaseServer;
    let kept = secrets::find_credential(app, caller.org(), kind, *before.id.as_uuid()).await?;
    let same = kept.is_some_and(|kept| kept.expose_secret() == password.expose_secret());
    Ok((!same).then(|| password.clone()))
}

fn host(text: &str) -> Result<HostId, SchemaError> {
    text.parse()
        .map_err(|_| missing("agent", "must be the id of a host"))
}

fn missing(field: &str, message: &str) -> SchemaError {
    SchemaError::invalid(format!("spec.database.{field}"), message)
}
