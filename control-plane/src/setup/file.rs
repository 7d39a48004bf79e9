//! What an installation writes into the configuration file: the database and the super administrator, beside what stands
//! there.
//!
//! The file is the operator's: comments, order and everything else in it stay. So it is changed as text, line by line,
//! and a change counts only if the text then says what was meant and nothing else is different ([`text`]); a file that
//! can't be changed so is refused with what to do by hand. What is refused is refused before the database is touched,
//! and the file takes its place at once.

use std::{fs, io, iter, path::Path};

use muster_base::{ExposeSecret, SecretString};
use toml::{Table, Value};

use super::{SetupError, write_private};
use crate::config::{Config, FILE_NAME, SuperAdmin};

const DATABASE: &str = "database";
const URL: &str = "url";

/// Whether the file could be written now.
pub(super) fn check(data: &Path, url: Option<&SecretString>, admin: &SuperAdmin) -> Result<(), SetupError> {
    made(data, url, admin).map(drop)
}

/// Writes the file.
pub(super) fn write(data: &Path, url: Option<&SecretString>, admin: &SuperAdmin) -> Result<(), SetupError> {
    let file = data.join(FILE_NAME);
    let text = made(data, url, admin)?;
    write_private(&file, &text).map_err(|e| SetupError::File(file, e))
}

/// The file's new text, which says what was meant when it is read as at a start.
fn made(data: &Path, url: Option<&SecretString>, admin: &SuperAdmin) -> Result<String, SetupError> {
    let file = data.join(FILE_NAME);
    let present = match fs::read_to_string(&file) {
        Ok(present) => present,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(SetupError::File(file, error)),
    };
    let refused = |why: &str| SetupError::Configuration(file.clone(), why.to_owned());
    let text = text(&present, url, admin).map_err(refused)?;
    let config = Config::of_text(data, &text).map_err(SetupError::Config)?;
    let exposed = |secret: Option<&SecretString>| secret.map(|secret| secret.expose_secret().to_owned());
    if exposed(config.database.url.as_ref()) != exposed(url) {
        return Err(refused(
            "the environment (MUSTER_DATABASE__URL) names another database: choose that one, or take it out",
        ));
    }
    let written = config.super_admin.filter(|written| {
        written.account == admin.account
            && written.password_hash.expose_secret() == admin.password_hash.expose_secret()
    });
    if written.is_none() {
        return Err(refused(
            "the environment (MUSTER_SUPER_ADMIN__…) names another super administrator",
        ));
    }
    Ok(text)
}

/// `present` with the database and the super administrator, and otherwise the same.
fn text(present: &str, url: Option<&SecretString>, admin: &SuperAdmin) -> Result<String, &'static str> {
    let before: Table = present.parse().map_err(|_| "it is not TOML")?;
    let has_database = before.contains_key(DATABASE);
    let added = Config::initial_file(url.filter(|_| !has_database), admin);
    let mut meant = before.clone();
    if let Some(section) = meant.get_mut(DATABASE) {
        let section = section.as_table_mut().ok_or("its database is no section")?;
        match url {
            Some(url) => section.insert(URL.to_owned(), url.expose_secret().into()),
            None => section.remove(URL),
        };
    }
    meant.extend(
        added
            .parse::<Table>()
            .map_err(|_| "the super administrator can't be written in TOML")?,
    );
    let meant = plain(meant);
    let stays = !has_database || meant.get(DATABASE) == plain(before).get(DATABASE);
    let as_it_is = stays.then(|| present.to_owned());
    let changed = as_it_is.is_none().then(|| changes(present, url));
    as_it_is
        .into_iter()
        .chain(changed.into_iter().flatten())
        .map(|body| joined(&body, &added))
        .find(|text| text.parse::<Table>().is_ok_and(|read| plain(read) == meant))
        .ok_or("the url of its [database] can't be changed: write the database's url there, or take [database] out")
}

/// Without a section that says nothing.
fn plain(mut table: Table) -> Table {
    if table
        .get(DATABASE)
        .and_then(Value::as_table)
        .is_some_and(Table::is_empty)
    {
        table.remove(DATABASE);
    }
    table
}

