//! Documents: head and kind.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Fault,
    fault::Faults,
    fields::{Fields, Item},
    kind::{
        database::Database, environment::Environment, flow::ApprovalFlow, project::Project, server::Server,
        view::View,
    },
    node,
    table::Table,
};

/// The version of the documents' shape.
pub const API_VERSION: &str = "v1alpha1";

/// Kinds that can be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A group of servers, hosts and settings.
    Environment,
    /// A database server.
    Server,
    /// A database as it is designed now.
    DatabaseSnapshot,
    /// A table as it is designed now.
    TableSnapshot,
    /// A view as it is designed now.
    ViewSnapshot,
    /// Who approves what.
    ApprovalFlow,
    /// Applications and their databases.
    Project,
}

/// Kinds that publishing and approval make, and nothing else.
const MADE: [(&str, &str); 4] = [
    (
        "Release",
        "a release is made by the last approval of a ticket and never changes",
    ),
    (
        "Database",
        "a published database is made by publishing its DatabaseSnapshot",
    ),
    (
        "Table",
        "a published table is made by publishing its TableSnapshot",
    ),
    ("View", "a published view is made by publishing its ViewSnapshot"),
];

impl Kind {
    /// Every kind, in the order in which documents are applied.
    pub const ALL: [Self; 7] = [
        Self::Environment,
        Self::Server,
        Self::DatabaseSnapshot,
        Self::TableSnapshot,
        Self::ViewSnapshot,
        Self::ApprovalFlow,
        Self::Project,
    ];

    /// As it is written in a document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "Environment",
            Self::Server => "Server",
            Self::DatabaseSnapshot => "DatabaseSnapshot",
            Self::TableSnapshot => "TableSnapshot",
            Self::ViewSnapshot => "ViewSnapshot",
            Self::ApprovalFlow => "ApprovalFlow",
            Self::Project => "Project",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One document.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its name, unique among those of its kind.
    pub name: String,
    /// For people.
    pub label: Option<String>,
    /// What it was called before; for this once.
    pub renamed_from: Option<String>,
    /// The revision that it was made from: applied only if that is still the latest.
    pub revision: Option<i64>,
    /// Where it begins in its text.
    pub line: u32,
    /// What it says.
    pub spec: Spec,
}

/// What a document says.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Spec {
    /// `Environment`.
    Environment(Environment),
    /// `Server`.
    Server(Box<Server>),
    /// `DatabaseSnapshot`.
    Database(Box<Database>),
    /// `TableSnapshot`.
    Table(Box<Table>),
    /// `ViewSnapshot`.
    View(Box<View>),
    /// `ApprovalFlow`.
    ApprovalFlow(ApprovalFlow),
    /// `Project`.
    Project(Project),
}

impl Spec {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Environment(_) => Kind::Environment,
            Self::Server(_) => Kind::Server,
            Self::Database(_) => Kind::DatabaseSnapshot,
            Self::Table(_) => Kind::TableSnapshot,
            Self::View(_) => Kind::ViewSnapshot,
            Self::ApprovalFlow(_) => Kind::ApprovalFlow,
            Self::Project(_) => Kind::Project,
        }
    }

    /// Whether it has a form and no values yet.
    pub fn is_draft(&self) -> bool {
        match self {
            Self::Server(of) => of.values.is_none(),
            Self::Database(of) => of.values.is_none(),
            Self::Table(of) => of.values.is_none(),
            Self::View(of) => of.values.is_none(),
            Self::Environment(_) | Self::ApprovalFlow(_) | Self::Project(_) => false,
        }
    }

    /// What was kept as JSON.
    pub fn from_json(kind: Kind, json: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Environment => Self::Environment(serde_json::from_str(json)?),
            Kind::Server => Self::Server(serde_json::from_str(json)?),
            Kind::DatabaseSnapshot => Self::Database(serde_json::from_str(json)?),
            Kind::TableSnapshot => Self::Table(serde_json::from_str(json)?),
            Kind::ViewSnapshot => Self::View(serde_json::from_str(json)?),
            Kind::ApprovalFlow => Self::ApprovalFlow(serde_json::from_str(json)?),
            Kind::Project => Self::Project(serde_json::from_str(json)?),
        })
    }

    /// How it is kept. No password is in it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Reads a text of one or many documents, YAML or JSON. All that is wrong in any of them is said at once.
pub fn parse(text: &str) -> Result<Vec<Document>, Vec<Fault>> {
    let nodes = node::read(text).map_err(|fault| vec![fault])?;
    let mut faults = Faults::default();
    if nodes.is_empty() {
        faults.add((0, 0), "", "holds no document");
    }
    let mut documents: Vec<Document> = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let Some(document) = document(&Item::root(node), &mut faults) else {
            continue;
        };
        let twin =
            |other: &&Document| other.name == document.name && other.spec.kind() == document.spec.kind();
        if let Some(twin) = documents.iter().find(twin) {
            let message = format!(
                "{} {} stands in line {} too",
                document.spec.kind(),
                document.name,
                twin.line
            );
            faults.add(node.at, "metadata.name", message);
        }
        documents.push(document);
    }
    faults.into_result(documents)
}

