//! What people write of an instance by hand: what no metadata service says, above all when it ends.

use muster_base::{InstanceId, UnixMs};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Change, FleetError,
    instance::{self, Instance, Kept},
    store,
};
use crate::{
    access::{Caller, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

const MOST_CHARS: usize = 128;

/// What may be written of an instance. A field that is left out stays; `null` takes what was written away, and what was
/// imported or told by the cloud shows again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstancePatch {
    /// What people call it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub instance_name: Change<String>,
    /// How it is paid.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub charge_type: Change<String>,
    /// When it ends.
    #[serde(default)]
    #[schema(value_type = Option<UnixMs>)]
    pub expired_time: Change<UnixMs>,
}

/// Writes it.
pub(super) async fn edit(
    app: &App,
    caller: &Caller,
    id: InstanceId,
    patch: InstancePatch,
) -> Result<Instance, FleetError> {
    caller.require_all(Operation::HostWrite, ObjectKind::Hosts)?;
    let instance_name = checked("instanceName", patch.instance_name)?;
    let charge_type = checked("chargeType", patch.charge_type)?;
    let org = caller.org();
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::instance::lock(tx, org).await?;
        let Some(mut standing) = store::instance::find_in(tx, org, id).await? else {
            return Err(FleetError::NoInstance);
        };
        let before = Kept::of(&standing)?;
        let by_hand = &mut standing.layers.by_hand;
        instance_name.apply(&mut by_hand.instance_name);
        charge_type.apply(&mut by_hand.charge_type);
        patch.expired_time.apply(&mut by_hand.expired_time);
        let kept = Kept::of(&standing)?;
        if kept != before {
            store::instance::upsert(tx, org, std::slice::from_ref(&kept), now).await?;
            let entry = Entry::done(Operation::HostWrite, "instance", id)
                .before(&before)
                .after(&kept);
            audit::record(app, tx, caller, Some(org), entry).await?;
        }
    });
    instance::get(app, caller, id).await
}

fn checked(field: &'static str, change: Change<String>) -> Result<Change<String>, FleetError> {
    let Change::To(Some(text)) = change else {
        return Ok(change);
    };
    let text = text.trim();
    if text.chars().count() > MOST_CHARS || text.chars().any(char::is_control) {
        return Err(FleetError::invalid(field, Flaw::TooLong(MOST_CHARS)));
    }
    Ok(Change::To(Some(text.to_owned()).filter(|text| !text.is_empty())))
}