/// A section begins with its line.
fn joined(body: &str, added: &str) -> String {
    let end = if body.is_empty() || body.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let space = if body.trim().is_empty() { "" } else { "\n" };
    format!("{body}{end}{space}{added}")
}

/// The texts in which one line sets or takes away the database's url; which of them is right, their reading tells.
fn changes(present: &str, url: Option<&SecretString>) -> impl Iterator<Item = String> {
    let lines: Vec<&str> = present.lines().collect();
    let written = url.map(|url| Value::from(url.expose_secret()).to_string());
    (0..lines.len()).filter_map(move |number| {
        let line = lines.get(number)?;
        let (head, tail) = (lines.get(..number)?, lines.get(number + 1..)?);
        let key = line.split('=').next().unwrap_or_default().trim();
        let value = |key: &str| written.as_ref().map(|written| format!("{key} = {written}"));
        let middle = if line.contains('=') && (key == URL || key == "database.url") {
            value(key).map_or_else(Vec::new, |line| vec![line])
        } else if key.split('#').next().unwrap_or_default().trim() == "[database]" {
            iter::once((*line).to_owned()).chain(value(URL)).collect()
        } else {
            return None;
        };
        let all = head
            .iter()
            .copied()
            .chain(middle.iter().map(String::as_str))
            .chain(tail.iter().copied());
        let mut text = all.collect::<Vec<_>>().join("\n");
        text.push('\n');
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin() -> SuperAdmin {
        SuperAdmin {
            account: "ro\"ot".into(),
            password_hash: "$argon2id$x".into(),
        }
    }

    fn read(text: &str) -> (Option<String>, String) {
        let table: Table = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
        let url = table.get("database").and_then(|section| section.get("url"));
        (
            url.map(|url| url.as_str().unwrap().to_owned()),
            table["super_admin"]["account"].as_str().unwrap().to_owned(),
        )
    }

    const NEW: &str = "postgres://new:p\"w@host/muster";

    #[test]
    fn whatever_stands_there_stays_and_what_was_chosen_counts() {
        let new = SecretString::from(NEW);
        for (present, stays) in [
            ("", ""),
            ("# nothing", "# nothing"),
            ("[http]\nlisten = \"[::1]:1\"", "listen = \"[::1]:1\""),
            ("# see [database] below\n[http]\n", "# see [database] below"),
            ("[http] # no end\npublic_url = \"a[database]b\"", "a[database]b"),
            ("[database]\n", "[database]"),
            (
                "[database] # ours\n# url = \"of old\"\n[http]",
                "# url = \"of old\"",
            ),
            (
                "[database]\nurl = \"postgres://old\"\n[mail]\nurl = \"x\"",
                "url = \"x\"",
            ),
            (
                "[mail]\nurl = \"x\"\n[database]\n  url=\"postgres://old\" # old",
                "url = \"x\"",
            ),
            ("database.url = \"postgres://old\"", ""),
        ] {
            let text = text(present, Some(&new), &admin()).unwrap_or_else(|why| panic!("{why}: {present}"));
            assert_eq!(read(&text), (Some(NEW.to_owned()), "ro\"ot".to_owned()), "{text}");
            assert!(text.contains(stays), "{text}");

            let text = super::text(present, None, &admin()).unwrap_or_else(|why| panic!("{why}: {present}"));
            assert_eq!(read(&text), (None, "ro\"ot".to_owned()), "{text}");
            assert!(text.contains(stays), "{text}");
        }
        let same = format!("[database]\n'url' = '{NEW}'");
        assert_eq!(
            read(&text(&same, Some(&new), &admin()).unwrap()).0.as_deref(),
            Some(NEW)
        );
    }

    #[test]
    fn what_can_t_be_changed_is_refused_and_not_guessed() {
        let new = SecretString::from(NEW);
        for present in [
            "database = { url = \"postgres://old\" }",
            "[database]\nurl = \"\"\"\npostgres://old\"\"\"\n",
            "database = 7",
            "not toml",
        ] {
            assert!(text(present, Some(&new), &admin()).is_err(), "{present}");
        }
    }
}
