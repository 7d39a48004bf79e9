//! Deploy tokens: `whk_…`, one for an environment of an application, shown once, stored as a hash.

use muster_base::{ApplicationId, UnixMs, random_token, sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeliveryError, application, fields::Fields, store};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

const PREFIX: &str = "whk_";
const DEFAULT_OVERLAP_S: u32 = 3_600;
const MAX_OVERLAP_S: u32 = 7 * 86_400;
/// Tokens of an environment that work at once: one, and those whose overlap is not over.
const MOST_OF_AN_ENVIRONMENT: i64 = 8;
/// Tokens of an application that work at once. Each call is compared with all of them.
pub(super) const MOST: u16 = 256;

/// Which token is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhookToken {
    /// Where it deploys; the application's `webhookEnvironment` if not given.
    pub environment: Option<String>,
    /// How many seconds the one before goes on working; an hour by default, 0 to end it at once.
    #[schema(maximum = 604_800)]
    pub overlap_s: Option<u32>,
}

/// A token, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookToken {
    /// For the field `token` of `POST /webhook/deploy`.
    pub token: String,
    /// Where it deploys.
    pub environment: String,
    /// Until when a token before this one works too.
    pub previous_until: UnixMs,
}

/// Makes a new token. The one before works on for the overlap, so that CI can be given the new one in peace.
pub(super) async fn rotate(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    wanted: NewWebhookToken,
) -> Result<WebhookToken, DeliveryError> {
    let org = caller.org();
    let application = application::find_for(app, caller, Operation::ApplicationWrite, id).await?;
    let environment = wanted.environment.unwrap_or(application.webhook_environment);
    caller.require_on(
        Operation::ApplicationWrite,
        &Object::ApplicationIn(id, &environment),
    )?;
    let overlap = wanted.overlap_s.unwrap_or(DEFAULT_OVERLAP_S);
    let mut fields = Fields::default();
    fields.check(
        application.environments.contains_key(&environment),
        "environment",
        Flaw::NoSuch("environment"),
    );
    fields.check(
        overlap <= MAX_OVERLAP_S,
        "overlapS",
        Flaw::Range(0, i64::from(MAX_OVERLAP_S)),
    );
    fields.finish()?;
    let now = app.clock.now();
    let previous_until = now.plus_ms(i64::from(overlap) * UnixMs::SECOND);
    let token = random_token(PREFIX);
    let new = store::token::NewToken {
        id: app.clock.new_id(),
        application: id,
        environment: &environment,
        hash: &hash(&token),
        created_by: &caller.actor.name(),
        created_at: now,
    };
    in_tx!(app.db, |tx| {
        store::token::retire(tx, org, id, &environment, now, previous_until).await?;
        store::token::insert(tx, org, &new).await?;
        let (here, all) = store::token::count(tx, org, id, &environment, now).await?;
        check_room(here, all)?;
        let detail =
            format!("a new webhook token for {environment}; the one before works for {overlap} s more");
        let entry = Entry::done(Operation::ApplicationWrite, "application", id).detail(detail);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(WebhookToken {
        token,
        environment,
        previous_until,
    })
}

/// None is made that could not be compared with: a token that works is never refused.
fn check_room(of_environment: i64, of_application: i64) -> Result<(), DeliveryError> {
    let mut fields = Fields::default();
    fields.check(
        of_environment <= MOST_OF_AN_ENVIRONMENT,
        "overlapS",
        "8 tokens of this environment still work: 0 ends them now, or wait until they have ended",
    );
    fields.check(
        of_application <= i64::from(MOST),
        "environment",
        "256 tokens of this application still work: end those of environments that are gone first",
    );
    fields.finish()
}

/// Tokens have 256 bits: a plain hash can't be searched through.
pub(super) fn hash(token: &str) -> [u8; 32] {
    sha256(token.as_bytes()).0
}
