//! A reference that is checked for every row while both tables are locked (PostgreSQL).

use sqlparser::{
    ast::{AlterTableOperation as Op, Spanned as _, TableConstraint},
    tokenizer::Span,
};

use crate::{
    Dialect,
    lint::{Check, Context, Rule, Severity},
};

pub(in crate::lint) const FOREIGN_KEY_CHECKED: Rule = Rule {
    name: "foreign-key-checked",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if context.dialect != Dialect::Postgres {
        return;
    }
    for op in context.operations() {
        if let Op::AddConstraint {
            constraint: constraint @ TableConstraint::ForeignKey(_),
            not_valid: false,
        } = op
        {
            report(
                constraint.span(),
                "the foreign key is checked for every row while both tables are locked; add it NOT VALID and \
                 validate it in a later release"
                    .into(),
            );
        }
    }
}
