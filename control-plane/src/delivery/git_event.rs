//! What a Git host's webhook says happened, out of the formats of four hosts.
//!
//! | host | event header | push of a branch or tag | merged request |
//! |---|---|---|---|
//! | GitHub | `X-GitHub-Event` | `push`: `ref`, `after`, `deleted`, `repository.id` | `pull_request`: `action` closed and `pull_request.merged` |
//! | Gitee | `X-Gitee-Event` | `Push Hook`, `Tag Push Hook`: as GitHub | `Merge Request Hook`: `action` merge |
//! | GitLab | `X-Gitlab-Event` | `Push Hook`, `Tag Push Hook`: `ref`, `after`, `project_id` | `Merge Request Hook`: `object_attributes.action` merge |
//! | Codeup | `Codeup-Event` | as GitLab | as GitLab |
//!
//! A deleted branch or tag has a commit of zeros. Where an annotated tag is pushed, `after` is the tag's own object: the
//! commit is `head_commit.id` at GitHub and Gitee and `checkout_sha` at GitLab and Codeup. What commits a push has is in [`super::git_push`].

use serde_json::Value;

use super::trigger_spec::GitProvider;

/// Something that may deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitEvent {
    /// The repository's id at its host.
    pub repo_id: String,
    /// What happened to which reference.
    pub what: GitRef,
    /// The commit that the reference is at now.
    pub sha: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GitRef {
    /// Somebody pushed to this branch.
    Branch(String),
    /// Somebody pushed this tag.
    Tag(String),
    /// A pull request was merged into this branch.
    Merged(String),
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// This may deploy.
    Event(GitEvent),
    /// The host tries whether anybody is there.
    Ping,
    /// Nothing that deploys: why.
    Nothing(&'static str),
    /// Not what this host says.
    Unreadable,
}

/// The header that names the event.
pub(crate) const fn event_header(provider: GitProvider) -> &'static str {
    match provider {
        GitProvider::Github => "x-github-event",
        GitProvider::Gitee => "x-gitee-event",
        GitProvider::Gitlab => "x-gitlab-event",
        GitProvider::Codeup => "codeup-event",
    }
}

/// Reads a call of `provider` with this event header and this body.
pub(crate) fn read(provider: GitProvider, event: &str, body: &Value) -> Heard {
    match (provider, event) {
        (GitProvider::Github, "ping") => Heard::Ping,
        (GitProvider::Github, "push") | (_, "Push Hook" | "Tag Push Hook") => push(body),
        (GitProvider::Github, "pull_request") => {
            let request = &body["pull_request"];
            if body["action"] != "closed" || request["merged"] != true {
                return Heard::Nothing("the pull request was not merged");
            }
            merged(body, &request["base"]["ref"], &request["merge_commit_sha"])
        }
        (GitProvider::Gitee, "Merge Request Hook") => {
            if body["action"] != "merge" {
                return Heard::Nothing("the pull request was not merged");
            }
            let request = &body["pull_request"];
            let branch = first(&[&body["target_branch"], &request["base"]["ref"]]);
            merged(
                body,
                branch,
                first(&[&body["merge_commit_sha"], &request["merge_commit_sha"]]),
            )
        }
        (GitProvider::Gitlab | GitProvider::Codeup, "Merge Request Hook") => {
            let request = &body["object_attributes"];
            if request["action"] != "merge" {
                return Heard::Nothing("the merge request was not merged");
            }
            let sha = first(&[&request["merge_commit_sha"], &request["last_commit"]["id"]]);
            merged(body, &request["target_branch"], sha)
        }
        _ => Heard::Nothing("this kind of event deploys nothing"),
    }
}

fn push(body: &Value) -> Heard {
    let (Some(reference), Some(sha), Some(repo_id)) =
        (body["ref"].as_str(), body["after"].as_str(), repo_id(body))
    else {
        return Heard::Unreadable;
    };
    if body["deleted"] == true || sha.bytes().all(|byte| byte == b'0') {
        return Heard::Nothing("the reference was deleted");
    }
    let what = if let Some(name) = reference.strip_prefix("refs/heads/") {
        GitRef::Branch(name.to_owned())
    } else if let Some(name) = reference.strip_prefix("refs/tags/") {
        GitRef::Tag(name.to_owned())
    } else {
        return Heard::Nothing("this is neither a branch nor a tag");
    };
    let commit = match &what {
        GitRef::Tag(_) => first(&[&body["head_commit"]["id"], &body["checkout_sha"]]).as_str(),
        GitRef::Branch(_) | GitRef::Merged(_) => None,
    };
    checked(repo_id, what, commit.unwrap_or(sha))
}

fn merged(body: &Value, branch: &Value, sha: &Value) -> Heard {
    match (branch.as_str(), sha.as_str(), repo_id(body)) {
        (Some(branch), Some(sha), Some(repo_id)) => checked(repo_id, GitRef::Merged(branch.to_owned()), sha),
        _ => Heard::Unreadable,
    }
}

