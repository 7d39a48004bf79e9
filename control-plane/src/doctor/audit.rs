//! The hash chain of every audit log.

use muster_base::doctor::Finding;

use super::unreadable;
use crate::{
    audit::{self, Archive, Chain},
    db::Databases,
};

pub(super) async fn look(databases: &Databases, archive: &Archive) -> Vec<Finding> {
    match audit::verify_all(&databases.main, archive).await {
        Ok(scopes) => scopes.iter().map(|(scope, held)| finding(scope, held)).collect(),
        Err(error) => vec![unreadable("audit.chain", &error)],
    }
}

fn finding(scope: &str, held: &Chain) -> Finding {
    match held {
        Chain::Intact { rows, archived: 0 } => Finding::ok(
            "audit.chain",
            format!("{scope}: {rows} rows, none changed or missing"),
        ),
        Chain::Intact { rows, archived } => Finding::ok(
            "audit.chain",
            format!("{scope}: {rows} rows, {archived} of them archived, none changed or missing"),
        ),
        Chain::Unreadable { first, why } => Finding::problem(
            "audit.chain",
            format!("{scope}: the rows from {first} on are archived and can't be read: {why}"),
            "what happened at that time can't be shown, and nothing after it is proven",
            "bring the file back from a backup or another copy of the archive's folder",
        ),
        Chain::Broken { first } => Finding::problem(
            "audit.chain",
            format!("{scope}: row {first} was changed or removed"),
            "somebody wrote to the database past Muster: what the log says from there on proves nothing",
            "compare with an exported log or a backup; find out who can write to the database",
        ),
    }
}
