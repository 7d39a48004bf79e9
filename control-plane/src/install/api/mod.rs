//! `/install/…`: no part of the API, since it is a shell on a new host that asks.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio_util::io::ReaderStream;

use super::{base_url, script};
use crate::{app::App, error::Error, http::problem::ApiResult};

/// `GET /install/{file}`: the script, or a package.
pub(crate) async fn file(State(app): State<App>, Path(name): Path<String>) -> ApiResult<Response> {
    if name == script::NAME {
        return agent_script(&app).await;
    }
    let package = app.packages.find(&app.config, &name).await;
    let package = package.ok_or(Error::NotFound("package"))?;
    let file = tokio::fs::File::open(&package.path)
        .await
        .map_err(|_| Error::NotFound("package"))?;
    let length = file
        .metadata()
        .await
        .map_err(|error| Error::Internal(error.into()))?
        .len();
    let headers = [
        (
            header::CONTENT_TYPE,
            "application/vnd.debian.binary-package".to_owned(),
        ),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

async fn agent_script(app: &App) -> ApiResult<Response> {
    let packages = app.packages.list(&app.config).await;
    let text = base_url(&app.config.http).and_then(|base| script::render(&base, &packages));
    let text = text.ok_or(Error::NotFound("package of the agent"))?;
    let headers = [
        (header::CONTENT_TYPE, "text/x-shellscript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((StatusCode::OK, headers, text).into_response())
}
