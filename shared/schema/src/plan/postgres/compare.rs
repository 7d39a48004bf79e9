//! Whether two things of the model are the same to the server.

use crate::{
    Dialect, Schema, Unreadable,
    model::{
        Bounds, Check, ColumnDefault, DataType, Exclusion, Expression, ForeignKey, Index, IndexPart, Indexed,
        Key, Name, Opaque, PartitionBy, View,
    },
    normalise::{
        Node,
        postgres::{Scope, cast, expand_stars, expression, query, without_made_aliases, without_made_casts},
        same,
    },
    read::Cursor,
};

type Reader = fn(&mut Cursor<'_>) -> Result<Node, Unreadable>;

fn tree(text: &Expression, reader: Reader) -> Option<Node> {
    let mut cursor = Cursor::new(Dialect::Postgres, text.as_str(), 1).ok()?;
    let node = reader(&mut cursor).ok()?;
    cursor.is_done().then(|| without_made_aliases(node))
}

/// The tree of an expression.
pub(super) fn expression_tree(text: &Expression) -> Option<Node> {
    tree(text, expression)
}

/// Two expressions.
pub(super) fn expressions(a: &Expression, b: &Expression, scope: &Scope<'_>) -> bool {
    let tree = |text| Some(without_made_casts(expression_tree(text)?, scope));
    a == b || matches!((tree(a), tree(b)), (Some(a), Some(b)) if same(&a, &b))
}

fn maybe<T>(a: Option<&T>, b: Option<&T>, same: impl Fn(&T, &T) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Two types; what the server brings along may be qualified on one side.
pub(super) fn types(a: &DataType, b: &DataType) -> bool {
    let bare = |of: &DataType| DataType {
        namespace: None,
        ..of.clone()
    };
    (a.namespace == b.namespace || a.namespace.is_none() || b.namespace.is_none()) && bare(a) == bare(b)
}

/// Two names, one of which may be unqualified.
fn names(a: &Name, b: &Name) -> bool {
    a.name == b.name && (a.namespace == b.namespace || a.namespace.is_empty() || b.namespace.is_empty())
}

/// Two collations, none of which may be written.
pub(super) fn collations(a: Option<&Name>, b: Option<&Name>) -> bool {
    let written = |name: Option<&Name>| name.filter(|name| name.name != "default").cloned();
    maybe(written(a).as_ref(), written(b).as_ref(), names)
}

/// A default that says something: `null` is what a column gets anyway.
pub(super) fn said(of: Option<&ColumnDefault>) -> Option<&ColumnDefault> {
    of.filter(|of| match of {
        ColumnDefault::Expression(text) => expression_tree(text).is_none_or(|node| !is_null(&node)),
        ColumnDefault::Next(_) => true,
    })
}

fn is_null(node: &Node) -> bool {
    match node {
        Node::Op(name, kids) => name == "null" && kids.is_empty(),
        Node::Cast(inner, _) => is_null(inner),
        _ => false,
    }
}

/// Two defaults of a column of the type.
pub(super) fn defaults(
    a: Option<&ColumnDefault>,
    b: Option<&ColumnDefault>,
    of: &DataType,
    scope: &Scope<'_>,
) -> bool {
    maybe(said(a), said(b), |a, b| match (a, b) {
        (ColumnDefault::Next(a), ColumnDefault::Next(b)) => names(a, b),
        (ColumnDefault::Expression(a), ColumnDefault::Expression(b)) => typed(a, b, of, scope),
        _ => false,
    })
}

/// Two expressions whose value is of the type.
pub(super) fn typed(a: &Expression, b: &Expression, of: &DataType, scope: &Scope<'_>) -> bool {
    let tree = |text| Some(without_made_casts(expression_tree(text)?, scope));
    a == b
        || matches!((tree(a), tree(b)), (Some(a), Some(b))
            if same(&a, &b) || same(&cast(a.clone(), of.clone()), &cast(b.clone(), of.clone())))
}

/// Two domain defaults.
pub(super) fn domain_defaults(
    a: Option<&Expression>,
    b: Option<&Expression>,
    of: &DataType,
    scope: &Scope<'_>,
) -> bool {
    maybe(a, b, |a, b| typed(a, b, of, scope))
}

/// Two checks.
pub(super) fn checks(a: &Check, b: &Check, scope: &Scope<'_>) -> bool {
    a.no_inherit == b.no_inherit && expressions(&a.expression, &b.expression, scope)
}

/// Two parts of indexes.
pub(super) fn parts(a: &IndexPart, b: &IndexPart, scope: &Scope<'_>) -> bool {
    let on = match (&a.on, &b.on) {
        (Indexed::Column(a), Indexed::Column(b)) => a == b,
        (Indexed::Expression(a), Indexed::Expression(b)) => expressions(a, b, scope),
        _ => false,
    };
    let classes = maybe(a.operator_class.as_ref(), b.operator_class.as_ref(), names);
    on && classes
        && collations(a.collation.as_ref(), b.collation.as_ref())
        && (a.descending, a.nulls_first) == (b.descending, b.nulls_first)
}

fn all_parts(a: &[IndexPart], b: &[IndexPart], scope: &Scope<'_>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| parts(a, b, scope))
}

/// Two indexes, apart from their comments.
pub(super) fn indexes(a: &Index, b: &Index, scope: &Scope<'_>) -> bool {
    !a.invalid
        && (a.unique, &a.method, &a.include, a.nulls_not_distinct, &a.options)
            == (b.unique, &b.method, &b.include, b.nulls_not_distinct, &b.options)
        && all_parts(&a.parts, &b.parts, scope)
        && maybe(a.condition.as_ref(), b.condition.as_ref(), |a, b| {
            expressions(a, b, scope)
        })
}

/// Two keys, apart from names and comments.
pub(super) fn keys(a: &Key, b: &Key, scope: &Scope<'_>) -> bool {
    (&a.include, a.nulls_not_distinct, a.deferral, &a.options)
        == (&b.include, b.nulls_not_distinct, b.deferral, &b.options)
        && all_parts(&a.columns, &b.columns, scope)
}

/// Two exclusions, apart from their comments.
pub(super) fn exclusions(a: &Exclusion, b: &Exclusion, scope: &Scope<'_>) -> bool {
    (&a.method, &a.include, a.deferral) == (&b.method, &b.include, b.deferral)
        && a.parts.len() == b.parts.len()
        && a.parts
            .iter()
            .zip(&b.parts)
            .all(|((a, by), (b, with))| by == with && parts(a, b, scope))
        && maybe(a.condition.as_ref(), b.condition.as_ref(), |a, b| {
            expressions(a, b, scope)
        })
}

/// Two foreign keys, apart from their comments and whether they are validated.
pub(super) fn foreign_keys(a: &ForeignKey, b: &ForeignKey) -> bool {
    let bare = |of: &ForeignKey| ForeignKey {
        comment: None,
        validated: true,
        ..of.clone()
    };
    bare(a) == bare(b)
}

/// Two ways of partitioning.
pub(super) fn partitionings(a: Option<&PartitionBy>, b: Option<&PartitionBy>, scope: &Scope<'_>) -> bool {
    maybe(a, b, |a, b| {
        a.strategy == b.strategy && all_parts(&a.parts, &b.parts, scope)
    })
}

/// Two bounds that are moments: a day is its midnight.
fn moments(a: &Expression, b: &Expression, scope: &Scope<'_>) -> bool {
    let of = DataType::plain("timestamp without time zone");
    typed(a, b, &of, scope)
}

/// Two partitions' bounds.
pub(super) fn bounds(a: &Bounds, b: &Bounds, scope: &Scope<'_>) -> bool {
    let all = |a: &[Expression], b: &[Expression]| {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| expressions(a, b, scope) || moments(a, b, scope))
    };
    match (a, b) {
        (Bounds::In(a), Bounds::In(b)) => all(a, b),
        (Bounds::Range(a, c), Bounds::Range(b, d)) => all(a, b) && all(c, d),
        _ => a == b,
    }
}

/// Two views' queries and options; what a star stands for is looked up in the schemas.
pub(super) fn views((a, from): (&View, &Schema), (b, to): (&View, &Schema)) -> bool {
    let read = |view: &View, schema: &Schema| {
        let node = expand_stars(tree(&view.query, query)?, schema);
        Some(without_made_casts(node, &Scope::bare(schema)))
    };
    (a.materialized, a.populated, &a.options) == (b.materialized, b.populated, &b.options)
        && matches!((read(a, from), read(b, to)), (Some(a_tree), Some(b_tree))
            if same(&named(a_tree.clone(), a), &named(b_tree.clone(), b)))
}

/// The query with the view's own column names.
fn named(node: Node, view: &View) -> Node {
    crate::normalise::postgres::with_column_names(node, &view.columns)
}

/// Two definitions of what isn't modelled.
pub(super) fn code(a: &Opaque, b: &Opaque, scope: &Scope<'_>) -> bool {
    let read = |of: &Opaque| {
        let mut cursor = Cursor::new(Dialect::Postgres, &of.definition, 1).ok()?;
        cursor.take_words(&["create", "or", "replace"]);
        cursor.take("create");
        let code = crate::read::postgres::Reader::new().code(&mut cursor).ok()??;
        cursor
            .is_done()
            .then(|| without_made_casts(without_made_aliases(code.node), scope))
    };
    a.definition == b.definition || matches!((read(a), read(b)), (Some(a), Some(b)) if same(&a, &b))
}
