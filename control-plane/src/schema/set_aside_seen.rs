//! What a look at a database says of what was set aside there.
//!
//! A read of the database ([`live`](super::live)) says where each of these is. That is noted with what else came of the look, in its
//! transaction, where nothing was executed there meanwhile:
//!
//! | it | becomes |
//! |---|---|
//! | `kept`, and not there | `gone` since that look: somebody dropped it or brought it back by hand, or a release did so with SQL of its own |
//! | `gone`, and there again under its other name | `kept`: whoever reads there may not have been allowed to see it |
//! | a column in another table | that table's, and its SQL with it |
//!
//! Nobody asks for it: it is in the audit as the system's. Of one that is gone nobody is told when its days are over.

use muster_base::{OrgId, UnixMs};
use muster_schema::{Schema, model::Name, whereabouts};

use super::store::{self, aside_place::Known};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
};

/// Something that was set aside, beside what is there.
#[derive(Debug)]
pub(super) struct SeenAside {
    pub(super) known: Known,
    /// Where it is; nowhere if it is not there.
    at: Option<Name>,
}

/// Where each of these is.
pub(super) fn of(schema: &Schema, known: Vec<Known>) -> Vec<SeenAside> {
    let seen = |known: Known| SeenAside {
        at: whereabouts(schema, &known.aside),
        known,
    };
    known.into_iter().map(seen).collect()
}

/// Notes what is another way than it was known.
pub(super) async fn note(
    app: &App,
    tx: &mut Tx,
    org: OrgId,
    seen: &[SeenAside],
    now: UnixMs,
) -> Result<(), DbError> {
    for one in seen {
        let known = &one.known;
        let mut said = Vec::new();
        if one.at.is_none() != known.gone
            && store::aside_place::set_gone(tx, known.id, one.at.is_none(), now).await?
        {
            said.push(
                if known.gone {
                    "it is there again"
                } else {
                    "it is there no more"
                }
                .to_owned(),
            );
        }
        if let Some(at) = &one.at
            && known.aside.column.is_some()
            && *at != known.aside.table
            && store::aside_place::set_table(tx, known, at).await?
        {
            said.push(format!("its table is {at}"));
        }
        if !said.is_empty() {
            let system = Caller::system("schema.setAside", org);
            let entry = Entry::done("setAside:seen", "set-aside", known.id).detail(said.join("; "));
            audit::record(app, tx, &system, Some(org), entry).await?;
        }
    }
    Ok(())
}
