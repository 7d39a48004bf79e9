//! Who hears that somebody changed containers of an application by hand, and that they are as they should be again: those who
//! may deploy there, by their inbox, and by mail ([`super::mailed`]).

use muster_base::{ApplicationId, OrgId, UserId};

use super::{
    AccessError, Asked, Decision, Object, Operation, grant,
    mailed::mail,
    message::{self, Mode, NewMessage, SubMode, Words},
    store,
};
use crate::{app::App, db::Tx, notify::Template};

/// What came of a look at an environment's hosts.
#[derive(Debug, Clone, Copy)]
pub struct TargetNews<'a> {
    /// Whose.
    pub org: OrgId,
    /// The application.
    pub application: ApplicationId,
    /// Its name.
    pub name: &'a str,
    /// The environment.
    pub environment: &'a str,
    /// The first hosts, in no language; none if nothing is changed there any more.
    pub what: Option<&'a str>,
}

/// Who is to hear of it, as of now.
pub async fn target_audience(app: &App, news: &TargetNews<'_>) -> Result<Vec<UserId>, AccessError> {
    let here = Object::ApplicationIn(news.application, news.environment);
    let mut audience = Vec::new();
    for (user, granted) in store::grant::list(&app.db, news.org).await? {
        let asked = Asked::BuiltIn(Operation::DeploymentCreate);
        if grant::permissions(granted)?.decide(asked, Some(&here)) == Decision::Allowed {
            audience.push(user);
        }
    }
    Ok(audience)
}

/// Tells them. The caller wakes the outbox after the commit.
pub async fn tell_of_targets(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    news: &TargetNews<'_>,
) -> Result<(), AccessError> {
    let (application, environment) = (news.name, news.environment);
    let (words, template) = if let Some(what) = news.what {
        let words = Words::TargetsDrifted {
            application,
            environment,
            what,
        };
        (words, Template::TargetsDrifted)
    } else {
        let words = Words::TargetsInStep {
            application,
            environment,
        };
        (words, Template::TargetsInStep)
    };
    let message = NewMessage {
        org: news.org,
        mode: Mode::Target,
        sub_mode: SubMode::View,
        words,
        tip: &news.application.to_string(),
    };
    message::send(app, tx, to, &message).await?;
    let address = format!("{}/applications/{}", app.config.base_url(), news.application);
    let blanks = [
        ("application", application),
        ("environment", environment),
        ("what", news.what.unwrap_or_default()),
        ("address", &address),
    ];
    mail(app, tx, to, template, &blanks).await
}
