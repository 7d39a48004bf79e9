//! `musterctl schema lint`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use muster_schema::{Dialect, Setting, Settings, lint_rules, lint_with};

use super::{FOUND, NOTHING, REFUSED, input};

/// What to lint.
#[derive(clap::Args)]
pub struct Args {
    /// mysql or postgres
    #[arg(long)]
    dialect: Dialect,
    /// Print one JSON array instead
    #[arg(long)]
    json: bool,
    /// Set a rule: off, info, warning or error; can be given more than once
    #[arg(long = "set", value_name = "RULE=SETTING", value_parser = setting)]
    set: Vec<(String, Setting)>,
    /// List all rules and what they are, instead of looking at a file
    #[arg(long)]
    rules: bool,
    /// The file; `-` for standard input
    #[arg(required_unless_present = "rules")]
    file: Option<PathBuf>,
}

/// `rule=setting`, both known.
fn setting(text: &str) -> Result<(String, Setting), String> {
    let (rule, setting) = text.split_once('=').ok_or("write it as RULE=SETTING")?;
    let setting: Setting = setting.parse().map_err(to_text)?;
    Settings::default().set(rule, setting).map_err(to_text)?;
    Ok((rule.to_owned(), setting))
}

#[expect(clippy::needless_pass_by_value, reason = "used by map_err")]
fn to_text(error: muster_schema::SettingError) -> String {
    error.to_string()
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    let Some(file) = args.file.as_ref().filter(|_| !args.rules) else {
        let mut rules: Vec<_> = lint_rules().collect();
        rules.sort_unstable_by_key(|rule| rule.name);
        for rule in rules {
            match rule.severity {
                Some(severity) => writeln!(out, "{} {severity}", rule.name)?,
                None => writeln!(out, "{} off", rule.name)?,
            }
        }
        return Ok(NOTHING);
    };
    let mut settings = Settings::default();
    for (rule, setting) in &args.set {
        settings.set(rule, *setting)?;
    }
    let text = input::read(file)?;
    let findings = match lint_with(args.dialect, &text, &settings) {
        Ok(findings) => findings,
        Err(error) => {
            crate::report(&error.to_string());
            return Ok(REFUSED);
        }
    };
    if args.json {
        serde_json::to_writer(&mut out, &findings)?;
        writeln!(out)?;
    } else {
        for finding in &findings {
            writeln!(out, "{finding}")?;
        }
    }
    out.flush()?;
    Ok(if findings.is_empty() { NOTHING } else { FOUND })
}
