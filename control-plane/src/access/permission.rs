//! What somebody may do in an org, and the one place that decides: [`Permissions::decide`].
//!
//! A permission is the union of what its *sources* give: the member's role, a role that the org or the platform made,
//! a permission template, direct grants. A *limit* (an API key's kind) takes away from that. All of it holds within
//! the one [`Scope`], which narrows the role's operations too. OWNER and the super administrator have everything.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Object, ObjectKind, Operation, Operations, Role, Scope,
    check::{self, Check},
};

/// Codes of a platform's own operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnOperations {
    /// All that there are.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Default for OwnOperations {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

impl OwnOperations {
    /// Whether `code` is among them.
    pub fn contains(&self, code: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(codes) => codes.contains(code),
        }
    }
}

/// Where operations come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// The super administrator, or Muster itself.
    Everything,
    /// OWNER, ADMIN, MEMBER or VIEWER.
    Role,
    /// A role that the org or the platform made.
    OwnRole,
    /// A permission template.
    Template,
    /// Granted to the member directly.
    Direct,
}

/// Something that gives operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
    /// Built-in operations it gives.
    pub operations: Operations,
    /// The platform's own operations it gives.
    pub own: OwnOperations,
}

/// Which operation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A built-in one.
    BuiltIn(Operation),
    /// One of the platform's own.
    Own(&'a str),
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They may.
    Allowed,
    /// Nothing gives them the operation.
    NotGiven,
    /// Something gives it, but the API key doesn't.
    Limited,
    /// The object is out of their reach, by this kind.
    OutOfReach(ObjectKind),
}

/// What somebody may do in an org.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// Role in the org; none for the super administrator, webhooks and Muster itself.
    pub role: Option<Role>,
    /// What gives operations.
    pub sources: Vec<Source>,
    /// What takes operations away: its name, and all that it leaves.
    pub limit: Option<(&'static str, Operations)>,
    /// Which objects.
    pub scope: Scope,
}

impl Permissions {
    /// Everything, everywhere in the org.
    pub fn everything() -> Self {
        let all = Operations::all();
        Self::of_source(SourceKind::Everything, String::new(), all, OwnOperations::All)
    }

    /// Exactly these operations.
    pub fn only(operations: Operations) -> Self {
        Self::of_source(
            SourceKind::Direct,
            String::new(),
            operations,
            OwnOperations::default(),
        )
    }

    fn of_source(kind: SourceKind, name: String, operations: Operations, own: OwnOperations) -> Self {
        let source = Source {
            kind,
            name,
            operations,
            own,
        };
        Self {
            sources: vec![source],
            ..Self::default()
        }
    }

    /// Built-in operations, all told.
    pub fn operations(&self) -> Operations {
        let given = self
            .sources
            .iter()
            .fold(Operations::default(), |all, source| all.or(source.operations));
        match self.limit {
            Some((_, limit)) => given.and(limit),
            None => given,
        }
    }

    /// The platform's own operations, all told. A limited key has none.
    pub fn own(&self) -> OwnOperations {
        let full = self.limit.is_none_or(|(_, limit)| limit == Operations::all());
        let mut codes = BTreeSet::new();
        for source in self.sources.iter().filter(|_| full) {
            match &source.own {
                OwnOperations::All => return OwnOperations::All,
                OwnOperations::Only(some) => codes.extend(some.iter().cloned()),
            }
        }
        OwnOperations::Only(codes)
    }

    /// Decides. Whoever wants to know whether somebody may do something asks this, and nothing else.
    pub fn decide(&self, asked: Asked<'_>, object: Option<&Object<'_>>) -> Decision {
        let unasked = match asked {
            Asked::BuiltIn(operation) => check::is_out(Check::Operation(operation)),
            Asked::Own(_) => false,
        };
        if !unasked && !self.sources.iter().any(|source| source.gives(asked)) {
            return Decision::NotGiven;
        }
        let left = match asked {
            Asked::BuiltIn(operation) => self.operations().contains(operation),
            Asked::Own(code) => self.own().contains(code),
        };
        if !unasked && !left {
            return Decision::Limited;
        }
        match object.map_or(Ok(()), |object| self.scope.reaches(object)) {
            Ok(()) => Decision::Allowed,
            Err(_) if check::is_out(Check::Reach) => Decision::Allowed,
            Err(kind) => Decision::OutOfReach(kind),
        }
    }