fn checked(repo_id: String, what: GitRef, sha: &str) -> Heard {
    let (GitRef::Branch(name) | GitRef::Tag(name) | GitRef::Merged(name)) = &what;
    let plain = (1..=256).contains(&name.len()) && !name.chars().any(char::is_control);
    let is_sha = matches!(sha.len(), 40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !plain || !is_sha {
        return Heard::Unreadable;
    }
    Heard::Event(GitEvent {
        repo_id,
        what,
        sha: sha.to_ascii_lowercase(),
    })
}

/// A number or a text, wherever the host writes it.
fn repo_id(body: &Value) -> Option<String> {
    let found = first(&[
        &body["repository"]["id"],
        &body["project"]["id"],
        &body["project_id"],
        &body["object_attributes"]["target_project_id"],
    ]);
    match found {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

pub(super) fn first<'a>(values: &[&'a Value]) -> &'a Value {
    values
        .iter()
        .find(|value| !value.is_null())
        .copied()
        .unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn heard(what: GitRef) -> Heard {
        let (repo_id, sha) = ("7".to_owned(), SHA.to_owned());
        Heard::Event(GitEvent { repo_id, what, sha })
    }

    #[test]
    fn each_host_s_words_are_understood() {
        let branch = || heard(GitRef::Branch("release/1".to_owned()));
        let tag = || heard(GitRef::Tag("v1".to_owned()));
        let merge = || heard(GitRef::Merged("main".to_owned()));
        let github = |reference: &str| json!({"ref": reference, "after": SHA, "deleted": false, "repository": {"id": 7}});
        let gitlab =
            |reference: &str| json!({"ref": reference, "after": SHA, "checkout_sha": SHA, "project_id": 7});
        let request = json!({"project": {"id": 7}, "object_attributes": {"action": "merge", "target_branch": "main",
            "merge_commit_sha": SHA}});
        for (provider, event, body, expected) in [
            (
                GitProvider::Github,
                "push",
                github("refs/heads/release/1"),
                branch(),
            ),
            (GitProvider::Github, "push", github("refs/tags/v1"), tag()),
            (
                GitProvider::Github,
                "pull_request",
                json!({"action": "closed", "repository": {"id": 7}, "pull_request":
                    {"merged": true, "merge_commit_sha": SHA, "base": {"ref": "main"}}}),
                merge(),
            ),
            (
                GitProvider::Gitee,
                "Push Hook",
                github("refs/heads/release/1"),
                branch(),
            ),
            (GitProvider::Gitee, "Tag Push Hook", github("refs/tags/v1"), tag()),
            (
                GitProvider::Gitee,
                "Merge Request Hook",
                json!({"action": "merge", "target_branch": "main", "repository": {"id": 7}, "merge_commit_sha": SHA}),
                merge(),
            ),
            (
                GitProvider::Gitlab,
                "Push Hook",
                gitlab("refs/heads/release/1"),
                branch(),
            ),
            (
                GitProvider::Gitlab,
                "Tag Push Hook",
                gitlab("refs/tags/v1"),
                tag(),
            ),
            (
                GitProvider::Gitlab,
                "Merge Request Hook",
                request.clone(),
                merge(),
            ),
            (
                GitProvider::Codeup,
                "Push Hook",
                gitlab("refs/heads/release/1"),
                branch(),
            ),
            (
                GitProvider::Codeup,
                "Tag Push Hook",
                gitlab("refs/tags/v1"),
                tag(),
            ),
            (GitProvider::Codeup, "Merge Request Hook", request, merge()),
        ] {
            assert_eq!(read(provider, event, &body), expected, "{provider:?} {event}");
        }
        assert_eq!(read(GitProvider::Github, "ping", &json!({})), Heard::Ping);
    }

    #[test]
    fn an_annotated_tag_is_at_its_commit() {
        let object = "f".repeat(40);
        let github = json!({"ref": "refs/tags/v1", "after": object, "repository": {"id": 7},
            "head_commit": {"id": SHA}});
        let gitlab = json!({"ref": "refs/tags/v1", "after": object, "checkout_sha": SHA, "project_id": 7});
        for (provider, event, body) in [
            (GitProvider::Github, "push", &github),
            (GitProvider::Gitee, "Tag Push Hook", &github),
            (GitProvider::Gitlab, "Tag Push Hook", &gitlab),
            (GitProvider::Codeup, "Tag Push Hook", &gitlab),
        ] {
            assert_eq!(
                read(provider, event, body),
                heard(GitRef::Tag("v1".to_owned())),
                "{provider:?}"
            );
        }
        // A host that says nothing more of it has only the object.
        let bare = json!({"ref": "refs/tags/v1", "after": SHA, "head_commit": null, "repository": {"id": 7}});
        let said = read(GitProvider::Github, "push", &bare);
        assert_eq!(said, heard(GitRef::Tag("v1".to_owned())));
    }

    #[test]
    fn what_deploys_nothing_is_told_from_what_can_t_be_read() {
        let zeros = "0".repeat(40);
        let open = json!({"action": "closed", "pull_request": {"merged": false}});
        for (event, body) in [
            (
                "push",
                json!({"ref": "refs/heads/x", "after": zeros, "repository": {"id": 7}}),
            ),
            (
                "push",
                json!({"ref": "refs/notes/x", "after": SHA, "repository": {"id": 7}}),
            ),
            ("pull_request", open),
            ("star", json!({})),
        ] {
            let said = read(GitProvider::Github, event, &body);
            assert!(matches!(said, Heard::Nothing(_)), "{event} {body}: {said:?}");
        }
        for body in [
            json!([]),
            json!({"ref": 1}),
            json!({"ref": "refs/heads/x", "after": "short", "repository": {"id": 7}}),
            json!({"ref": "refs/heads/x", "after": SHA}),
        ] {
            assert_eq!(
                read(GitProvider::Github, "push", &body),
                Heard::Unreadable,
                "{body}"
            );
        }
    }

    proptest! {
        #[test]
        fn garbage_is_no_event(text in ".{0,80}", event in "push|pull_request|Push Hook|Merge Request Hook") {
            let body = json!({"ref": text, "after": text, "repository": {"id": text}, "object_attributes": text});
            for provider in GitProvider::ALL {
                prop_assert!(!matches!(read(provider, &event, &body), Heard::Event(_)));
            }
        }
    }
}
