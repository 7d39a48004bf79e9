//! Views.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Expression, Index, Options};

/// A view or materialised view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The query.
    pub query: Expression,
    /// Whether its rows are stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub materialized: bool,
    /// Its columns' names, where the text gives them or the server reports them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// `security_barrier`, `check_option` and the like, in lower case; MySQL's `algorithm`, `definer`, `security`.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// Whether it has rows (a materialised view made `with no data` has none).
    pub populated: bool,
    /// A materialised view's indexes by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: BTreeMap<String, Index>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its columns' comments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub column_comments: BTreeMap<String, String>,
}
