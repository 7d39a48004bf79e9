//! Why somebody may or may not do something: the chain of what was looked at, read from the decision itself.

use muster_base::{ApplicationId, ClusterId, FileId, HostId, SecretGroupId, ServerId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    AccessError, Asked, Caller, Decision, Object, ObjectKind, Operation, Permissions, Standing, grant,
    member_permission, own_operation, permission::SourceKind,
};
use crate::{app::App, delivery, error::Error, files, flaw::Flaw, fleet, schema, secrets};

/// What is asked.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// Code of the operation, built-in or the platform's own.
    pub operation: String,
    /// On which kind of object; without one, on anything at all.
    #[param(inline)]
    pub object_kind: Option<ObjectKind>,
    /// Its id, or the name of an environment or database.
    pub object_id: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Whether they may.
    pub allowed: bool,
    /// In a sentence.
    pub reason: String,
    /// What was looked at, in order.
    pub chain: Vec<ChainLink>,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainLink {
    /// `everything`, `role`, `ownRole`, `template`, `direct`, `key` or `scope`.
    pub step: &'static str,
    /// Its name; empty if it has none.
    pub name: String,
    /// Whether it gives the operation, or lets it through.
    pub passes: bool,
}

/// An object with what decides about it.
enum Found {
    Host(Box<fleet::Host>),
    Cluster(ClusterId),
    Environment(String),
    Application(ApplicationId),
    Server(ServerId, String),
    Database(String),
    SecretGroup(SecretGroupId),
    File(Vec<Uuid>),
}

impl Found {
    fn object(&self) -> Object<'_> {
        match self {
            Self::Host(host) => host.object(),
            Self::Cluster(id) => Object::Cluster(*id),
            Self::Environment(name) => Object::Environment(name),
            Self::Application(id) => Object::Application(*id),
            Self::Server(id, environment) => Object::Server { id: *id, environment },
            Self::Database(name) => Object::DatabaseName(name),
            Self::SecretGroup(id) => Object::SecretGroup(*id),
            Self::File(path) => Object::File(path),
        }
    }
}

/// Why a member may or may not. One may always ask about oneself.
pub(super) async fn explain(
    app: &App,
    caller: &Caller,
    user: UserId,
    question: Question,
) -> Result<Explanation, AccessError> {
    if !caller.is_user(user) {
        caller.require(Operation::MemberRead)?;
    }
    let granted = member_permission::find(app, caller, user).await?;
    let permissions = grant::permissions(granted)?;
    answer(app, caller, &permissions, question).await
}

/// Whether the caller may, with the credential that they use.
pub(super) async fn check(
    app: &App,
    standing: &Standing,
    question: Question,
) -> Result<Explanation, AccessError> {
    let outside = match standing {
        Standing::In(caller) => return answer(app, caller, caller.permissions(), question).await,
        Standing::Outside(outside) => outside,
    };
    let asked = if let Ok(operation) = question.operation.parse::<Operation>() {
        Asked::BuiltIn(operation)
    } else {
        own_operation::known_in(app, outside.platform, [question.operation.clone()])
            .await
            .map_err(|_| no_operation())?;
        Asked::Own(&question.operation)
    };
    match (question.object_kind, &question.object_id) {
        (None, None) => Ok(explained(standing.permissions(), asked, None)),
        // Objects are an org's.
        (Some(kind), Some(_)) => Err(AccessError::Refused(Error::NotFound(kind.noun()))),
        _ => Err(AccessError::invalid("objectId", "goes with objectKind")),
    }
}

fn no_operation() -> AccessError {
    AccessError::invalid("operation", Flaw::NoSuch("operation"))
}

async fn answer(
    app: &App,
    caller: &Caller,
    permissions: &Permissions,
    question: Question,
) -> Result<Explanation, AccessError> {
    let asked = if let Ok(operation) = question.operation.parse::<Operation>() {
        Asked::BuiltIn(operation)
    } else {
        own_operation::known(app, caller.org(), [question.operation.clone()])
            .await
            .map_err(|_| no_operation())?;
        Asked::Own(&question.operation)
    };
    let found = match (question.object_kind, &question.object_id) {
        (None, None) => None,
        (Some(kind), Some(id)) => Some(find(app, caller, kind, id).await?),
        _ => return Err(AccessError::invalid("objectId", "goes with objectKind")),
    };
    let object = found.as_ref().map(Found::object);
    if object.as_ref().is_some_and(|object| !caller.reaches(object)) {
        return Err(AccessError::Refused(Error::NotFound("object")));
    }
    Ok(explained(permissions, asked, object.as_ref()))
}