fn document(item: &Item<'_>, faults: &mut Faults) -> Option<Document> {
    let mut fields = item.fields(faults)?;
    if let Some(version) = fields.need("apiVersion", faults)
        && version.text(faults).is_some_and(|version| version != API_VERSION)
    {
        version.wrong(faults, format!("must be {API_VERSION}"));
    }
    // What publishing makes is refused as a whole: its fields are nobody's to write.
    let kind = kind(&fields.need("kind", faults)?, faults)?;
    let before = faults.len();
    let head = fields
        .need("metadata", faults)
        .and_then(|item| head(kind, &item, faults));
    let spec = fields
        .need("spec", faults)
        .and_then(|item| spec(kind, &item, faults));
    fields.finish(faults);
    let (name, label, renamed_from, revision) = head?;
    let spec = spec?;
    (faults.len() == before).then_some(Document {
        name,
        label,
        renamed_from,
        revision,
        line: item.node.at.0,
        spec,
    })
}

fn kind(item: &Item<'_>, faults: &mut Faults) -> Option<Kind> {
    let text = item.text(faults)?;
    let kind = Kind::parse(&text);
    if kind.is_none() {
        let why = match MADE.iter().find(|(made, _)| *made == text) {
            Some((made, why)) => format!("{made} can't be applied: {why}; it can be exported"),
            None => format!(
                "{text} is no kind; there are {}",
                Kind::ALL.map(Kind::as_str).join(", ")
            ),
        };
        item.wrong(faults, why);
    }
    kind
}

type Head = (String, Option<String>, Option<String>, Option<i64>);

fn head(kind: Kind, item: &Item<'_>, faults: &mut Faults) -> Option<Head> {
    let mut fields = item.fields(faults)?;
    let name = fields.need("name", faults).and_then(|item| {
        let text = item.text(faults)?;
        let wrong = wrong_name(kind, &text);
        if let Some(why) = wrong {
            item.wrong(faults, why);
            return None;
        }
        Some(text)
    });
    let label = fields.take("label").and_then(|item| {
        let text = item.text(faults)?;
        if !(1..=128).contains(&text.chars().count()) {
            item.wrong(faults, "must have 1 to 128 characters");
        }
        Some(text)
    });
    let renamed_from = fields.text("renamedFrom", faults);
    let revision = fields.take("revision").and_then(|item| item.int(faults));
    fields.finish(faults);
    Some((name?, label, renamed_from, revision))
}

/// Why a name can't be one. Tables and views go by what the server calls them, the rest by words for addresses.
fn wrong_name(kind: Kind, name: &str) -> Option<&'static str> {
    match kind {
        Kind::TableSnapshot | Kind::ViewSnapshot => {
            let good =
                (1..=63).contains(&name.len()) && !name.chars().any(char::is_control) && name.trim() == name;
            (!good).then_some("must have 1 to 63 bytes, without control characters or blanks around it")
        }
        Kind::Environment => {
            let good = (1..=63).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !name.starts_with('-');
            (!good).then_some("must be 1 to 63 lower-case letters, digits and dashes")
        }
        Kind::Server | Kind::DatabaseSnapshot | Kind::ApprovalFlow | Kind::Project => {
            let good = (1..=128).contains(&name.chars().count())
                && name.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
            (!good).then_some("must be 1 to 128 letters, digits and any of . _ -")
        }
    }
}

fn spec(kind: Kind, item: &Item<'_>, faults: &mut Faults) -> Option<Spec> {
    let mut fields: Fields<'_> = item.fields(faults)?;
    let spec = match kind {
        Kind::Environment => Some(Spec::Environment(Environment::read(&mut fields, faults))),
        Kind::Server => Server::read(&mut fields, faults).map(|of| Spec::Server(Box::new(of))),
        Kind::DatabaseSnapshot => Database::read(&mut fields, faults).map(|of| Spec::Database(Box::new(of))),
        Kind::TableSnapshot => Table::read(&mut fields, faults).map(|of| Spec::Table(Box::new(of))),
        Kind::ViewSnapshot => View::read(&mut fields, faults).map(|of| Spec::View(Box::new(of))),
        Kind::ApprovalFlow => ApprovalFlow::read(&mut fields, faults).map(Spec::ApprovalFlow),
        Kind::Project => Some(Spec::Project(Project::read(&mut fields, faults))),
    };
    fields.finish(faults);
    spec
}
