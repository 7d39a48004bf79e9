//! `DatabaseSnapshot`

use std::collections::BTreeMap;

use muster_schema::Dialect;
use serde::{Deserialize, Serialize};

use super::{OwnValues, group, is_draft, long_text, own_groups, server::TYPES};
use crate::{FormGroup, fault::Faults, fields::Fields, form};

/// A database as it is designed now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Its own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forms: Option<Vec<FormGroup>>,
    /// None while it is a draft.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "basic")]
    pub values: Option<DatabaseValues>,
    /// What it is called on a server, by the server's label, where that is another name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What only its own form knows.
    #[serde(default, skip_serializing_if = "OwnValues::is_empty")]
    pub own: OwnValues,
}

/// What a database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseValues {
    /// What servers call it.
    pub name: String,
    /// What it is for.
    pub comment: String,
    /// Whose SQL it is in.
    #[serde(rename = "type")]
    pub dialect: Dialect,
}

impl Database {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let forms = form::read(spec, faults);
        let mut own = OwnValues::new();
        if is_draft(spec, forms.as_ref()) {
            return Some(Self {
                forms,
                values: None,
                names: BTreeMap::new(),
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
                let name = fields.need_text("name", faults);
                let comment = fields.need_text("comment", faults);
                let dialect = fields
                    .need("type", faults)
                    .and_then(|item| item.word(TYPES, faults));
                Some(DatabaseValues {
                    name: name?,
                    comment: comment?,
                    dialect: dialect?,
                })
            },
        );
        let document = long_text(spec, ("document", "content"), forms.as_ref(), &mut own, faults);
        let mut names = BTreeMap::new();
        if let Some(item) = spec.take("names")
            && let Some(mut fields) = item.fields(faults)
        {
            for server in fields.rest() {
                let name = fields.take_named(&server).and_then(|item| item.text(faults));
                names.extend(name.map(|name| (server, name)));
            }
        }
        own_groups(spec, forms.as_ref(), &mut own, faults);
        Some(Self {
            values: Some(values?),
            forms,
            names,
            document,
            own,
        })
    }
}
