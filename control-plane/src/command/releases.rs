//! `muster releases`: releases from before releases were signed, which whoever has the data directory may vouch for.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use muster_base::ReleaseId;
use muster_control_plane::schema::{self, UnsignedRelease};

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
    /// Show releases without a signature that could be executed still: their SQL, who approved them, and the digest over it all.
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
    say(format_args!(
        "{}  {} ({}, database {}), made {}",
        release.id,
        visible(&release.version),
        visible(&release.environment),
        visible(&release.database),
        release.created_at
    ));
    say(format_args!("  digest       {}", release.digest));
    let approvers = release.approvers.join(", ");
    say(format_args!("  approved by  {}", visible(&approvers)));
    if !release.may_be_vouched {
        say("  can't be vouched for: older releases are signed, so it has lost its signature");
    }
    if !brief {
        for sql in &release.sql {
            for line in sql.lines() {
                say(format_args!("  | {}", visible(line)));
            }
        }
    }
}

/// What steers a terminal, or turns or hides a part of a line, as what it is: nobody vouches for what they can't see.
fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c != '\t' && (c.is_control() || hides) {
            seen.extend(c.escape_unicode());
        } else {
            seen.push(c);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_would_hide_a_part_of_the_sql_is_seen() {
        assert_eq!(visible("select\t'é' -- 表"), "select\t'é' -- 表");
        assert_eq!(visible("a\u{1b}[2Kb\rc"), "a\\u{1b}[2Kb\\u{d}c");
        assert_eq!(visible("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
    }
}
