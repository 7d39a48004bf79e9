//! What messages say: each as a code with blanks, and as an English sentence.

use std::collections::BTreeMap;

/// What a message says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Words<'a> {
    /// Somebody applied to an org.
    WantsToJoin { name: &'a str, org: &'a str },
    /// The reader was let in.
    LetIn { org: &'a str },
    /// The reader was not let in.
    Rejected { org: &'a str, reason: &'a str },
    /// Somebody used an invitation.
    Accepted { name: &'a str, org: &'a str },
    /// An org's profile is another.
    OrgChanged { org: &'a str },
    /// A version is not where it was to be.
    NotDeployed {
        application: &'a str,
        version: &'a str,
        environment: &'a str,
        reason: &'a str,
    },
    /// The reader may approve of a deployment.
    DeploymentAsks {
        name: &'a str,
        application: &'a str,
        version: &'a str,
        environment: &'a str,
    },
    /// The reader's deployment has its turn.
    DeploymentApproved {
        name: &'a str,
        application: &'a str,
        version: &'a str,
        environment: &'a str,
    },
    /// The reader's deployment is not to be.
    DeploymentRejected {
        name: &'a str,
        application: &'a str,
        version: &'a str,
        environment: &'a str,
        reason: &'a str,
    },
    /// The reader may decide a step of a ticket.
    ToApprove {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
        step: &'a str,
    },
    /// Somebody approved a step of the reader's ticket.
    StepApproved {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
        step: &'a str,
    },
    /// The reader's ticket is a release now.
    TicketApproved {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
    },
    /// The reader's ticket comes back.
    TicketRejected {
        name: &'a str,
        version: &'a str,
        environment: &'a str,
        reason: &'a str,
    },
    /// Nobody can approve what a ticket waits for.
    TicketStuck {
        version: &'a str,
        environment: &'a str,
        step: &'a str,
    },
    /// A rule found something.
    AlertFires {
        rule: &'a str,
        severity: &'a str,
        what: &'a str,
    },
    /// Its readings stopped while it fires.
    AlertSilent {
        rule: &'a str,
        severity: &'a str,
        what: &'a str,
    },
    /// It is all right again.
    AlertOver {
        rule: &'a str,
        severity: &'a str,
        what: &'a str,
    },
    /// Somebody changed a database by hand.
    DriftFound {
        database: &'a str,
        server: &'a str,
        what: &'a str,
    },
    /// What is different there is something else now.
    DriftChanged {
        database: &'a str,
        server: &'a str,
        what: &'a str,
    },
    /// What was set aside there was kept for as long as it was to be.
    AsidesExpired {
        database: &'a str,
        server: &'a str,
        what: &'a str,
    },
    /// Nothing is different there any more.
    DriftOver { database: &'a str, server: &'a str },
    /// Somebody changed containers of it by hand, on these hosts.
    TargetsDrifted {
        application: &'a str,
        environment: &'a str,
        what: &'a str,
    },
    /// They are as they should be again.
    TargetsInStep {
        application: &'a str,
        environment: &'a str,
    },
    /// A release is not on the server where it was to be.
    NotExecuted {
        version: &'a str,
        environment: &'a str,
        database: &'a str,
        server: &'a str,
        reason: &'a str,
    },
    /// A person must say what a release has done on a server.
    NeedsALook {
        version: &'a str,
        environment: &'a str,
        database: &'a str,
        server: &'a str,
        reason: &'a str,
    },
    /// A release goes to no more servers, since something failed.
    RolloutHalted {
        version: &'a str,
        environment: &'a str,
        database: &'a str,
        reason: &'a str,
    },
    /// A release is on the first servers, and somebody must say that it goes on.
    RolloutPaused {
        version: &'a str,
        environment: &'a str,
        database: &'a str,
    },
}

impl Words<'_> {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::WantsToJoin { .. } => "wantsToJoin",
            Self::LetIn { .. } => "letIn",
            Self::Rejected { .. } => "rejected",
            Self::Accepted { .. } => "accepted",
            Self::OrgChanged { .. } => "orgChanged",
            Self::NotDeployed { .. } => "notDeployed",
            Self::DeploymentAsks { .. } => "deploymentAsks",
            Self::DeploymentApproved { .. } => "deploymentApproved",
            Self::DeploymentRejected { .. } => "deploymentRejected",
            Self::ToApprove { .. } => "toApprove",
            Self::StepApproved { .. } => "stepApproved",
            Self::TicketApproved { .. } => "ticketApproved",
            Self::TicketRejected { .. } => "ticketRejected",
            Self::TicketStuck { .. } => "ticketStuck",
            Self::AlertFires { .. } => "alertFires",
            Self::AlertSilent { .. } => "alertSilent",
            Self::AlertOver { .. } => "alertOver",
            Self::DriftFound { .. } => "driftFound",
            Self::DriftChanged { .. } => "driftChanged",
            Self::AsidesExpired { .. } => "asidesExpired",
            Self::DriftOver { .. } => "driftOver",
            Self::TargetsDrifted { .. } => "targetsDrifted",
            Self::TargetsInStep { .. } => "targetsInStep",
            Self::NotExecuted { .. } => "notExecuted",
            Self::NeedsALook { .. } => "needsALook",
            Self::RolloutHalted { .. } => "rolloutHalted",
            Self::RolloutPaused { .. } => "rolloutPaused",
        }
    }

    pub(super) fn params(self) -> BTreeMap<&'static str, String> {
        let pairs = match self {
            Self::WantsToJoin { name, org } | Self::Accepted { name, org } => {
                vec![("name", name), ("org", org)]
            }
            Self::LetIn { org } | Self::OrgChanged { org } => vec![("org", org)],
            Self::Rejected { org, reason } => vec![("org", org), ("reason", reason)],
            Self::NotDeployed {
                application,
                version,
                environment,
                reason,
            } => vec![
                ("application", application),
                ("version", version),
                ("environment", environment),
                ("reason", reason),
            ],
            Self::DeploymentAsks {
                name,
                application,
                version,
                environment,
            }
            | Self::DeploymentApproved {
                name,
                application,
                version,
                environment,
            } => vec![
                ("name", name),
                ("application", application),
                ("version", version),
                ("environment", environment),
            ],
            Self::DeploymentRejected {
                name,
                application,
                version,
                environment,
                reason,
            } => vec![
                ("name", name),
                ("application", application),
                ("version", version),
                ("environment", environment),
                ("reason", reason),
            ],
            Self::ToApprove {
                name,
                version,
                environment,
                step,
            }
            | Self::StepApproved {
                name,
                version,
                environment,
                step,
            } => vec![
                ("name", name),
                ("version", version),
                ("environment", environment),
                ("step", step),
            ],
            Self::TicketApproved {
                name,
                version,
                environment,
            } => vec![("name", name), ("version", version), ("environment", environment)],
            Self::TicketRejected {
                name,
                version,
                environment,
                reason,
            } => vec![
                ("name", name),
                ("version", version),
                ("environment", environment),
                ("reason", reason),
            ],
            Self::TicketStuck {
                version,
                environment,
                step,
            } => vec![("version", version), ("environment", environment), ("step", step)],
            Self::AlertFires { rule, severity, what }
            | Self::AlertSilent { rule, severity, what }
            | Self::AlertOver { rule, severity, what } => {
                vec![("rule", rule), ("severity", severity), ("what", what)]
            }
            Self::DriftFound {
                database,
                server,
                what,
            }
            | Self::DriftChanged {
                database,
                server,
                what,
            }
            | Self::AsidesExpired {
                database,
                server,
                what,
            } => vec![("database", database), ("server", server), ("what", what)],
            Self::DriftOver { database, server } => vec![("database", database), ("server", server)],
            Self::TargetsDrifted {
                application,
                environment,
                what,
            } => vec![
                ("application", application),
                ("environment", environment),
                ("what", what),
            ],
            Self::TargetsInStep {
                application,
                environment,
            } => vec![("application", application), ("environment", environment)],
            Self::NotExecuted {
                version,
                environment,
                database,
                server,
                reason,
            }
            | Self::NeedsALook {
                version,
                environment,
                database,
                server,
                reason,
            } => vec![
                ("version", version),
                ("environment", environment),
                ("database", database),
                ("server", server),
                ("reason", reason),
            ],
            Self::RolloutHalted {
                version,
                environment,
                database,
                reason,
            } => vec![
                ("version", version),
                ("environment", environment),
                ("database", database),
                ("reason", reason),
            ],
            Self::RolloutPaused {
                version,
                environment,
                database,
            } => vec![
                ("version", version),
                ("environment", environment),
                ("database", database),
            ],
        };
        pairs
            .into_iter()
            .map(|(blank, text)| (blank, text.to_owned()))
            .collect()
    }

    pub(super) fn sentence(self) -> String {
        match self {
            Self::WantsToJoin { name, org } => format!("{name} wants to join {org}"),
            Self::LetIn { org } => format!("you are a member of {org} now"),
            Self::Rejected { org, reason } => format!("{org} did not let you in: {reason}"),
            Self::Accepted { name, org } => format!("{name} accepted an invitation into {org}"),
            Self::OrgChanged { org } => format!("the profile of {org} was changed"),
            Self::NotDeployed {
                application,
                version,
                environment,
                reason,
            } => format!("{application} {version} was not deployed to {environment}: {reason}"),
            Self::DeploymentAsks {
                name,
                application,
                version,
                environment,
            } => format!("{name} asks for your approval: {application} {version} for {environment}"),
            Self::DeploymentApproved {
                name,
                application,
                version,
                environment,
            } => format!("{name} approved of {application} {version} for {environment}"),
            Self::DeploymentRejected {
                name,
                application,
                version,
                environment,
                reason,
            } => format!("{name} rejected {application} {version} for {environment}: {reason}"),
            Self::ToApprove {
                name,
                version,
                environment,
                step,
            } => format!("{name} asks for your approval: {version} for {environment}, step {step}"),
            Self::StepApproved {
                name,
                version,
                environment,
                step,
            } => format!("{name} approved the step {step} of {version} for {environment}"),
            Self::TicketApproved {
                name,
                version,
                environment,
            } => format!("{version} for {environment} is released: {name} gave the last approval"),
            Self::TicketRejected {
                name,
                version,
                environment,
                reason,
            } => format!("{name} rejected {version} for {environment}: {reason}"),
            Self::TicketStuck {
                version,
                environment,
                step,
            } => format!("nobody can approve the step {step} of {version} for {environment}"),
            Self::AlertFires { rule, severity, what } => format!("{severity}: {rule}: {what}"),
            Self::AlertSilent { rule, what, .. } => format!("no more readings: {rule}: {what}"),
            Self::AlertOver { rule, what, .. } => format!("all right again: {rule}: {what}"),
            Self::DriftFound {
                database,
                server,
                what,
            } => format!("{database} on {server} was changed by hand: {what}"),
            Self::AsidesExpired {
                database,
                server,
                what,
            } => format!("what was set aside in {database} on {server} can be dropped: {what}"),
            Self::DriftChanged {
                database,
                server,
                what,
            } => format!("{database} on {server} was changed by hand once more: {what}"),
            Self::TargetsDrifted {
                application,
                environment,
                what,
            } => format!("containers of {application} in {environment} were changed by hand on {what}"),
            Self::TargetsInStep {
                application,
                environment,
            } => format!("the containers of {application} in {environment} are as they should be again"),
            Self::DriftOver { database, server } => {
                format!("{database} on {server} is as it should be again")
            }
            Self::NotExecuted {
                version,
                database,
                server,
                reason,
                ..
            } => format!("{version} was not executed in {database} on {server}: {reason}"),
            Self::NeedsALook {
                version,
                database,
                server,
                reason,
                ..
            } => format!("somebody must look what {version} did in {database} on {server}: {reason}"),
            Self::RolloutHalted {
                version,
                environment,
                database,
                reason,
            } => format!("{version} for {database} in {environment} was halted: {reason}"),
            Self::RolloutPaused {
                version,
                environment,
                database,
            } => format!(
                "{version} for {database} in {environment} is on the first servers and waits for somebody to go on"
            ),
        }
    }
}