fn explained(permissions: &Permissions, asked: Asked<'_>, object: Option<&Object<'_>>) -> Explanation {
    let decision = permissions.decide(asked, object);
    let mut chain: Vec<ChainLink> = permissions
        .sources
        .iter()
        .map(|source| ChainLink {
            step: match source.kind {
                SourceKind::Everything => "everything",
                SourceKind::Role => "role",
                SourceKind::OwnRole => "ownRole",
                SourceKind::Template => "template",
                SourceKind::Direct => "direct",
            },
            name: source.name.clone(),
            passes: source.gives(asked),
        })
        .collect();
    let given = chain.iter().any(|link| link.passes);
    if let (true, Some((kind, _))) = (given, permissions.limit) {
        chain.push(ChainLink {
            step: "key",
            name: kind.to_owned(),
            passes: decision != Decision::Limited,
        });
    }
    if let (Decision::Allowed | Decision::OutOfReach(_), Some(object)) = (decision, object) {
        chain.push(ChainLink {
            step: "scope",
            name: object.noun().to_owned(),
            passes: decision == Decision::Allowed,
        });
    }
    let reason = match decision {
        Decision::Allowed => {
            let sources = chain
                .iter()
                .filter(|link| link.passes && link.step != "scope" && link.step != "key");
            let names: Vec<_> = sources
                .map(|link| format!("{} {}", link.step, link.name).trim().to_owned())
                .collect();
            format!("given by {}", names.join(", "))
        }
        Decision::NotGiven => "no role, template or direct grant gives this operation".to_owned(),
        Decision::Limited => "the API key's kind leaves this operation out".to_owned(),
        Decision::OutOfReach(kind) => {
            format!(
                "the operation is given, but the scope is narrowed to other {}s",
                kind.noun()
            )
        }
    };
    Explanation {
        allowed: decision == Decision::Allowed,
        reason,
        chain,
    }
}

async fn find(app: &App, caller: &Caller, kind: ObjectKind, id: &str) -> Result<Found, AccessError> {
    let missing = || AccessError::Refused(Error::NotFound(kind.noun()));
    let key = kind.key(id).map_err(|_| missing())?;
    let org = caller.org();
    let uuid = || Uuid::try_parse(&key).map_err(|_| missing());
    let found = match kind {
        ObjectKind::Hosts => fleet::find_host(app, org, HostId::from(uuid()?))
            .await
            .map_err(Error::from)?
            .map(|host| Found::Host(Box::new(host))),
        ObjectKind::Clusters => {
            let id = ClusterId::from(uuid()?);
            let there = fleet::cluster_exists(app, org, id).await.map_err(Error::from)?;
            there.then_some(Found::Cluster(id))
        }
        ObjectKind::Environments => fleet::find_environment(app, org, &key)
            .await
            .map_err(Error::from)?
            .map(|environment| Found::Environment(environment.name)),
        ObjectKind::Applications => {
            let id = ApplicationId::from(uuid()?);
            let there = delivery::application_exists(app, org, id)
                .await
                .map_err(Error::from)?;
            there.then_some(Found::Application(id))
        }
        ObjectKind::Servers => {
            let id = ServerId::from(uuid()?);
            let environment = schema::server_environment(app, org, id)
                .await
                .map_err(Error::from)?;
            environment.map(|environment| Found::Server(id, environment))
        }
        ObjectKind::SecretGroups => {
            let id = SecretGroupId::from(uuid()?);
            let there = secrets::group_exists(app, org, id).await.map_err(Error::from)?;
            there.then_some(Found::SecretGroup(id))
        }
        ObjectKind::Databases => Some(Found::Database(key)),
        ObjectKind::Files => {
            let id = FileId::from(uuid()?);
            let path = files::path_of(app, caller, id).await.map_err(Error::from)?;
            path.map(Found::File)
        }
    };
    found.ok_or_else(missing)
}
