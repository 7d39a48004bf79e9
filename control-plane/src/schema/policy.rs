//! An environment's policy: which flow decides what risks how much, whether authors may decide their own, when releases
//! may begin, whether what goes is set aside, what statements that change rows are held to ([`held`](super::held)), whether publishing
//! takes the ways that lock little, whether what is published is proven first ([`proof`](super::proof)), and what lint's rules are set to ([`lint_rules`]). An environment without one leaves the choice to the flows, no author decides, releases begin at any
//! time, and drops are real.

use muster_base::UnixMs;
use muster_documents::Kind;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::{
    LintLevel, MaintenanceWindows, ProofRule, RiskLevel, SchemaError,
    error::field_error,
    held::Held,
    lint_rules::{self, LintLevels},
    store, waiting,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    error::{Error, FieldError},
    fleet::{self, Change},
    in_tx, work,
};

/// Days for which something may be set aside.
const MOST_DAYS: u16 = 365;

/// What an environment asks of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentPolicy {
    /// The environment's name.
    pub environment: String,
    /// The flow for each risk.
    pub flows: RiskFlows,
    /// Whether authors may approve what they proposed.
    pub author_may_decide: bool,
    /// When releases may begin; null: at any time.
    #[schema(required)]
    pub windows: Option<MaintenanceWindows>,
    /// For how many days tables and columns that are published as gone are set aside under another name; null: they are dropped.
    #[schema(required)]
    pub set_aside_days: Option<u16>,
    /// How many rows a statement of SQL as text may overwrite or delete; null: any number.
    #[schema(required)]
    pub max_rows: Option<u32>,
    /// For how many days the rows that such a statement overwrites or deletes are kept; null: they are not.
    #[schema(required)]
    pub backup_days: Option<u16>,
    /// Whether publishing builds indexes concurrently on PostgreSQL, and holds checks and foreign keys against the rows apart; and says on
    /// MySQL and MariaDB how each `ALTER TABLE` is carried out, by the version that the server's last test told.
    pub online: bool,
    /// Whether what is published is proven on scratch databases before it is approved.
    pub proof: ProofRule,
    /// What lint's rules are set to, by their names; the others are as they are by themselves.
    #[schema(value_type = BTreeMap<String, LintLevel>)]
    pub lint: LintLevels,
    /// When it was last changed; null if it never was.
    #[schema(required)]
    pub updated_at: Option<UnixMs>,
    /// Who changed it last.
    #[schema(required)]
    pub updated_by: Option<String>,
}

/// Names of `ApprovalFlow` documents; null leaves the choice to the flows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RiskFlows {
    /// For what is safe.
    pub safe: Option<String>,
    /// For what may lock or break.
    pub warning: Option<String>,
    /// For what loses data.
    pub destructive: Option<String>,
    /// For what can't be read.
    pub unknown: Option<String>,
}

/// Every environment's policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnvironmentPolicies {
    /// In the environments' order.
    pub items: Vec<EnvironmentPolicy>,
}

/// What an environment is to ask of a release.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyBody {
    /// The flow for each risk.
    #[serde(default)]
    pub flows: RiskFlows,
    /// Whether authors may approve what they proposed.
    #[serde(default)]
    pub author_may_decide: bool,
    /// When releases may begin; null: at any time. They stay if left out.
    #[serde(default)]
    #[schema(value_type = Option<MaintenanceWindows>)]
    pub windows: Change<MaintenanceWindows>,
    /// For how many days, 1–365, what goes is set aside; null: it is dropped. It stays if left out.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 365)]
    pub set_aside_days: Change<u16>,
    /// How many rows, 1–1,000,000,000, a statement of SQL as text may overwrite or delete; null: any number. It stays if left out.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000_000)]
    pub max_rows: Change<u32>,
    /// For how many days, 1–365, the rows are kept that such a statement overwrites or deletes; null: they are not. It stays if
    /// left out.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 365)]
    pub backup_days: Change<u16>,
    /// Whether publishing builds indexes concurrently on PostgreSQL, and holds checks and foreign keys against the rows apart; and says on
    /// MySQL and MariaDB how each `ALTER TABLE` is carried out. It stays if left out.
    #[serde(default)]
    pub online: Option<bool>,
    /// Whether what is published is proven on scratch databases before it is approved. It stays if left out.
    #[serde(default)]
    pub proof: Option<ProofRule>,
    /// What lint's rules are set to, by their names. All stay if left out.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, LintLevel>>)]
    pub lint: Option<LintLevels>,
}

impl RiskFlows {
    /// The flow for this risk.
    pub(super) fn for_risk(&self, risk: RiskLevel) -> Option<&String> {
        match risk {
            RiskLevel::Safe => self.safe.as_ref(),
            RiskLevel::Warning => self.warning.as_ref(),
            RiskLevel::Destructive => self.destructive.as_ref(),
            RiskLevel::Unknown => self.unknown.as_ref(),
        }
    }

