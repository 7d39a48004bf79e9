//! Writes down who was refused what: every 403 to somebody who is known becomes an audit row, in one place, so that
//! no handler has to think of it.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{StatusCode, request::Parts},
    middleware::Next,
    response::Response,
};
use muster_base::OrgId;

use crate::{
    access::Identity,
    app::App,
    audit::{self, Entry},
};

/// Who turned out to be asking, filled in by the extractors.
#[derive(Debug, Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<(Identity, Option<OrgId>)>>);

impl Asker {
    /// Notes who is asking, for the rest of the request.
    pub(super) fn note(parts: &Parts, identity: &Identity, org: Option<OrgId>) {
        if let Some(asker) = parts.extensions.get::<Self>() {
            // The first extractor to know wins; a second one knows the same.
            drop(asker.0.set((identity.clone(), org)));
        }
    }
}

/// The middleware.
pub(super) async fn record(
    State(app): State<App>,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN
        && let Some((identity, org)) = asker.0.get()
    {
        let route = matched.map_or_else(|| path.clone(), |route| route.as_str().to_owned());
        let entry = Entry::refused(
            format!("{method} {route}"),
            "route",
            path.chars().take(256).collect::<String>(),
        );
        audit::record_refusal(&app, identity, *org, entry).await;
    }
    response
}
