//! What a registry has, by its v2 API: its repositories, the tags of one, page by page
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags>).
//!
//! Registries page in their own ways: some name the next page in a `Link` header with words of their own, some leave
//! `n` out of account and send everything at once, in no order, some leave `last` out of account too. A [`Place`] holds both what
//! the registry said and the last name that was given, so that each of them comes to its end.

use reqwest::{Method, Response, header::LINK};
use serde::{Deserialize, Serialize};

use super::{
    image::is_tag,
    registry_client::{Pass, RegistryClient, RegistryFault, limited},
};

/// Bytes of one answer: some tens of thousands of tags, for registries that send all at once.
const LIST_BYTES: usize = 4 * 1024 * 1024;

/// Longest query of a registry's own that is followed.
const QUERY_BYTES: usize = 1_024;

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The query of the next page, as the registry gave it or as the specification has it.
    query: String,
    /// The last name that was given: what comes up to it was there before.
    after: String,
}

/// Names, and where they go on.
#[derive(Debug)]
pub(super) struct Listed {
    /// In the registry's order.
    pub names: Vec<String>,
    /// None at the end.
    pub next: Option<Place>,
}

#[derive(Deserialize)]
struct Tags {
    /// Null where the last tag was deleted.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

impl RegistryClient<'_> {
    /// Tags of a repository, `n` of them, from `place` on.
    pub(super) async fn tags(
        &self,
        repository: &str,
        place: Option<&Place>,
        n: usize,
        pass: &mut Pass,
    ) -> Result<Listed, RegistryFault> {
        let path = format!("v2/{repository}/tags/list");
        let scope = format!("repository:{repository}:pull");
        let missing = || RegistryFault::NoImage(repository.to_owned());
        let response = self.list(&path, &scope, place, n, pass).await?;
        self.accepted(&response, missing)?;
        let link = next_query(&response);
        let bytes = limited(response, LIST_BYTES).await?;
        let answer: Tags = serde_json::from_slice(&bytes).map_err(|_| RegistryFault::Unreadable)?;
        let tags = answer.tags.unwrap_or_default().into_iter();
        // What is no tag by the specification can't be asked for either.
        Ok(page(tags.filter(|tag| is_tag(tag)).collect(), link, place, n))
    }

    /// Repositories of the registry, `n` of them, from `place` on. Many registries don't tell.
    pub(super) async fn repositories(
        &self,
        place: Option<&Place>,
        n: usize,
        pass: &mut Pass,
    ) -> Result<Listed, RegistryFault> {
        let answered = async {
            let response = self
                .list("v2/_catalog", "registry:catalog:*", place, n, pass)
                .await?;
            self.accepted(&response, || RegistryFault::NoCatalog)?;
            Ok(response)
        };
        let response = match answered.await {
            Ok(response) => response,
            Err(
                RegistryFault::CredentialsRefused
                | RegistryFault::CredentialsMissing
                | RegistryFault::Status(405 | 501),
            ) => return Err(RegistryFault::NoCatalog),
            Err(fault) => return Err(fault),
        };
        let link = next_query(&response);
        let bytes = limited(response, LIST_BYTES).await?;
        let answer: Catalog = serde_json::from_slice(&bytes).map_err(|_| RegistryFault::Unreadable)?;
        let names = answer.repositories.unwrap_or_default().into_iter();
        let plain = |name: &String| name.len() <= 255 && name.bytes().all(|b| b.is_ascii_graphic());
        Ok(page(names.filter(plain).collect(), link, place, n))
    }

    async fn list(
        &self,
        path: &str,
        scope: &str,
        place: Option<&Place>,
        n: usize,
        pass: &mut Pass,
    ) -> Result<Response, RegistryFault> {
        let query = place.map_or_else(|| format!("n={n}"), |place| place.query.clone());
        let address = self.api(&format!("{path}?{query}"));
        self.ask(Method::GET, &address, scope, pass).await
    }
}

impl Place {
    /// One that somebody outside kept for us: it must still be a query and nothing else.
    pub(super) fn is_sound(&self) -> bool {
        is_query(&self.query)
    }
}

