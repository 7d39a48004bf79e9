//! Projects, as those look at them who execute releases: what belongs to each, and how many Git hooks it has.

use muster_base::{DocumentId, UnixMs};
use muster_documents::{Kind, Spec};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    SchemaError,
    document::{self, Stored},
    store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    http::page::{Cursor, Page, PageQuery},
};

/// A project.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectHead {
    /// The id of its document.
    pub id: DocumentId,
    /// Its name, as releases have it.
    pub name: String,
    /// For people.
    #[schema(required)]
    pub label: Option<String>,
    /// What it is.
    #[schema(required)]
    pub description: Option<String>,
    /// Names or ids of applications, as the document has them.
    pub applications: Vec<String>,
    /// Names of databases' documents.
    pub databases: Vec<String>,
    /// How many Git hooks it has.
    pub hooks: i64,
    /// When its document was last changed.
    pub updated_at: UnixMs,
}

/// Which projects.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProjectQuery {
    /// Only those whose name or label has this in it, in any case.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: ProjectQuery,
) -> Result<Page<ProjectHead>, SchemaError> {
    caller.require(Operation::DesignRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let filter = store::document::Filter {
        kind: Some(Kind::Project),
        search: query.search.filter(|text| !text.is_empty()),
        after: page.cursor::<DocumentId>()?,
        limit: page.fetch(),
        ..store::document::Filter::default()
    };
    let rows = store::document::list(&app.db, (caller.org(), caller.scope()), &filter).await?;
    let ids: Vec<DocumentId> = rows.iter().map(|row| row.id).collect();
    let counts = store::git_hook::counts(&app.db, caller.org(), &ids).await?;
    let hooks = |id| {
        let found = counts.iter().find(|(project, _)| *project == id);
        found.map_or(0, |(_, count)| *count)
    };
    let page = page.page(rows, |row| Cursor::of(&row.id));
    Ok(page.map(|row| head(row.id, hooks(row.id), row)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: DocumentId) -> Result<ProjectHead, SchemaError> {
    let found = find_for(app, caller, Operation::DesignRead, id).await?;
    let counts = store::git_hook::counts(&app.db, caller.org(), &[id]).await?;
    Ok(head(id, counts.first().map_or(0, |(_, count)| *count), found))
}

/// The project, if the caller may do `operation` on it.
pub(super) async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: DocumentId,
) -> Result<Stored, SchemaError> {
    let found = document::find_for(app, caller, operation, id).await?;
    if found.spec.kind() == Kind::Project {
        Ok(found)
    } else {
        Err(SchemaError::NoDocument)
    }
}

fn head(id: DocumentId, hooks: i64, of: Stored) -> ProjectHead {
    let (description, applications, databases) = match of.spec {
        Spec::Project(project) => (project.description, project.applications, project.databases),
        Spec::Environment(_)
        | Spec::Server(_)
        | Spec::Database(_)
        | Spec::Table(_)
        | Spec::View(_)
        | Spec::ApprovalFlow(_) => (None, Vec::new(), Vec::new()),
    };
    ProjectHead {
        id,
        name: of.name,
        label: of.label,
        description,
        applications,
        databases,
        hooks,
        updated_at: of.updated_at,
    }
}
