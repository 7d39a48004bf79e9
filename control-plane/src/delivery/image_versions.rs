//! Versions of an image of the catalogue: read from its registry at that moment, where there is one that can be asked.

use muster_base::HubImageId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    DeliveryError,
    image::ImageName,
    image_hub, registry,
    registry_client::{Pass, RegistryAuth, RegistryClient},
    registry_list::Place,
};
use crate::{
    access::Caller,
    app::App,
    http::page::{Cursor, Page, PageQuery},
};

/// The source whose images come from Docker Hub, which lets everybody ask.
const DOCKER_HUB: &str = "dockerHub";
const DOCKER_HUB_URL: &str = "https://docker.io";

/// Versions of an image.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HubVersions {
    /// The versions.
    pub items: Vec<String>,
    /// Cursor of the next page; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// Whether they were read from the registry; else they are those that somebody wrote down.
    pub live: bool,
    /// Why the registry could not be read, for a person.
    #[schema(required)]
    pub error: Option<String>,
}

/// Versions: the registry's tags where it can be asked, else those that somebody wrote down.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: HubImageId,
    query: &PageQuery,
) -> Result<HubVersions, DeliveryError> {
    let image = image_hub::get(app, caller, id).await?;
    let place: Option<Place> = query.cursor()?;
    let written = |error| HubVersions {
        items: image.versions.clone(),
        next_cursor: None,
        live: false,
        error,
    };
    let (url, auth) = match image.registry_id {
        Some(id) => {
            let registry = registry::find(app, caller.org(), id).await?;
            let auth = registry::auth_of(app, caller.org(), &registry).await?;
            (registry.url, auth)
        }
        None if image.source == DOCKER_HUB => {
            let url = DOCKER_HUB_URL
                .parse()
                .map_err(|_| DeliveryError::NotFound("registry"))?;
            (url, RegistryAuth::None)
        }
        None => return Ok(written(None)),
    };
    let name = ImageName::read(&image.image, Some(&url))
        .map_err(|message| DeliveryError::invalid("image", message))?;
    let client = RegistryClient::new(app.delivery.http()?, &url, &auth);
    let sound = place.filter(Place::is_sound);
    let listed = client
        .tags(
            &name.repository,
            sound.as_ref(),
            query.limit(),
            &mut Pass::default(),
        )
        .await;
    match listed {
        Ok(listed) => {
            let page = Page::new(listed.names, listed.next.as_ref().map(Cursor::of));
            Ok(HubVersions {
                items: page.items,
                next_cursor: page.next_cursor,
                live: true,
                error: None,
            })
        }
        Err(fault) => Ok(written(Some(fault.to_string()))),
    }
}
