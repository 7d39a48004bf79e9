//! Files, and where their bytes are.

use crate::Database;
use crate::database::Column::{Id, Text};
use crate::log;
use crate::orders::hyphenated;
use anyhow::{Context as _, Result, ensure};
use muster_base::sha256;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// There is one file of this name, it has exactly these bytes in the folder of the storage, no upload is left of it, and each
/// object in the folder has a row.
pub fn audit(database: &Database, folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let columns = [Id("id"), Text("size"), Text("hash")];
    let files = database.rows(&columns, &format!("files where name = '{name}'"))?;
    let [file] = files.as_slice() else {
        anyhow::bail!("{} files are called {name}", files.len());
    };
    ensure!(
        file[1] == bytes.len().to_string() && file[2] == sha256(bytes).to_string(),
        "{name} is said to have {} bytes with the hash {}",
        file[1],
        file[2]
    );
    let uploads = database.rows(&[Id("id")], &format!("file_uploads where name = '{name}'"))?;
    ensure!(uploads.is_empty(), "uploads of {name} are left: {uploads:?}");
    ensure!(
        stored(database, folder, &file[0])? == bytes,
        "the bytes of {name} are others than were sent"
    );
    let written = log::count(database, "file:write", &hyphenated(&file[0]))?;
    ensure!(written == 1, "{name} is {written} times in the audit log");
    every_object_is_known(database, folder)
}

/// The bytes of a file, piece by piece.
fn stored(database: &Database, folder: &Path, file: &str) -> Result<Vec<u8>> {
    let columns = [
        Id("id"),
        Id("org_id"),
        Text("position"),
        Text("size"),
        Text("stored"),
    ];
    let of_file = format!(
        "file_pieces where file_id = {} order by position",
        database.id(file)
    );
    let mut all = Vec::new();
    for piece in database.rows(&columns, &of_file)? {
        let [id, org, position, size, stored] = piece.as_slice() else {
            anyhow::bail!("other columns than were asked for");
        };
        let path = folder.join(hyphenated(org)).join(hyphenated(id));
        let bytes = fs::read(&path).with_context(|| format!("the piece at {position} is not there"))?;
        ensure!(
            *position == all.len().to_string() && *size == bytes.len().to_string() && stored == "1",
            "after {} bytes comes a piece at {position} of {size} bytes, {} are there, stored: {stored}",
            all.len(),
            bytes.len()
        );
        all.extend(bytes);
    }
    Ok(all)
}

fn every_object_is_known(database: &Database, folder: &Path) -> Result<()> {
    let rows = database.rows(&[Id("org_id"), Id("id")], "file_pieces")?;
    let known: BTreeSet<_> = rows
        .iter()
        .map(|row| (hyphenated(&row[0]), hyphenated(&row[1])))
        .collect();
    for org in fs::read_dir(folder)? {
        let org = org?;
        for piece in fs::read_dir(org.path())? {
            let piece = piece?.file_name().to_string_lossy().into_owned();
            let object = (org.file_name().to_string_lossy().into_owned(), piece);
            ensure!(known.contains(&object), "nobody knows of the object {object:?}");
        }
    }
    Ok(())
}
