//! `Server`

use muster_base::SecretString;
use muster_schema::Dialect;
use serde::{Deserialize, Serialize};

use super::{OwnValues, group, is_draft, own_groups};
use crate::{FormGroup, fault::Faults, fields::Fields, form};

/// A database server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Its own form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forms: Option<Vec<FormGroup>>,
    /// None while it is a draft.
    #[serde(flatten)]
    pub values: Option<ServerValues>,
    /// What only its own form knows.
    #[serde(default, skip_serializing_if = "OwnValues::is_empty")]
    pub own: OwnValues,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerValues {
    /// Where it is.
    pub basic: ServerBasic,
    /// The database on it.
    pub database: ServerDatabase,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerBasic {
    /// Address or host name, as its agent reaches it.
    pub ip: String,
    /// Name of its environment.
    pub environment: String,
}

/// How its database is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerDatabase {
    /// Port; the usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// User that releases are run as.
    pub username: String,
    /// Taken in, never written out: no document that is kept or exported has it.
    #[serde(skip)]
    pub password: Option<SecretString>,
    /// MySQL (also MariaDB) or PostgreSQL.
    #[serde(rename = "type")]
    pub dialect: Dialect,
    /// Id or name of the host whose agent reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The databases that releases may be for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
}

impl PartialEq for ServerDatabase {
    /// All but the password, which is compared where it is kept.
    fn eq(&self, other: &Self) -> bool {
        self.port == other.port
            && self.username == other.username
            && self.dialect == other.dialect
            && self.agent == other.agent
            && self.databases == other.databases
    }
}

impl Eq for ServerDatabase {}

pub(crate) const TYPES: &[(&str, Dialect)] = &[
    ("MySQL", Dialect::MySql),
    ("Postgres", Dialect::Postgres),
    ("MariaDB", Dialect::MySql),
    ("PostgreSQL", Dialect::Postgres),
];

impl Server {
    pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Self> {
        let forms = form::read(spec, faults);
        let mut own = OwnValues::new();
        if is_draft(spec, forms.as_ref()) {
            return Some(Self {
                forms,
                values: None,
                own,
            });
        }
        for name in ["basic", "database"] {
            if spec.peek(name).is_none() {
                faults.add(spec.at, &spec.path_of(name), "is missing");
            }
        }
        let basic = group(
            spec,
            "basic",
            forms.as_ref(),
            &mut own,
            faults,
            |fields, faults| {
                let (ip, environment) = (
                    fields.need_text("ip", faults),
                    fields.need_text("environment", faults),
                );
                Some(ServerBasic {
                    ip: ip?,
                    environment: environment?,
                })
            },
        );
        let database = group(spec, "database", forms.as_ref(), &mut own, faults, database);
        own_groups(spec, forms.as_ref(), &mut own, faults);
        Some(Self {
            values: Some(ServerValues {
                basic: basic?,
                database: database?,
            }),
            forms,
            own,
        })
    }
}

fn database(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<ServerDatabase> {
    let port = fields.take("port").and_then(|item| {
        let port = item
            .int(faults)
            .and_then(|port| u16::try_from(port).ok().filter(|port| *port > 0));
        if port.is_none() {
            item.wrong(faults, "must be 1 to 65535");
        }
        port
    });
    let username = fields.need_text("username", faults);
    let password = fields.take("password").and_then(|item| item.quoted(faults));
    let dialect = fields
        .need("type", faults)
        .and_then(|item| item.word(TYPES, faults));
    let agent = fields.text("agent", faults);
    let databases = fields
        .take("databases")
        .map(|item| item.one_or_more(faults))
        .unwrap_or_default();
    let databases = databases.iter().filter_map(|item| item.text(faults)).collect();
    Some(ServerDatabase {
        port,
        username: username?,
        password: password.map(SecretString::from),
        dialect: dialect?,
        agent,
        databases,
    })
}
