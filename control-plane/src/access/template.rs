//! Permission templates: operations plus object scopes, applied to members.
//!
//! A template stays linked to the members it is applied to: an edit counts for all of them at once. Presets are made
//! with their org and can't be changed. Nobody makes or changes a template that gives more than they have.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{Clock, OrgId, TemplateId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Caller, ObjectKind, Operation, Permissions, Scope, grant, own_operation,
    permission::{Codes, SourceKind},
    scope::{ObjectSet, read_objects},
    store,
};
use crate::{
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// A permission template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Id.
    pub id: TemplateId,
    /// Unique in the org.
    pub name: String,
    /// For people.
    pub description: String,
    /// Made by Muster; can't be changed.
    pub preset: bool,
    /// Codes of operations that it gives.
    pub operations: Vec<String>,
    /// Kinds of objects that it narrows, each with what is left; a kind that isn't here is not narrowed.
    pub objects: BTreeMap<ObjectKind, BTreeSet<String>>,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// A template to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewTemplate {
    /// Unique in the org, 1 to 64 characters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Codes of operations that it gives, beside the member's role.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Kinds of objects that it narrows: ids, or names of environments and databases. `null` or left out: all.
    #[serde(default)]
    pub objects: BTreeMap<ObjectKind, Option<BTreeSet<String>>>,
}

/// What may be changed of a template. Operations and objects are replaced as a whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TemplatePatch {
    /// Unique in the org.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Codes of operations.
    pub operations: Option<Vec<String>>,
    /// Kinds of objects that it narrows.
    pub objects: Option<BTreeMap<ObjectKind, Option<BTreeSet<String>>>>,
}

/// What every org begins with: name, description, operations.
const PRESETS: &[(&str, &str, &[&str])] = &[
    ("Look", "Sees everything, changes nothing.", &[]),
    (
        "Deploy",
        "Deploys applications and stops deployments.",
        &["deployment:create", "deployment:cancel"],
    ),
    (
        "Run applications",
        "Makes, changes and deploys applications and their variables.",
        &[
            "application:write",
            "registry:write",
            "deployment:create",
            "deployment:cancel",
        ],
    ),
    (
        "Run hosts",
        "Adds, changes and removes hosts, clusters and environments.",
        &[
            "host:write",
            "host:delete",
            "cluster:write",
            "joinToken:read",
            "joinToken:write",
        ],
    ),
    (
        "Change databases",
        "Designs tables, proposes and executes releases; others approve them.",
        &[
            "server:write",
            "design:write",
            "release:propose",
            "release:execute",
        ],
    ),
];

/// Gives a new org its presets.
pub(super) async fn seed(tx: &mut Tx, clock: &Clock, org: OrgId) -> Result<(), DbError> {
    for (name, description, operations) in PRESETS {
        let now = clock.now();
        let template = Template {
            id: clock.new_id(),
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            preset: true,
            operations: operations.iter().map(|code| (*code).to_owned()).collect(),
            objects: ObjectSet::new(),
            created_at: now,
            updated_at: now,
        };
        store::template::insert_missing(tx, org, &template).await?;
    }
    Ok(())
}

impl Template {
    /// What it gives by itself.
    pub(super) fn permissions(&self) -> Permissions {
        let codes = Codes::of(self.operations.iter().cloned());
        Permissions {
            sources: vec![codes.source(SourceKind::Template, self.name.clone())],
            scope: Scope::new(self.objects.clone(), ObjectSet::new()),
            ..Permissions::default()
        }
    }
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: &PageQuery,
) -> Result<Page<Template>, AccessError> {
    caller.require(Operation::TemplateRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::template::list(&app.db, caller.org(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: TemplateId) -> Result<Template, AccessError> {
    caller.require(Operation::TemplateRead)?;
    find(app, caller.org(), id).await
}

pub(super) async fn find(app: &App, org: OrgId, id: TemplateId) -> Result<Template, AccessError> {
    store::template::find(&app.db, org, id)
        .await?
        .ok_or(AccessError::NoTemplate)
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewTemplate) -> Result<Template, AccessError> {
    caller.require(Operation::TemplateWrite)?;
    let now = app.clock.now();
    let template = Template {
        id: app.clock.new_id(),
        name: new.name.trim().to_owned(),
        description: new.description,
        preset: false,
        operations: own_operation::known(app, caller.org(), new.operations)
            .await?
            .list(),
        objects: read_objects(new.objects)?,
        created_at: now,
        updated_at: now,
    };
    check(&template)?;
    within(caller, &template)?;
    let insert = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            store::template::insert(tx, caller.org(), &template).await?;
            let entry = Entry::done(Operation::TemplateWrite, "template", template.id).after(&template);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    insert().await.map_err(name_taken)?;
    Ok(template)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: TemplateId,
    patch: TemplatePatch,
) -> Result<Template, AccessError> {
    caller.require(Operation::TemplateWrite)?;
    let before = changeable(app, caller, id).await?;
    let mut after = before.clone();
    after.name = patch.name.map_or(after.name, |name| name.trim().to_owned());
    after.description = patch.description.unwrap_or(after.description);
    if let Some(codes) = patch.operations {
        after.operations = own_operation::known(app, caller.org(), codes).await?.list();
    }
    if let Some(objects) = patch.objects {
        after.objects = read_objects(objects)?;
    }
    after.updated_at = app.clock.now();
    check(&after)?;
    within(caller, &after)?;
    let update = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::template::update(tx, caller.org(), &after).await? {
                return Err(AccessError::NoTemplate);
            }
            let entry = Entry::done(Operation::TemplateWrite, "template", id)
                .before(&before)
                .after(&after);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    update().await.map_err(name_taken)?;
    Ok(after)
}

/// Deletes a template that is applied to nobody.
pub(super) async fn delete(app: &App, caller: &Caller, id: TemplateId) -> Result<(), AccessError> {
    caller.require(Operation::TemplateWrite)?;
    let before = changeable(app, caller, id).await?;
    let delete = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            if !store::template::delete(tx, caller.org(), id).await? {
                return Err(AccessError::NoTemplate);
            }
            let entry = Entry::done(Operation::TemplateWrite, "template", id).before(&before);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    delete().await.map_err(|error| match error {
        AccessError::Db(db) if db.violates_foreign_key() => AccessError::InUse("template"),
        other => other,
    })
}

async fn changeable(app: &App, caller: &Caller, id: TemplateId) -> Result<Template, AccessError> {
    let before = find(app, caller.org(), id).await?;
    if before.preset {
        return Err(AccessError::BuiltIn(
            "preset templates can't be changed: make one of your own",
        ));
    }
    within(caller, &before)?;
    Ok(before)
}

/// A template narrows: what it leaves open is measured against what the caller has.
fn within(caller: &Caller, template: &Template) -> Result<(), AccessError> {
    grant::within(caller, &template.permissions())
}

fn check(template: &Template) -> Result<(), AccessError> {
    let length = template.name.chars().count();
    if !(1..=64).contains(&length) || template.name.chars().any(char::is_control) {
        return Err(AccessError::invalid("name", Flaw::Length(1, 64)));
    }
    if template.description.chars().count() > 2_000 {
        return Err(AccessError::invalid("description", Flaw::TooLong(2_000)));
    }
    Ok(())
}

fn name_taken(error: AccessError) -> AccessError {
    match error {
        AccessError::Db(db) if db.violates_unique("permission_templates", &["org_id", "name"]) => {
            AccessError::Taken("name")
        }
        other => other,
    }
}
