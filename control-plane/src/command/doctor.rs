//! `muster doctor`: exit status 0 nothing is wrong, 1 warnings only, 2 problems.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use muster_control_plane::doctor::{self, Patient};

use super::{Place, say};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DoctorArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Walk the hash chain of every audit log.
    Audit(Common),
}

#[derive(Args)]
struct Common {
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let (common, report) = match args.what {
        None => {
            let report = doctor::examine(&patient(&args.common)).await;
            (args.common, report)
        }
        Some(What::Audit(common)) => {
            let report = doctor::examine_audit(&patient(&common)).await;
            (common, report)
        }
    };
    if common.json {
        say(serde_json::to_string_pretty(&report)?);
    } else {
        say(&report);
    }
    Ok(ExitCode::from(report.exit_code()))
}

fn patient(common: &Common) -> Patient {
    Patient::new(&common.place.data, &common.place.config_file())
}
