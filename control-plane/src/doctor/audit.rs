//! The hash chain of every audit log.

use muster_base::doctor::Finding;

use super::unreadable;
use crate::{
    audit::{self, Chain},
    db::Databases,
};

pub(super) async fn look(databases: &Databases) -> Vec<Finding> {
    match audit::verify_all(&databases.main).await {
        Ok(scopes) => scopes.iter().map(|(scope, held)| finding(scope, *held)).collect(),
        Err(error) => vec![unreadable("audit.chain", &error)],
    }
}

fn finding(scope: &str, held: Chain) -> Finding {
    match held {
        Chain::Intact { rows } => Finding::ok(
            "audit.chain",
            format!("{scope}: {rows} rows, none changed or missing"),
        ),
        Chain::Broken { first } => Finding::problem(
            "audit.chain",
            format!("{scope}: row {first} was changed or removed"),
            "somebody wrote to the database past Muster: what the log says from there on proves nothing",
            "compare with an exported log or a backup; find out who can write to the database",
        ),
    }
}