    /// All that are named, with their fields.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let all = [
            ("safe", &self.safe),
            ("warning", &self.warning),
            ("destructive", &self.destructive),
            ("unknown", &self.unknown),
        ];
        all.into_iter()
            .filter_map(|(field, name)| name.as_ref().map(|name| (field, name)))
    }
}

impl EnvironmentPolicy {
    /// What holds where nobody has said anything.
    pub(super) fn usual(environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            flows: RiskFlows::default(),
            author_may_decide: false,
            windows: None,
            set_aside_days: None,
            max_rows: None,
            backup_days: None,
            online: false,
            proof: ProofRule::Off,
            lint: LintLevels::new(),
            updated_at: None,
            updated_by: None,
        }
    }

    /// What it asks of statements that change rows.
    pub(super) fn held(&self) -> Held {
        Held {
            max_rows: self.max_rows,
            backup_days: self.backup_days,
        }
    }
}

/// The policy of an environment, for this room.
pub(super) async fn of_environment(
    app: &App,
    org: muster_base::OrgId,
    environment: &str,
) -> Result<EnvironmentPolicy, SchemaError> {
    let found = store::policy::find(&app.db, org, environment).await?;
    Ok(found.unwrap_or_else(|| EnvironmentPolicy::usual(environment)))
}

pub(super) async fn list(app: &App, caller: &Caller) -> Result<EnvironmentPolicies, SchemaError> {
    caller.require(Operation::EnvironmentRead)?;
    let mut known = store::policy::list(&app.db, caller.org()).await?;
    let environments = fleet::list_environments(app, caller.org()).await?;
    let items = environments
        .into_iter()
        .filter(|environment| caller.reaches(&Object::Environment(&environment.name)))
        .map(|environment| {
            let at = known
                .iter()
                .position(|policy| policy.environment == environment.name);
            at.map_or_else(
                || EnvironmentPolicy::usual(&environment.name),
                |at| known.swap_remove(at),
            )
        });
    Ok(EnvironmentPolicies {
        items: items.collect(),
    })
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    environment: &str,
) -> Result<EnvironmentPolicy, SchemaError> {
    find_for(app, caller, Operation::EnvironmentRead, environment).await
}

/// Replaces it; its windows stay if nothing is said of them. Whoever loosens them must be one who may begin outside of
/// them. What has an order that no host has got yet is judged anew by windows that change.
pub(super) async fn set(
    app: &App,
    caller: &Caller,
    environment: &str,
    body: PolicyBody,
) -> Result<EnvironmentPolicy, SchemaError> {
    find_for(app, caller, Operation::FlowWrite, environment).await?;
    let (policy, taken_back) = in_tx!(app.db, |tx| {
        // Whoever deletes a flow looks at the policies first.
        store::document::one_at_a_time(tx, caller.org()).await?;
        let (before, policy) = merged(app, tx, caller, environment, body).await?;
        let taken_back = put(app, tx, caller, &before, &policy).await?;
        (policy, taken_back)
    });
    for order in &taken_back {
        work::told(app, order);
    }
    Ok(policy)
}

/// What came of a policy in an environment's document.
pub(super) struct AppliedPolicy {
    pub(super) changed: bool,
    /// Orders to be told of after the commit.
    pub(super) taken_back: Vec<work::Order>,
}

/// Sets what an environment's document says of its policy; what that leaves out stays as it is. The caller has the org's documents
/// to itself, and the environment is there.
pub(super) async fn apply(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    environment: &str,
    said: &Json,
) -> Result<AppliedPolicy, SchemaError> {
    let place = Object::Environment(environment);
    // Whoever may read it may put in what they read.
    if !caller.may_on(Operation::EnvironmentRead, &place) {
        caller.require_on(Operation::FlowWrite, &place)?;
    }
    let present = store::policy::find_in(tx, caller.org(), environment).await?;
    let mut said = said.clone();
    if let (Some(present), Json::Object(fields)) = (&present, &mut said) {
        let flows = serde_json::to_value(&present.flows).map_err(Error::internal)?;
        fields.entry("flows").or_insert(flows);
        fields
            .entry("authorMayDecide")
            .or_insert(present.author_may_decide.into());
    }
    let body = serde_json::from_value(said)
        .map_err(|error| SchemaError::invalid("spec.policy", format!("is no policy: {error}")))?;
    let merged = merged(app, tx, caller, environment, body).await;
    let (before, policy) = merged.map_err(|error| match error {
        SchemaError::Invalid(fields) => {
            let placed = |field: FieldError| FieldError {
                field: format!("spec.policy.{}", field.field),
                ..field
            };
            SchemaError::Invalid(fields.into_iter().map(placed).collect())
        }
        other => other,
    })?;
    let same = EnvironmentPolicy {
        updated_at: before.updated_at,
        updated_by: before.updated_by.clone(),
        ..policy.clone()
    };
    if same == before {
        return Ok(AppliedPolicy {
            changed: false,
            taken_back: Vec::new(),
        });
    }
    caller.require_on(Operation::FlowWrite, &place)?;
    Ok(AppliedPolicy {
        changed: true,
        taken_back: put(app, tx, caller, &before, &policy).await?,
    })
}