/// Puts a page together from what a registry sent, which may be all there is.
fn page(mut names: Vec<String>, link: Option<String>, place: Option<&Place>, n: usize) -> Listed {
    if names.len() > n {
        // All there is, and often in no order: then ours is the order of the pages.
        names.sort_unstable();
        names.retain(|name| place.is_none_or(|place| *name > place.after));
    } else if let Some(seen) = place.and_then(|place| names.iter().position(|name| *name == place.after)) {
        names.drain(..=seen);
    }
    let cut = names.len() > n;
    names.truncate(n);
    let next = names.last().and_then(|last| {
        // What was cut off is not on the registry's next page.
        let query = if cut {
            Some(format!("n={n}&last={last}"))
        } else {
            link
        }?;
        let after = last.clone();
        Some(Place { query, after })
    });
    Listed { names, next }
}

/// The query of `Link: </v2/…?…>; rel="next"`. Only the query: whatever host it names, the registry is asked again.
fn next_query(response: &Response) -> Option<String> {
    let mut links = response.headers().get_all(LINK).iter();
    links.find_map(|value| read_link(value.to_str().ok()?))
}

fn read_link(text: &str) -> Option<String> {
    let (target, rest) = text.trim_start().strip_prefix('<')?.split_once('>')?;
    let is_next = rest.split(';').any(|parameter| {
        let parameter = parameter.trim().to_ascii_lowercase();
        parameter
            .strip_prefix("rel=")
            .map(|value| value.trim_matches('"'))
            == Some("next")
    });
    let (_, query) = target.split_once('?')?;
    (is_next && is_query(query)).then(|| query.to_owned())
}

fn is_query(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'#';
    text.len() <= QUERY_BYTES && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: std::ops::Range<usize>) -> Vec<String> {
        n.map(|i| format!("v{i:03}")).collect()
    }

    #[test]
    fn only_the_next_page_of_the_same_registry_is_followed() {
        let next = |text| read_link(text);
        assert_eq!(
            next("</v2/a/tags/list?last=b&n=2>; rel=\"next\"").unwrap(),
            "last=b&n=2"
        );
        assert_eq!(
            next("<https://evil.example/v2/?next_page=x>; rel=next").unwrap(),
            "next_page=x"
        );
        assert_eq!(next("</v2/a/tags/list?last=b>; rel=\"prev\""), None);
        assert_eq!(next("</v2/a/tags/list>; rel=\"next\""), None);
        assert_eq!(next("/v2/a?last=b; rel=next"), None);
        assert_eq!(next(&format!("</v2/a?{}>; rel=next", "x".repeat(2_000))), None);
        let forged = Place {
            query: "n=1 HTTP".to_owned(),
            after: String::new(),
        };
        assert!(!forged.is_sound());
    }

    #[test]
    fn a_registry_that_sends_everything_at_once_is_paged_here() {
        let first = page(names(0..5), None, None, 2);
        assert_eq!(first.names, names(0..2));
        let second = page(names(0..5), None, first.next.as_ref(), 2);
        assert_eq!(second.names, names(2..4));
        // It might also honour `last`, and send only what comes after.
        let honoured = page(names(2..5), None, first.next.as_ref(), 2);
        assert_eq!(honoured.names, names(2..4));
        let last = page(names(0..5), None, second.next.as_ref(), 2);
        assert_eq!((last.names, last.next), (names(4..5), None));
    }

    #[test]
    fn what_comes_in_no_order_is_put_into_one() {
        let jumbled = || vec!["c".to_owned(), "a".to_owned(), "d".to_owned(), "b".to_owned()];
        let first = page(jumbled(), None, None, 3);
        assert_eq!(first.names, ["a", "b", "c"]);
        let second = page(jumbled(), None, first.next.as_ref(), 3);
        assert_eq!((second.names, second.next), (vec!["d".to_owned()], None));
    }

    #[test]
    fn a_registry_s_own_words_for_the_next_page_are_kept() {
        let first = page(names(0..2), Some("next_page=abc".to_owned()), None, 2);
        assert_eq!(first.next.unwrap().query, "next_page=abc");
        assert_eq!(page(Vec::new(), Some("last=x".to_owned()), None, 2).next, None);
    }
}
