//! Views.

use std::collections::BTreeMap;

use super::{Reader, object_name, routine::definer, same_name};
use crate::{
    Unreadable,
    model::{Expression, Options, View},
    normalise::mysql::query,
    read::Cursor,
};

impl Reader {
    /// After `create [or replace]`.
    pub(super) fn create_view(&mut self, cursor: &mut Cursor<'_>, replaces: bool) -> Result<(), Unreadable> {
        let mut options = view_options(cursor)?;
        if !cursor.take("view") {
            return Err(cursor.fail("this kind of object is not read"));
        }
        cursor.take_words(&["if", "not", "exists"]);
        let name = object_name(cursor)?;
        let columns = if cursor.is_mark("(") {
            cursor.names()?
        } else {
            Vec::new()
        };
        cursor.need("as")?;
        let from = cursor.position();
        query(cursor)?;
        let text = cursor.text_since(from);
        if cursor.take("with") {
            let kind = if cursor.take("local") { "local" } else { "cascaded" };
            cursor.take("cascaded");
            cursor.need("check")?;
            cursor.need("option")?;
            options.insert("check_option".to_owned(), kind.to_owned());
        }
        cursor.end()?;
        let view = View {
            query: Expression::new(text),
            materialized: false,
            columns,
            options,
            populated: true,
            indexes: BTreeMap::new(),
            comment: None,
            column_comments: BTreeMap::new(),
        };
        let is_table = self
            .schema
            .tables
            .keys()
            .any(|known| same_name(&known.name, &name.name));
        if is_table || (self.schema.views.insert(name.clone(), view).is_some() && !replaces) {
            return Err(cursor.fail(format!("a second table or view {name}")));
        }
        Ok(())
    }
}

/// `[algorithm = …] [definer = …] [sql security …]`
pub(crate) fn view_options(cursor: &mut Cursor<'_>) -> Result<Options, Unreadable> {
    let mut options = Options::default();
    if cursor.take("algorithm") {
        cursor.need_mark("=")?;
        let algorithm = cursor.name()?.to_ascii_lowercase();
        if algorithm != "undefined" {
            options.insert("algorithm".to_owned(), algorithm);
        }
    }
    if let Some(definer) = definer(cursor)? {
        options.insert("definer".to_owned(), definer);
    }
    if cursor.take_words(&["sql", "security"]) {
        let security = cursor.name()?.to_ascii_lowercase();
        if security != "definer" {
            options.insert("security".to_owned(), security);
        }
    }
    Ok(options)
}
