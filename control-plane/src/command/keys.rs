//! `muster keys`: what keys there are, and their rotation.

use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use muster_control_plane::{
    access::Identity,
    app::App,
    fleet::{
        FleetError,
        rotation::{self, FleetKeyKind, FleetKeysStatus},
    },
    keys::{
        self,
        rotate::{self, Step},
    },
};
use serde::Serialize;
use tokio::time::sleep;

use super::{Place, say};

const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show which keys there are and what each is needed for. No key is shown, only ids.
    Status {
        #[command(flatten)]
        place: Place,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Begin a rotation, while the control plane serves. That of the master key is taken to its end, and can be run again
    /// if it was interrupted; those of the fleet's keys go on by themselves.
    Rotate {
        /// Which key.
        #[arg(value_enum, default_value_t = Kind::Master)]
        kind: Kind,
        #[command(flatten)]
        place: Place,
        /// How long a request may take that began before the new key seals, in seconds.
        #[arg(long, default_value_t = rotate::GRACE.as_secs())]
        grace: u64,
    },
    /// Let the announced CA issue certificates now, before every host has heard of it.
    Advance {
        #[command(flatten)]
        place: Place,
    },
    /// End a rotation of the CA or of the signing key now: the older key counts no more.
    Retire {
        /// Which key.
        #[arg(value_enum)]
        kind: FleetKind,
        #[command(flatten)]
        place: Place,
        /// Also if hosts still have certificates of the older CA; they must join anew.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Seals secrets and keys in the database.
    Master,
    /// Issues certificates.
    Ca,
    /// Signs work orders.
    Signing,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FleetKind {
    /// Issues certificates.
    Ca,
    /// Signs work orders.
    Signing,
}

pub async fn run(args: KeysArgs) -> anyhow::Result<()> {
    match args.what {
        What::Status { place, json } => {
            let app = place.app().await?;
            let shown = status(&app, json).await;
            app.stop().await;
            shown
        }
        What::Rotate {
            kind: Kind::Master,
            place,
            grace,
        } => {
            let app = place.app().await?;
            let done = rotate_master(&app, Duration::from_secs(grace)).await;
            app.stop().await;
            done
        }
        What::Rotate { kind, place, .. } => {
            let kind = if kind == Kind::Ca {
                FleetKeyKind::Ca
            } else {
                FleetKeyKind::Signing
            };
            change(&place, async |app, who| rotation::rotate(app, who, kind).await).await
        }
        What::Advance { place } => change(&place, rotation::advance).await,
        What::Retire { kind, place, force } => {
            let kind = if kind == FleetKind::Ca {
                FleetKeyKind::Ca
            } else {
                FleetKeyKind::Signing
            };
            change(&place, async |app, who| {
                rotation::retire(app, who, kind, force).await
            })
            .await
        }
    }
}

/// Changes the fleet's keys as whoever has the data directory, and shows them.
async fn change(
    place: &Place,
    with: impl AsyncFnOnce(&App, &Identity) -> Result<FleetKeysStatus, FleetError>,
) -> anyhow::Result<()> {
    let app = place.app().await?;
    let changed = with(&app, &super::operator(&app)).await;
    app.stop().await;
    show_fleet(&changed?);
    Ok(())
}

fn show_fleet(status: &FleetKeysStatus) {
    say(format_args!("{} hosts", status.hosts));
    for (kind, keys) in [("CA", &status.ca), ("signing key", &status.signing)] {
        for key in keys {
            say(format_args!(
                "{kind} {}  {} since {}, believed by {} hosts, certificates of {} hosts",
                key.id, key.state, key.since, key.believers, key.certificates
            ));
        }
    }
}

/// What `muster keys status --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    source: String,
    /// The master key that seals.
    current: String,
    /// Every master key that is known here.
    known: Vec<String>,
    sealed: keys::Census,
    control_planes: Vec<keys::Plane>,
    fleet: FleetKeysStatus,
}

async fn status(app: &App, json: bool) -> anyhow::Result<()> {
    let ring = app.keys.ring();
    let status = Status {
        source: app.keys.source().to_string(),
        current: ring.current.id().to_owned(),
        known: ring.ids(),
        sealed: keys::census(&app.db, &app.keys).await?,
        control_planes: rotate::planes(app).await?,
        fleet: rotation::status(app, &super::operator(app)).await?,
    };
    if json {
        say(serde_json::to_string_pretty(&status)?);
        return Ok(());
    }
    say(format_args!("master keys from {}", status.source));
    for (id, values) in &status.sealed.known {
        let role = if *id == status.current { "seals" } else { "opens" };
        say(format_args!("  {id}  {role}  {values} values"));
    }
    for (id, values) in &status.sealed.unknown {
        say(format_args!(
            "  {id}  is not here  {values} values can't be opened"
        ));
    }
    for plane in &status.control_planes {
        let has = plane.master_keys.join(", ");
        say(format_args!("control plane {} has {has}", plane.name));
    }
    show_fleet(&status.fleet);
    Ok(())
}

async fn rotate_master(app: &App, grace: Duration) -> anyhow::Result<()> {
    if let Step::Announced(id) = rotate::begin(&app.keys).context("no new master key can be made")? {
        say(format_args!(
            "new master key {id}: waiting until every control plane has it"
        ));
    } else {
        say("going on with the rotation that was begun");
    }
    let mut last = String::new();
    loop {
        let line = match rotate::step(app, grace).await? {
            Step::Stable(id) => {
                say(format_args!("master key {id} is the only one"));
                return Ok(());
            }
            Step::WaitsFor(planes) => waits_for(app, &planes),
            Step::Announced(id) => format!("new master key {id}"),
            Step::Switched(id) => format!("master key {id} seals"),
            Step::Rewrapped(values) => format!("{values} values are sealed anew"),
            Step::Settling => "waiting for requests that began before".to_owned(),
            Step::Dropped(ids) => {
                say(format_args!(
                    "dropped {}: nothing is sealed by it",
                    ids.join(", ")
                ));
                continue;
            }
        };
        if line != last {
            say(&line);
            last = line;
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn waits_for(app: &App, planes: &[keys::Plane]) -> String {
    let names: Vec<&str> = planes.iter().map(|plane| plane.name.as_str()).collect();
    format!(
        "waiting for {}: a control plane on another machine needs a copy of {}",
        names.join(", "),
        app.keys.source()
    )
}
