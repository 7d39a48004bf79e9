//! What is really in a database: its catalogue, read through the agent that reaches it, as a schema.
//!
//! The wish is signed and carries the password, sealed to the host; what may be asked is the agent's business
//! (`worker::schema`). Nothing is kept of what it answers but what is made of it. At most [`AT_ONCE`] are read at a time, of
//! [`MAX_BYTES`] each; the agent has [`LONGEST`]. The table of the agent's ledger is left out: it is nobody's design, and so is
//! what was set aside ([`set_aside`](super::set_aside)).

use std::time::Duration;

use muster_base::{OrderId, OrgId, UnixMs};
use muster_identity::look::{Look, sign};
use muster_protocol::{
    SCHEMAS_SINCE,
    latest::{SchemaLook, SchemaRows, SignedLook, TailFrame, TailRequest},
};
use muster_schema::{
    Schema,
    catalogue::{Answers, assemble},
};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{
    PASSWORD, SchemaError, Server,
    server_test::target,
    set_aside_seen::{self, SeenAside},
    store,
};
use crate::{
    app::App,
    error::Error,
    fleet,
    link::{self, LinkError, TailStream},
    secrets::{self, CredentialKind},
    work::seal_for,
};

const AT_ONCE: usize = 8;
static READING: Semaphore = Semaphore::const_new(AT_ONCE);
/// Of those that are read before something is executed there, so that hosts which say nothing don't keep people waiting.
const BEFORE_AT_ONCE: usize = 4;
static BEFORE: Semaphore = Semaphore::const_new(BEFORE_AT_ONCE);
const MAX_BYTES: usize = 80 * 1024 * 1024;
/// What a cell and a row weigh besides their texts.
const CELL_BYTES: usize = 24;
/// The agent gives up earlier, and says why.
const LONGEST: Duration = Duration::from_mins(1);
const WISH_LASTS_MS: i64 = UnixMs::MINUTE;
const MAX_WORDS: usize = 2_000;
/// The agent's own tables: the ledger, and the mark of a scratch database.
const AGENTS: [&str; 2] = ["muster_release_ledger", "muster_scratch_marker"];

/// A database as it is.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) schema: Schema,
    /// What its server says of itself.
    pub(super) version: String,
    /// What was set aside there, and where that is.
    pub(super) asides: Vec<SeenAside>,
    /// Held for as long as it is worked with: comparing takes a core.
    pub(super) place: SemaphorePermit<'static>,
}

/// Reads a database of a server, unless too many are being read.
pub(super) async fn read(
    app: &App,
    org: OrgId,
    server: &Server,
    database: &str,
) -> Result<Live, SchemaError> {
    let place = READING.try_acquire().map_err(|_| SchemaError::Reading)?;
    read_at(place, app, org, (server, database)).await
}

/// As [`read`]; too many others are waited for.
pub(super) async fn read_in_turn(
    app: &App,
    org: OrgId,
    server: &Server,
    database: &str,
) -> Result<Live, SchemaError> {
    let place = BEFORE.acquire().await.map_err(|_| SchemaError::Reading)?;
    read_at(place, app, org, (server, database)).await
}

async fn read_at(
    place: SemaphorePermit<'static>,
    app: &App,
    org: OrgId,
    (server, database): (&Server, &str),
) -> Result<Live, SchemaError> {
    let wish = wish(app, org, server, database).await?;
    let tail = open(app, org, server, TailRequest::Schema(wish)).await?;
    let (answers, version) = timeout(LONGEST, collect(tail))
        .await
        .map_err(|_| SchemaError::NoAnswer)??;
    let dialect = server.kind.dialect();
    // A catalogue of thousands of tables takes a while to be understood.
    let assembled = tokio::task::spawn_blocking(move || assemble(dialect, &answers))
        .await
        .map_err(Error::internal)?;
    let mut schema = assembled.map_err(|error| SchemaError::Unread(plain(&error.to_string())))?;
    without_ledger(&mut schema);
    // What was set aside is there on purpose, and is of no design.
    let known = store::aside_place::known(&app.db, server.id, database).await?;
    let asides = set_aside_seen::of(&schema, known);
    let these: Vec<_> = asides.iter().map(|one| one.known.aside.clone()).collect();
    let schema = muster_schema::without(schema, &these);
    Ok(Live {
        schema,
        version,
        asides,
        place,
    })
}

async fn wish(app: &App, org: OrgId, server: &Server, database: &str) -> Result<SignedLook, SchemaError> {
    let since = (SCHEMAS_SINCE, SchemaError::OldAgent as fn(String) -> SchemaError);
    let (id, sealed) = sealed_password(app, org, server, since).await?;
    let wish = SchemaLook {
        id,
        org,
        host: server.host_id,
        expires: app.clock.now().plus_ms(WISH_LASTS_MS),
        target: target(server, database.to_owned()),
        sealed,
    };
    signed(app, server, Look::Schema, &wish).await
}

