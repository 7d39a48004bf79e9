//! `ViewSnapshot`

use serde::{Deserialize, Serialize};

use super::{OwnValues, group, is_draft, long_text, own_groups};
use crate::{FormGroup, fault::Faults, fields::Fields, form};

/// A view as it is designed now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Its own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forms: Option<Vec<FormGroup>>,
    /// None while it is a draft.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "basic")]
    pub values: Option<ViewValues>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What only its own form knows.
    #[serde(default, skip_serializing_if = "OwnValues::is_empty")]
    pub own: OwnValues,
}

/// What a view is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewValues {
    /// The name of its database's document.
    pub database: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The query, in the database's SQL.
    pub query: String,
}

impl View {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let forms = form::read(spec, faults);
        let mut own = OwnValues::new();
        if is_draft(spec, forms.as_ref()) {
            return Some(Self {
                forms,
                values: None,
                document: None,
                own,
            });
        }
        if spec.peek("basic").is_none() {
            faults.add(spec.at, &spec.path_of("basic"), "is missing");
        }
        let values = group(
            spec,
            "basic",
            forms.as_ref(),
            &mut own,
            faults,
            |fields, faults| {
                let database = fields.need_text("database", faults);
                let comment = fields.text("comment", faults);
                let query = fields.need_text("query", faults);
                Some(ViewValues {
                    database: database?,
                    comment,
                    query: query?,
                })
            },
        );
        let document = long_text(spec, ("document", "content"), forms.as_ref(), &mut own, faults);
        own_groups(spec, forms.as_ref(), &mut own, faults);
        Some(Self {
            values: Some(values?),
            forms,
            document,
            own,
        })
    }
}
