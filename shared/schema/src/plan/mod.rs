//! From one schema to another: ordered steps, each with its risk, its lock and its way back.
//!
//! - What a plan can't do by a change that is understood is a [`Refusal`] with all reasons; a plan is never empty
//!   because something was not understood.
//! - A rename is planned only where `to` carries it (`renamed_from`), never guessed from likeness.
//! - Objects are ordered by what they need: what depends on a thing goes before it goes, and comes after it came.
//! - What goes can be renamed aside instead, with its rows ([`aside`]).
//! - Two expressions that may mean different things are different: the plan writes the new one, which is harmless.

mod aside;
mod mysql;
mod postgres;
mod step;

pub(crate) use aside::cut;
pub use aside::{Aside, AsideError, MARK as ASIDE, SetAside, at_table, whereabouts, without};
pub(crate) use mysql::views_in_order as mysql_views_in_order;
pub use step::{Lock, Plan, PlanOptions, Refusal, Reverse, Step, Subject, Withheld};

use crate::{Dialect, Schema};

/// The way from one schema to another.
pub fn plan(from: &Schema, to: &Schema, options: &PlanOptions) -> Result<Plan, Refusal> {
    if from.dialect != to.dialect {
        return Err(Refusal::because(format!(
            "one schema is for {}, the other for {}",
            from.dialect, to.dialect
        )));
    }
    match &options.aside {
        Some(how) if options.drops => aside::plan(from, to, options, how),
        _ => straight(from, to, options),
    }
}

/// Without setting anything aside.
fn straight(from: &Schema, to: &Schema, options: &PlanOptions) -> Result<Plan, Refusal> {
    match to.dialect {
        Dialect::Postgres => postgres::plan(from, to, options.clone()),
        Dialect::MySql => mysql::plan(from, to, options.clone()),
    }
}
