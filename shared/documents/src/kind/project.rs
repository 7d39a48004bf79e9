//! `Project`

use serde::{Deserialize, Serialize};

use crate::{fault::Faults, fields::Fields};

/// Applications and the databases that belong to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    /// Names or ids of applications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<String>,
    /// Names of databases' documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Project {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Self {
        let mut list = |name| {
            let items = spec
                .take(name)
                .map(|item| item.one_or_more(faults))
                .unwrap_or_default();
            items.iter().filter_map(|item| item.text(faults)).collect()
        };
        let (applications, databases) = (list("applications"), list("databases"));
        Self {
            applications,
            databases,
            description: spec.text("description", faults),
        }
    }
}
