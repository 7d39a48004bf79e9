//! A schema from a live database.
//!
//! Only the catalogue is read, in one transaction that sees one state and may write nothing. A URL holds a password: no
//! message shows it, nor any part of the URL.

mod mysql;
mod postgres;

use std::{fmt, time::Duration};

use anyhow::{Context as _, bail, ensure};
use muster_schema::{
    Dialect, Schema, Unreadable,
    catalogue::{Answers, assemble},
};

/// How long a connection, and each question, may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database's address, with what it takes to get in.
pub(super) struct Url<'a>(&'a str);

impl<'a> Url<'a> {
    /// The text, if it is a URL of a database and no file's name.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let (scheme, _) = text.split_once("://")?;
        ["postgres", "postgresql", "mysql", "mariadb"]
            .contains(&scheme)
            .then_some(Self(text))
    }

    fn dialect(&self) -> Dialect {
        if self.0.starts_with("postgres") {
            Dialect::Postgres
        } else {
            Dialect::MySql
        }
    }

    /// Characters that end the part in which a password stands must be encoded in it; else it would be taken for a
    /// host or a database, and told as such.
    fn check(&self) -> anyhow::Result<()> {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
        ensure!(
            rest.matches('@').count() == authority.matches('@').count(),
            "the URL can't be read: in a user's name or password / ? # and @ are written %2F %3F %23 and %40"
        );
        Ok(())
    }

    /// The message without the password, should a library or a server have put it there.
    fn redacted(&self, message: &str) -> String {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let password = rest
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .map_or("", |(_, password)| password);
        if password.is_empty() {
            message.to_owned()
        } else {
            message.replace(password, "***")
        }
    }
}

impl fmt::Debug for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(***)")
    }
}

/// What the database's catalogue says. The outer error is that it could not be asked.
pub(super) fn schema(dialect: Dialect, url: &Url<'_>) -> anyhow::Result<Result<Schema, Unreadable>> {
    ensure!(
        url.dialect() == dialect,
        "it is a database of another kind than --dialect says"
    );
    url.check()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answers = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, answers(dialect, url))
            .await
            .with_context(|| format!("no answer within {} s", PATIENCE.as_secs()))
    })?;
    match answers {
        Ok(answers) => Ok(assemble(dialect, &answers)),
        Err(error) => bail!("{}", url.redacted(&told(&error))),
    }
}

async fn answers(dialect: Dialect, url: &Url<'_>) -> Result<Answers, sqlx::Error> {
    match dialect {
        Dialect::Postgres => postgres::answers(url.0).await,
        Dialect::MySql => mysql::answers(url.0).await,
    }
}

/// What went wrong, for a person.
fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => format!("the server says: {}", error.message()),
        sqlx::Error::Configuration(_) => "the URL can't be read".to_owned(),
        other => format!("no connection: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_files() {
        for url in [
            "postgres://a@b/c",
            "postgresql://b/c",
            "mysql://a:b@c/d",
            "mariadb://c/d",
        ] {
            assert!(Url::of(url).is_some(), "{url}");
        }
        for file in ["schema.sql", "./a://b", "-", "sqlite://x"] {
            assert!(Url::of(file).is_none(), "{file}");
        }
    }

    #[test]
    fn no_message_shows_a_password() {
        let url = Url("postgres://u:s3cret@h/d");
        assert_eq!(url.redacted("what s3cret did"), "what *** did");
        assert_eq!(format!("{url:?}"), "Url(***)");
        for bad in [
            "postgres://u:a/b@h/d",
            "postgres://u:a#b@h/d",
            "postgres://u:a?b@h/d",
        ] {
            assert!(Url(bad).check().is_err(), "{bad}");
        }
        assert!(Url("postgres://u:a%2Fb@h/d?sslmode=disable").check().is_ok());
    }
}
