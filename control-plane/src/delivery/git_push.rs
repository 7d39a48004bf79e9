//! The commits of a push, as the Git host tells them: who wrote them is what the host says, and no proof of anything.
//!
//! All four hosts have `commits`, each with `id`, `message` and `author`; GitLab and Codeup name the last 20 only and say in
//! `total_commits_count` how many there are.
//!
//! What a repository is called is taken from fields that the host fills in. GitHub's and Gitee's `homepage` is what the
//! repository's admin types: whoever believes it lets one repository pass for another.

use serde_json::Value;

use super::{git_event::first, trigger_spec::GitProvider};

/// Of one push; GitHub names that many.
const MOST_COMMITS: usize = 2_048;
/// Of a message; nobody writes a longer one.
const MESSAGE_BYTES: usize = 64 * 1024;
const AUTHOR_CHARS: usize = 100;

/// What a push brings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// Oldest first, as all hosts tell them.
    pub(crate) commits: Vec<PushedCommit>,
    /// Whether these are all that were pushed.
    pub(crate) is_complete: bool,
    /// What the repository may be called: `owner/name`.
    pub(crate) names: Vec<String>,
    /// The branch that counts where nobody says which, if the host tells it.
    pub(crate) default_branch: Option<String>,
}

/// A commit of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushedCommit {
    /// Its hash, in lower case.
    pub(crate) sha: String,
    /// Who wrote it, as the host says.
    pub(crate) author: String,
    /// The whole message.
    pub(crate) message: String,
}

/// Reads the body of a push that this host tells of.
pub(crate) fn pushed(provider: GitProvider, body: &Value) -> Pushed {
    let told = body["commits"].as_array().map_or(&[][..], Vec::as_slice);
    let commits: Vec<PushedCommit> = told.iter().take(MOST_COMMITS).filter_map(commit).collect();
    let total = body["total_commits_count"].as_u64();
    let total = total.and_then(|count| usize::try_from(count).ok());
    Pushed {
        is_complete: commits.len() == total.unwrap_or(told.len()).max(told.len()),
        commits,
        names: names(provider, body),
        default_branch: first(&[
            &body["repository"]["default_branch"],
            &body["project"]["default_branch"],
        ])
        .as_str()
        .map(str::to_owned),
    }
}

fn commit(told: &Value) -> Option<PushedCommit> {
    let sha = told["id"].as_str()?;
    let is_sha = matches!(sha.len(), 40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    let message = told["message"].as_str()?;
    if !is_sha || message.len() > MESSAGE_BYTES {
        return None;
    }
    let author = first(&[
        &told["author"]["name"],
        &told["author"]["username"],
        &told["author"]["email"],
    ]);
    let author = author.as_str().unwrap_or_default();
    Some(PushedCommit {
        sha: sha.to_ascii_lowercase(),
        author: plain(author, AUTHOR_CHARS),
        message: message.to_owned(),
    })
}

/// The beginning of a text, without control characters.
pub(crate) fn plain(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

fn names(provider: GitProvider, body: &Value) -> Vec<String> {
    let (repository, project) = (&body["repository"], &body["project"]);
    if matches!(provider, GitProvider::Github | GitProvider::Gitee) {
        let full = repository["full_name"].as_str().map(str::to_owned);
        return full.into_iter().filter(|name| !name.is_empty()).collect();
    }
    let full = [
        &repository["full_name"],
        &repository["path_with_namespace"],
        &project["path_with_namespace"],
    ];
    let pages = [
        &repository["homepage"],
        &repository["git_http_url"],
        &project["git_http_url"],
    ];
    let full = full.into_iter().filter_map(Value::as_str).map(str::to_owned);
    let pages = pages.into_iter().filter_map(Value::as_str).filter_map(|page| {
        let (_, rest) = page.split_once("://")?;
        let (_, path) = rest.split_once('/')?;
        Some(path.trim_end_matches(".git").trim_matches('/').to_owned())
    });
    full.chain(pages).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHA: &str = "0123456789ABCDEF0123456789abcdef01234567";

    #[test]
    fn commits_are_read_with_their_authors_as_the_host_says() {
        let body = json!({
            "commits": [{"id": SHA, "message": "one\n\ntwo", "author": {"name": "An\u{7}n", "email": "a@b"}},
                {"id": SHA, "message": "three", "author": {"email": "a@b"}}],
            "repository": {"full_name": "acme/shop", "default_branch": "trunk"},
        });
        let read = pushed(GitProvider::Github, &body);
        assert!(read.is_complete);
        assert_eq!(read.commits[0].sha, SHA.to_ascii_lowercase());
        assert_eq!(
            (read.commits[0].author.as_str(), read.commits[1].author.as_str()),
            ("Ann", "a@b")
        );
        assert_eq!(read.names, ["acme/shop"]);
        assert_eq!(read.default_branch.as_deref(), Some("trunk"));
    }

    #[test]
    fn what_the_host_left_out_or_wrote_wrongly_makes_it_incomplete() {
        let one = json!({"id": SHA, "message": "m"});
        let left_out = json!({"commits": [one.clone()], "total_commits_count": 21,
            "repository": {"git_http_url": "https://codeup.example.com/acme/shop.git"}});
        let read = pushed(GitProvider::Codeup, &left_out);
        assert_eq!((read.commits.len(), read.is_complete), (1, false));
        assert_eq!(read.names, ["acme/shop"]);
        for wrong in [
            json!({"id": "short", "message": "m"}),
            json!({"id": SHA}),
            json!(1),
        ] {
            let read = pushed(GitProvider::Github, &json!({"commits": [wrong, one.clone()]}));
            assert_eq!((read.commits.len(), read.is_complete), (1, false));
        }
        for body in [json!({}), json!({"commits": 1}), json!([])] {
            assert_eq!(pushed(GitProvider::Gitlab, &body).commits, []);
        }
    }

    #[test]
    fn what_an_admin_types_is_no_name() {
        let body = json!({"repository": {"full_name": "mallory/own", "homepage": "https://github.com/acme/shop",
            "git_http_url": "https://github.com/acme/shop.git", "path_with_namespace": "acme/shop"},
            "project": {"path_with_namespace": "acme/shop", "git_http_url": "https://github.com/acme/shop.git"}});
        for provider in [GitProvider::Github, GitProvider::Gitee] {
            assert_eq!(pushed(provider, &body).names, ["mallory/own"]);
        }
        let pages = json!({"repository": {"homepage": "https://gitlab.example.com/acme/shop"}});
        assert_eq!(pushed(GitProvider::Gitlab, &pages).names, ["acme/shop"]);
        assert!(pushed(GitProvider::Github, &pages).names.is_empty());
    }
}
