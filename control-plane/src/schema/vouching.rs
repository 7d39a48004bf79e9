//! Vouching for a release from before releases were signed, so that it can be executed.
//!
//! Nothing signs what lies in the database by itself: whoever can write there would have their SQL signed. The super administrator
//! says of one release that it is what was approved, after looking at its SQL and asking those who stand under it, and signs it then.
//!
//! Who: the super administrator, with their password once more. Their account and its password stand in the configuration file and not in the
//! database, where somebody could write a session of theirs. Whoever has the data directory has the keys already, and vouches
//! by `muster releases`.
//!
//! What is vouched for is named by its digest, which the page and the command show beside the SQL: what was changed between looking and
//! saying so is not signed. The signature covers who vouched and why, and the page tells it. Only what has no signature is
//! vouched for: what was changed under one stays refused, and so does what lost its own ([`is_from_before`]), as far as that can be told.
//!
//! What is shown as a whole and statement by statement is one text, or it is not vouched for. Its risks are rows, too: each statement
//! is read anew, and what is more dangerous than it is said to be is not vouched for either.
//!
//! What fails: another password (422), a digest that is not that of what is there (409 `release-not-as-shown`), a release that
//! has a signature or must have had one, or is not what it looks like (409 `not-vouchable`).

use muster_base::{OrgId, ReleaseId, SecretString, UnixMs, sha256};
use muster_schema::{canonical, classify};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ProposedStatement, ReleaseSignature, ReleaseSignatureState, RiskLevel, SchemaError, ServerType,
    reading::ReadSql,
    release_seal,
    store::{
        self,
        release_seal::{Papers, Target},
    },
};
use crate::{
    access::{Caller, Identity, confirm_super_admin},
    app::App,
    audit::{self, Entry},
    db::DbError,
    error::{Error, FieldError},
    flaw::Flaw,
    in_tx,
};

const OPERATION: &str = "release:vouch";
const MOST_REASON: usize = 500;
/// Releases that the doctor looks at.
const LOOKED_AT: i64 = 1_000;

/// Who vouched for a release from before releases were signed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseVoucher {
    /// Who.
    pub name: String,
    /// When.
    pub at: UnixMs,
    /// Why.
    pub reason: String,
}

/// That a release is what was approved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VouchRequest {
    /// The digest that the release's signature shows, beside what one looked at.
    #[schema(max_length = 64)]
    pub digest: String,
    /// How one knows that it is what was approved.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
    /// The super administrator's password, once more.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Vouches for a release.
pub(super) async fn vouch(
    app: &App,
    caller: &Caller,
    id: ReleaseId,
    request: VouchRequest,
) -> Result<ReleaseSignature, SchemaError> {
    caller.require_super_admin()?;
    if let Err(error) = confirm_super_admin(app, caller, request.password).await {
        let entry = Entry::refused(OPERATION, "release", id).detail("the password was not confirmed");
        audit::record_refusal(app, caller, Some(caller.org()), entry).await;
        return Err(Error::from(error).into());
    }
    vouch_as(
        app,
        caller,
        (caller.org(), id),
        (&request.digest, &request.reason),
    )
    .await
}

/// Vouches for a release as somebody who has proved to be the super administrator, or has the data directory.
pub async fn vouch_as(
    app: &App,
    who: &Identity,
    (org, id): (OrgId, ReleaseId),
    (digest, reason): (&str, &str),
) -> Result<ReleaseSignature, SchemaError> {
    who.require_super_admin()?;
    let reason = reason.trim();
    if !(1..=MOST_REASON).contains(&reason.chars().count()) {
        let fault = FieldError::new("reason", Flaw::Length(1, MOST_REASON));
        return Err(SchemaError::Invalid(vec![fault]));
    }
    let seen = store::release_seal::find(&app.db, (org, id)).await?;
    let seen = seen.ok_or(SchemaError::NoRelease)?;
    let state = release_seal::judged(app, &seen).await?;
    if state != ReleaseSignatureState::Missing || !is_from_before(app, seen.head.created_at).await? {
        return Err(SchemaError::NotVouchable(seen.head.version));
    }
    let keys = app.fleet_keys().await.map_err(Error::from)?;
    let now = app.clock.now();
    let vouched = in_tx!(app.db, |tx| {
        let papers = store::release_seal::find_in(tx, (org, id)).await?;
        let mut papers = papers.ok_or(SchemaError::NoRelease)?;
        if !release_seal::digest(&papers).eq_ignore_ascii_case(digest.trim()) {
            return Err(SchemaError::NotAsShown(papers.head.version));
        }
        if !is_as_it_looks(&papers)? {
            return Err(SchemaError::NotVouchable(papers.head.version));
        }
        papers.head.vouched_by = Some(who.actor.person());
        papers.head.vouched_name = Some(who.actor.name());
        papers.head.vouched_at = Some(now);
        papers.head.vouched_reason = Some(reason.to_owned());
        let (key, signature) = release_seal::signed(&keys, &papers);
        if !store::release_seal::vouch(tx, &papers.head, (&key, &signature)).await? {
            return Err(SchemaError::NotVouchable(papers.head.version));
        }
        let ticket = papers.head.ticket_id;
        store::ticket::lock(tx, &app.db, org, ticket).await?;
        store::ticket::add_event(tx, ticket, "vouched", who, reason, now).await?;
        let detail = format!(
            "{} ({}) by its digest {}: {reason}",
            papers.head.version,
            papers.head.environment,
            release_seal::digest(&papers)
        );
        let entry = Entry::done(OPERATION, "release", id).detail(detail);
        audit::record(app, tx, who, Some(org), entry).await?;
        papers.head.signed_by = Some(key);
        papers.head.signature = Some(signature);
        papers
    });
    release_seal::signature(app, &vouched).await
}

