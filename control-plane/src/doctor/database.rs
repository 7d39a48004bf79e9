//! Whether the database answers, its version and steps, whether its files are sound.

use muster_base::doctor::Finding;

use super::{Opened, Patient, said, store, unreadable};
use crate::{
    config::Config,
    db::{Databases, Db, DbError, Schema},
};

/// The oldest PostgreSQL that is supported, as `server_version_num`.
const OLDEST_POSTGRES: i64 = 130_000;

/// The database, if it answers.
pub(super) async fn open(patient: &Patient, config: &Config, findings: &mut Vec<Finding>) -> Opened {
    match Databases::existing(&patient.data, config.database.url.as_ref()).await {
        Ok(databases) => Some(databases),
        Err(error) => {
            let todo = if config.database.url.is_some() {
                "start PostgreSQL, or correct database.url; the control plane goes on by itself then"
            } else {
                "put muster.db and telemetry.db back, from a backup with `muster restore`"
            };
            let why = "everything but the configuration is in it";
            findings.push(Finding::problem("database.reachable", said(&error), why, todo));
            None
        }
    }
}

pub(super) async fn look(databases: &Databases, schema: &Result<Schema, DbError>) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("database.reachable", databases.main.name())];
    findings.push(match schema {
        Ok(schema) => steps(schema),
        Err(error) => unreadable("database.schema", error),
    });
    match &databases.main {
        Db::Sqlite(_) => {
            for (name, db) in [
                ("muster.db", &databases.main),
                ("telemetry.db", &databases.telemetry),
            ] {
                findings.push(match store::integrity(db).await {
                    Ok(said) if said == ["ok"] => {
                        Finding::ok("database.integrity", format!("{name} is sound"))
                    }
                    Ok(said) => damaged(name, &said.join("; ")),
                    Err(error) => damaged(name, &said_of(&error)),
                });
            }
        }
        Db::Postgres(_) => findings.push(match store::postgres_version(&databases.main).await {
            Ok(version) => postgres(version),
            Err(error) => unreadable("database.version", &error),
        }),
    }
    findings
}

fn said_of(error: &DbError) -> String {
    said(error)
}

fn damaged(name: &str, what: &str) -> Finding {
    Finding::problem(
        "database.integrity",
        format!("{name} is damaged: {what}"),
        "what is read from it may be wrong or missing, and it gets worse with every write",
        "stop the control plane, keep a copy of the file, restore the last backup",
    )
}

pub(super) fn steps(schema: &Schema) -> Finding {
    match schema {
        Schema::Current => Finding::ok("database.schema", "of this version"),
        Schema::Behind(missing) => Finding::warning(
            "database.schema",
            format!("{} steps of this version are not applied yet", missing.len()),
            "this program is newer than the one that serves, or has not served yet",
            "a start of `muster serve` applies them; back up first",
        ),
        Schema::Empty => Finding::warning(
            "database.schema",
            "the database is empty",
            "nothing is in it",
            "a start of `muster serve` makes its tables; was there another database before?",
        ),
        Schema::Ahead(steps) => Finding::problem(
            "database.schema",
            format!("a newer version was here: steps {steps:?} are unknown"),
            "an older program would misread what a newer one wrote",
            "use the newer program, or restore a backup from before the upgrade",
        ),
        Schema::Different(step) => Finding::problem(
            "database.schema",
            format!("step {step} is not what was applied, or broke off"),
            "the tables may not be what this program thinks",
            "use the program that made the database, or restore a backup",
        ),
    }
}

pub(super) fn postgres(version: i64) -> Finding {
    let what = format!("PostgreSQL {}.{}", version / 10_000, version % 10_000);
    if version < OLDEST_POSTGRES {
        let why = "it lacks what queries use, and gets no more repairs";
        Finding::problem("database.version", what, why, "upgrade to PostgreSQL 13 or newer")
    } else {
        Finding::ok("database.version", what)
    }
}
