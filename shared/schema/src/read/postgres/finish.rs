//! What can only be said when all has been read: which types are the schema's own, what references refer to.

use super::{Reader, data_type::is_built_in};
use crate::{
    Schema,
    model::{ColumnDefault, DataType, Name},
};

impl Reader {
    /// The schema, with every name where it stands.
    pub(crate) fn finish(mut self) -> Schema {
        let mut types: Vec<Name> = self.schema.enums.keys().cloned().collect();
        types.extend(self.schema.domains.keys().cloned());
        types.extend(self.schema.composites.keys().cloned());
        let resolve = |of: &mut DataType, search: &str| {
            if of.namespace.is_none() && !is_built_in(&of.name) {
                let here = Name::new(search, of.name.clone());
                if types.contains(&here) {
                    of.namespace = Some(here.namespace);
                }
            }
        };
        let search = self.search.clone();
        for (name, table) in &mut self.schema.tables {
            for column in &mut table.columns {
                resolve(&mut column.data_type, &search);
                if let Some(ColumnDefault::Next(sequence)) = &mut column.default
                    && sequence.namespace.is_empty()
                {
                    sequence.namespace.clone_from(&name.namespace);
                }
            }
        }
        for domain in self.schema.domains.values_mut() {
            resolve(&mut domain.data_type, &search);
        }
        for composite in self.schema.composites.values_mut() {
            composite
                .attributes
                .iter_mut()
                .for_each(|(_, of)| resolve(of, &search));
        }
        self.references();
        self.schema
    }

    /// A reference that names no columns means the primary key.
    fn references(&mut self) {
        let keys: std::collections::BTreeMap<Name, Vec<String>> = self
            .schema
            .tables
            .iter()
            .filter_map(|(name, table)| {
                let key = table.primary_key.as_ref()?;
                let columns = key
                    .columns
                    .iter()
                    .filter_map(|part| part.column_name().map(str::to_owned));
                Some((name.clone(), columns.collect()))
            })
            .collect();
        for table in self.schema.tables.values_mut() {
            for key in table.foreign_keys.values_mut() {
                if key.referenced.is_empty()
                    && let Some(columns) = keys.get(&key.references)
                {
                    key.referenced.clone_from(columns);
                }
            }
        }
    }
}
