//! Changes of rows that can be held in: how many rows an `update` or `delete` would touch can be asked for, and the rows can be
//! kept elsewhere before.
//!
//! That takes one table and a condition that says the same each time it is asked in one transaction; its text is taken as it
//! stands, never written anew. What isn't so ([`NotCounted`]) is said, and not guessed: joins, several tables, `with`, `limit`,
//! `order by`, `returning`, functions that are not known or say something else each time.
//!
//! What triggers do, and what goes in other tables along with a row (`on delete cascade`), is not in the text: whoever runs it
//! looks for the latter in the catalogue.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AssignmentTarget, Delete, Expr, FromTable, Ident, Statement, TableAlias, TableFactor, TableWithJoins,
    Update, Visit, Visitor,
};

use crate::{
    ASIDE, Class, Dialect, ObjectRef, StatementKind,
    classify::{classify_parsed, fold, is_steady},
    lex::{Kind, Lexer},
    model::Name,
    parse::parse,
    plan::cut,
    render::{mysql, postgres, quoted_name},
};

/// An `update` or `delete` of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    dialect: Dialect,
    /// Whether the rows go; else they are overwritten.
    pub deletes: bool,
    /// The table.
    pub table: ObjectRef,
    /// Columns that are overwritten, folded.
    pub assigned: Vec<String>,
    /// The table with its alias, quoted where it was.
    from: String,
    condition: Option<String>,
}

/// Why a statement's rows can be neither counted nor kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotCounted(String);

/// The change of rows that a statement is; none if it overwrites and deletes none.
pub fn row_change(dialect: Dialect, text: &str) -> Result<Option<RowChange>, NotCounted> {
    let tree = parse(dialect, text);
    let seen = classify_parsed(dialect, text, tree.as_ref());
    let not = |why: &str| Err(NotCounted(why.to_owned()));
    match (seen.class, seen.kind) {
        (Class::Data, StatementKind::Update | StatementKind::Delete) => {}
        (Class::Data, StatementKind::Insert) if seen.reasons.is_empty() => return Ok(None),
        (Class::Data, _) => return not("it is no plain UPDATE or DELETE of one table"),
        (_, StatementKind::Truncate) => return not("TRUNCATE asks for no rows"),
        (Class::Unknown, _) => return not("what it does can't be read"),
        _ => return Ok(None),
    }
    match tree {
        Some(Statement::Update(update)) => updated(dialect, text, &update).map(Some),
        Some(Statement::Delete(delete)) => deleted(dialect, text, &delete).map(Some),
        _ => not("it is no plain UPDATE or DELETE of one table"),
    }
}

/// A change that would touch every row of a table, by one of its columns: to be counted, and never run.
pub fn every_row(dialect: Dialect, table: &Name, column: &str) -> String {
    let table = match dialect {
        Dialect::Postgres => postgres::qualified(table),
        Dialect::MySql => mysql::table_name(table),
    };
    let column = quoted_name(dialect, column);
    format!("delete from {table} where {column} is null or {column} is not null")
}

/// What rows that are kept are called: like what is set aside.
pub fn kept_rows_name(dialect: Dialect, mark: &str, table: &str) -> String {
    let head = format!("{ASIDE}{mark}_");
    let room = match dialect {
        Dialect::Postgres => 63_usize,
        Dialect::MySql => 64,
    };
    format!("{head}{}", cut(dialect, table, room.saturating_sub(head.len())))
}

fn updated(dialect: Dialect, text: &str, update: &Update) -> Result<RowChange, NotCounted> {
    let Update {
        table,
        assignments,
        from,
        selection,
        returning,
        output,
        or,
        order_by,
        limit,
        ..
    } = update;
    refuse(&[
        (from.is_some(), "it joins other tables (FROM)"),
        (
            returning.is_some() || output.is_some(),
            "it answers rows (RETURNING)",
        ),
        (!order_by.is_empty(), "it has an ORDER BY"),
        (limit.is_some(), "it has a LIMIT"),
        (or.is_some(), "it says what becomes of conflicts"),
    ])?;
    let mut assigned = Vec::new();
    for assignment in assignments {
        let names = match &assignment.target {
            AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
            AssignmentTarget::Tuple(names) => names.as_slice(),
        };
        for name in names {
            let column = name.0.last().and_then(|part| part.as_ident());
            let column = column.ok_or_else(|| NotCounted("what it overwrites can't be read".to_owned()))?;
            assigned.push(fold(dialect, column));
        }
    }
    change(dialect, text, (table, selection.as_ref()), Some(assigned))
}

