//! Which column is which, from one revision to the next: so a new name is a rename and not a loss.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::TableValues;

/// A column whose identity can't be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// Two columns say that they are the same.
    #[error("the columns {0} and {1} have the same id: leave it out of the new one")]
    Twice(String, String),
    /// It says that it was a column that isn't there.
    #[error("the column {0} can't be renamed from {1}: the table has no such column")]
    NoSuch(String, String),
    /// It says that it was a column that is still there.
    #[error("the column {0} can't be renamed from {1}: {1} is still there")]
    StillThere(String, String),
}

impl TableValues {
    /// Gives every column its id: the one it has, the one of the column that it was renamed from, the one of the column
    /// of the same name, or a new one.
    pub fn settle_ids(
        &mut self,
        before: Option<&Self>,
        mut mint: impl FnMut() -> Uuid,
    ) -> Result<(), IdFault> {
        let old = before.map(|before| before.columns.as_slice()).unwrap_or_default();
        let old_id = |name: &str| {
            old.iter()
                .find(|column| column.name == name)
                .and_then(|column| column.id)
        };
        let names: BTreeSet<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        for column in &mut self.columns {
            let Some(from) = column.renamed_from.take().filter(|from| *from != column.name) else {
                continue;
            };
            if names.contains(&from) {
                return Err(IdFault::StillThere(column.name.clone(), from));
            }
            match old_id(&from) {
                Some(id) => column.id = Some(id),
                // Applied once more, it has the name already.
                None if old_id(&column.name).is_some() => {}
                None => return Err(IdFault::NoSuch(column.name.clone(), from)),
            }
        }
        let mut taken: BTreeSet<Uuid> = self.columns.iter().filter_map(|column| column.id).collect();
        for column in self.columns.iter_mut().filter(|column| column.id.is_none()) {
            let same = old_id(&column.name).filter(|id| !taken.contains(id));
            let id = same.unwrap_or_else(&mut mint);
            taken.insert(id);
            column.id = Some(id);
        }
        for (nth, column) in self.columns.iter().enumerate() {
            if let Some(twin) = self.columns[..nth].iter().find(|other| other.id == column.id) {
                return Err(IdFault::Twice(twin.name.clone(), column.name.clone()));
            }
        }
        Ok(())
    }
}
