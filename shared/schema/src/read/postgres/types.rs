//! Enumerations, domains and composite types.

use std::collections::BTreeSet;

use super::{
    Reader,
    constraint::{Constraint, check},
    data_type::data_type,
    expression_text, names, renamed_from,
};
use crate::{
    Unreadable,
    model::{Composite, Domain, EnumType, Name},
    normalise::postgres::simple_expression,
    read::Cursor,
};

impl Reader {
    /// After `create type`.
    pub(super) fn create_type(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        let start = cursor.position();
        let name = self.object_name(cursor)?;
        cursor.need("as")?;
        if cursor.take("enum") {
            let values = if cursor.is_mark_ahead(1, ")") {
                cursor.next();
                cursor.next();
                Vec::new()
            } else {
                cursor.list(Cursor::string)?
            };
            let old = renamed_from(cursor.comments_around(start, start + 3));
            let found = EnumType {
                values,
                comment: None,
                renamed_from: old.map(|old| name.sibling(old)),
            };
            self.schema.enums.insert(name, found);
            return Ok(());
        }
        if cursor.is_mark("(") {
            let attributes = if cursor.is_mark_ahead(1, ")") {
                cursor.next();
                cursor.next();
                Vec::new()
            } else {
                cursor.list(|cursor| Ok((cursor.name()?, data_type(cursor)?)))?
            };
            self.schema.composites.insert(
                name,
                Composite {
                    attributes,
                    comment: None,
                },
            );
            return Ok(());
        }
        Err(cursor.fail("this kind of type is not read"))
    }

    /// After `create domain`.
    pub(super) fn create_domain(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unreadable> {
        let name = self.object_name(cursor)?;
        cursor.take("as");
        let mut domain = Domain {
            data_type: data_type(cursor)?,
            collation: None,
            nullable: true,
            default: None,
            checks: std::collections::BTreeMap::new(),
            comment: None,
        };
        let mut taken = BTreeSet::new();
        while !cursor.is_done() {
            let given = if cursor.take("constraint") {
                Some(cursor.name()?)
            } else {
                None
            };
            if cursor.take_words(&["not", "null"]) {
                domain.nullable = false;
            } else if cursor.take("null") {
                domain.nullable = true;
            } else if cursor.take("default") {
                domain.default = Some(expression_text(cursor, simple_expression)?.0);
            } else if cursor.take("collate") {
                let (namespace, name) = cursor.qualified()?;
                let namespace = namespace
                    .filter(|namespace| namespace != "pg_catalog")
                    .unwrap_or_default();
                domain.collation = Some(Name::new(namespace, name));
            } else {
                cursor.need("check")?;
                let Constraint::Check(check, _) = check(cursor)? else {
                    return Err(cursor.expected("a condition"));
                };
                let own = given.unwrap_or_else(|| names::free_name(&name.name, "", "check", &taken));
                taken.insert(own.clone());
                domain.checks.insert(own, check);
            }
        }
        self.schema.domains.insert(name, domain);
        Ok(())
    }
}