/// The policy as it is, and as the body wants it.
async fn merged(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    environment: &str,
    body: PolicyBody,
) -> Result<(EnvironmentPolicy, EnvironmentPolicy), SchemaError> {
    let mut wrong = faults(&body);
    for (field, name) in body.flows.named() {
        let wanted = (Kind::ApprovalFlow, None, name.as_str());
        if store::document::lock_named(tx, &app.db, caller.org(), wanted)
            .await?
            .is_none()
        {
            wrong.push(field_error(
                format!("flows.{field}"),
                format!("there is no ApprovalFlow {name}"),
            ));
        }
    }
    if !wrong.is_empty() {
        return Err(SchemaError::Invalid(wrong));
    }
    let before = store::policy::find_in(tx, caller.org(), environment).await?;
    let before = before.unwrap_or_else(|| EnvironmentPolicy::usual(environment));
    let mut policy = EnvironmentPolicy {
        environment: environment.to_owned(),
        flows: body.flows,
        author_may_decide: body.author_may_decide,
        online: body.online.unwrap_or(before.online),
        proof: body.proof.unwrap_or(before.proof),
        lint: body.lint.unwrap_or_else(|| before.lint.clone()),
        updated_at: Some(app.clock.now()),
        updated_by: Some(caller.actor.name()),
        ..before.clone()
    };
    body.windows.apply(&mut policy.windows);
    body.set_aside_days.apply(&mut policy.set_aside_days);
    body.max_rows.apply(&mut policy.max_rows);
    body.backup_days.apply(&mut policy.backup_days);
    Ok((before, policy))
}

/// What is wrong with it by itself.
fn faults(body: &PolicyBody) -> Vec<FieldError> {
    let mut faults = match &body.windows {
        Change::To(Some(windows)) => windows.faults("windows"),
        Change::Keep | Change::To(None) => Vec::new(),
    };
    if let Change::To(Some(days)) = &body.set_aside_days
        && !(1..=MOST_DAYS).contains(days)
    {
        faults.push(field_error(
            "setAsideDays",
            format!("must be 1 to {MOST_DAYS}, or null"),
        ));
    }
    let held = Held {
        max_rows: body.max_rows.said(),
        backup_days: body.backup_days.said(),
    };
    faults.extend(held.faults());
    faults.extend(body.lint.iter().flat_map(lint_rules::faults));
    faults
}

/// Keeps it; what waits is looked at again. Orders that are taken back are to be told of after the commit.
async fn put(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    before: &EnvironmentPolicy,
    policy: &EnvironmentPolicy,
) -> Result<Vec<work::Order>, SchemaError> {
    let (now, environment) = (app.clock.now(), policy.environment.as_str());
    if MaintenanceWindows::is_looser(before.windows.as_ref(), policy.windows.as_ref(), now) {
        caller.require(Operation::WindowOverride)?;
    }
    store::policy::upsert(tx, caller.org(), policy).await?;
    // What waits there may begin at another time now.
    store::waiting::look_at_once(tx, (caller.org(), environment), now).await?;
    let taken_back = if policy.windows.is_some() && policy.windows != before.windows {
        waiting::take_back(app, tx, caller, environment).await?
    } else {
        Vec::new()
    };
    let entry = Entry::done("environment:policy", "environment", environment)
        .before(before)
        .after(policy);
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    Ok(taken_back)
}

/// What an environment's document says of a policy that somebody set: all of it, so that another installation that applies it comes to
/// the same.
pub(super) fn document(policy: &EnvironmentPolicy) -> Result<Option<Json>, SchemaError> {
    if policy.updated_at.is_none() {
        return Ok(None);
    }
    let mut json = serde_json::to_value(policy).map_err(Error::internal)?;
    if let Json::Object(fields) = &mut json {
        for of_itself in ["environment", "updatedAt", "updatedBy"] {
            fields.remove(of_itself);
        }
    }
    Ok(Some(json))
}

async fn find_for(
    app: &App,
    caller: &Caller,
    operation: Operation,
    environment: &str,
) -> Result<EnvironmentPolicy, SchemaError> {
    caller.require(operation)?;
    let found = fleet::find_environment(app, caller.org(), environment)
        .await
        .map_err(Error::from)?;
    let found = found.ok_or(SchemaError::NoEnvironment)?;
    caller.require_on(operation, &Object::Environment(&found.name))?;
    of_environment(app, caller.org(), &found.name).await
}
