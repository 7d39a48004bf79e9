//! Expressions and queries as trees: what is left when letters' case, brackets, comments and the many ways to
//! write one thing are taken away.

use crate::model::DataType;

/// A tree. Names are as the server stores them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A string.
    Str(String),
    /// A number, with its sign; also bit strings.
    Number(String),
    /// A name with its qualifiers: a column, a parameter, a whole row.
    Path(Vec<String>),
    /// A value as another type.
    Cast(Box<Node>, DataType),
    /// A function's call.
    Call(Vec<String>, Vec<Node>),
    /// Anything else: an operator or a construct, by its name.
    Op(String, Vec<Node>),
}

impl Node {
    /// An operator or a construct.
    pub(crate) fn op(name: impl Into<String>, kids: Vec<Self>) -> Self {
        Self::Op(name.into(), kids)
    }

    /// A construct without parts.
    pub(crate) fn word(name: impl Into<String>) -> Self {
        Self::Op(name.into(), Vec::new())
    }

    /// A call of a function of the server's own.
    pub(crate) fn call(name: &str, kids: Vec<Self>) -> Self {
        Self::Call(vec![name.to_owned()], kids)
    }

    /// `and` or `or` of two, flat: the order in which equals are grouped means nothing.
    pub(crate) fn joined(name: &str, left: Self, right: Self) -> Self {
        let mut kids = Vec::new();
        for side in [left, right] {
            match side {
                Self::Op(head, inner) if head == name => kids.extend(inner),
                other => kids.push(other),
            }
        }
        Self::op(name, kids)
    }

    /// A value that stands in the text itself.
    pub(crate) fn is_literal(&self) -> bool {
        match self {
            Self::Str(_) | Self::Number(_) => true,
            Self::Cast(inner, _) => inner.is_literal(),
            Self::Op(name, kids) => {
                matches!(name.as_str(), "null" | "true" | "false")
                    || (matches!(name.as_str(), "array" | "row") && kids.iter().all(Self::is_literal))
            }
            Self::Path(_) | Self::Call(..) => false,
        }
    }

    /// Its parts.
    pub(crate) fn kids(&self) -> Vec<&Self> {
        match self {
            Self::Str(_) | Self::Number(_) | Self::Path(_) => Vec::new(),
            Self::Cast(inner, _) => vec![inner],
            Self::Call(_, kids) | Self::Op(_, kids) => kids.iter().collect(),
        }
    }

    /// Looks at this node and all below it.
    pub(crate) fn walk(&self, see: &mut dyn FnMut(&Self)) {
        see(self);
        for kid in self.kids() {
            kid.walk(see);
        }
    }

    /// Whether a column or a query is in it.
    pub(crate) fn has_variables(&self) -> bool {
        let mut has = false;
        self.walk(&mut |node| {
            has |= matches!(node, Self::Path(_)) || matches!(node, Self::Op(name, _) if name == "query");
        });
        has
    }
}
