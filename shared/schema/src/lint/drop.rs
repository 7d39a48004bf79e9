//! Things that programs still use, dropped, renamed or changed under them.

use sqlparser::{
    ast::{AlterColumnOperation, AlterTable, AlterTableOperation as Op, ObjectType, Spanned as _, Statement},
    tokenizer::Span,
};

use super::{Context, Rule, Severity};

pub(super) const DROP_TABLE: Rule = Rule {
    name: "drop-table",
    severity: Severity::Error,
    check: drop_table,
};

pub(super) const DROP_COLUMN: Rule = Rule {
    name: "drop-column",
    severity: Severity::Error,
    check: drop_column,
};

pub(super) const RENAME: Rule = Rule {
    name: "rename",
    severity: Severity::Warning,
    check: rename,
};

pub(super) const COLUMN_TYPE_CHANGE: Rule = Rule {
    name: "column-type-change",
    severity: Severity::Warning,
    check: column_type_change,
};

fn drop_table(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    if let Some(Statement::Drop {
        object_type: ObjectType::Table,
        names,
        ..
    }) = context.tree
    {
        for (name, object) in names.iter().zip(&context.seen.objects) {
            report(
                name.span(),
                format!(
                    "DROP TABLE {object} loses its rows; rename it first and drop it once nobody missed it"
                ),
            );
        }
    }
}

fn operations<'a>(context: &Context<'a>) -> &'a [Op] {
    match context.tree {
        Some(Statement::AlterTable(AlterTable { operations, .. })) => operations,
        _ => &[],
    }
}

fn drop_column(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in operations(context) {
        if let Op::DropColumn { column_names, .. } = op {
            for name in column_names {
                report(
                    name.span,
                    format!(
                        "dropping column {} loses its values; stop using it first, drop it in a later release",
                        name.value
                    ),
                );
            }
        }
    }
}

fn rename(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    let advice =
        "programs that still use the old name fail from that moment on; add the new name beside it first";
    if let Some(Statement::RenameTable(renames)) = context.tree {
        for rename in renames {
            report(rename.old_name.span(), format!("a table is renamed: {advice}"));
        }
    }
    for op in operations(context) {
        match op {
            Op::RenameTable { table_name } => {
                report(table_name.span(), format!("a table is renamed: {advice}"));
            }
            Op::RenameColumn { old_column_name, .. } => {
                report(
                    old_column_name.span,
                    format!("column {} is renamed: {advice}", old_column_name.value),
                );
            }
            Op::ChangeColumn {
                old_name, new_name, ..
            } if old_name.value != new_name.value => {
                report(
                    old_name.span,
                    format!("column {} is renamed: {advice}", old_name.value),
                );
            }
            _ => {}
        }
    }
}

fn column_type_change(context: &Context<'_>, report: &mut dyn FnMut(Span, String)) {
    for op in operations(context) {
        let name = match op {
            Op::ModifyColumn { col_name, .. } => col_name,
            Op::ChangeColumn { new_name, .. } => new_name,
            Op::AlterColumn {
                column_name,
                op: AlterColumnOperation::SetDataType { .. },
            } => column_name,
            _ => continue,
        };
        report(
            name.span,
            format!(
                "changing the type of column {} may copy the whole table while it is locked; add a new column and \
                 fill it",
                name.value
            ),
        );
    }
}
