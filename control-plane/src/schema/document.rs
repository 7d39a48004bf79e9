//! Documents: what people write of databases, tables, views, flows, projects and servers; read, listed, exported.

use muster_base::{DocumentId, UnixMs};
use muster_documents::{
    FormGroup, Kind, Language, Spec, built_in_form, export as yaml,
    kind::environment::{Environment as EnvironmentSpec, EnvironmentType},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};

use super::{SchemaError, document_change, policy, store};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    db::DbError,
    error::Error,
    fleet,
    http::page::{Cursor, Page, PageQuery},
};

/// A document as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: DocumentId,
    pub(super) name: String,
    pub(super) label: Option<String>,
    /// The name of its database's document, of databases, tables and views.
    pub(super) database: Option<String>,
    pub(super) revision: i64,
    pub(super) spec: Spec,
    /// `spec` as it is kept.
    pub(super) json: String,
    pub(super) created_at: UnixMs,
    pub(super) updated_at: UnixMs,
    pub(super) updated_by: String,
}

/// A document without what it says.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentHead {
    /// Id; it stays when the document is renamed.
    pub id: DocumentId,
    /// For instance `TableSnapshot`.
    pub kind: String,
    /// Name; unique among those of its kind.
    pub name: String,
    /// For people.
    #[schema(required)]
    pub label: Option<String>,
    /// The name of its database's document; null where it has none.
    #[schema(required)]
    pub database: Option<String>,
    /// The latest revision. Apply with `metadata.revision` to be told if somebody was faster.
    pub revision: i64,
    /// Whether it has a form and no values yet.
    pub draft: bool,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
    /// Who changed it last.
    pub updated_by: String,
}

/// A document.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentDetail {
    #[serde(flatten)]
    #[schema(inline)]
    head: DocumentHead,
    /// What it says.
    #[schema(value_type = Object)]
    pub spec: Json,
    /// The whole document, as it can be applied again.
    pub yaml: String,
    /// What needs it, as far as the caller may see: while anything does, it can't be deleted.
    pub used_by: Vec<DocumentUser>,
}

/// A document that needs another.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentUser {
    /// Its id.
    pub id: DocumentId,
    /// For instance `TableSnapshot`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// One state that a document was in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Counted from 1.
    pub revision: i64,
    /// `created`, `changed`, `restored` or `deleted`.
    pub change: String,
    /// The document's name then.
    pub name: String,
    /// Its label then.
    #[schema(required)]
    pub label: Option<String>,
    /// Who.
    pub by: String,
    /// When.
    pub at: UnixMs,
}

/// Which documents.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DocumentQuery {
    /// Only those of this kind, for instance `TableSnapshot`.
    pub kind: Option<String>,
    /// Only this database's document, tables and views.
    pub database: Option<String>,
    /// Only those whose name or label has this in it, in any case.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// Which documents to export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only this database's document, tables and views.
    pub database: Option<String>,
}

/// In which language.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FormQuery {
    /// `en` (the usual one) or `zh-CN`.
    pub language: Option<String>,
}

/// A kind's built-in form: FormKit schemas by group.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The kind.
    pub kind: String,
    /// Groups in their order, each `{group, label, formSchema}`.
    #[schema(value_type = Vec<Object>)]
    pub groups: Vec<FormGroup>,
}

impl Stored {
    pub(super) fn head(&self) -> DocumentHead {
        DocumentHead {
            id: self.id,
            kind: self.spec.kind().to_string(),
            name: self.name.clone(),
            label: self.label.clone(),
            database: self.database.clone(),
            revision: self.revision,
            draft: self.spec.is_draft(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            updated_by: self.updated_by.clone(),
        }
    }

    fn yaml(&self) -> Result<String, SchemaError> {
        yaml(&self.name, self.label.as_deref(), &self.spec).map_err(|error| Error::internal(error).into())
    }

    /// Whether the caller's permissions reach it.
    pub(super) fn is_reached_by(&self, caller: &Caller) -> bool {
        let servers = self.spec.kind() != Kind::Server || reaches_servers(caller);
        servers
            && self
                .database
                .as_deref()
                .is_none_or(|name| caller.reaches(&Object::DatabaseName(name)))
    }

    pub(super) fn spec_json(&self) -> Result<Json, DbError> {
        serde_json::from_str(&self.json)
            .map_err(|_| DbError::Corrupt(format!("documents.spec of {}", self.id)))
    }
}

/// Whether documents of servers are for them: a draft has neither a server nor an environment to be in reach by.
fn reaches_servers(caller: &Caller) -> bool {
    [ObjectKind::Servers, ObjectKind::Environments]
        .iter()
        .all(|kind| caller.reaches(&Object::All(*kind)))
}

/// The kind of that name, or what is wrong with it.
fn kind(text: &str) -> Result<Kind, SchemaError> {
    let known = || format!("is no kind; there are {}", Kind::ALL.map(Kind::as_str).join(", "));
    Kind::parse(text).ok_or_else(|| SchemaError::invalid("kind", known()))
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: DocumentQuery,
) -> Result<Page<DocumentHead>, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let filter = store::document::Filter {
        kind: query.kind.as_deref().map(kind).transpose()?,
        database: query.database,
        search: query.search.filter(|text| !text.is_empty()),
        servers: reaches_servers(caller),
        after: page.cursor::<DocumentId>()?,
        limit: page.fetch(),
    };
    let rows = store::document::list(&app.db, (caller.org(), caller.scope()), &filter).await?;
    Ok(page.page(rows, |row| Cursor::of(&row.id)).map(|row| row.head()))
}

