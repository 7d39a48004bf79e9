//! Acknowledging: somebody says that they see to an alert. It fires on, but is not told again before it is over, and nobody
//! else is told because nobody did. Taken back, it is as if nobody had.

use muster_base::AlertId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    AlertsError,
    alert::{self, Alert},
    fields::Fields,
    limits,
    state::AlertState,
    store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    in_tx,
};

/// What somebody says who sees to it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AlertAcknowledgement)]
pub struct Acknowledgement {
    /// What they are about to do; may be empty.
    #[serde(default)]
    pub note: String,
}

/// Somebody sees to it.
pub(super) async fn acknowledge(
    app: &App,
    caller: &Caller,
    id: AlertId,
    input: Acknowledgement,
) -> Result<Alert, AlertsError> {
    caller.require(Operation::AlertSilence)?;
    let before = alert::find(app, caller, id).await?;
    let note = input.note.trim();
    let mut fields = Fields::default();
    fields.line("note", note, limits::ACKNOWLEDGEMENT);
    fields.finish()?;
    if before.state != AlertState::Firing {
        return Err(AlertsError::NotFiring);
    }
    if let Some(by) = before.acknowledged_by {
        return Err(AlertsError::Acknowledged(by));
    }
    let (org, now) = (caller.org(), app.clock.now());
    in_tx!(app.db, |tx| {
        let ack = (now, caller.actor.name(), note);
        if !store::alert::acknowledge(tx, (org, id), ack).await? {
            return Err(AlertsError::NotFiring);
        }
        let detail = if note.is_empty() {
            "acknowledged".to_owned()
        } else {
            format!("acknowledged: {note}")
        };
        let entry = Entry::done(Operation::AlertSilence, "alert", id).detail(detail);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    alert::find(app, caller, id).await
}

/// They don't any more.
pub(super) async fn take_back(app: &App, caller: &Caller, id: AlertId) -> Result<(), AlertsError> {
    caller.require(Operation::AlertSilence)?;
    alert::find(app, caller, id).await?;
    let org = caller.org();
    in_tx!(app.db, |tx| {
        if !store::alert::take_back(tx, (org, id)).await? {
            return Err(AlertsError::NotAcknowledged);
        }
        let entry = Entry::done(Operation::AlertSilence, "alert", id).detail("acknowledgement taken back");
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    app.alerts.wake();
    Ok(())
}
