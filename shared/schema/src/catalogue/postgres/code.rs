//! What isn't modelled.

use super::rows;
use crate::{
    Unreadable,
    catalogue::Answers,
    model::{Name, Opaque, OpaqueKey, OpaqueKind},
    read::postgres::Reader,
};

pub(super) fn opaque(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for query in ["routines", "triggers", "policies", "privileges"] {
        if let Some(row) = rows(answers, query).next() {
            return Err(Unreadable::of(
                row.name(0)?,
                "routines, triggers, policies and privileges are not read yet",
            ));
        }
    }
    for row in rows(answers, "others") {
        let key = OpaqueKey {
            kind: OpaqueKind::Other,
            on: None,
            name: Name::new(row.text(1)?, format!("{} {}", row.text(0)?, row.text(2)?)),
            arguments: None,
        };
        let opaque = Opaque {
            definition: String::new(),
            comment: None,
        };
        reader.schema.opaque.insert(key, opaque);
    }
    Ok(())
}
