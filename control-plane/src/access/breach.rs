//! A list of passwords that became known, in a file that the operator puts there (`[sign_in] breach_list`).
//!
//! | form | a line | how it is searched |
//! |---|---|---|
//! | hashes | SHA-1 in hexadecimal, perhaps `:` and a count, sorted by hash, as Have I Been Pwned has them | by halving, whatever the size |
//! | plain | a password | from one end to the other, 64 MiB at most |
//!
//! The first line tells the form. Either way a few kilobytes are in memory.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use muster_base::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// A plain list that is longer is to be brought into the other form.
const PLAIN_BYTES: u64 = 64 << 20;
/// Of a line; a password is not longer.
const LINE_BYTES: u64 = 2_048;
const SHA1_HEX: usize = 40;

/// Why a list could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BreachError {
    /// It can't be read.
    #[error("{path} can't be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A plain list that is too long to be gone through for each password.
    #[error("{0} holds more than 64 MiB of plain passwords: give a list of SHA-1 hashes, sorted by hash")]
    TooLong(PathBuf),
    /// The reading was cut off.
    #[error("the reading was cut off")]
    CutOff,
}

/// Whether the password is in the list.
pub(super) async fn contains(path: &Path, password: SecretString) -> Result<bool, BreachError> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let unreadable = |source| BreachError::Unreadable {
            path: path.clone(),
            source,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut list = BufReader::with_capacity(4_096, file);
        let first = line_at(&mut list, 0).map_err(unreadable)?;
        if first.as_deref().is_some_and(|line| hash_of(line).is_some()) {
            return among_hashes(&mut list, size, &sha1(&password)).map_err(unreadable);
        }
        if size > PLAIN_BYTES {
            return Err(BreachError::TooLong(path.clone()));
        }
        among_words(&mut list, &password).map_err(unreadable)
    });
    reading.await.map_err(|_| BreachError::CutOff)?
}

fn sha1(password: &SecretString) -> String {
    let hash = digest::digest(
        &digest::SHA1_FOR_LEGACY_USE_ONLY,
        password.expose_secret().as_bytes(),
    );
    hex::encode_upper(hash.as_ref())
}

/// The hash that a line begins with.
fn hash_of(line: &str) -> Option<String> {
    let hash = line.split(':').next()?.trim();
    let hexadecimal = hash.len() == SHA1_HEX && hash.chars().all(|c| c.is_ascii_hexdigit());
    hexadecimal.then(|| hash.to_ascii_uppercase())
}

/// Halves the file until the line is found or is not there. `low` and `high` are beginnings of lines.
fn among_hashes(list: &mut BufReader<File>, size: u64, wanted: &str) -> io::Result<bool> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        let start = line_start(list, middle, low)?;
        let Some(line) = line_at(list, start)? else {
            return Ok(false);
        };
        let end = list.stream_position()?;
        match hash_of(&line) {
            Some(hash) if hash == wanted => return Ok(true),
            Some(hash) if hash.as_str() < wanted => low = end,
            // A later one, or an empty line, at the end most likely.
            Some(_) | None => high = start,
        }
    }
    Ok(false)
}

/// Where the line begins that `at` is in, not before `low`.
fn line_start(list: &mut BufReader<File>, at: u64, low: u64) -> io::Result<u64> {
    let from = at.saturating_sub(LINE_BYTES).max(low);
    list.seek(SeekFrom::Start(from))?;
    let mut before = Vec::new();
    list.by_ref().take(at - from).read_to_end(&mut before)?;
    let newline = before.iter().rposition(|byte| *byte == b'\n');
    Ok(newline.map_or(from, |newline| from + u64::try_from(newline).unwrap_or(0) + 1))
}

/// The line that begins there; none at the end.
fn line_at(list: &mut BufReader<File>, start: u64) -> io::Result<Option<Zeroizing<String>>> {
    list.seek(SeekFrom::Start(start))?;
    let mut bytes = Zeroizing::new(Vec::new());
    list.by_ref().take(LINE_BYTES).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(Zeroizing::new(
        String::from_utf8_lossy(&bytes).trim_end().to_owned(),
    )))
}

fn among_words(list: &mut BufReader<File>, password: &SecretString) -> io::Result<bool> {
    list.seek(SeekFrom::Start(0))?;
    let wanted = password.expose_secret().as_bytes();
    let mut line = Zeroizing::new(Vec::new());
    loop {
        line.clear();
        list.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(false);
        }
        let word = line.strip_suffix(b"\n").unwrap_or(&line);
        let word = word.strip_suffix(b"\r").unwrap_or(word);
        if word == wanted {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    async fn known(list: &tempfile::NamedTempFile, password: &str) -> bool {
        contains(list.path(), password.into()).await.unwrap()
    }

    #[tokio::test]
    async fn every_hash_is_found_and_no_other() {
        for count in [1, 2, 3, 500] {
            let mut hashes: Vec<String> = (0..count)
                .map(|n| sha1(&format!("password {n}").into()))
                .collect();
            hashes.sort();
            for (end, with_count) in [("", true), ("\n", false), ("\r\n", true)] {
                let line = |(n, hash): (usize, &String)| {
                    if with_count {
                        format!("{hash}:{n}")
                    } else {
                        hash.to_lowercase()
                    }
                };
                let lines: Vec<String> = hashes.iter().enumerate().map(line).collect();
                let list = file(&(lines.join("\n") + end));
                for n in 0..count {
                    assert!(known(&list, &format!("password {n}")).await, "{n} of {count}");
                }
                for n in 0..50 {
                    assert!(!known(&list, &format!("another {n}")).await, "{n} of {count}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_plain_list_is_searched_line_by_line() {
        let list = file(&format!(
            "first one\r\n{}\ncorrect horse\nlast one",
            "x".repeat(9_000)
        ));
        for word in ["first one", "correct horse", "last one"] {
            assert!(known(&list, word).await, "{word}");
        }
        for word in ["first", "horse", "", "x"] {
            assert!(!known(&list, word).await, "{word}");
        }
        assert!(!known(&file(""), "anything").await);
    }

    #[tokio::test]
    async fn a_list_that_is_not_there_is_an_error_and_not_a_no() {
        let missing = contains(Path::new("/nowhere/list"), "a password".into()).await;
        assert!(matches!(missing, Err(BreachError::Unreadable { .. })));
    }
}
