//! One case: apply, plan, run, compare, plan again; and the way back.

use muster_schema::catalogue::{self, Answers};
use muster_schema::{Dialect, Plan, PlanOptions, Reverse, Schema, plan, read};

use crate::cases::Body;
use crate::database::{Database, Server, run_in_any_order};
use crate::verdict::Verdict;

/// A verdict that ends a case early.
type Ended = (Verdict, String);

/// Judges a case. An error is the server's own.
pub async fn judge<S: Server>(server: &S, case: &Body) -> anyhow::Result<Ended> {
    if let Some(reason) = server.not_for(case) {
        return Ok((Verdict::Skipped, reason));
    }
    let (mut wanted, mut changed) = (server.database().await?, server.database().await?);
    let judged = in_databases(server, &mut wanted, &mut changed, case).await?;
    server.give_back(wanted);
    server.give_back(changed);
    match judged {
        (Verdict::Refused, _) if case.error.is_some() => Ok((Verdict::Converged, String::new())),
        (Verdict::Converged, _) if case.error.is_some() => {
            Ok((Verdict::Wrong, "it should have been refused".to_owned()))
        }
        ended => Ok(ended),
    }
}

async fn in_databases<S: Server>(
    server: &S,
    wanted: &mut S::Database,
    changed: &mut S::Database,
    case: &Body,
) -> anyhow::Result<Ended> {
    for (database, sql, what) in [
        (&mut *wanted, case.desired(), "wanted"),
        (&mut *changed, case.current(), "there"),
    ] {
        if let Err(error) = given(server, database, case, sql).await? {
            let reason = format!("this server refuses what is {what}: {error}");
            return Ok((Verdict::Skipped, reason));
        }
    }
    let there = snapshot(changed).await?;
    let then = snapshot(wanted).await?;
    let ended = async {
        let planned = change::<S>(changed, case.desired(), &then).await?;
        undo::<S>(changed, &planned, &there, &then).await?;
        change::<S>(changed, case.current(), &there)
            .await
            .map_err(|(verdict, reason)| (verdict, format!("on the way back: {reason}")))
    };
    Ok(ended
        .await
        .map_or_else(|ended| ended, |_| (Verdict::Converged, String::new())))
}

/// Gives a database a schema directly; the inner error is what the server said against it.
async fn given<S: Server>(
    server: &S,
    database: &mut S::Database,
    case: &Body,
    sql: &str,
) -> anyhow::Result<Result<(), String>> {
    server.empty(database, case).await?;
    if sql.trim().is_empty() {
        return Ok(Ok(()));
    }
    let Err(error) = database.run_text(sql).await else {
        return Ok(Ok(()));
    };
    // Some name things before they make them; some of the text may have been run.
    server.empty(database, case).await?;
    let in_any_order = run_in_any_order(database, S::DIALECT, sql).await;
    Ok(in_any_order.map_err(|_| error))
}

/// Brings a database to a schema by a plan. The catalogue that should come of it is `then`.
async fn change<S: Server>(database: &mut S::Database, sql: &str, then: &[String]) -> Result<Plan, Ended> {
    let to = read(S::DIALECT, &S::addressed(database, sql)).map_err(|error| refused(&error))?;
    let planned = plan_to::<S>(database, &to).await?;
    run::<S>(database, &planned).await?;
    let now = database.snapshot().await.map_err(|error| wrong(&error))?;
    if now != then {
        let how = if planned.steps.is_empty() {
            "the plan is empty, but the catalogue differs"
        } else {
            "the catalogue differs afterwards"
        };
        return Err(wrong(&format!(
            "{how}: {}; plan: {}",
            difference(&now, then),
            text(&planned)
        )));
    }
    let again = plan_to::<S>(database, &to).await?;
    if !again.steps.is_empty() {
        return Err(wrong(&format!("planning again finds: {}", text(&again))));
    }
    Ok(planned)
}

