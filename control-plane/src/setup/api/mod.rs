//! `/api/v1/setup`: the install page's calls. They are there in every state, so that whoever comes late hears
//! `installed` instead of nothing.

use std::convert::Infallible;

use axum::{
    extract::{FromRef, State},
    http::StatusCode,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use muster_base::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Checked, DatabaseInput, Door, Phase, Progress, door::Story};
use crate::{
    app::App,
    error::Error,
    http::{
        extract::{Json, Query},
        problem::{ApiResult, Problem},
    },
};

impl FromRef<App> for Door {
    fn from_ref(_: &App) -> Self {
        Self::closed()
    }
}

/// The routes, of an installed control plane and of one that isn't.
pub fn router<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Door: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(state, begin))
        .routes(routes!(test))
        .routes(routes!(follow))
}

/// Whether Muster is installed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SetupState {
    /// Then the install page leads to the sign-in.
    installed: bool,
    /// Whether an installation runs now.
    installing: bool,
}

/// Whether Muster is installed.
#[utoipa::path(get, path = "/api/v1/setup", operation_id = "getSetupState", tag = "setup", security(()),
    responses((status = 200, body = SetupState)))]
async fn state(State(door): State<Door>) -> axum::Json<SetupState> {
    let phase = door.phase();
    axum::Json(SetupState {
        installed: phase == Phase::Installed,
        installing: phase == Phase::Running,
    })
}

/// A database to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetupTest {
    /// The setup token that `muster serve` printed.
    #[schema(value_type = String)]
    token: SecretString,
    /// The database.
    database: DatabaseInput,
}

/// Tries a database: whether it can be used, and what an installation would do with it. Changes nothing.
#[utoipa::path(post, path = "/api/v1/setup/test", operation_id = "testSetupDatabase", tag = "setup", security(()),
    request_body = SetupTest,
    responses((status = 200, body = Checked), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
async fn test(State(door): State<Door>, Json(asked): Json<SetupTest>) -> ApiResult<axum::Json<Checked>> {
    Ok(axum::Json(
        door.try_database(&asked.token, &asked.database).await?,
    ))
}

/// What to install.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetupInput {
    /// The setup token that `muster serve` printed.
    #[schema(value_type = String)]
    token: SecretString,
    /// The super administrator's sign-in name.
    account: String,
    /// The super administrator's password.
    #[schema(value_type = String)]
    password: SecretString,
    /// The database; SQLite by default.
    #[serde(default)]
    database: DatabaseInput,
}

/// An installation that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SetupBegun {
    /// Names it for `GET /api/v1/setup/progress`.
    installation_id: String,
}

/// Begins an installation. What is wrong with the input or the database is answered at once, and nothing begins.
#[utoipa::path(post, path = "/api/v1/setup", operation_id = "beginSetup", tag = "setup", security(()),
    request_body = SetupInput,
    responses((status = 202, body = SetupBegun), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
async fn begin(
    State(door): State<Door>,
    Json(asked): Json<SetupInput>,
) -> ApiResult<(StatusCode, axum::Json<SetupBegun>)> {
    let installation_id = door
        .begin(
            &asked.token,
            asked.account.trim(),
            asked.password,
            &asked.database,
        )
        .await?;
    Ok((StatusCode::ACCEPTED, axum::Json(SetupBegun { installation_id })))
}

/// Which installation.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    /// As `POST /api/v1/setup` answered.
    installation_id: String,
}

/// The steps of an installation from its beginning, `event: step`; at its end one `event: end` with `installed` or
/// `failed`.
#[utoipa::path(get, path = "/api/v1/setup/progress", operation_id = "followSetup", tag = "setup", security(()),
    params(FollowQuery),
    responses((status = 200, body = Progress, content_type = "text/event-stream"), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
async fn follow(
    State(door): State<Door>,
    Query(asked): Query<FollowQuery>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let story = door
        .follow(&asked.installation_id)
        .ok_or(Error::NotFound("installation"))?;
    let events = stream::unfold(Some((story, 0)), async |place| {
        let (mut story, told) = place?;
        // Fails only when the process stops.
        let now = story
            .wait_for(|story| story.steps.len() > told || story.phase != Phase::Running)
            .await
            .ok()?
            .clone();
        Some(next(&now, told, story))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

type Place = Option<(tokio::sync::watch::Receiver<Story>, usize)>;

/// The event after `told` of them, and where to go on.
fn next(
    now: &Story,
    told: usize,
    story: tokio::sync::watch::Receiver<Story>,
) -> (Result<Event, Infallible>, Place) {
    let event = Event::default().id(told.to_string());
    if let Some(step) = now.steps.get(told) {
        let data = serde_json::to_string(step).unwrap_or_default();
        return (Ok(event.event("step").data(data)), Some((story, told + 1)));
    }
    let end = if now.phase == Phase::Installed {
        "installed"
    } else {
        "failed"
    };
    (Ok(event.event("end").data(end)), None)
}
