//! `muster releases`: releases from before releases were signed, which whoever has the data directory may vouch for.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use muster_base::ReleaseId;
use muster_control_plane::schema::{self, ProposedStatement, SetAsideKind, UnsignedRelease, UnsignedTarget};
use muster_schema::visible;

use super::{Place, operator, say};

/// Releases that are looked at.
const MOST: i64 = 1_000;

#[derive(Args)]
pub struct ReleasesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Show releases without a signature that could be executed still: for each server their SQL and its way back, who approved
    /// them, and the digest over it all.
    Unsigned {
        #[command(flatten)]
        place: Place,
        /// Leave the SQL out.
        #[arg(long)]
        brief: bool,
    },
    /// Say that a release is what was approved, and sign it so that it can be executed. Look at its SQL first, and ask those who
    /// approved it: what lies in the database is not a proof.
    Vouch {
        /// Its id.
        release: ReleaseId,
        /// The digest that `unsigned` shows.
        #[arg(long)]
        digest: String,
        /// How you know; kept with the release.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
}

pub async fn run(args: ReleasesArgs) -> anyhow::Result<()> {
    match args.what {
        What::Unsigned { place, brief } => {
            let app = place.app().await?;
            let found = schema::list_unsigned(&app, &operator(&app), MOST).await;
            app.stop().await;
            let found = found?;
            if found.is_empty() {
                say("no release without a signature could be executed still");
            }
            for release in &found {
                show(release, brief);
            }
            Ok(())
        }
        What::Vouch {
            release,
            digest,
            reason,
            place,
        } => {
            let app = place.app().await?;
            let who = operator(&app);
            let done = async {
                // Its org is found by it.
                let found = schema::list_unsigned(&app, &who, MOST).await?;
                let Some(found) = found.iter().find(|found| found.id == release) else {
                    bail!("no release of this id lacks a signature and could be executed still");
                };
                let said = (digest.as_str(), reason.as_str());
                let signed = schema::vouch_as(&app, &who, (found.org, release), said).await;
                let key = signed.context("it was not vouched for")?.key_id;
                Ok::<_, anyhow::Error>((found.version.clone(), key.unwrap_or_default()))
            };
            let done = done.await;
            app.stop().await;
            let (version, key) = done?;
            say(format_args!("release {version} is signed by key {key}"));
            Ok(())
        }
    }
}

fn show(release: &UnsignedRelease, brief: bool) {
    for line in lines_of(release, brief) {
        say(line);
    }
}

/// All that the digest speaks for.
fn lines_of(release: &UnsignedRelease, brief: bool) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}  {} ({}, database {}), made {}",
            release.id,
            visible(&release.version),
            visible(&release.environment),
            visible(&release.database),
            release.created_at
        ),
        format!("  digest       {}", release.digest),
        format!(
            "  project      {}; risk {}",
            or_none(&release.project),
            release.risk.as_str()
        ),
        format!(
            "  of ticket    {}, whose SQL as proposed has the SHA-256 {}",
            release.ticket, release.proposed_sha256
        ),
    ];
    for yes in &release.approvers {
        lines.push(format!(
            "  approved by  {} ({}) at {}: {}",
            visible(&yes.name),
            visible(&yes.person),
            yes.at,
            visible(&yes.comment)
        ));
    }
    if let Some(why) = &release.unreadable {
        lines.push(format!(
            "  can't be vouched for: it can't be read: {}",
            visible(why)
        ));
    } else if !release.may_be_vouched {
        lines.push(
            "  can't be vouched for: older releases are signed, so it has lost its signature".to_owned(),
        );
    }
    for target in &release.targets {
        lines.extend(lines_of_target(target, brief));
    }
    lines
}

fn lines_of_target(target: &UnsignedTarget, brief: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "  on server {} ({}), database {}, risk {}",
        or_none(&target.label),
        target.server,
        visible(&target.database),
        target.risk.as_str()
    )];
    if let Some(base) = target.base {
        lines.push(format!("    computed against release {base}"));
    }
    if let Some(design) = &target.design_sha256 {
        lines.push(format!("    the design afterwards has the SHA-256 {design}"));
    }
    for (number, statement) in (1_usize..).zip(&target.statements) {
        lines.push(format!("    statement {number}: {}", held_to(statement)));
        if !brief {
            quote(&mut lines, &statement.sql);
        }
    }
    for aside in target.set_aside.iter().flat_map(|asides| &asides.items) {
        let days = target.set_aside.as_ref().map_or(0, |asides| asides.days);
        lines.push(format!(
            "    keeps {} {} of table {} (schema {}) as {} for {} days",
            match aside.kind {
                SetAsideKind::Table => "table",
                SetAsideKind::Column => "column",
                SetAsideKind::Rows => "rows",
            },
            visible(&aside.name),
            visible(&aside.table),
            or_none(&aside.namespace),
            visible(&aside.name_now),
            aside.days.unwrap_or(days)
        ));
        if !brief {
            lines.push("    what drops that some day:".to_owned());
            quote(&mut lines, &aside.drop_sql);
            lines.push("    what brings it back:".to_owned());
            quote(&mut lines, &aside.restore_sql);
        }
    }
    match &target.rollback_sql {
        None => lines.push("    way back: none".to_owned()),
        Some(_) if brief => lines.push("    way back: there is SQL for it".to_owned()),
        Some(sql) => {
            lines.push("    way back:".to_owned());
            quote(&mut lines, sql);
        }
    }
    for lost in &target.not_taken_back {
        lines.push(format!("    not taken back: {}", visible(lost)));
    }
    lines
}

/// Its risk and why, and what it is held to.
fn held_to(statement: &ProposedStatement) -> String {
    let mut all = vec![statement.risk.as_str().to_owned()];
    all.extend(statement.reasons.iter().map(|reason| visible(reason)));
    if !statement.transactional {
        all.push("runs outside a transaction".to_owned());
    }
    if let Some(rows) = &statement.rows {
        all.push(match rows.max_rows {
            Some(most) => format!("touches at most {most} rows"),
            None => "touches any number of rows".to_owned(),
        });
        all.push(match &rows.kept_in {
            Some(table) => format!("its rows are kept in {}", visible(table)),
            None => "its rows are not kept".to_owned(),
        });
        if let Some(why) = &rows.not_counted {
            all.push(format!("its rows can't be counted: {}", visible(why)));
        }
    }
    all.join("; ")
}

fn quote(lines: &mut Vec<String>, sql: &str) {
    lines.extend(sql.lines().map(|line| format!("    | {}", visible(line))));
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        "(none)".to_owned()
    } else {
        visible(text)
    }
}

#[cfg(test)]
mod tests {
    use muster_control_plane::schema::ProposedStatement;
    use serde_json::json;

    use super::held_to;

    #[test]
    fn what_a_statement_is_held_to_is_seen() {
        let statement: ProposedStatement = serde_json::from_value(json!({
            "sql": "delete from t", "kind": "delete", "risk": "destructive", "reasons": ["it deletes rows"],
            "transactional": false, "rows": {"maxRows": 5, "keptIn": "kept", "notCounted": null},
        }))
        .unwrap();
        assert_eq!(
            held_to(&statement),
            "destructive; it deletes rows; runs outside a transaction; touches at most 5 rows; its rows are kept in kept"
        );
    }
}