/// Runs the way back that the plan's own steps give, and the plan once more.
async fn undo<S: Server>(
    database: &mut S::Database,
    plan: &Plan,
    there: &[String],
    then: &[String],
) -> Result<(), Ended> {
    let mut back = Vec::new();
    for step in plan.steps.iter().rev() {
        match &step.reverse {
            Reverse::Sql(statements) | Reverse::Lossy(statements, _) => back.extend(statements),
            // It says so: nothing is claimed that could be looked at.
            Reverse::None(_) => return Ok(()),
        }
    }
    for sql in &back {
        if let Err(error) = database.run(sql).await {
            return Err(wrong(&format!(
                "a step's way back fails: {error}: {sql}; plan: {}",
                text(plan)
            )));
        }
    }
    let now = database.snapshot().await.map_err(|error| wrong(&error))?;
    if now != there {
        return Err(wrong(&format!(
            "the steps' way back leads elsewhere: {}; plan: {}",
            difference(&now, there),
            text(plan)
        )));
    }
    run::<S>(database, plan).await?;
    let now = database.snapshot().await.map_err(|error| wrong(&error))?;
    if now != then {
        return Err(wrong(&format!(
            "the plan run again leads elsewhere: {}",
            difference(&now, then)
        )));
    }
    Ok(())
}

/// The plan to a schema from what the server reports.
pub(crate) async fn plan_to<S: Server>(database: &mut S::Database, to: &Schema) -> Result<Plan, Ended> {
    let from = introspected(database, S::DIALECT).await?;
    plan(&from, to, &PlanOptions::default()).map_err(|error| refused(&error))
}

/// What the server reports.
pub(crate) async fn introspected<D: Database>(database: &mut D, dialect: Dialect) -> Result<Schema, Ended> {
    let mut answers = Answers::new();
    for query in catalogue::queries(dialect) {
        let rows = database
            .rows(query.sql)
            .await
            .map_err(|error| wrong(&format!("the catalogue query {} fails: {error}", query.name)))?;
        answers.insert(query.name.to_owned(), rows);
    }
    catalogue::assemble(dialect, &answers).map_err(|error| refused(&error))
}

/// Runs a plan as the agent does: what can be in a transaction is in one together with its neighbours.
pub(crate) async fn run<S: Server>(database: &mut S::Database, plan: &Plan) -> Result<(), Ended> {
    let mut open = false;
    for step in &plan.steps {
        let wants = step.transactional && S::Database::has_transactions();
        if wants != open {
            control(database, if wants { "begin" } else { "commit" }).await?;
            open = wants;
        }
        if let Err(error) = database.run(&step.sql).await {
            return Err(wrong(&format!(
                "the plan fails: {error}: {}; plan: {}",
                step.sql,
                text(plan)
            )));
        }
    }
    if open {
        control(database, "commit").await?;
    }
    Ok(())
}

async fn control<D: Database>(database: &mut D, sql: &str) -> Result<(), Ended> {
    database
        .run(sql)
        .await
        .map_err(|error| wrong(&format!("{sql} fails: {error}")))
}

async fn snapshot<D: Database>(database: &mut D) -> anyhow::Result<Vec<String>> {
    database.snapshot().await.map_err(anyhow::Error::msg)
}

fn refused(error: &dyn std::fmt::Display) -> Ended {
    (Verdict::Refused, error.to_string())
}

fn wrong(reason: &str) -> Ended {
    (Verdict::Wrong, reason.to_owned())
}

fn text(plan: &Plan) -> String {
    let steps: Vec<&str> = plan.steps.iter().map(|step| step.sql.as_str()).collect();
    steps.join("; ")
}

/// Lines that are on one side only.
fn difference(now: &[String], then: &[String]) -> String {
    let only = |these: &[String], those: &[String], mark: &str| -> Vec<String> {
        let lines = these.iter().filter(|line| !those.contains(line));
        lines.map(|line| format!("{mark} {line}")).collect()
    };
    [only(now, then, "is"), only(then, now, "should be")]
        .concat()
        .join("\n  ")
}
