//! The one door to sqlparser: a statement's tree, or nothing if it can't be read whole.

use sqlparser::{
    ast::Statement,
    dialect::{MySqlDialect, PostgreSqlDialect},
    parser::Parser,
};

use crate::{Dialect, depth::is_deep};

/// Nesting beyond this is not read.
const DEPTH: usize = 64;

/// Reads one statement; `None` if sqlparser can't, finds more than one, or would build too deep a tree.
pub(crate) fn parse(dialect: Dialect, text: &str) -> Option<Statement> {
    if is_deep(dialect, text) {
        return None;
    }
    let mysql = MySqlDialect {};
    let postgres = PostgreSqlDialect {};
    let dialect: &dyn sqlparser::dialect::Dialect = match dialect {
        Dialect::MySql => &mysql,
        Dialect::Postgres => &postgres,
    };
    let mut parser = Parser::new(dialect)
        .with_recursion_limit(DEPTH)
        .try_with_sql(text)
        .ok()?;
    let mut statements = parser.parse_statements().ok()?;
    let statement = statements.pop()?;
    statements.is_empty().then_some(statement)
}
