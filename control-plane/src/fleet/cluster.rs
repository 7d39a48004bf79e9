//! Clusters: groups of hosts.

use std::collections::HashMap;

use muster_base::{ClusterId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FleetError, store};
use crate::{
    access::{Caller, Object, ObjectKind, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    flaw::Flaw,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Whether a cluster is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClusterStatus {
    /// In use.
    #[default]
    Active,
    /// Put aside: nothing new is to go there.
    Disabled,
}

impl ClusterStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("clusters.status: {text}")))
    }
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Id.
    pub id: ClusterId,
    /// Unique in the org.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it is in use.
    pub status: ClusterStatus,
    /// How many hosts are in it.
    pub host_count: i64,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// A cluster to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCluster {
    /// Unique in the org.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Whether it is in use.
    #[serde(default)]
    pub status: ClusterStatus,
}

/// What may be changed of a cluster.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterPatch {
    /// Unique in the org.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether it is in use.
    pub status: Option<ClusterStatus>,
}

pub(super) async fn list(app: &App, caller: &Caller, query: &PageQuery) -> Result<Page<Cluster>, FleetError> {
    caller.require(Operation::ClusterRead)?;
    let after = query.cursor::<String>()?.unwrap_or_default();
    let rows = store::cluster::list(&app.db, caller.org(), caller.scope(), &after, query.fetch()).await?;
    Ok(query.page(rows, |row| Cursor::of(&row.name)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: ClusterId) -> Result<Cluster, FleetError> {
    find_for(app, caller, Operation::ClusterRead, id).await
}

/// Whether the org has this cluster, for other rooms.
pub async fn cluster_exists(app: &App, org: OrgId, id: ClusterId) -> Result<bool, FleetError> {
    Ok(store::cluster::find(&app.db, org, id).await?.is_some())
}

/// What the org's clusters are called, for other rooms.
pub async fn cluster_names(app: &App, org: OrgId) -> Result<HashMap<ClusterId, String>, FleetError> {
    Ok(store::cluster::names(&app.db, org).await?.into_iter().collect())
}

/// The cluster, if the caller may do `operation` on it.
async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: ClusterId,
) -> Result<Cluster, FleetError> {
    caller.require(operation)?;
    caller.require_on(operation, &Object::Cluster(id))?;
    store::cluster::find(&app.db, caller.org(), id)
        .await?
        .ok_or(FleetError::NoCluster)
}

pub(super) async fn create(app: &App, caller: &Caller, new: NewCluster) -> Result<Cluster, FleetError> {
    caller.require_all(Operation::ClusterWrite, ObjectKind::Clusters)?;
    let now = app.clock.now();
    let cluster = Cluster {
        id: app.clock.new_id(),
        name: check_name(new.name)?,
        description: check_description(new.description)?,
        status: new.status,
        host_count: 0,
        created_at: now,
        updated_at: now,
    };
    let insert = async || -> Result<(), FleetError> {
        in_tx!(app.db, |tx| {
            store::cluster::insert(tx, caller.org(), &cluster).await?;
            let entry = Entry::done(Operation::ClusterWrite, "cluster", cluster.id).after(&cluster);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    insert().await.map_err(name_taken)?;
    Ok(cluster)
}

pub(super) async fn update(
    app: &App,
    caller: &Caller,
    id: ClusterId,
    patch: ClusterPatch,
) -> Result<Cluster, FleetError> {
    let before = find_for(app, caller, Operation::ClusterWrite, id).await?;
    let mut cluster = before.clone();
    if let Some(name) = patch.name {
        cluster.name = check_name(name)?;
    }
    if let Some(description) = patch.description {
        cluster.description = check_description(description)?;
    }
    cluster.status = patch.status.unwrap_or(cluster.status);
    cluster.updated_at = app.clock.now();
    let update = async || -> Result<(), FleetError> {
        in_tx!(app.db, |tx| {
            if !store::cluster::update(tx, caller.org(), &cluster).await? {
                return Err(FleetError::NoCluster);
            }
            let entry = Entry::done(Operation::ClusterWrite, "cluster", id)
                .before(&before)
                .after(&cluster);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    update().await.map_err(name_taken)?;
    Ok(cluster)
}

pub(super) async fn delete(app: &App, caller: &Caller, id: ClusterId) -> Result<(), FleetError> {
    let before = find_for(app, caller, Operation::ClusterWrite, id).await?;
    let delete = async || -> Result<(), FleetError> {
        in_tx!(app.db, |tx| {
            store::cluster::forget_removed(tx, caller.org(), id, app.clock.now()).await?;
            if !store::cluster::delete(tx, caller.org(), id).await? {
                return Err(FleetError::NoCluster);
            }
            let entry = Entry::done(Operation::ClusterWrite, "cluster", id).before(&before);
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    delete().await.map_err(|error| match error {
        FleetError::Db(db) if db.violates_foreign_key() => FleetError::InUse("cluster"),
        other => other,
    })
}

fn name_taken(error: FleetError) -> FleetError {
    match error {
        FleetError::Db(db) if db.violates_unique("clusters", &["org_id", "name"]) => {
            FleetError::NameTaken("cluster")
        }
        other => other,
    }
}

fn check_name(name: String) -> Result<String, FleetError> {
    let name = name.trim().to_owned();
    if (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name)
    } else {
        Err(FleetError::invalid("name", Flaw::Length(1, 128)))
    }
}

fn check_description(description: String) -> Result<String, FleetError> {
    if description.chars().count() <= 2_000 {
        Ok(description)
    } else {
        Err(FleetError::invalid("description", Flaw::TooLong(2_000)))
    }
}
