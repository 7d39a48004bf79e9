//! `comment on …`.

use super::Reader;
use crate::{
    Unreadable,
    model::{Name, OpaqueKey, OpaqueKind},
    read::Cursor,
};

/// Kinds of objects whose comment follows their name.
const KINDS: &[&str] = &[
    "table",
    "view",
    "index",
    "sequence",
    "type",
    "domain",
    "schema",
    "extension",
];

impl Reader {
    /// After `comment on`.
    pub(super) fn comment(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        let place = cursor.clone();
        let known = if cursor.take("column") {
            self.comment_on_column(cursor)?
        } else if cursor.take("constraint") {
            self.comment_on_constraint(cursor)?
        } else {
            self.comment_on_object(cursor)?
        };
        if known {
            Ok(())
        } else {
            Err(place.fail("the comment is on something that the text doesn't make, or that is not modelled"))
        }
    }

    fn comment_on_column(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Unreadable> {
        let first = cursor.name()?;
        cursor.need_mark(".")?;
        let second = cursor.name()?;
        let (table, column) = if cursor.take_mark(".") {
            (Name::new(first, second), cursor.name()?)
        } else {
            (self.resolve((None, first)), second)
        };
        let text = value(cursor)?;
        if let Some(view) = self.schema.views.get_mut(&table) {
            match text {
                Some(text) => view.column_comments.insert(column, text),
                None => view.column_comments.remove(&column),
            };
            return Ok(true);
        }
        let found = self
            .schema
            .tables
            .get_mut(&table)
            .and_then(|table| table.column_mut(&column));
        Ok(found.map(|column| column.comment = text).is_some())
    }

    fn comment_on_constraint(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Unreadable> {
        let name = cursor.name()?;
        cursor.need("on")?;
        if cursor.take("domain") {
            let domain = self.object_name(cursor)?;
            let text = value(cursor)?;
            let found = self
                .schema
                .domains
                .get_mut(&domain)
                .and_then(|domain| domain.checks.get_mut(&name));
            return Ok(found.map(|check| check.comment = text).is_some());
        }
        let table = self.object_name(cursor)?;
        let text = value(cursor)?;
        let Some(table) = self.schema.tables.get_mut(&table) else {
            return Ok(false);
        };
        let key = table.primary_key.as_mut().filter(|key| key.name == name);
        let comment = key
            .or(table.uniques.get_mut(&name))
            .map(|key| &mut key.comment)
            .or(table.checks.get_mut(&name).map(|check| &mut check.comment))
            .or(table.foreign_keys.get_mut(&name).map(|key| &mut key.comment))
            .or(table
                .exclusions
                .get_mut(&name)
                .map(|exclusion| &mut exclusion.comment));
        Ok(comment.map(|comment| *comment = text).is_some())
    }

    /// On a routine, a trigger or a policy.
    fn comment_on_code(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<bool>, Unreadable> {
        let (kind, on_table) = if cursor.take("function") {
            (OpaqueKind::Function, false)
        } else if cursor.take("procedure") {
            (OpaqueKind::Procedure, false)
        } else if cursor.take("trigger") {
            (OpaqueKind::Trigger, true)
        } else if cursor.take("policy") {
            (OpaqueKind::Policy, true)
        } else {
            return Ok(None);
        };
        let found = if on_table {
            let name = cursor.name()?;
            cursor.need("on")?;
            let on = Some(self.object_name(cursor)?);
            self.schema
                .opaque
                .iter_mut()
                .find(|(key, _)| key.kind == kind && key.name.name == name && key.on == on)
                .map(|(key, _)| key.clone())
        } else {
            let name = self.object_name(cursor)?;
            let types = if cursor.is_mark("(") {
                Some(super::routine::given_types(cursor)?)
            } else {
                None
            };
            let fits = |key: &&OpaqueKey| {
                key.kind == kind && key.name == name && (types.is_none() || key.arguments == types)
            };
            let mut all = self.schema.opaque.keys().filter(fits);
            let first = all.next().cloned();
            first.filter(|_| all.next().is_none())
        };
        let text = value(cursor)?;
        let found = found.and_then(|key| self.schema.opaque.get_mut(&key));
        Ok(Some(found.map(|opaque| opaque.comment = text).is_some()))
    }

    fn comment_on_object(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Unreadable> {
        if let Some(known) = self.comment_on_code(cursor)? {
            return Ok(known);
        }
        let schema = if cursor.take_words(&["materialized", "view"]) {
            "view"
        } else {
            match KINDS.iter().find(|kind| cursor.take(kind)) {
                Some(kind) => kind,
                None => return Ok(false),
            }
        };
        let kind = schema;
        let name = self.object_name(cursor)?;
        let text = value(cursor)?;
        let schema = &mut self.schema;
        let comment = match kind {
            "table" => schema.tables.get_mut(&name).map(|table| &mut table.comment),
            "view" => schema.views.get_mut(&name).map(|view| &mut view.comment),
            "sequence" => schema
                .sequences
                .get_mut(&name)
                .map(|sequence| &mut sequence.comment),
            "type" => schema
                .enums
                .get_mut(&name)
                .map(|found| &mut found.comment)
                .or(schema.composites.get_mut(&name).map(|found| &mut found.comment)),
            "domain" => schema.domains.get_mut(&name).map(|domain| &mut domain.comment),
            "schema" => schema
                .namespaces
                .get_mut(&name.name)
                .map(|namespace| &mut namespace.comment),
            "index" => {
                let tables = schema
                    .tables
                    .iter_mut()
                    .filter(|(table, _)| table.namespace == name.namespace);
                let views = schema
                    .views
                    .iter_mut()
                    .filter(|(view, _)| view.namespace == name.namespace);
                let of_tables = tables.map(|(_, table)| &mut table.indexes);
                let of_views = views.map(|(_, view)| &mut view.indexes);
                of_tables
                    .chain(of_views)
                    .find_map(|indexes| indexes.get_mut(&name.name))
                    .map(|index| &mut index.comment)
            }
            _ => None,
        };
        Ok(comment.map(|comment| *comment = text).is_some())
    }
}

/// After `is`; an empty comment is none.
fn value(cursor: &mut Cursor<'_>) -> Result<Option<String>, Unreadable> {
    cursor.need("is")?;
    if cursor.take("null") {
        return Ok(None);
    }
    Ok(Some(cursor.string()?).filter(|text| !text.is_empty()))
}
