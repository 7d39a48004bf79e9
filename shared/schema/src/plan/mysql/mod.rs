//! Plans for MySQL and MariaDB.
//!
//! One `alter table` does all that changes in a table, because the servers rebuild it once for all of it and because
//! what is dropped and added together (a key and its index) can't be apart. Foreign keys are the exception: they go
//! first and come last, since they tie tables together. The order of the steps:
//!
//! 1. triggers, events and views that go or change; tables that change their names;
//! 2. foreign keys that go, change, or stand in the way of a change of their columns;
//! 3. tables that go; 4. tables that come; 5. tables that change;
//! 6. foreign keys that come; 7. views; 8. triggers and events.
//!
//! Each statement commits by itself, so none is transactional. How the server carries it out is said at its end where the options want
//! that ([`online`]).

mod alter;
mod altered;
mod clauses;
mod code;
mod columns;
mod keys;
mod online;
mod refuse;
mod same;
mod settle;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use code::views_in_order;

use super::{Lock, Plan, PlanOptions, Refusal, Step, Subject, Withheld};
use crate::{Reason, Risk, Schema};
use online::{Change, OnServer, Way};
use settle::{Rules, call_indexes_as, settled};

/// Says at a statement's end how it is carried out, and what that locks.
fn goes(step: &mut Step, way: Way) {
    step.sql.push_str(", ");
    step.sql.push_str(way.clause());
    // A table that only comes to be has nobody who waits.
    if step.lock != Lock::None {
        step.lock = way.lock();
    }
    if way == Way::Copy && step.lock != Lock::None {
        step.risk = step.risk.max(Risk::Warning);
        step.reasons.push(Reason {
            risk: Risk::Warning,
            text:
                "the whole table is copied, and writing waits meanwhile: the server has no other way for this"
                    .to_owned(),
        });
    }
}

/// A plan being made.
struct Planner {
    /// What is there; tables and columns have their new names.
    from: Schema,
    to: Schema,
    options: PlanOptions,
    mariadb: bool,
    /// The server, if statements are to say how they are carried out.
    online: Option<OnServer>,
    steps: Vec<Step>,
    withheld: Vec<Withheld>,
    refused: Vec<String>,
}

/// The way from one schema to another.
pub(super) fn plan(from: &Schema, to: &Schema, options: PlanOptions) -> Result<Plan, Refusal> {
    let rules = Rules::of(from, to);
    let (is_mariadb, on_server) = (rules.is_mariadb(), rules.server.is_some());
    let (from, mut to) = (settled(from, &rules), settled(to, &rules));
    call_indexes_as(&from, &mut to);
    let mut planner = Planner {
        from,
        to,
        online: options.online.as_deref().and_then(OnServer::read),
        options,
        mariadb: is_mariadb,
        steps: Vec::new(),
        withheld: Vec::new(),
        refused: Vec::new(),
    };
    planner.refuse(on_server);
    planner.drop_code();
    let renames = planner.rename_tables();
    let changes = planner.table_changes(&renames);
    planner.drop_foreign_keys(&changes);
    planner.drop_tables();
    planner.create_tables(&changes);
    planner.alter_tables(&changes);
    planner.add_foreign_keys(&changes);
    planner.create_code(&changes);
    planner.end()
}

impl Planner {
    fn end(mut self) -> Result<Plan, Refusal> {
        if !self.refused.is_empty() {
            return Err(Refusal {
                reasons: self.refused,
            });
        }
        for step in &mut self.steps {
            step.transactional = false;
            if let Some(server) = self.online.filter(|_| step.object.kind == "foreign key") {
                let drops = step.sql.contains(" drop foreign key ");
                let change = if drops {
                    Change::DropForeignKey
                } else {
                    Change::AddForeignKey
                };
                goes(step, server.way(change));
            }
        }
        Ok(Plan {
            steps: self.steps,
            withheld: self.withheld,
            set_aside: Vec::new(),
        })
    }

    /// A step that drops something, unless the options keep it.
    fn drops(&mut self, step: Step) {
        if self.options.drops {
            self.steps.push(step);
        } else {
            self.withheld.push(Withheld {
                object: step.object,
                sql: step.sql,
            });
        }
    }

    /// What the target keeps.
    fn withhold(&mut self, kind: &str, name: String, sql: String) {
        self.withheld.push(Withheld {
            object: Subject {
                kind: kind.to_owned(),
                name,
            },
            sql,
        });
    }
}