/// Whether what would run is what is shown, and at least as dangerous by what is shown as by its text.
fn is_as_it_looks(papers: &Papers) -> Result<bool, DbError> {
    let whole = RiskLevel::parse(&papers.head.risk);
    for target in &papers.targets {
        let statements = release_seal::statements(target)?;
        let risk = RiskLevel::parse(&target.risk);
        let is_told = risk <= whole && ReadSql::highest(&statements) <= risk;
        if !is_told || !is_one_text(target, &statements) || !is_as_risky(target, &statements)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the SQL that is shown as a whole, and statement by statement, is one, and has its digest: an agent runs no other.
fn is_one_text(target: &Target, statements: &[ProposedStatement]) -> bool {
    let text = canonical(statements.iter().map(|statement| statement.sql.as_str()));
    text == target.sql && sha256(text.as_bytes()).to_string() == target.sql_sha256
}

/// Whether each statement, read anew, may be in a release and is no more dangerous than its row says.
fn is_as_risky(target: &Target, statements: &[ProposedStatement]) -> Result<bool, DbError> {
    let Some(dialect) = &target.dialect else {
        return Ok(false);
    };
    let dialect = ServerType::parse(dialect)?.dialect();
    Ok(statements.iter().all(|statement| {
        let seen = classify(dialect, &statement.sql);
        seen.refused.is_none() && RiskLevel::from(seen.risk) <= statement.risk
    }))
}

/// Whether a release that was made then may be from before releases were signed: once an approval has signed one, those that come
/// after are signed, and one that is not has lost its signature. Whoever can write to the database can say another time, and so
/// this only narrows what people may vouch for.
pub(super) async fn is_from_before(app: &App, made: UnixMs) -> Result<bool, SchemaError> {
    Ok(signed_since(app).await?.is_none_or(|since| made < since))
}

/// Since when releases are signed: when the oldest was made whose signature holds; none if there is none yet. Those that were changed
/// since say nothing, or one of them would forbid vouching for any.
pub(super) async fn signed_since(app: &App) -> Result<Option<UnixMs>, SchemaError> {
    let mut after = None;
    while let Some((org, id, made)) = store::release_seal::find_signed_after(&app.db, after).await? {
        if let Some(papers) = store::release_seal::find(&app.db, (org, id)).await?
            && release_seal::judged(app, &papers).await? == ReleaseSignatureState::Holds
        {
            return Ok(Some(papers.head.created_at));
        }
        after = Some((made, id));
    }
    Ok(None)
}

/// How the newest releases stand.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// How many were looked at.
    pub(crate) looked_at: usize,
    /// Versions of those that have no signature, could be executed still, and may be vouched for.
    pub(crate) missing: Vec<String>,
    /// Versions of those that could be executed still and have no signature, although older ones were signed.
    pub(crate) taken_off: Vec<String>,
    /// Versions of those that were changed, or signed by a stranger.
    pub(crate) broken: Vec<String>,
}

/// Looks at the newest releases, one by one: each may hold megabytes of SQL. Of those without a signature only what could be
/// executed still is told: the others are what was done.
pub(crate) async fn census(app: &App) -> Result<Census, SchemaError> {
    let mut census = Census::default();
    for of in store::release_seal::list_newest(&app.db, LOOKED_AT).await? {
        let Some(papers) = store::release_seal::find(&app.db, of).await? else {
            continue;
        };
        census.looked_at += 1;
        match release_seal::judged(app, &papers).await? {
            ReleaseSignatureState::Holds | ReleaseSignatureState::Missing => {}
            ReleaseSignatureState::Broken | ReleaseSignatureState::Stranger => {
                let head = &papers.head;
                census
                    .broken
                    .push(format!("{} ({})", head.version, head.environment));
            }
        }
    }
    let since = signed_since(app).await?;
    for open in store::release_seal::list_unsigned(&app.db, LOOKED_AT).await? {
        let version = format!("{} ({})", open.version, open.environment);
        if since.is_none_or(|since| open.created_at < since) {
            census.missing.push(version);
        } else {
            census.taken_off.push(version);
        }
    }
    Ok(census)
}
