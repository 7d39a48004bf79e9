//! What stands in a registry, read at that moment for whoever may see registries.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use muster_base::RegistryId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    DeliveryError,
    image::ImageName,
    registry,
    registry_client::{Pass, RegistryClient},
    registry_list::Place,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    error::Error,
    http::page::{Cursor, Page, PageQuery},
};

/// Each tag of a page is a question to the registry.
const TAGS: usize = 100;
const AT_A_TIME: usize = 8;
/// What the registry did not say by then is left open.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which tags.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TagQuery {
    /// The repository, for instance `team/shop`.
    pub repository: String,
    /// How many, 1–100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// A repository of a registry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryRepository {
    /// For instance `team/shop`.
    pub name: String,
}

/// A tag, with what it points to now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryTag {
    /// The tag.
    pub tag: String,
    /// `sha256:…`; null if the registry did not say it in time.
    pub digest: Option<String>,
}

/// Repositories, in the registry's order.
pub(super) async fn list_repositories(
    app: &App,
    caller: &Caller,
    id: RegistryId,
    query: &PageQuery,
) -> Result<Page<RegistryRepository>, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    let registry = registry::find(app, caller.org(), id).await?;
    let place = place(query)?;
    let auth = registry::auth_of(app, caller.org(), &registry).await?;
    let client = RegistryClient::new(app.delivery.http()?, &registry.url, &auth);
    let mut pass = Pass::default();
    let listed = client
        .repositories(place.as_ref(), query.limit(), &mut pass)
        .await?;
    let items = listed.names.into_iter().map(|name| RegistryRepository { name });
    Ok(Page::new(items.collect(), listed.next.as_ref().map(Cursor::of)))
}

/// Tags of a repository with their digests, in the registry's order.
pub(super) async fn list_tags(
    app: &App,
    caller: &Caller,
    id: RegistryId,
    query: TagQuery,
) -> Result<Page<RegistryTag>, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    let registry = registry::find(app, caller.org(), id).await?;
    let image = ImageName::read(&query.repository, Some(&registry.url))
        .map_err(|message| DeliveryError::invalid("repository", message))?;
    let paging = PageQuery::new(query.limit, query.cursor);
    let place = place(&paging)?;
    let auth = registry::auth_of(app, caller.org(), &registry).await?;
    let client = RegistryClient::new(app.delivery.http()?, &registry.url, &auth);
    let mut pass = Pass::default();
    let limit = paging.limit().min(TAGS);
    let listed = client
        .tags(&image.repository, place.as_ref(), limit, &mut pass)
        .await?;
    let digests = digests(&client, &image.repository, &listed.names, &pass, PATIENCE).await;
    let items = listed.names.into_iter().zip(digests);
    let items = items.map(|(tag, digest)| RegistryTag { tag, digest });
    Ok(Page::new(items.collect(), listed.next.as_ref().map(Cursor::of)))
}

/// What each tag points to, in their order; none where the registry did not say it within `patience`.
pub(super) async fn digests(
    client: &RegistryClient<'_>,
    repository: &str,
    tags: &[String],
    pass: &Pass,
    patience: Duration,
) -> Vec<Option<String>> {
    let mut found = vec![None; tags.len()];
    let mut asking = Vec::new();
    for (i, tag) in tags.iter().enumerate() {
        asking.push(digest(client, repository, (i, tag), pass.clone()).boxed());
    }
    let mut answers = stream::iter(asking).buffer_unordered(AT_A_TIME);
    let collecting = async {
        while let Some((i, digest)) = answers.next().await {
            found[i] = digest;
        }
    };
    // What is late stays open.
    drop(tokio::time::timeout(patience, collecting).await);
    found
}

async fn digest(
    client: &RegistryClient<'_>,
    repository: &str,
    (i, tag): (usize, &str),
    mut pass: Pass,
) -> (usize, Option<String>) {
    (i, client.digest_with(repository, tag, &mut pass).await.ok())
}

fn place(query: &PageQuery) -> Result<Option<Place>, DeliveryError> {
    let place: Option<Place> = query.cursor()?;
    if place.as_ref().is_some_and(|place| !place.is_sound()) {
        let message = "is not a cursor of this list; start again without it";
        return Err(Error::invalid("cursor", message).into());
    }
    Ok(place)
}
