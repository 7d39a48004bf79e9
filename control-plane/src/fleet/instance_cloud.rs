//! Instances by what clouds say of hosts' machines: an agent asks its cloud's metadata service and tells what it heard.
//!
//! It makes the instance, or completes the one that is known by an import, and says which host it is: that is known
//! better than any guess by an address. What people wrote stays ([`super::instance_layers`]).
//!
//! An agent is believed about its own host only. Where two hosts say that they are the same instance (a machine
//! that joined a second time, or one that lies) the one that said so first keeps the link, both are shown, and the audit log
//! says which host said what. Of one host a change counts once a minute, and that it is another instance once a day: an instance
//! that nobody but this host spoke of goes then. So a host that lies has one row at a time, and those of all hosts leave room
//! for what people import.

use muster_base::{HostId, InstanceId, OrgId, UnixMs};
use muster_protocol::latest::CloudFacts;
use tracing::warn;

use super::{
    FleetError,
    instance::{Kept, Standing},
    instance_import::MOST,
    instance_layers::{Layers, Metadata, canonical},
    store,
};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::Tx,
    error::Error,
    in_tx,
};

/// Time between two changes of what one host says.
const CHANGE_EVERY_MS: i64 = UnixMs::MINUTE;
/// Time until a host may be another instance than it said. Clouds are asked once a day.
const MOVE_EVERY_MS: i64 = UnixMs::DAY;
/// Instances of an org that only hosts tell of.
pub(super) const MOST_TOLD: usize = MOST / 2;

/// Keeps what a host's cloud says of it.
pub(crate) async fn note_cloud(
    app: &App,
    org: OrgId,
    host: HostId,
    facts: &CloudFacts,
) -> Result<(), FleetError> {
    let Some(metadata) = Metadata::of(facts) else {
        warn!(host.id = %host, "the agent tells of a cloud without an instance");
        return Ok(());
    };
    let told = serde_json::to_string(&metadata).map_err(Error::internal)?;
    // Each session tells it: a host that has nothing new to say costs one look.
    if store::instance_claim::is_settled(&app.db, host, &told).await? {
        return Ok(());
    }
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        // After imports, and other hosts that say the same.
        store::instance::lock(tx, org).await?;
        let before = store::instance_claim::find(tx, host).await?;
        if let Some(claim) = &before
            && claim.told != told
            && now.ms_since(claim.told_at) < CHANGE_EVERY_MS
        {
            warn!(host.id = %host, "the agent changes its mind too often about what its cloud says");
            return Ok(());
        }
        let named = store::instance::named(tx, org, &metadata.record.instance_id).await?;
        let present = chosen(named, &metadata);
        let moves = before
            .as_ref()
            .filter(|claim| present.as_ref().map(|present| present.id) != Some(claim.instance));
        if let Some(claim) = moves
            && now.ms_since(claim.told_at) < MOVE_EVERY_MS
        {
            warn!(host.id = %host, "the agent says too soon that its host is another instance");
            return Ok(());
        }
        let left = match moves {
            Some(claim) => left(tx, org, host, claim.instance).await?,
            None => None,
        };
        if present.is_none() {
            let count = store::instance::count(tx, org).await?;
            let goes = usize::from(left.is_some());
            if count.all - goes >= MOST || count.told - goes >= MOST_TOLD {
                warn!(host.id = %host, "there are too many instances for the one that this host is");
                return Ok(());
            }
        }
        let others = match &present {
            Some(present) => store::instance_claim::hosts(tx, org, present.id).await?,
            None => Vec::new(),
        };
        let owner = present.as_ref().and_then(|present| present.host_id);
        let holder = owner.filter(|owner| *owner != host && others.contains(owner));
        let mut layers = present
            .as_ref()
            .map_or_else(Layers::default, |present| present.layers.clone());
        // Of two that say that they are it, the one that it is linked to is heard.
        if holder.is_none() || layers.metadata.is_none() {
            layers.metadata = Some(metadata.clone());
        }
        let next = Standing {
            id: present
                .as_ref()
                .map_or_else(|| app.clock.new_id(), |present| present.id),
            provider: present.as_ref().map_or_else(
                || metadata.record.provider.clone(),
                |present| present.provider.clone(),
            ),
            instance_id: metadata.record.instance_id.clone(),
            host_id: Some(holder.unwrap_or(host)),
            layers,
        };
        if let Some(claim) = moves {
            // It is another machine now, or was never that one.
            store::instance::unlink(tx, org, claim.instance, host, now).await?;
        }
        let kept = Kept::of(&next)?;
        let was = present.as_ref().map(Kept::of).transpose()?;
        if was.as_ref() != Some(&kept) {
            store::instance::upsert(tx, org, std::slice::from_ref(&kept), now).await?;
        }
        store::instance_claim::set(tx, host, next.id, &told, now).await?;
        let agent = Caller::agent(host, org, None);
        if let Some(left) = left {
            store::instance::delete(tx, org, left.id).await?;
            let entry = Entry::done("instance:metadata", "instance", left.id)
                .before(&left)
                .detail(
                    "only this host said that there is such an instance, and says that it is another one",
                );
            audit::record(app, tx, &agent, Some(org), entry).await?;
        }
        let doubt = holder.map(|other| format!("another host says that it is this instance, too: {other}"));
        if was.as_ref() != Some(&kept) || doubt.is_some() {
            let mut entry = Entry::done("instance:metadata", "instance", next.id).after(&kept);
            if let Some(was) = &was {
                entry = entry.before(was);
            }
            if let Some(doubt) = doubt {
                entry = entry.detail(doubt);
            }
            audit::record(app, tx, &agent, Some(org), entry).await?;
        }
    });
    Ok(())
}

/// The instance that a host was, if nobody else knows of it: no person, no import, no other host.
async fn left(tx: &mut Tx, org: OrgId, host: HostId, id: InstanceId) -> Result<Option<Kept>, FleetError> {
    let Some(standing) = store::instance::find_in(tx, org, id).await? else {
        return Ok(None);
    };
    if !standing.layers.only_told() {
        return Ok(None);
    }
    let claims = store::instance_claim::hosts(tx, org, id).await?;
    if claims.iter().any(|other| *other != host) {
        return Ok(None);
    }
    Kept::of(&standing).map(Some)
}

/// Which of those with this id it is: of the same provider, by whichever of its names people wrote.
fn chosen(named: Vec<Standing>, metadata: &Metadata) -> Option<Standing> {
    let wanted = &metadata.record.provider;
    let mut fitting: Vec<_> = named
        .into_iter()
        .filter(|one| canonical(&one.provider) == *wanted)
        .collect();
    let exact = fitting.iter().position(|one| one.provider == *wanted);
    let at = exact.or(if fitting.is_empty() { None } else { Some(0) })?;
    Some(fitting.swap_remove(at))
}
