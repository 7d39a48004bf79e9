//! Keyset pages: `{"items": […], "nextCursor": …}` with `?limit=&cursor=`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use super::extract::holds_zero;
use crate::error::Error;

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 500;

/// `?limit=&cursor=`. For a list with filters, repeat the two fields in its own query type (`serde(flatten)` does not
/// work with query strings) and use [`PageQuery::new`].
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// From parts.
    pub fn new(limit: Option<u16>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Items on the page.
    pub fn limit(&self) -> usize {
        usize::from(self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT))
    }

    /// Rows to fetch: one more than the page holds tells whether there is a next one.
    pub fn fetch(&self) -> i64 {
        i64::try_from(self.limit()).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The key to go on after.
    pub fn cursor<K: DeserializeOwned>(&self) -> Result<Option<K>, Error> {
        let Some(text) = &self.cursor else { return Ok(None) };
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .filter(|bytes| !holds_zero(bytes))
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .map(Some)
            .ok_or_else(|| Error::invalid("cursor", "is not a cursor of this list; start again without it"))
    }

    /// The page of `rows` fetched with [`PageQuery::fetch`].
    pub fn page<T>(&self, mut rows: Vec<T>, cursor: impl FnOnce(&T) -> Cursor) -> Page<T> {
        let more = rows.len() > self.limit();
        rows.truncate(self.limit());
        let next_cursor = if more {
            rows.last().map(|row| cursor(row).0)
        } else {
            None
        };
        Page {
            items: rows,
            next_cursor,
        }
    }
}

/// An opaque position in a list.
#[derive(Debug)]
pub struct Cursor(String);

impl Cursor {
    /// The position after the row with this key.
    pub fn of(key: &impl Serialize) -> Self {
        Self(URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default()))
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the next page; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page that knows by itself where it goes on.
    pub fn new(items: Vec<T>, next: Option<Cursor>) -> Self {
        Self {
            items,
            next_cursor: next.map(|cursor| cursor.0),
        }
    }

    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_cursor_and_a_cursor_is_read_back() {
        let query = PageQuery::new(Some(2), None);
        let page = query.page(vec![1, 2, 3], Cursor::of);
        assert_eq!(page.items, [1, 2]);
        let next = PageQuery::new(Some(2), page.next_cursor);
        assert_eq!(next.cursor::<i32>().unwrap(), Some(2));
        assert!(next.page(vec![3], Cursor::of).next_cursor.is_none());
    }

    #[test]
    fn a_bad_cursor_is_the_caller_s_mistake() {
        let query = PageQuery::new(None, Some("!!".into()));
        assert!(matches!(query.cursor::<i64>(), Err(Error::Invalid(_))));
    }
}