/// The password for a wish, sealed to the host, and the wish's id; only if an agent is there that knows such wishes.
pub(super) async fn sealed_password(
    app: &App,
    org: OrgId,
    server: &Server,
    (since, too_old): (u16, fn(String) -> SchemaError),
) -> Result<(OrderId, Vec<u8>), SchemaError> {
    match app.links.version_of(server.host_id) {
        None => return Err(away(app, org, server).await?),
        Some(version) if version < since => {
            return Err(too_old(host_name(app, org, server).await?));
        }
        Some(_) => {}
    }
    let password = secrets::find_credential(app, org, CredentialKind::DatabaseServer, *server.id.as_uuid())
        .await?
        .ok_or(SchemaError::NoServer)?;
    let host_key = fleet::seal_key(app, org, server.host_id)
        .await
        .map_err(Error::from)?
        .ok_or(SchemaError::NoHost)?;
    let id: OrderId = app.clock.new_id();
    let sealed = seal_for(
        (id, server.host_id),
        &[(PASSWORD.to_owned(), password)],
        &host_key,
    )
    .map_err(Error::internal)?;
    Ok((id, sealed))
}

/// A wish as it travels.
pub(super) async fn signed<W: Serialize>(
    app: &App,
    server: &Server,
    look: Look,
    wish: &W,
) -> Result<SignedLook, SchemaError> {
    let keys = app.fleet_keys().await.map_err(Error::from)?;
    let known = app.links.signing_keys_of(server.host_id).unwrap_or_default();
    let signer = keys.signer_for(&known);
    let body = muster_protocol::encode(wish).map_err(Error::internal)?;
    let (key_id, signature) = sign(look, &signer, &body);
    Ok(SignedLook {
        body,
        key_id,
        signature,
    })
}

/// Asks the agent.
pub(super) async fn open(
    app: &App,
    org: OrgId,
    server: &Server,
    request: TailRequest,
) -> Result<TailStream, SchemaError> {
    match link::open_tail(app, server.host_id, request).await {
        Ok(tail) => Ok(tail),
        Err(LinkError::Offline(_)) => Err(away(app, org, server).await?),
        Err(error) => Err(Error::from(error).into()),
    }
}

/// The host is not here: nobody is asked.
async fn away(app: &App, org: OrgId, server: &Server) -> Result<SchemaError, SchemaError> {
    Ok(SchemaError::Away(host_name(app, org, server).await?))
}

async fn host_name(app: &App, org: OrgId, server: &Server) -> Result<String, SchemaError> {
    let host = fleet::find_host(app, org, server.host_id).await;
    Ok(host
        .map_err(Error::from)?
        .map(|host| host.name)
        .unwrap_or_default())
}

async fn collect(mut tail: TailStream) -> Result<(Answers, String), SchemaError> {
    let mut answers = Answers::new();
    let mut bytes = 0_usize;
    loop {
        match tail.next().await {
            Ok(Some(TailFrame::Schema(part))) => {
                take_in(&mut answers, part, &mut bytes)?;
            }
            Ok(Some(TailFrame::SchemaEnd(version))) => return Ok((answers, plain(&version))),
            Ok(Some(TailFrame::Refused(why))) => return Err(SchemaError::Unread(plain(&why))),
            Ok(
                Some(
                    TailFrame::Sample(_)
                    | TailFrame::Log(_)
                    | TailFrame::LogEnd(_)
                    | TailFrame::Count(_)
                    | TailFrame::Proof(_),
                )
                | None,
            )
            | Err(_) => {
                return Err(SchemaError::NoAnswer);
            }
        }
    }
}

/// Adds rows to what was told before, of which there were so many bytes.
pub(super) fn take_in(answers: &mut Answers, part: SchemaRows, bytes: &mut usize) -> Result<(), SchemaError> {
    for row in &part.rows {
        let texts = row.iter().flatten().map(String::len).sum::<usize>();
        *bytes += texts + CELL_BYTES * (row.len() + 1);
    }
    let zero = |cell: &String| cell.contains('\0');
    if part.rows.iter().flatten().flatten().any(zero) {
        return Err(SchemaError::Unread("it holds what no database says".into()));
    }
    if *bytes > MAX_BYTES {
        let most = MAX_BYTES / 1024 / 1024;
        return Err(SchemaError::Unread(format!("it is larger than {most} MiB")));
    }
    answers.entry(part.query).or_default().extend(part.rows);
    Ok(())
}

/// A host may be mad: nothing of it may reach a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

pub(super) fn without_ledger(schema: &mut Schema) {
    let is_ledger = |name: &muster_schema::model::Name| AGENTS.contains(&name.name.as_str());
    schema.tables.retain(|name, _| !is_ledger(name));
    schema.sequences.retain(|_, sequence| {
        !sequence
            .owned_by
            .as_ref()
            .is_some_and(|(table, _)| is_ledger(table))
    });
}
