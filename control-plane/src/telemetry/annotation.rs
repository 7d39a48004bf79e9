//! Annotations: what happened to a host while its readings ran, so that a chart shows what changed when it broke.
//!
//! Deployments and releases are marked where they began, alerts that fired from then until they were over. Whoever may see
//! the host's readings sees of them what they may see elsewhere: a kind that they may not read is left out, and so is
//! an application, environment, database or server that is out of their reach. One query for each kind, each limited;
//! of more the newest are told.

use muster_base::{AlertId, DeploymentId, ExecutionId, HostId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{TelemetryError, query};
use crate::{
    access::{Caller, Operation, Scope},
    alerts,
    app::App,
    delivery,
    error::FieldError,
    schema,
};

/// Of one kind in one answer.
const MOST: i64 = 200;
const USUAL_SPAN_MS: i64 = UnixMs::HOUR;

/// Of which time.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AnnotationQuery {
    /// From this time on: RFC 3339, or milliseconds since the epoch. An hour before `to` by default.
    pub from: Option<String>,
    /// Before this time; now by default.
    pub to: Option<String>,
}

/// What the rooms are asked that something happened in: a host of an org in a time, as far as somebody reaches.
#[derive(Debug)]
pub struct HostPast<'a> {
    /// Whose.
    pub org: OrgId,
    /// What the caller reaches.
    pub scope: &'a Scope,
    /// Which host.
    pub host: HostId,
    /// From this time on.
    pub from: UnixMs,
    /// Before this time.
    pub to: UnixMs,
    /// So many, the newest.
    pub limit: i64,
}

/// What happened to a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct Annotations {
    /// In the order that it began.
    pub items: Vec<Annotation>,
    /// Whether there was more of a kind than is told; the newest are.
    pub truncated: bool,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Annotation {
    /// A version was deployed here.
    Deployment {
        /// The deployment.
        id: DeploymentId,
        /// When it began on this host.
        at: UnixMs,
        /// When it ended here.
        #[schema(required)]
        #[serde(rename = "endedAt")]
        ended_at: Option<UnixMs>,
        /// Name of the application.
        application: String,
        /// Which version.
        version: String,
        /// Of which environment.
        environment: String,
        /// How it stands on this host.
        status: String,
    },
    /// A release was executed by this host.
    Release {
        /// The execution.
        id: ExecutionId,
        /// When it began.
        at: UnixMs,
        /// When it ended.
        #[schema(required)]
        #[serde(rename = "endedAt")]
        ended_at: Option<UnixMs>,
        /// The database.
        database: String,
        /// Which version.
        version: String,
        /// The server's label.
        server: String,
        /// How it stands.
        status: String,
    },
    /// An alert fired.
    Alert {
        /// The alert.
        id: AlertId,
        /// When it began to fire.
        at: UnixMs,
        /// When it was over; null while it fires.
        #[schema(required)]
        #[serde(rename = "endedAt")]
        ended_at: Option<UnixMs>,
        /// Name of the rule.
        rule: String,
        /// The container, if it is one's.
        #[schema(required)]
        container: Option<String>,
        /// info, warning or critical.
        severity: String,
    },
}

impl Annotation {
    /// When it began.
    pub(super) const fn at(&self) -> UnixMs {
        match self {
            Self::Deployment { at, .. } | Self::Release { at, .. } | Self::Alert { at, .. } => *at,
        }
    }
}

/// What happened to a host.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    host: HostId,
    asked: &AnnotationQuery,
) -> Result<Annotations, TelemetryError> {
    query::require_host(app, caller, host).await?;
    let (from, to) = span(asked, app.clock.now())?;
    let wanted = HostPast {
        org: caller.org(),
        scope: caller.scope(),
        host,
        from,
        to,
        limit: MOST + 1,
    };
    let may = |operation| caller.may(operation);
    let mut found = Annotations {
        items: Vec::new(),
        truncated: false,
    };
    if may(Operation::DeploymentRead) {
        found.add(delivery::annotations(&app.db, &wanted).await?);
    }
    if may(Operation::ReleaseRead) {
        found.add(schema::annotations(&app.db, &wanted).await?);
    }
    if may(Operation::AlertRead) {
        found.add(alerts::annotations(&app.db, &wanted).await?);
    }
    found.items.sort_by_key(Annotation::at);
    Ok(found)
}

impl Annotations {
    /// Takes those of a kind in, newest first.
    fn add(&mut self, mut kind: Vec<Annotation>) {
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        self.truncated |= kind.len() > most;
        kind.truncate(most);
        self.items.append(&mut kind);
    }
}

fn span(asked: &AnnotationQuery, now: UnixMs) -> Result<(UnixMs, UnixMs), TelemetryError> {
    let field = |name: &str, text: &Option<String>, default| {
        query::parse_time(text.as_deref(), default)
            .map_err(|message| TelemetryError::Invalid(vec![FieldError::new(name, message)]))
    };
    let to = field("to", &asked.to, now)?;
    let from = field("from", &asked.from, to.plus_ms(-USUAL_SPAN_MS))?;
    if from >= to {
        return Err(TelemetryError::invalid("from", "must be before `to`"));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests;
