//! Views.

use std::collections::BTreeMap;

use super::{Reader, expression_text, index::storage_options};
use crate::{
    Unreadable,
    model::{Expression, Options, View},
    normalise::postgres::query,
    read::Cursor,
};

impl Reader {
    /// After `create [materialized] view`.
    pub(super) fn create_view(
        &mut self,
        cursor: &mut Cursor<'_>,
        materialized: bool,
    ) -> Result<(), Unreadable> {
        cursor.take_words(&["if", "not", "exists"]);
        let name = self.object_name(cursor)?;
        let columns = if cursor.is_mark("(") {
            cursor.names()?
        } else {
            Vec::new()
        };
        if cursor.is_word("using") || cursor.is_word("tablespace") {
            return Err(cursor.fail("where a view is stored is not modelled"));
        }
        let mut options = if cursor.take("with") {
            storage_options(cursor)?
        } else {
            Options::default()
        };
        cursor.need("as")?;
        let from = cursor.position();
        expression_text(cursor, query)?;
        let text = cursor.text_since(from);
        let mut populated = true;
        if cursor.take("with") {
            if materialized {
                populated = !cursor.take("no");
                cursor.need("data")?;
            } else {
                let kind = if cursor.take("local") {
                    "local"
                } else {
                    cursor.take("cascaded");
                    "cascaded"
                };
                cursor.need("check")?;
                cursor.need("option")?;
                options.insert("check_option".to_owned(), kind.to_owned());
            }
        }
        let view = View {
            query: Expression::new(text),
            materialized,
            columns,
            options,
            populated,
            indexes: BTreeMap::new(),
            comment: None,
            column_comments: BTreeMap::new(),
        };
        if self.schema.tables.contains_key(&name) || self.schema.views.insert(name.clone(), view).is_some() {
            return Err(cursor.fail(format!("a second table or view {name}")));
        }
        Ok(())
    }
}