pub(super) async fn get(app: &App, caller: &Caller, id: DocumentId) -> Result<DocumentDetail, SchemaError> {
    let found = find_for(app, caller, Operation::DesignRead, id).await?;
    Ok(DocumentDetail {
        head: found.head(),
        spec: found.spec_json()?,
        yaml: found.yaml()?,
        used_by: document_change::used_by(app, caller, &found).await?,
    })
}

/// The document, if the caller may do `operation` on it.
pub(super) async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: DocumentId,
) -> Result<Stored, SchemaError> {
    caller.require(operation)?;
    store::document::find(&app.db, caller.org(), id)
        .await?
        .filter(|found| found.is_reached_by(caller))
        .ok_or(SchemaError::NoDocument)
}

/// Documents as one text that can be applied, kind after kind.
pub(super) async fn export(app: &App, caller: &Caller, query: ExportQuery) -> Result<String, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let kind = query.kind.as_deref().map(kind).transpose()?;
    let with_environments = query.database.is_none()
        && kind.is_none_or(|kind| kind == Kind::Environment)
        && caller.may(Operation::EnvironmentRead);
    let filter = store::document::Filter {
        kind,
        database: query.database,
        servers: reaches_servers(caller),
        limit: i64::MAX,
        ..store::document::Filter::default()
    };
    let mut rows = store::document::list(&app.db, (caller.org(), caller.scope()), &filter).await?;
    rows.sort_by(|a, b| (a.spec.kind(), &a.name).cmp(&(b.spec.kind(), &b.name)));
    let mut texts = if with_environments {
        environments(app, caller).await?
    } else {
        Vec::new()
    };
    for row in &rows {
        texts.push(row.yaml()?);
    }
    Ok(texts.join("---\n"))
}

/// Environments with their policies, as documents. They are kept elsewhere and have no revisions; who may not read them exports without.
async fn environments(app: &App, caller: &Caller) -> Result<Vec<String>, SchemaError> {
    let policies = store::policy::list(&app.db, caller.org()).await?;
    let known = fleet::list_environments(app, caller.org()).await?;
    let reached = known
        .into_iter()
        .filter(|environment| caller.reaches(&Object::Environment(&environment.name)));
    let mut texts = Vec::new();
    for environment in reached {
        let policy = policies
            .iter()
            .find(|policy| policy.environment == environment.name);
        let kind = match environment.kind {
            fleet::EnvironmentType::Development => EnvironmentType::Development,
            fleet::EnvironmentType::Testing => EnvironmentType::Testing,
            fleet::EnvironmentType::Staging => EnvironmentType::Staging,
            fleet::EnvironmentType::Production => EnvironmentType::Production,
        };
        let spec = Spec::Environment(EnvironmentSpec {
            label: Some(environment.label),
            kind: Some(kind),
            order: Some(environment.order),
            policy: policy.map(policy::document).transpose()?.flatten(),
        });
        texts.push(yaml(&environment.name, None, &spec).map_err(Error::internal)?);
    }
    Ok(texts)
}

/// A kind's built-in form.
pub(super) fn form(caller: &Caller, name: &str, query: &FormQuery) -> Result<Form, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let kind = Kind::parse(name).ok_or(SchemaError::NoForm)?;
    let language = match query.language.as_deref() {
        None | Some("en") => Language::English,
        Some("zh-CN") => Language::Chinese,
        Some(_) => return Err(SchemaError::invalid("language", "must be en or zh-CN")),
    };
    Ok(Form {
        kind: kind.to_string(),
        groups: built_in_form(kind, language),
    })
}