fn deleted(dialect: Dialect, text: &str, delete: &Delete) -> Result<RowChange, NotCounted> {
    let Delete {
        tables,
        from,
        using,
        selection,
        returning,
        output,
        order_by,
        limit,
        ..
    } = delete;
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
    refuse(&[
        (!tables.is_empty(), "it deletes from several tables, or by a join"),
        (using.is_some(), "it joins other tables (USING)"),
        (
            returning.is_some() || output.is_some(),
            "it answers rows (RETURNING)",
        ),
        (!order_by.is_empty(), "it has an ORDER BY"),
        (limit.is_some(), "it has a LIMIT"),
    ])?;
    match from.as_slice() {
        [table] => change(dialect, text, (table, selection.as_ref()), None),
        _ => Err(NotCounted("it deletes from several tables".to_owned())),
    }
}

fn refuse(faults: &[(bool, &str)]) -> Result<(), NotCounted> {
    match faults.iter().find(|(wrong, _)| *wrong) {
        Some((_, why)) => Err(NotCounted((*why).to_owned())),
        None => Ok(()),
    }
}

/// Words before a table that the parser takes for its name.
const NO_NAMES: &[&str] = &["delayed", "ignore", "low_priority", "only", "quick"];

fn change(
    dialect: Dialect,
    text: &str,
    (table, selection): (&TableWithJoins, Option<&Expr>),
    assigned: Option<Vec<String>>,
) -> Result<RowChange, NotCounted> {
    let no = |why: &str| NotCounted(why.to_owned());
    if !table.joins.is_empty() {
        return Err(no("it joins other tables"));
    }
    let TableFactor::Table {
        name,
        alias,
        args: None,
        with_hints,
        version: None,
        with_ordinality: false,
        partitions,
        json_path: None,
        sample: None,
        index_hints,
    } = &table.relation
    else {
        return Err(no("what it changes is no table by its name"));
    };
    if !with_hints.is_empty() || !partitions.is_empty() || !index_hints.is_empty() {
        return Err(no(
            "it says more of its table than a name (partitions, index hints)",
        ));
    }
    let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
    let parts = parts.ok_or_else(|| no("what it changes is no table by its name"))?;
    let is_no_name = |ident: &&Ident| {
        ident.quote_style.is_none() && NO_NAMES.contains(&ident.value.to_ascii_lowercase().as_str())
    };
    if parts.first().is_some_and(is_no_name) {
        return Err(no("it says more of its table than a name (ONLY, IGNORE)"));
    }
    match (dialect, parts.len()) {
        (_, 1) | (Dialect::Postgres, 2) => {}
        (Dialect::MySql | Dialect::Postgres, _) => {
            return Err(no("it names the database of its table: leave that out"));
        }
    }
    let mut from = parts
        .iter()
        .map(|ident| written(dialect, ident))
        .collect::<Vec<_>>()
        .join(".");
    if let Some(TableAlias {
        name, columns, at, ..
    }) = alias
    {
        if !columns.is_empty() || at.is_some() {
            return Err(no("it gives its columns other names"));
        }
        from.push_str(" as ");
        from.push_str(&written(dialect, name));
    }
    if let Some(selection) = selection {
        steady(dialect, selection)?;
    }
    let condition = condition(dialect, text)?;
    if condition.is_some() != selection.is_some() {
        return Err(no("its condition can't be told from the rest"));
    }
    Ok(RowChange {
        dialect,
        deletes: assigned.is_none(),
        table: ObjectRef::of(dialect, name),
        assigned: assigned.unwrap_or_default(),
        from,
        condition,
    })
}

/// A name as it was written: what was not quoted is a word.
fn written(dialect: Dialect, ident: &Ident) -> String {
    if ident.quote_style.is_some() {
        quoted_name(dialect, &ident.value)
    } else {
        ident.value.clone()
    }
}

/// What stands after the statement's own `where`.
fn condition(dialect: Dialect, text: &str) -> Result<Option<String>, NotCounted> {
    let unread = || NotCounted("its condition can't be told from the rest".to_owned());
    let mut lexer = Lexer::new(dialect, text);
    let (mut depth, mut begins, mut colon) = (0_usize, None, false);
    while let Some(token) = lexer.next().map_err(|_| unread())? {
        match token.kind {
            Kind::Symbol('(') => depth += 1,
            Kind::Symbol(')') => depth = depth.checked_sub(1).ok_or_else(unread)?,
            // MySQL's `@a := 1` gives another answer the second time.
            Kind::Symbol('=') if colon => {
                return Err(NotCounted("it assigns to variables".to_owned()));
            }
            Kind::Symbol(';') => return Err(unread()),
            Kind::Word
                if depth == 0
                    && begins.is_none()
                    && text[token.start..token.end].eq_ignore_ascii_case("where") =>
            {
                begins = Some(token.end);
            }
            _ => {}
        }
        colon = token.kind == Kind::Symbol(':');
    }
    Ok(begins.map(|at| text[at..].trim().to_owned()))
}

