//! The audit log's chain, reckoned anew. Of rows that were archived it knows the files that are noted, and that they follow
//! each other without a gap; what is in them it does not read.

use crate::Database;
use crate::database::Column::{Bytes, Id, Maybe, Text};
use anyhow::{Context as _, Result, ensure};
use muster_base::sha256;

/// While the log is looked at somebody may write into it: so often it is looked at anew then.
const LOOKS: usize = 20;

/// Checks every scope's chain; how many rows there are.
pub fn audit(database: &Database) -> Result<usize> {
    let mut looks = 0;
    loop {
        let before = heads(database)?;
        let found = look(database, &before);
        looks += 1;
        if looks == LOOKS || heads(database)? == before {
            return found;
        }
    }
}

fn heads(database: &Database) -> Result<Vec<Vec<String>>> {
    database.rows(
        &[Text("scope"), Text("seq"), Bytes("hash")],
        "audit_heads order by scope",
    )
}

fn look(database: &Database, heads: &[Vec<String>]) -> Result<usize> {
    let mut count = 0;
    for head in heads {
        let [scope, last, hash] = head.as_slice() else {
            anyhow::bail!("other columns than were asked for");
        };
        let columns = [
            Id("id"),
            Text("seq"),
            Text("at"),
            Text("actor_kind"),
            Text("actor_id"),
            Text("actor_name"),
            Text("operation"),
            Text("object_kind"),
            Text("object_id"),
            Text("outcome"),
            Text("detail"),
            Maybe("ip"),
            Maybe("before"),
            Maybe("after"),
            Bytes("hash"),
        ];
        let rows = database.rows(
            &columns,
            &format!("audit_log where scope = '{scope}' order by seq"),
        )?;
        let (archived, mut previous) = archived(database, scope)?;
        for (nth, row) in rows.iter().enumerate() {
            let number = archived + nth + 1;
            ensure!(
                row[1] == number.to_string(),
                "row {number} of {scope} is number {}",
                row[1]
            );
            let found = hex::decode(&row[14])?;
            ensure!(
                found == expected(&previous, scope, row)?,
                "row {} of {scope} does not fit into the chain",
                row[1]
            );
            previous = found;
        }
        ensure!(
            (archived + rows.len()).to_string() == *last && hex::encode(&previous) == *hash,
            "{scope}: the head says {last} rows and there are {} and {archived} in files",
            rows.len()
        );
        count += archived + rows.len();
    }
    ensure!(count > 0, "the audit log is empty");
    let strays = database.rows(
        &[Text("scope")],
        "audit_log l where not exists (select 1 from audit_heads h where h.scope = l.scope)",
    )?;
    ensure!(strays.is_empty(), "rows without a head: {strays:?}");
    Ok(count)
}

/// How many of a scope's rows are in files, and the hash of the last of them.
fn archived(database: &Database, scope: &str) -> Result<(usize, Vec<u8>)> {
    let (mut end, mut hash) = (0, Vec::new());
    for file in archives(database, scope)? {
        ensure!(
            file.first == end + 1 && file.last >= file.first,
            "{scope}: after {end} rows comes a file of {} to {}",
            file.first,
            file.last
        );
        (end, hash) = (file.last, file.last_hash);
    }
    Ok((end, hash))
}

/// A file of the archive, as the database knows it.
#[derive(Debug)]
pub struct Archived {
    /// Number of its first row.
    pub first: usize,
    /// Number of its last row.
    pub last: usize,
    /// Its name in the archive's folder.
    pub file: String,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// Hash of its last row.
    pub last_hash: Vec<u8>,
}

/// The files of a scope, oldest first.
pub fn archives(database: &Database, scope: &str) -> Result<Vec<Archived>> {
    let columns = [
        Text("first_seq"),
        Text("last_seq"),
        Text("file"),
        Bytes("sha256"),
        Bytes("last_hash"),
    ];
    let from = format!("audit_archives where scope = '{scope}' order by first_seq");
    let rows = database.rows(&columns, &from)?;
    let read = |row: &Vec<String>| {
        Ok(Archived {
            first: row[0].parse()?,
            last: row[1].parse()?,
            file: row[2].clone(),
            sha256: row[3].clone(),
            last_hash: hex::decode(&row[4])?,
        })
    };
    rows.iter().map(read).collect()
}

/// How often it was written down that `operation` was done with the object of this id.
pub fn count(database: &Database, operation: &str, object: &str) -> Result<usize> {
    let rows = database.rows(
        &[Text("object_id")],
        &format!("audit_log where operation = '{operation}' and object_id = '{object}' and outcome = 'done'"),
    )?;
    Ok(rows.len())
}

/// SHA-256 over the hash before and every field, each preceded by its length.
fn expected(previous: &[u8], scope: &str, row: &[String]) -> Result<[u8; 32]> {
    let number = |text: &str| {
        text.parse::<i64>()
            .with_context(|| format!("{text} is no number"))
    };
    let mut fields: Vec<Vec<u8>> = vec![
        previous.to_vec(),
        hex::decode(&row[0])?,
        scope.as_bytes().to_vec(),
        number(&row[1])?.to_be_bytes().to_vec(),
        number(&row[2])?.to_be_bytes().to_vec(),
    ];
    fields.extend(row[3..11].iter().map(|text| text.as_bytes().to_vec()));
    for optional in &row[11..14] {
        let text = optional.strip_prefix('+');
        fields.push(vec![u8::from(text.is_some())]);
        fields.push(text.unwrap_or_default().as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&field);
    }
    Ok(sha256(&bytes).0)
}