    /// Whether all of this is in `other` too: nobody gives more than they have.
    pub fn is_within(&self, other: &Self) -> bool {
        let own = match (self.own(), other.own()) {
            (_, OwnOperations::All) => true,
            (OwnOperations::All, OwnOperations::Only(_)) => false,
            (OwnOperations::Only(codes), OwnOperations::Only(theirs)) => codes.is_subset(&theirs),
        };
        own && self.operations().is_within(other.operations()) && self.scope.is_within(&other.scope)
    }
}

impl Source {
    /// Whether it gives the operation.
    pub fn gives(&self, asked: Asked<'_>) -> bool {
        match asked {
            Asked::BuiltIn(operation) => self.operations.contains(operation),
            Asked::Own(code) => self.own.contains(code),
        }
    }
}

/// A set of codes, sorted into built-in and own ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes {
    /// Built-in.
    pub operations: Operations,
    /// The platform's own.
    pub own: BTreeSet<String>,
}

impl Codes {
    /// From what is stored: a JSON array of codes. What can't be read gives nothing.
    pub fn stored(json: Option<&str>) -> Self {
        let codes: Vec<String> = json
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        Self::of(codes)
    }

    /// Sorts codes.
    pub fn of(codes: impl IntoIterator<Item = String>) -> Self {
        let (mut operations, mut own) = (Vec::new(), BTreeSet::new());
        for code in codes {
            match code.parse::<Operation>() {
                Ok(operation) => operations.push(operation),
                Err(_) => {
                    own.insert(code);
                }
            }
        }
        Self {
            operations: operations.into_iter().collect(),
            own,
        }
    }

    /// All codes, built-in first.
    pub fn list(&self) -> Vec<String> {
        let built_in = self
            .operations
            .iter()
            .map(|operation| operation.code().to_owned());
        built_in.chain(self.own.iter().cloned()).collect()
    }

    /// As a source.
    pub(super) fn source(self, kind: SourceKind, name: String) -> Source {
        Source {
            kind,
            name,
            operations: self.operations,
            own: OwnOperations::Only(self.own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(scope: Scope) -> Permissions {
        Permissions {
            role: Some(Role::Member),
            sources: vec![
                Codes {
                    operations: Operations::of_role(Role::Member),
                    own: BTreeSet::new(),
                }
                .source(SourceKind::Role, "MEMBER".into()),
                Codes::of(["host:write".to_owned(), "crm:read".to_owned()])
                    .source(SourceKind::Template, "field".into()),
            ],
            limit: None,
            scope,
        }
    }

    #[test]
    fn sources_add_up_and_a_limit_takes_away() {
        let mut permissions = member(Scope::default());
        let write = Asked::BuiltIn(Operation::HostWrite);
        assert_eq!(permissions.decide(write, None), Decision::Allowed);
        assert_eq!(
            permissions.decide(Asked::Own("crm:read"), None),
            Decision::Allowed
        );
        assert_eq!(
            permissions.decide(Asked::Own("crm:write"), None),
            Decision::NotGiven
        );
        let delete = Asked::BuiltIn(Operation::HostDelete);
        assert_eq!(permissions.decide(delete, None), Decision::NotGiven);
        permissions.limit = Some(("readonly", [Operation::HostRead].into_iter().collect()));
        assert_eq!(permissions.decide(write, None), Decision::Limited);
        assert_eq!(
            permissions.decide(Asked::Own("crm:read"), None),
            Decision::Limited
        );
    }

    #[test]
    fn the_scope_narrows_the_role_s_operations_too() {
        let only = std::collections::BTreeMap::from([(
            ObjectKind::Environments,
            BTreeSet::from(["dev".to_owned()]),
        )]);
        let permissions = member(Scope::new(only, std::collections::BTreeMap::new()));
        let read = Asked::BuiltIn(Operation::HostRead);
        let seen = |name| permissions.decide(read, Some(&Object::Environment(name)));
        assert_eq!(seen("dev"), Decision::Allowed);
        assert_eq!(seen("prod"), Decision::OutOfReach(ObjectKind::Environments));
        assert!(permissions.is_within(&Permissions::everything()));
        assert!(!member(Scope::default()).is_within(&permissions));
    }
}
