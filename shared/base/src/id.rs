//! UUIDv7 newtypes: one type for each kind of thing, so that a host's id can't be passed where an org's is wanted.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 0199c0de-0000-7000-8000-000000000000")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to be of this kind.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            Uuid: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <Uuid as sqlx::Type<DB>>::type_info()
            }

            fn compatible(ty: &DB::TypeInfo) -> bool {
                <Uuid as sqlx::Type<DB>>::compatible(ty)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            Uuid: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buf: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                self.0.encode_by_ref(buf)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            Uuid: sqlx::Decode<'r, DB>,
        {
            fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                <Uuid as sqlx::Decode<'r, DB>>::decode(value).map(Self)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::id::uuid_schema()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// A platform: a realm of users.
    PlatformId
    /// A team, company or business organisation: the owner of everything below it.
    OrgId
    /// A person's user.
    UserId
    /// A sign-in: one refresh-token family.
    SessionId
    /// An API key (`dw_…`).
    ApiKeyId
    /// A row of the audit log.
    AuditId
    /// A file of the audit log's archive.
    AuditArchiveId
    /// A role that a platform or an org made.
    RoleId
    /// A permission template of an org.
    TemplateId
    /// An operation that a platform made for an application it fronts.
    OperationId
    /// A module that a platform made: a group of its own operations.
    ModuleId
    /// A department of an org.
    DepartmentId
    /// A message in somebody's inbox.
    MessageId
    /// An invitation into an org.
    InvitationId
    /// An environment (dev, test, prod…) of an org.
    EnvironmentId
    /// A group of hosts.
    ClusterId
    /// A machine that an agent runs on.
    HostId
    /// What a cloud says of a machine.
    InstanceId
    /// A join token: the right to enrol hosts.
    JoinTokenId
    /// A signed work order.
    OrderId
    /// A group of secrets.
    SecretGroupId
    /// A secret.
    SecretId
    /// Where secrets are synced from.
    SecretProviderId
    /// One run of a sync.
    SecretSyncId
    /// A container registry with its credentials.
    RegistryId
    /// An image of the catalogue.
    HubImageId
    /// An application that can be deployed.
    ApplicationId
    /// An environment variable.
    EnvVarId
    /// One deployment of one version of an application.
    DeploymentId
    /// A database server that an agent reaches.
    ServerId
    /// An approval ticket.
    TicketId
    /// An approved, immutable SQL release.
    ReleaseId
    /// One run of a release on one server.
    ExecutionId
    /// A release on its way over many servers.
    ReleaseRolloutId
    /// A table or column that was set aside instead of being dropped.
    SetAsideId
    /// Something in the outbox: a mail, a text message.
    LetterId
    /// A device that somebody signed in with.
    DeviceId
    /// A document of database change.
    DocumentId
    /// A file or folder.
    FileId
    /// An upload of a file that is not complete.
    UploadId
    /// A piece of a file's bytes.
    PieceId
    /// Files that are sent to hosts.
    FileSendId
    /// One file for one host.
    FileSendTargetId
    /// A rule that alerts come from.
    AlertRuleId
    /// One time that a rule found something.
    AlertId
    /// A time in which alerts are not told.
    AlertSilenceId
    /// Where alerts are told.
    AlertReceiverId
    /// An account of a host.
    HostAccountId
    /// A Git hook of a project.
    GitHookId
    /// A push that a project's Git hook heard of.
    GitPushId
    /// What a commit of such a push asks for.
    GitWishId
}

#[cfg(feature = "openapi")]
pub(crate) fn uuid_schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_round_trip() {
        let id: HostId = "0199c0de-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(
            serde_json::to_string(&id).unwrap(),
            "\"0199c0de-0000-7000-8000-000000000001\""
        );
        assert_eq!(serde_json::from_str::<HostId>(&format!("\"{id}\"")).unwrap(), id);
    }

    #[test]
    fn garbage_is_refused() {
        assert_eq!("host-1".parse::<HostId>(), Err(IdError));
    }
}
