//! What names stand for in an expression or query: the types of columns, by the tables and views in sight.

use std::collections::BTreeMap;

use super::typed::{exact, value_at};
use crate::{
    Dialect, Schema,
    model::{DataType, Name},
    normalise::Node,
    read::Cursor,
};

/// What is known of the types of names.
pub(crate) struct Scope<'a> {
    schema: &'a Schema,
    /// What is in sight by which name; none where two things are.
    pub(super) sources: BTreeMap<String, Option<Name>>,
    /// Names that stand for a type of their own: `value` in a domain's check.
    own: BTreeMap<String, String>,
    /// How many views deep it looks.
    depth: u8,
}

/// Views over views over views, and no further.
const MAX_DEPTH: u8 = 4;

impl<'a> Scope<'a> {
    /// Where only what the expression itself says is known.
    pub(crate) fn bare(schema: &'a Schema) -> Self {
        Self {
            schema,
            sources: BTreeMap::new(),
            own: BTreeMap::new(),
            depth: 0,
        }
    }

    /// Of an expression over a table's columns.
    pub(crate) fn table(schema: &'a Schema, name: &Name) -> Self {
        let mut scope = Self::bare(schema);
        // A trigger calls its rows so.
        for source in [name.name.as_str(), "new", "old"] {
            scope.sources.insert(source.to_owned(), Some(name.clone()));
        }
        scope
    }

    /// Of a domain's check.
    pub(crate) fn domain(schema: &'a Schema, of: &DataType) -> Self {
        let mut scope = Self::bare(schema);
        if let Some(of) = scope.base(of) {
            scope.own.insert("value".to_owned(), of);
        }
        scope
    }

    /// With everything that queries in the expression read.
    pub(super) fn and_read_by(&self, node: &Node) -> Self {
        let mut scope = Self {
            schema: self.schema,
            sources: self.sources.clone(),
            own: self.own.clone(),
            depth: self.depth,
        };
        node.walk(&mut |node| {
            let Node::Op(head, kids) = node else { return };
            let (called, relation) = match (head.as_str(), kids.as_slice()) {
                ("relation" | "relation only", [Node::Path(path)]) => (path.last(), Some(path)),
                ("alias", [inner, Node::Str(name), ..]) => (Some(name), path_of(inner)),
                _ => return,
            };
            let at = relation.and_then(|path| scope.relation(path));
            if let Some(called) = called {
                scope
                    .sources
                    .entry(called.clone())
                    .and_modify(|has| {
                        if *has != at {
                            *has = None;
                        }
                    })
                    .or_insert(at);
            }
        });
        scope
    }

    fn relation(&self, path: &[String]) -> Option<Name> {
        let at = match path {
            [name] => Name::new("public", name.clone()),
            [namespace, name] => Name::new(namespace.clone(), name.clone()),
            _ => return None,
        };
        let is_known = self.schema.tables.contains_key(&at) || self.schema.views.contains_key(&at);
        is_known.then_some(at)
    }

    /// The type of a column.
    pub(super) fn column(&self, path: &[String]) -> Option<String> {
        match path {
            [column] => {
                if let Some(own) = self.own.get(column) {
                    return Some(own.clone());
                }
                // Every table in sight that has such a column must agree, and none may be unknown.
                let mut found = None;
                for source in self.sources.values() {
                    if let Some(of) = self.of_table(source.as_ref()?, column) {
                        if found.as_ref().is_some_and(|found| *found != of) {
                            return None;
                        }
                        found = Some(of);
                    }
                }
                found
            }
            [.., source, column] => self.of_table(self.sources.get(source)?.as_ref()?, column),
            [] => None,
        }
    }

    /// The type of a table's or view's column.
    fn of_table(&self, name: &Name, column: &str) -> Option<String> {
        self.base(&self.declared(name, column)?)
    }

    /// The same, as it is declared.
    pub(super) fn declared(&self, name: &Name, column: &str) -> Option<DataType> {
        let Some(table) = self.schema.tables.get(name) else {
            return self.of_view(name, column);
        };
        let of = table
            .partition_of
            .as_ref()
            .and_then(|part| self.schema.tables.get(&part.parent))
            .unwrap_or(table);
        let inherited = table
            .inherits
            .iter()
            .filter_map(|parent| self.schema.tables.get(parent));
        let found = std::iter::once(of)
            .chain(inherited)
            .find_map(|table| table.column(column))?;
        Some(found.data_type.clone())
    }

    /// What a view's query says of it.
    fn of_view(&self, name: &Name, column: &str) -> Option<DataType> {
        let view = self.schema.views.get(name)?;
        if self.depth >= MAX_DEPTH {
            return None;
        }
        let mut cursor = Cursor::new(Dialect::Postgres, view.query.as_str(), 1).ok()?;
        let query = super::expand_stars(super::query(&mut cursor).ok()?, self.schema);
        let inner = Self {
            depth: self.depth + 1,
            ..Self::bare(self.schema)
        };
        let inner = inner.and_read_by(&query);
        let place = super::star::columns_of_query(&super::with_column_names(query.clone(), &view.columns))?
            .iter()
            .position(|own| own == column)?;
        let value = value_at(&query, place)?;
        exact(value, &inner)
    }

    /// The type that operators see: of a domain what is under it.
    pub(super) fn base(&self, of: &DataType) -> Option<String> {
        let mut of = of.clone();
        for _ in 0..8 {
            let domain = of.namespace.as_ref().and_then(|namespace| {
                self.schema
                    .domains
                    .get(&Name::new(namespace.clone(), of.name.clone()))
            });
            match domain {
                Some(domain) => of = domain.data_type.clone(),
                None => return Some(called(&of)),
            }
        }
        None
    }
}

fn path_of(inner: &Node) -> Option<&Vec<String>> {
    match inner {
        Node::Op(head, kids) if head.starts_with("relation") => match kids.as_slice() {
            [Node::Path(path)] => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// A type by its name alone.
pub(super) fn called(of: &DataType) -> String {
    let array = if of.array { "[]" } else { "" };
    format!("{}{array}", of.name)
}
