//! What the judge needs of a server, whichever it is.

use std::future::Future;

use muster_schema::Dialect;

use crate::cases::Body;

/// Rows of a query, all cells as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// A server that makes databases.
pub trait Server: Clone + Send + Sync + 'static {
    /// A connection to one of its databases.
    type Database: Database;

    /// Its SQL.
    const DIALECT: Dialect;

    /// Why a case is not for this server, if it isn't.
    fn not_for(&self, case: &Body) -> Option<String>;

    /// An empty database, and a connection to it.
    fn database(&self) -> impl Future<Output = anyhow::Result<Self::Database>> + Send;

    /// Makes it empty again, as the case wants it.
    fn empty(
        &self,
        database: &mut Self::Database,
        case: &Body,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// It is not needed any more; somebody else may have it.
    fn give_back(&self, database: Self::Database);

    /// Drops all databases that were made.
    fn close(&self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// The schema as a person writes it who says where unqualified names stand in this database.
    fn addressed(database: &Self::Database, sql: &str) -> String;
}

/// A connection to a database. An error is what the server said.
pub trait Database: Send {
    /// Runs a text of many statements, as a person does who hands it to the server's own client.
    fn run_text(&mut self, sql: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// Runs one statement.
    fn run(&mut self, sql: &str) -> impl Future<Output = Result<(), String>> + Send;

    /// Rows of one query.
    fn rows(&mut self, sql: &str) -> impl Future<Output = Result<Rows, String>> + Send;

    /// Everything that its catalogue says of the schema, as lines in an order of their own. Asked of the server itself,
    /// by nothing that the planner uses.
    fn snapshot(&mut self) -> impl Future<Output = Result<Vec<String>, String>> + Send;

    /// Whether statements can be rolled back.
    fn has_transactions() -> bool;
}

/// Runs the statements of a text in whatever order works: again and again those that failed, until none is left or no
/// more succeed. For schemas that name things before they make them.
pub async fn run_in_any_order<D: Database>(
    database: &mut D,
    dialect: Dialect,
    sql: &str,
) -> Result<(), String> {
    let mut waiting: Vec<&str> = muster_schema::split(dialect, sql)
        .map_err(|error| error.to_string())?
        .iter()
        .map(|statement| statement.text)
        .collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let (mut failed, mut first_error) = (Vec::new(), None);
        for statement in waiting {
            if let Err(error) = database.run(statement).await {
                first_error.get_or_insert(error);
                failed.push(statement);
            }
        }
        if let Some(error) = first_error.filter(|_| failed.len() == before) {
            return Err(error);
        }
        waiting = failed;
    }
    Ok(())
}

/// What a server says against something, without what the driver adds.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    }
}