/// Whether a condition says the same each time it is asked in one transaction.
fn steady(dialect: Dialect, condition: &Expr) -> Result<(), NotCounted> {
    struct Look(Dialect);
    impl Visitor for Look {
        type Break = String;

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
            match expr {
                Expr::Function(function) if !is_steady(self.0, &function.name) => {
                    ControlFlow::Break(function.name.to_string())
                }
                _ => ControlFlow::Continue(()),
            }
        }

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
            match factor {
                TableFactor::Table {
                    name, args: Some(_), ..
                }
                | TableFactor::Function { name, .. }
                    if !is_steady(self.0, name) =>
                {
                    ControlFlow::Break(name.to_string())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    match condition.visit(&mut Look(dialect)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => Err(NotCounted(format!(
            "its condition calls {name}(), which may say something else each time it is asked"
        ))),
    }
}

impl RowChange {
    /// Asks how many rows it would touch.
    pub fn count(&self) -> String {
        format!("select count(*) from {}{}", self.from, self.rest())
    }

    /// The table by itself, for a look into the catalogue.
    pub fn table_name(&self) -> String {
        let own = quoted_name(self.dialect, &self.table.name);
        match &self.table.schema {
            Some(schema) => format!("{}.{own}", quoted_name(self.dialect, schema)),
            None => own,
        }
    }

    /// Makes the table that the rows are kept in, and on PostgreSQL fills it. MySQL commits at that, so there it is empty, and
    /// [`Self::fill`] fills it. `columns`: all of the table's, on MySQL.
    pub fn keep(&self, into: &str, columns: &[String]) -> String {
        let into = self.sibling(into);
        match self.dialect {
            Dialect::Postgres => format!(
                "create table {into} as select * from {}{}",
                self.from,
                self.rest()
            ),
            Dialect::MySql => format!(
                "create table if not exists {into} engine = InnoDB as select {} from {} where 1 = 0",
                self.columns(columns),
                self.table_name(),
            ),
        }
    }

    /// Fills the table that [`Self::keep`] made, and keeps others from the rows until the transaction ends (MySQL).
    pub fn fill(&self, into: &str, columns: &[String]) -> String {
        let (into, columns) = (self.sibling(into), self.columns(columns));
        format!(
            "insert into {into} ({columns}) select {columns} from {}{}for update",
            self.from,
            self.rest(),
        )
    }

    /// Drops the table that rows are kept in.
    pub fn drop_kept(&self, kept: &str) -> String {
        format!("drop table {}", self.sibling(kept))
    }

    /// Puts rows that were deleted back, and drops what they were kept in; nothing if they were overwritten, since only
    /// people know by which key they are told apart.
    pub fn put_back(&self, kept: &str) -> Vec<String> {
        if !self.deletes {
            return Vec::new();
        }
        let how = match self.dialect {
            Dialect::Postgres => " overriding system value",
            Dialect::MySql => "",
        };
        vec![
            format!(
                "insert into {}{how} select * from {}",
                self.table_name(),
                self.sibling(kept)
            ),
            self.drop_kept(kept),
        ]
    }

    /// The schema that the rows are kept in: that of the table. PostgreSQL's `public` if the statement names none.
    pub fn namespace(&self) -> &str {
        match (self.dialect, &self.table.schema) {
            (Dialect::MySql, _) => "",
            (Dialect::Postgres, Some(schema)) => schema,
            (Dialect::Postgres, None) => "public",
        }
    }

    /// A table beside the one that is changed.
    fn sibling(&self, name: &str) -> String {
        let own = quoted_name(self.dialect, name);
        match self.namespace() {
            "" => own,
            schema => format!("{}.{own}", quoted_name(self.dialect, schema)),
        }
    }

    fn columns(&self, columns: &[String]) -> String {
        let quoted = columns.iter().map(|column| quoted_name(self.dialect, column));
        quoted.collect::<Vec<_>>().join(", ")
    }

    /// The condition may end in a comment, so a line ends it.
    fn rest(&self) -> String {
        match &self.condition {
            Some(condition) => format!(" where {condition}\n"),
            None => " ".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
