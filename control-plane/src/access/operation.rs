//! Operations: the permission codes. An operation is `noun:verb`; built-in ones are this list.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Role;

macro_rules! operations {
    ($($name:ident $code:literal $lowest:ident)*) => {
        /// One permission.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the codes speak for themselves")]
        #[repr(u8)]
        pub enum Operation { $($name),* }

        impl Operation {
            /// Every operation, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code, for instance `host:read`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The lowest role that has it.
            pub const fn lowest_role(self) -> Role {
                match self { $(Self::$name => Role::$lowest),* }
            }
        }
    };
}

operations! {
    HostRead "host:read" Viewer
    HostWrite "host:write" Admin
    HostDelete "host:delete" Admin
    ClusterRead "cluster:read" Viewer
    ClusterWrite "cluster:write" Admin
    EnvironmentRead "environment:read" Viewer
    EnvironmentWrite "environment:write" Admin
    JoinTokenRead "joinToken:read" Admin
    JoinTokenWrite "joinToken:write" Admin
    TelemetryRead "telemetry:read" Viewer
    ContainerOperate "container:operate" Admin
    ContainerLogRead "containerLog:read" Member
    OrderRead "order:read" Viewer
    AlertRead "alert:read" Viewer
    AlertSilence "alert:silence" Member
    AlertWrite "alert:write" Admin
    SecretRead "secret:read" Member
    SecretWrite "secret:write" Admin
    SecretReveal "secret:reveal" Admin
    RegistryRead "registry:read" Viewer
    RegistryWrite "registry:write" Admin
    ApplicationRead "application:read" Viewer
    ApplicationWrite "application:write" Admin
    DeploymentRead "deployment:read" Viewer
    DeploymentCreate "deployment:create" Member
    DeploymentCancel "deployment:cancel" Member
    DeploymentApprove "deployment:approve" Admin
    ServerRead "server:read" Viewer
    ServerWrite "server:write" Admin
    DesignRead "design:read" Viewer
    DesignWrite "design:write" Member
    FlowWrite "flow:write" Admin
    ReleaseRead "release:read" Viewer
    ReleasePropose "release:propose" Member
    ReleaseApprove "release:approve" Admin
    ReleaseExecute "release:execute" Admin
    WindowOverride "window:override" Owner
    FileRead "file:read" Viewer
    FileWrite "file:write" Member
    FileSend "file:send" Admin
    OrgWrite "org:write" Admin
    OrgTransfer "org:transfer" Owner
    OrgDelete "org:delete" Owner
    MemberRead "member:read" Viewer
    MemberWrite "member:write" Admin
    DepartmentRead "department:read" Viewer
    DepartmentWrite "department:write" Admin
    RoleRead "role:read" Viewer
    RoleWrite "role:write" Admin
    TemplateRead "template:read" Viewer
    TemplateWrite "template:write" Admin
    ApiKeyRead "apiKey:read" Member
    ApiKeyWrite "apiKey:write" Member
    AuditRead "audit:read" Admin
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text is no operation's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an operation")]
pub struct OperationError;

impl FromStr for Operation {
    type Err = OperationError;

    fn from_str(text: &str) -> Result<Self, OperationError> {
        Self::ALL
            .iter()
            .copied()
            .find(|operation| operation.code() == text)
            .ok_or(OperationError)
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// A set of operations.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(u128);

impl Operations {
    /// All of them.
    pub fn all() -> Self {
        Operation::ALL.iter().copied().collect()
    }

    /// What a role has.
    pub fn of_role(role: Role) -> Self {
        Operation::ALL
            .iter()
            .copied()
            .filter(|operation| role >= operation.lowest_role())
            .collect()
    }

    /// Whether `operation` is in the set.
    pub const fn contains(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u8) != 0
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is here and not there.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of these are in `other` too.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The members, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL
            .iter()
            .copied()
            .filter(move |operation| self.contains(*operation))
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self(
            operations
                .into_iter()
                .fold(0, |bits, operation| bits | (1 << operation as u8)),
        )
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_fit_the_set() {
        let mut codes: Vec<_> = Operation::ALL.iter().map(|operation| operation.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Operation::ALL.len());
        assert!(Operation::ALL.len() <= 128);
    }

    #[test]
    fn a_higher_role_has_all_that_a_lower_one_has() {
        let sets: Vec<_> = [Role::Viewer, Role::Member, Role::Admin, Role::Owner]
            .map(Operations::of_role)
            .into_iter()
            .collect();
        for pair in sets.windows(2) {
            assert_eq!(pair[0].and(pair[1]), pair[0]);
            assert_ne!(pair[0], pair[1]);
        }
        assert_eq!(sets[3], Operations::all());
    }

    #[test]
    fn a_viewer_neither_changes_nor_reveals() {
        let viewer = Operations::of_role(Role::Viewer);
        assert!(viewer.iter().all(|operation| operation.code().ends_with(":read")));
        assert!(!viewer.contains(Operation::SecretRead));
    }
}
