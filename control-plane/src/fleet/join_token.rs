//! Join tokens: made by an admin, shown once, spent by hosts.

use std::time::Duration;

use muster_base::{ClusterId, JoinTokenId, SecretString, UnixMs};
use muster_identity::token::JoinToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FleetError, Labels, host::check_place, store};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    config::as_seen_from_outside,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx, install,
};

const DEFAULT_LIFE: Duration = Duration::from_hours(1);
const MAX_LIFE_S: u32 = 30 * 24 * 3_600;
const MAX_USES: u32 = 100_000;

/// A join token to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewJoinToken {
    /// How many hosts may join with it; 1 by default.
    pub uses: Option<u32>,
    /// Seconds until it expires; an hour by default, 30 days at most.
    pub expires_in_s: Option<u64>,
    /// Cluster that its hosts are put in.
    pub cluster_id: Option<ClusterId>,
    /// Name of the environment that its hosts belong to.
    pub environment: Option<String>,
    /// Labels that its hosts get.
    #[serde(default)]
    pub labels: Labels,
}

/// A join token that was just made. The only time that it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedJoinToken {
    /// Id, for withdrawing it.
    pub id: JoinTokenId,
    /// `mjt_…`
    #[schema(value_type = String)]
    pub token: Shown,
    /// Fingerprint of the CA, which the agent pins.
    pub ca_fingerprint: String,
    /// `HOST:PORT` (UDP) that agents connect to.
    pub server: String,
    /// The line to run on the host.
    #[schema(value_type = String)]
    pub command: Shown,
    /// When it expires.
    pub expires_at: UnixMs,
}

/// A secret on its way to the one who asked for it.
#[derive(Debug)]
pub struct Shown(SecretString);

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use muster_base::ExposeSecret as _;
        serializer.serialize_str(self.0.expose_secret())
    }
}

/// A join token in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinTokenInfo {
    /// Id.
    pub id: JoinTokenId,
    /// How many hosts may join with it in all.
    pub uses: i64,
    /// How many may still.
    pub uses_left: i64,
    /// When it expires.
    pub expires_at: UnixMs,
    /// Cluster that its hosts are put in.
    pub cluster_id: Option<ClusterId>,
    /// Name of the environment that its hosts belong to.
    pub environment: Option<String>,
    /// Labels that its hosts get.
    pub labels: Labels,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: UnixMs,
}

pub(crate) async fn create(
    app: &App,
    caller: &Caller,
    new: NewJoinToken,
) -> Result<IssuedJoinToken, FleetError> {
    caller.require(Operation::JoinTokenWrite)?;
    let uses = new.uses.unwrap_or(1);
    if !(1..=MAX_USES).contains(&uses) {
        return Err(FleetError::invalid("uses", Flaw::Range(1, i64::from(MAX_USES))));
    }
    let life_s = new.expires_in_s.unwrap_or(DEFAULT_LIFE.as_secs());
    if !(1..=u64::from(MAX_LIFE_S)).contains(&life_s) {
        return Err(FleetError::invalid(
            "expiresInS",
            Flaw::Range(1, i64::from(MAX_LIFE_S)),
        ));
    }
    new.labels.check()?;
    let environment = check_place(app, caller, new.cluster_id, new.environment.as_deref()).await?;
    let place = Object::Place {
        cluster: new.cluster_id,
        environment: new.environment.as_deref(),
    };
    if !caller.reaches(&place) {
        return Err(FleetError::invalid("clusterId", Flaw::Narrowed));
    }
    let keys = app.fleet_keys().await?;
    let now = app.clock.now();
    let token = JoinToken::generate();
    let info = JoinTokenInfo {
        id: app.clock.new_id(),
        uses: i64::from(uses),
        uses_left: i64::from(uses),
        expires_at: now.plus_ms(i64::try_from(life_s).unwrap_or(i64::MAX / 1_000) * UnixMs::SECOND),
        cluster_id: new.cluster_id,
        environment: new.environment,
        labels: new.labels,
        created_by: caller.actor.name(),
        created_at: now,
    };
    in_tx!(app.db, |tx| {
        store::join_token::insert(tx, caller.org(), &info, environment, &token.hash().0).await?;
        let entry = Entry::done(Operation::JoinTokenWrite, "joinToken", info.id).after(&info);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    let (ca_fingerprint, server) = (keys.fingerprint().to_string(), server_address(app));
    let command = install::join_command(app, &server, keys.fingerprint(), &token).await;
    Ok(IssuedJoinToken {
        id: info.id,
        token: Shown(token.expose().into()),
        ca_fingerprint,
        server,
        command: Shown(command.into()),
        expires_at: info.expires_at,
    })
}

/// Tokens that can still be used, newest first; those for a place in the caller's reach.
pub(crate) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<JoinTokenInfo>, FleetError> {
    caller.require(Operation::JoinTokenRead)?;
    let before = query.cursor::<JoinTokenId>()?;
    let who = (caller.org(), caller.scope());
    let rows = store::join_token::list(&app.db, who, before, app.clock.now(), query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.id)))
}

pub(crate) async fn withdraw(app: &App, caller: &Caller, id: JoinTokenId) -> Result<(), FleetError> {
    caller.require(Operation::JoinTokenWrite)?;
    in_tx!(app.db, |tx| {
        let place = store::join_token::find_place(tx, caller.org(), id).await?;
        let (cluster, environment) = place.ok_or(FleetError::NoJoinToken)?;
        let environment = environment.as_deref();
        if !caller.reaches(&Object::Place { cluster, environment }) {
            return Err(FleetError::NoJoinToken);
        }
        if !store::join_token::withdraw(tx, caller.org(), id, app.clock.now()).await? {
            return Err(FleetError::NoJoinToken);
        }
        let entry = Entry::done(Operation::JoinTokenWrite, "joinToken", id).detail("withdrawn");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(())
}

/// Where agents are told to connect to.
fn server_address(app: &App) -> String {
    if let Some(advertised) = &app.config.link.advertise {
        return advertised.clone();
    }
    as_seen_from_outside(app.links.local_address().unwrap_or(app.config.link.listen))
}
