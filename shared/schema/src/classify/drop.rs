//! `DROP …` and `RENAME TABLE`.

use sqlparser::ast::{DropBehavior, FunctionDesc, ObjectName, ObjectType, Statement};

use super::{Class, Classification, Effect, ObjectRef, Risk, StatementKind};
use crate::Dialect;

pub(super) fn classify(dialect: Dialect, tree: &Statement) -> Option<Classification> {
    let mut seen = match tree {
        Statement::Drop {
            object_type,
            names,
            table,
            ..
        } => drop_objects(dialect, *object_type, names, table.as_ref())?,
        Statement::DropFunction(drop) => drop_routines(dialect, &drop.func_desc),
        Statement::DropProcedure { proc_desc, .. } => drop_routines(dialect, proc_desc),
        Statement::DropTrigger(drop) => {
            let mut seen = Classification::of(StatementKind::DropTrigger, Class::Definition);
            seen.because(Risk::Warning, "what the trigger did stops");
            if let Some(table) = &drop.table_name {
                seen.touch(ObjectRef::of(dialect, table));
            }
            seen
        }
        Statement::DropDomain(drop) => {
            let mut seen = Classification::of(StatementKind::DropType, Class::Definition);
            seen.because(Risk::Warning, "columns and routines that use the domain stop it");
            seen.touch(ObjectRef::of(dialect, &drop.name));
            seen
        }
        Statement::DropExtension(_) => {
            let mut seen = Classification::of(StatementKind::DropExtension, Class::Definition);
            seen.because(
                Risk::Destructive,
                "everything that the extension made goes with it",
            );
            seen
        }
        Statement::RenameTable(renames) => {
            let mut seen = Classification::of(StatementKind::RenameTable, Class::Definition);
            for rename in renames {
                let (old, new) = (
                    ObjectRef::of(dialect, &rename.old_name),
                    ObjectRef::of(dialect, &rename.new_name),
                );
                renamed(&mut seen, old, new);
            }
            seen
        }
        _ => return None,
    };
    if cascades(tree) {
        seen.because(Risk::Destructive, "CASCADE drops everything that depends on it");
    }
    Some(seen)
}

/// Whether a name is one of those that plans set things aside under.
pub(super) fn is_aside(name: &str) -> bool {
    name.starts_with(crate::ASIDE)
}

/// Notes that a table gets another name.
pub(super) fn renamed(seen: &mut Classification, old: ObjectRef, new: ObjectRef) {
    let text = if is_aside(&new.name) {
        format!("sets {old} aside: its rows stay, and programs that use it fail from that moment on")
    } else {
        format!("programs that still say {old} fail from that moment on")
    };
    seen.because(Risk::Warning, text);
    for (name, present) in [(old, false), (new, true)] {
        seen.effects
            .retain(|effect| !matches!(effect, Effect::Relation { name: other, .. } if *other == name));
        seen.touch(name.clone());
        seen.effects.push(Effect::Relation { name, present });
    }
}

fn drop_objects(
    dialect: Dialect,
    object_type: ObjectType,
    names: &[ObjectName],
    table: Option<&ObjectName>,
) -> Option<Classification> {
    let (kind, risk, what) = match object_type {
        ObjectType::Table => (
            StatementKind::DropTable,
            Risk::Destructive,
            "the table and its rows",
        ),
        ObjectType::View => (StatementKind::DropView, Risk::Warning, "the view"),
        ObjectType::MaterializedView => (
            StatementKind::DropView,
            Risk::Warning,
            "the view and its stored result",
        ),
        ObjectType::Index => (StatementKind::DropIndex, Risk::Warning, "the index"),
        ObjectType::Schema => (
            StatementKind::DropSchema,
            Risk::Destructive,
            "the schema and what is in it",
        ),
        ObjectType::Database => (
            StatementKind::DropDatabase,
            Risk::Destructive,
            "the whole database",
        ),
        ObjectType::Sequence => (
            StatementKind::DropSequence,
            Risk::Destructive,
            "the sequence and its count",
        ),
        ObjectType::Type => (StatementKind::DropType, Risk::Warning, "the type"),
        ObjectType::Role | ObjectType::User => (StatementKind::Permission, Risk::Warning, "who may do what"),
        ObjectType::Collation => (StatementKind::Other, Risk::Warning, "the collation"),
        ObjectType::Stage | ObjectType::Stream | ObjectType::Warehouse => return None,
    };
    let mut seen = Classification::of(kind, Class::Definition);
    for name in names {
        let name = ObjectRef::of(dialect, name);
        seen.because(risk, format!("DROP {object_type} {name}: {what} is gone"));
        match kind {
            StatementKind::DropTable | StatementKind::DropView => {
                seen.touch(name.clone());
                seen.effects.push(Effect::Relation { name, present: false });
            }
            StatementKind::DropIndex => {
                let table = table.map(|table| ObjectRef::of(dialect, table));
                if let Some(table) = &table {
                    seen.touch(table.clone());
                }
                seen.effects.push(Effect::Index {
                    table,
                    index: name,
                    present: false,
                });
            }
            StatementKind::DropDatabase => seen.effects.push(Effect::Database {
                name: name.name,
                present: false,
            }),
            _ => {}
        }
    }
    // MySQL calls a database a schema too.
    if dialect == Dialect::MySql && kind == StatementKind::DropSchema {
        seen.kind = StatementKind::DropDatabase;
    }
    Some(seen)
}

fn drop_routines(dialect: Dialect, routines: &[FunctionDesc]) -> Classification {
    let mut seen = Classification::of(StatementKind::DropRoutine, Class::Definition);
    for routine in routines {
        let name = ObjectRef::of(dialect, &routine.name);
        seen.because(
            Risk::Warning,
            format!("programs that call {name} fail from that moment on"),
        );
    }
    seen
}

fn cascades(tree: &Statement) -> bool {
    match tree {
        Statement::Drop { cascade, .. } => *cascade,
        Statement::DropFunction(drop) => drop.drop_behavior == Some(DropBehavior::Cascade),
        Statement::DropProcedure { drop_behavior, .. } => *drop_behavior == Some(DropBehavior::Cascade),
        Statement::DropDomain(drop) => drop.drop_behavior == Some(DropBehavior::Cascade),
        _ => false,
    }
}
