//! Reads an application's registry for its list of versions.
//!
//! Whoever looks at the list asks for it; within [`FRESH_MS`] of one reading the next answers with that. All tags are read,
//! up to [`MOST_TAGS`], and a part of their digests: those that are not known yet first, then those that were asked longest
//! ago, so that a tag that was moved shows after a while. A registry that can't be read changes nothing but the note of it.

use std::{cmp::Ordering, collections::HashSet, time::Duration};

use muster_base::{ApplicationId, OrgId, UnixMs};

use super::{
    DeliveryError,
    application::{self, Application},
    image::ImageName,
    registry,
    registry_client::{Pass, RegistryClient, RegistryFault},
    registry_content::digests,
    store,
    version::RegistryRead,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    in_tx,
};

/// Who asks again so soon gets what was read.
const FRESH_MS: i64 = 5 * UnixMs::SECOND;
const MOST_TAGS: usize = 5_000;
/// Large, so that it takes few questions; registries give less if they like.
const AT_ONCE: usize = 500;
const MOST_PAGES: usize = 60;
const PATIENCE: Duration = Duration::from_secs(12);
const DIGESTS: i64 = 64;
const PATIENCE_FOR_DIGESTS: Duration = Duration::from_secs(6);

/// Tags that a registry has.
#[derive(Debug, Default)]
struct Found {
    tags: Vec<String>,
    complete: bool,
    /// Why these are not all, or none.
    fault: Option<String>,
}

/// Reads the registry, and says what came of it.
pub(super) async fn read(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
) -> Result<RegistryRead, DeliveryError> {
    let application = application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    let org = caller.org();
    let last = store::registry_read::find_read(&app.db, org, id).await?;
    if let Some(last) = last.filter(|last| app.clock.now().ms_since(last.at) < FRESH_MS) {
        return Ok(last);
    }
    let Some(registry) = application.registry_id else {
        let said = "the application has no registry to read: give it one in its settings";
        return note(
            app,
            org,
            id,
            &Found {
                fault: Some(said.to_owned()),
                ..Found::default()
            },
        )
        .await;
    };
    let registry = registry::find(app, org, registry).await?;
    let image = ImageName::read(&application.image, Some(&registry.url))
        .map_err(|message| DeliveryError::invalid("image", message))?;
    let auth = registry::auth_of(app, org, &registry).await?;
    let client = RegistryClient::new(app.delivery.http()?, &registry.url, &auth);
    let mut pass = Pass::default();
    let found = tags(&client, &image.repository, &mut pass).await;
    let read = note(app, org, id, &found).await?;
    if read.error.is_none() {
        read_digests(app, org, &application, (&client, &image.repository, &pass)).await?;
    }
    Ok(read)
}

/// All tags, as far as they come in time.
async fn tags(client: &RegistryClient<'_>, repository: &str, pass: &mut Pass) -> Found {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    let reading = async {
        let mut place = None;
        for _ in 0..MOST_PAGES {
            let listed = client.tags(repository, place.as_ref(), AT_ONCE, pass).await?;
            let before = seen.len();
            for tag in listed.names {
                if seen.len() < MOST_TAGS && seen.insert(tag.clone()) {
                    found.tags.push(tag);
                }
            }
            // A registry that says the same again and again has come to its end, too.
            if listed.next.is_none() || seen.len() == before {
                return Ok(listed.next.is_none() || seen.len() < MOST_TAGS);
            }
            place = listed.next;
        }
        Ok(false)
    };
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(complete)) => found.complete = complete,
        Ok(Err(fault @ RegistryFault::NoImage(_))) => {
            // It is sure that there is none.
            found.complete = true;
            found.fault = Some(fault.to_string());
        }
        Ok(Err(fault)) => found.fault = Some(fault.to_string()),
        Err(_) => found.fault = Some("the registry did not say all its tags in time: try again".to_owned()),
    }
    found.tags.sort_by(|a, b| natural(a, b));
    found
}

/// Writes down what is there and what is no more.
async fn note(
    app: &App,
    org: OrgId,
    id: ApplicationId,
    found: &Found,
) -> Result<RegistryRead, DeliveryError> {
    let now = app.clock.now();
    let read = RegistryRead {
        at: now,
        tags: i64::try_from(found.tags.len()).unwrap_or(i64::MAX),
        complete: found.complete,
        error: found.fault.clone(),
    };
    let here: HashSet<&str> = found.tags.iter().map(String::as_str).collect();
    in_tx!(app.db, |tx| {
        store::registry_read::set_read(tx, org, id, &read).await?;
        let known = store::registry_read::list_known(tx, org, id).await?;
        let present: HashSet<&str> = known
            .iter()
            .filter(|(_, present)| *present == Some(true))
            .map(|(version, _)| version.as_str())
            .collect();
        for (nth, tag) in found.tags.iter().enumerate() {
            if !present.contains(tag.as_str()) {
                store::registry_read::set_present(tx, org, id, tag, (now, nth)).await?;
            }
        }
        let absent = known.iter().filter(|(version, present)| {
            found.complete && *present != Some(false) && !here.contains(version.as_str())
        });
        for (version, _) in absent {
            store::registry_read::set_absent(tx, org, id, version).await?;
        }
    });
    Ok(read)
}

async fn read_digests(
    app: &App,
    org: OrgId,
    application: &Application,
    (client, repository, pass): (&RegistryClient<'_>, &str, &Pass),
) -> Result<(), DeliveryError> {
    let id = application.id;
    let unasked = store::registry_read::list_unasked(&app.db, org, id, DIGESTS).await?;
    let digests = digests(client, repository, &unasked, pass, PATIENCE_FOR_DIGESTS).await;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        for (tag, digest) in unasked.iter().zip(&digests) {
            if let Some(digest) = digest {
                store::registry_read::set_digest(tx, org, id, tag, (digest, now)).await?;
            }
        }
    });
    Ok(())
}

/// Numbers in a tag count as numbers: 1.9 comes before 1.10.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(left), Some(right)) = (a.chars().next(), b.chars().next()) else {
            return a.len().cmp(&b.len());
        };
        if left.is_ascii_digit() && right.is_ascii_digit() {
            let (number_a, rest_a) = number(a);
            let (number_b, rest_b) = number(b);
            // Without leading zeros the longer one is larger.
            let order = number_a.len().cmp(&number_b.len()).then(number_a.cmp(number_b));
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else if left == right {
            (a, b) = (&a[left.len_utf8()..], &b[right.len_utf8()..]);
        } else {
            return left.cmp(&right);
        }
    }
}

fn number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_count() {
        let mut tags = vec![
            "1.10.0",
            "latest",
            "1.9.0",
            "v2",
            "1.9",
            "v10",
            "1.09.1",
            "1.9.0-rc2",
            "1.9.0-rc10",
        ];
        tags.sort_by(|a, b| natural(a, b));
        assert_eq!(
            tags,
            [
                "1.9",
                "1.9.0",
                "1.9.0-rc2",
                "1.9.0-rc10",
                "1.09.1",
                "1.10.0",
                "latest",
                "v2",
                "v10"
            ]
        );
    }
}
