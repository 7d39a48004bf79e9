//! Namespaces, extensions and types.

use std::collections::BTreeMap;

use super::{Row, collation, parse, rows};
use crate::{
    Unreadable,
    catalogue::Answers,
    model::{Composite, DataType, Domain, EnumType, Expression, Extension, Namespace},
    normalise::postgres::expression,
    read::postgres::{Constraint, Reader, data_type::data_type, table_constraint},
};

pub(super) fn namespaces(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for row in rows(answers, "namespaces") {
        let name = row.text(0)?.to_owned();
        let standard = name == "public" && row.find(1) == Some("standard public schema");
        let comment = if standard { None } else { row.owned(1) };
        reader.schema.namespaces.insert(name, Namespace { comment });
    }
    for row in rows(answers, "extensions") {
        let namespace = row.owned(1);
        reader
            .schema
            .extensions
            .insert(row.text(0)?.to_owned(), Extension { namespace });
    }
    Ok(())
}

/// The type in a column.
pub(super) fn type_at(row: &Row<'_>, at: usize) -> Result<DataType, Unreadable> {
    parse(row.query, row.text(at)?, data_type)
}

pub(super) fn types(reader: &mut Reader, answers: &Answers) -> Result<(), Unreadable> {
    for row in rows(answers, "enums") {
        let comment = row.owned(3);
        let found = reader
            .schema
            .enums
            .entry(row.name(0)?)
            .or_insert_with(|| EnumType {
                comment,
                ..EnumType::default()
            });
        found.values.extend(row.owned(2));
    }
    for row in rows(answers, "domains") {
        let default = row
            .find(4)
            .map(|text| parse("a domain's default", text, expression).map(|_| Expression::new(text)));
        let domain = Domain {
            data_type: type_at(&row, 2)?,
            collation: collation(&row, 5),
            nullable: !row.is(3)?,
            default: default.transpose()?,
            checks: BTreeMap::new(),
            comment: row.owned(7),
        };
        reader.schema.domains.insert(row.name(0)?, domain);
    }
    for row in rows(answers, "domain_checks") {
        let name = row.name(0)?;
        let Constraint::Check(mut check, _) = parse(&name, row.text(3)?, table_constraint)?.1 else {
            return Err(Unreadable::of(&name, "a domain's constraint that is no check"));
        };
        check.comment = row.owned(4);
        let domain = reader.schema.domains.get_mut(&name);
        let domain = domain.ok_or_else(|| Unreadable::of(&name, "a check of a domain that isn't there"))?;
        domain.checks.insert(row.text(2)?.to_owned(), check);
    }
    for row in rows(answers, "composites") {
        let comment = row.owned(4);
        let found = reader
            .schema
            .composites
            .entry(row.name(0)?)
            .or_insert_with(|| Composite {
                comment,
                ..Composite::default()
            });
        if let Some(attribute) = row.owned(2) {
            found.attributes.push((attribute, type_at(&row, 3)?));
        }
    }
    Ok(())
}
