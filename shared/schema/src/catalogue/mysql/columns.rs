//! Columns and indexes.

use super::{Assembly, Row};
use crate::{
    Dialect, Unreadable,
    model::{Column, ColumnDefault, Expression, Generated, Index, IndexPart, Indexed, Key, Name},
    read::{Cursor, mysql},
    render::quoted_string,
};

impl Assembly<'_> {
    pub(super) fn columns(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("columns")? {
            let row = Row(row);
            let name = row.table(0)?;
            // A view's columns come from its query.
            if !self.schema.tables.contains_key(&name) {
                continue;
            }
            let column = self.column(row)?;
            if let Some(table) = self.schema.tables.get_mut(&name) {
                table.columns.push(column);
            }
        }
        Ok(())
    }

    fn column(&self, row: Row<'_>) -> Result<Column, Unreadable> {
        let path = format!("{}.{}", row.text(0)?, row.text(1)?);
        let mut cursor = Cursor::new(Dialect::MySql, row.text(4)?, 1)?;
        let words = mysql::data_type(&mut cursor).map_err(|error| Unreadable::of(&path, error))?;
        // MariaDB marks types that only it has.
        if !cursor.is_done() {
            return Err(Unreadable::of(
                path,
                format!("the type {} is not modelled", row.text(4)?),
            ));
        }
        if !self.is_mariadb && GEOMETRIES.contains(&words.data_type.name.as_str()) {
            return Err(Unreadable::of(
                path,
                "MySQL's geometries have a reference system, which is not modelled",
            ));
        }
        let mut column = Column {
            name: row.text(1)?.to_owned(),
            data_type: words.data_type,
            nullable: row.text(3)? == "YES",
            charset: row.some(5).map(str::to_owned),
            collation: row.some(6).map(|collation| Name::new("", collation)),
            comment: row.some(8).map(str::to_owned),
            ..Column::default()
        };
        self.extra(&path, row, &mut column)?;
        if column.generated.is_none() {
            column.default = self.default(row, &column);
        }
        Ok(column)
    }

    /// The words of `extra`.
    fn extra(&self, path: &str, row: Row<'_>, column: &mut Column) -> Result<(), Unreadable> {
        let mut extra = row.get(7).unwrap_or_default().to_ascii_lowercase();
        if let Some(at) = extra.find("on update ") {
            column.on_update = Some(Expression::new(extra[at + "on update ".len()..].trim()));
            extra.truncate(at);
        }
        for (words, stored) in [
            ("virtual generated", false),
            ("stored generated", true),
            ("persistent generated", true),
        ] {
            if extra.contains(words) {
                column.generated = Some(Generated {
                    expression: self.expression(row.get(9).unwrap_or_default()),
                    stored,
                });
                extra = extra.replace(words, "");
            }
        }
        for word in extra.replace(',', " ").split_whitespace() {
            match word {
                "auto_increment" => column.auto_increment = true,
                "invisible" => column.invisible = true,
                "default_generated" => {}
                _ => return Err(Unreadable::of(path, format!("{word} is not modelled"))),
            }
        }
        Ok(())
    }

    /// MariaDB reports an expression, MySQL a literal's value unless it says that it is generated.
    fn default(&self, row: Row<'_>, column: &Column) -> Option<ColumnDefault> {
        let text = row.get(2)?;
        let is_expression = row
            .get(7)
            .unwrap_or_default()
            .to_ascii_lowercase()
            .contains("default_generated");
        let sql = if self.is_mariadb {
            if text.eq_ignore_ascii_case("null") {
                return None;
            }
            text.to_owned()
        } else if is_expression {
            return Some(ColumnDefault::Expression(self.expression(text)));
        } else if is_number(&column.data_type.name) || text.starts_with("b'") {
            text.to_owned()
        } else {
            quoted_string(Dialect::MySql, text)
        };
        Some(ColumnDefault::Expression(Expression::new(sql)))
    }

    /// An expression as it is; MySQL escapes its quotes once more.
    pub(super) fn expression(&self, text: &str) -> Expression {
        if self.is_mariadb {
            Expression::new(text)
        } else {
            Expression::new(text.replace("\\'", "'"))
        }
    }

    pub(super) fn indexes(&mut self) -> Result<(), Unreadable> {
        for row in self.rows("indexes")? {
            let row = Row(row);
            let name = row.table(0)?;
            let part = self.part(row)?;
            let Some(table) = self.schema.tables.get_mut(&name) else {
                continue;
            };
            let index_name = row.text(1)?;
            let method = match row.text(6)? {
                "FULLTEXT" => "fulltext",
                "SPATIAL" => "spatial",
                "HASH" => "hash",
                "BTREE" | "RTREE" => "btree",
                other => {
                    return Err(Unreadable::of(
                        index_name,
                        format!("indexes by {other} are not modelled"),
                    ));
                }
            };
            let comment = row.some(7).map(str::to_owned);
            if index_name == "PRIMARY" {
                let key = table.primary_key.get_or_insert_with(|| Key {
                    name: index_name.to_owned(),
                    comment,
                    ..Key::default()
                });
                if method == "hash" {
                    key.options.insert("using".to_owned(), method.to_owned());
                }
                key.columns.push(part);
                continue;
            }
            let index = table
                .indexes
                .entry(index_name.to_owned())
                .or_insert_with(|| Index {
                    unique: row.get(2) == Some("0"),
                    method: method.to_owned(),
                    invisible: row.get(8) == Some("YES"),
                    comment,
                    ..Index::default()
                });
            index.parts.push(part);
        }
        Ok(())
    }

    fn part(&self, row: Row<'_>) -> Result<IndexPart, Unreadable> {
        let mut part = match (row.get(3), row.some(9)) {
            (Some(column), _) => IndexPart::column(column),
            (None, Some(expression)) => IndexPart {
                on: Indexed::Expression(self.expression(expression)),
                ..IndexPart::column("")
            },
            (None, None) => {
                return Err(Unreadable::of(
                    row.text(1)?,
                    "an index over nothing that is known",
                ));
            }
        };
        let is_text = matches!(row.text(6)?, "FULLTEXT" | "SPATIAL");
        part.prefix = row
            .get(5)
            .filter(|_| !is_text)
            .and_then(|length| length.parse().ok());
        part.descending = row.get(4) == Some("D");
        Ok(part)
    }
}

const GEOMETRIES: &[&str] = &[
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
];

/// Whether the type's constants are written without quotes.
fn is_number(name: &str) -> bool {
    matches!(
        name,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year"
    )
}
