//! A column that the rows which are there have no value for.

use sqlparser::{
    ast::{AlterTableOperation as Op, ColumnOption},
    tokenizer::Span,
};

use crate::{
    Dialect,
    lint::{Check, Context, Rule, Severity},
};

pub(in crate::lint) const NOT_NULL_WITHOUT_DEFAULT: Rule = Rule {
    name: "not-null-without-default",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in context.operations() {
        let Op::AddColumn { column_def, .. } = op else {
            continue;
        };
        let has = |wanted: fn(&ColumnOption) -> bool| column_def.options.iter().any(|o| wanted(&o.option));
        let filled = has(|o| {
            matches!(
                o,
                ColumnOption::Default(_)
                    | ColumnOption::Generated { .. }
                    | ColumnOption::Identity(_)
                    | ColumnOption::DialectSpecific(_)
            )
        });
        if has(|o| matches!(o, ColumnOption::NotNull)) && !filled {
            let name = &column_def.name.value;
            let effect = match context.dialect {
                Dialect::Postgres => "fails on a table with rows",
                Dialect::MySql => "makes up a value for the rows that are there",
            };
            report(
                column_def.name.span,
                format!("NOT NULL column {name} without a default {effect}; give it a default"),
            );
        }
    }
}
