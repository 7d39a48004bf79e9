//! A name that programs still use.

use sqlparser::{
    ast::{
        AlterTableOperation as Op, Ident, ObjectName, ObjectNamePart, RenameTableNameKind, Spanned as _,
        Statement,
    },
    tokenizer::Span,
};

use crate::lint::{Check, Context, Rule, Severity};

pub(in crate::lint) const RENAME: Rule = Rule {
    name: "rename",
    severity: Some(Severity::Warning),
    check: Check::Tree(check),
};

const ADVICE: &str =
    "programs that still use the old name fail from that moment on; add the new name beside it first";

fn check(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    let table = |new: &ObjectName| {
        let part = new.0.last().and_then(ObjectNamePart::as_ident);
        let new = part.map_or("", |ident| ident.value.as_str());
        aside(new, "a table").unwrap_or_else(|| format!("a table is renamed: {ADVICE}"))
    };
    if let Some(Statement::RenameTable(renames)) = context.tree {
        for rename in renames {
            report(rename.old_name.span(), table(&rename.new_name));
        }
    }
    for op in context.operations() {
        match op {
            Op::RenameTable { table_name } => {
                let (RenameTableNameKind::As(new) | RenameTableNameKind::To(new)) = table_name;
                report(table_name.span(), table(new));
            }
            Op::RenameColumn {
                old_column_name: old,
                new_column_name: new,
            } => report(old.span, column(old, new)),
            Op::ChangeColumn {
                old_name, new_name, ..
            } if old_name.value != new_name.value => report(old_name.span, column(old_name, new_name)),
            _ => {}
        }
    }
}

fn column(old: &Ident, new: &Ident) -> String {
    let what = format!("column {}", old.value);
    let renamed = || format!("column {} is renamed: {ADVICE}", old.value);
    aside(&new.value, &what).unwrap_or_else(renamed)
}

/// What is said of a name that is set aside.
fn aside(new: &str, what: &str) -> Option<String> {
    new.starts_with(crate::ASIDE).then(|| {
        format!("{what} is set aside: programs that use it fail from that moment on; its data stays until it is dropped")
    })
}
