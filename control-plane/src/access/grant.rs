//! From what is stored about a member to their [`Permissions`].

use std::collections::BTreeSet;

use muster_base::{OrgId, RoleId, TemplateId};

use super::{
    AccessError, Caller, Operations, Permissions, Role, Scope,
    permission::{Codes, OwnOperations, Source, SourceKind},
    scope::ObjectSet,
};

/// What is stored about what a member may do. JSON as in the tables.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Granted {
    #[sqlx(rename = "org_id")]
    pub(super) org: OrgId,
    pub(super) role: String,
    /// A role that the org or the platform made.
    pub(super) role_id: Option<RoleId>,
    pub(super) role_name: Option<String>,
    pub(super) role_operations: Option<String>,
    /// The user's role in the platform; counts for the platform's own operations only.
    pub(super) platform_role_name: Option<String>,
    pub(super) platform_role_operations: Option<String>,
    pub(super) template_id: Option<TemplateId>,
    pub(super) template_name: Option<String>,
    pub(super) template_operations: Option<String>,
    pub(super) template_objects: Option<String>,
    pub(super) operations: String,
    pub(super) objects: String,
}

/// What all that amounts to.
pub(super) fn permissions(granted: Granted) -> Result<Permissions, AccessError> {
    let role: Role = granted.role.parse().map_err(|_| AccessError::NoOrg)?;
    let mut sources = vec![Source {
        kind: SourceKind::Role,
        name: role.as_str().to_owned(),
        operations: Operations::of_role(role),
        own: if role == Role::Owner {
            OwnOperations::All
        } else {
            OwnOperations::default()
        },
    }];
    if role == Role::Owner {
        // The owner can't be narrowed: somebody must be able to put things right.
        return Ok(Permissions {
            role: Some(role),
            sources,
            ..Permissions::default()
        });
    }
    if let Some(name) = granted.role_name {
        let codes = Codes::stored(granted.role_operations.as_deref());
        sources.push(codes.source(SourceKind::OwnRole, name));
    }
    if let Some(name) = granted.platform_role_name {
        let mut codes = Codes::stored(granted.platform_role_operations.as_deref());
        codes.operations = Operations::default();
        sources.push(codes.source(SourceKind::OwnRole, name));
    }
    if let Some(name) = granted.template_name {
        let codes = Codes::stored(granted.template_operations.as_deref());
        sources.push(codes.source(SourceKind::Template, name));
    }
    let direct = Codes::stored(Some(&granted.operations));
    if direct != Codes::default() {
        sources.push(direct.source(SourceKind::Direct, String::new()));
    }
    let narrowed = objects(granted.template_objects.as_deref())?;
    Ok(Permissions {
        role: Some(role),
        sources,
        limit: None,
        scope: Scope::new(narrowed, objects(Some(&granted.objects))?),
    })
}

/// What a role gives by itself.
pub(super) fn of_role(role: Role) -> Permissions {
    let codes = Codes {
        operations: Operations::of_role(role),
        own: BTreeSet::new(),
    };
    Permissions {
        role: Some(role),
        sources: vec![codes.source(SourceKind::Role, role.as_str().to_owned())],
        ..Permissions::default()
    }
}

/// Objects as stored. What can't be read stops everything: a narrowing must not be lost.
pub(super) fn objects(json: Option<&str>) -> Result<ObjectSet, AccessError> {
    let Some(json) = json else {
        return Ok(ObjectSet::new());
    };
    serde_json::from_str(json).map_err(|error| {
        crate::db::DbError::Corrupt(format!("objects of a member or template: {error}")).into()
    })
}

/// As stored.
pub(super) fn objects_json(objects: &ObjectSet) -> String {
    serde_json::to_string(objects).unwrap_or_else(|_| "{}".to_owned())
}

/// As stored.
pub(super) fn codes_json(codes: &BTreeSet<String>) -> String {
    serde_json::to_string(codes).unwrap_or_else(|_| "[]".to_owned())
}

/// Nobody gives, takes or changes more than they have.
pub(super) fn within(caller: &Caller, permissions: &Permissions) -> Result<(), AccessError> {
    if permissions.is_within(caller.permissions()) {
        Ok(())
    } else {
        Err(AccessError::AboveYou)
    }
}
