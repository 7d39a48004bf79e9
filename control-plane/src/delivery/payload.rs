//! What called for a deployment, as it is kept with it: the body of CI's or a Git host's call, for people who ask why it was
//! deployed.
//!
//! # Data
//! JSON in `deployments.trigger_payload`, with whether something was left out. It has at most [`MOST_BYTES`]; of a larger
//! one the beginnings of lists and texts are kept, and of one that is larger still what stands at its top.
//!
//! Never kept: the secret that the call was believed by, wherever it stands; whatever a field's name says is a secret (Gitee
//! writes the hook's password into the body); and in addresses what stands before the `@`, and the values of parameters whose
//! names say so (`?private_token=…`).
//!
//! # Who
//! Whoever may read the deployment.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

const MOST_BYTES: usize = 16 * 1024;
const REMOVED: &str = "[removed]";
/// In names of fields that hold what nobody should keep.
const SECRET_WORDS: [&str; 9] = [
    "token",
    "secret",
    "passw",
    "authorization",
    "credential",
    "private",
    "apikey",
    "accesskey",
    "signature",
];

/// The body of a call that a deployment came of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriggerPayload {
    /// What was sent, without secrets.
    #[schema(value_type = Object)]
    pub body: Value,
    /// Whether something was left out because it is too much.
    pub is_cut: bool,
}

/// How much of a body is kept.
struct Limits {
    depth: usize,
    items: usize,
    chars: usize,
}

/// Tried one after the other, until it is small enough.
const STEPS: [Limits; 3] = [
    Limits {
        depth: 10,
        items: 64,
        chars: 2_000,
    },
    Limits {
        depth: 5,
        items: 20,
        chars: 300,
    },
    Limits {
        depth: 1,
        items: 40,
        chars: 200,
    },
];

impl TriggerPayload {
    /// What is kept of this body of a call that was believed by `secret`.
    pub(super) fn of(body: &Value, secret: &str) -> Self {
        for limits in &STEPS {
            let mut keeper = Keeper {
                limits,
                secret,
                is_cut: false,
            };
            let body = keeper.keep(body, 0);
            if body.to_string().len() <= MOST_BYTES {
                return Self {
                    body,
                    is_cut: keeper.is_cut,
                };
            }
        }
        Self {
            body: Value::Null,
            is_cut: true,
        }
    }
}

struct Keeper<'a> {
    limits: &'a Limits,
    secret: &'a str,
    is_cut: bool,
}

impl Keeper<'_> {
    fn keep(&mut self, value: &Value, depth: usize) -> Value {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(_) | Value::Object(_) if depth >= self.limits.depth => {
                self.is_cut = true;
                Value::Null
            }
            Value::Array(items) => {
                self.is_cut |= items.len() > self.limits.items;
                let kept = items.iter().take(self.limits.items);
                Value::Array(kept.map(|item| self.keep(item, depth + 1)).collect())
            }
            Value::Object(fields) => {
                self.is_cut |= fields.len() > self.limits.items;
                let mut kept = Map::new();
                for (name, value) in fields.iter().take(self.limits.items) {
                    let value = if is_secret(name) && !is_empty(value) {
                        REMOVED.into()
                    } else {
                        self.keep(value, depth + 1)
                    };
                    kept.insert(self.text(name), value);
                }
                Value::Object(kept)
            }
        }
    }

    fn text(&mut self, text: &str) -> String {
        if !self.secret.is_empty() && text.contains(self.secret) {
            return REMOVED.to_owned();
        }
        let text = without_secrets(&without_user(text));
        if text.chars().count() <= self.limits.chars {
            return text;
        }
        self.is_cut = true;
        text.chars().take(self.limits.chars).chain(['…']).collect()
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value == "" || value.is_boolean()
}

/// By its name, however it is written: `access_token`, `X-Api-Key`.
fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    // Whether a repository is private is no secret; nor are addresses of pages about secrets.
    plain == "sign"
        || (plain != "private"
            && !plain.ends_with("url")
            && SECRET_WORDS.iter().any(|word| plain.contains(word)))
}

/// Names of addresses' parameters that are secrets although no word of them says so: signed links of clouds among them.
const SECRET_PARAMETERS: [&str; 10] = [
    "key", "sig", "sign", "code", "auth", "pwd", "pass", "jwt", "session", "hmac",
];

/// Addresses without the values of parameters that are secrets: after `?` or `#`, and again after each `&` or `;`.
fn without_secrets(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '#', '&', ';']) {
        let (before, after) = rest.split_at(at + 1);
        kept.push_str(before);
        rest = after;
        let name_ends = |c: char| !(c.is_alphanumeric() || "_-.[]%+".contains(c));
        let Some((name, value)) = rest.find(name_ends).map(|end| rest.split_at(end)) else {
            continue;
        };
        let Some(value) = value.strip_prefix('=') else {
            continue;
        };
        if !is_secret_parameter(name) {
            continue;
        }
        let value_ends = |c: char| c.is_whitespace() || "&;#\"'<>)]}`".contains(c);
        let end = value.find(value_ends).unwrap_or(value.len());
        kept.push_str(name);
        kept.push('=');
        if end > 0 {
            kept.push_str(REMOVED);
        }
        rest = &value[end..];
    }
    kept.push_str(rest);
    kept
}

fn is_secret_parameter(name: &str) -> bool {
    let name = decoded(name);
    let last = name
        .rsplit(['-', '_', '.'])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    is_secret(&name) || SECRET_PARAMETERS.contains(&last.as_str())
}

/// A name that may be written in bytes: `private%5Ftoken`. What is no ASCII counts for nothing in such names.
fn decoded(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match byte {
            Some(byte) => {
                plain.push(char::from(byte));
                &after[2..]
            }
            None => after,
        };
    }
    plain.push_str(rest);
    plain
}

/// Addresses without `user:password@`.
fn without_user(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        kept.push_str(before);
        let end = after
            .find(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace())
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        kept.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        rest = tail;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_secret_is_never_kept() {
        let body = json!({
            "password": "hook", "sign": "abc", "access_token": {"a": 1}, "X-Api-Key": "k", "private": true, "token": "",
            "secret_scanning_url": "https://example.com/x",
            "ref": "refs/heads/main", "note": "my whk_abc is here", "whk_abc": 1,
            "url": "https://ann:pw@git.example.com/acme/shop.git and http://x@y",
            "nested": [{"Authorization": "Bearer x"}],
        });
        let kept = TriggerPayload::of(&body, "whk_abc");
        assert!(!kept.is_cut);
        assert_eq!(
            kept.body,
            json!({
                "password": REMOVED, "sign": REMOVED, "access_token": REMOVED, "X-Api-Key": REMOVED, "private": true, "token": "",
                "secret_scanning_url": "https://example.com/x",
                "ref": "refs/heads/main", "note": REMOVED, "[removed]": 1,
                "url": "https://git.example.com/acme/shop.git and http://y",
                "nested": [{"Authorization": REMOVED}],
            })
        );
    }

    #[test]
    fn secrets_in_addresses_are_never_kept() {
        for (text, wanted) in [
            (
                "https://git.example.com/a.git?private_token=glpat-1&ref=main#x",
                "https://git.example.com/a.git?private_token=[removed]&ref=main#x",
            ),
            (
                "see https://e.example/?X-Amz-Signature=ab%20c&X-Amz-Date=1 and http://h/?sig=1;Key=2 now",
                "see https://e.example/?X-Amz-Signature=[removed]&X-Amz-Date=1 and http://h/?sig=[removed];Key=[removed] now",
            ),
            (
                "[a](https://e.example/cb#access_token=t&state=s) (http://e/?api_key=k)",
                "[a](https://e.example/cb#access_token=[removed]&state=s) (http://e/?api_key=[removed])",
            ),
            ("/relative?token=1", "/relative?token=[removed]"),
            (
                "http://e/?private%5Ftoken=1&to%6ben=2",
                "http://e/?private%5Ftoken=[removed]&to%6ben=[removed]",
            ),
            (
                "ssh://git:pw@e.example/a?password=p&secret=&page=2&keyword=shop&monkey=1",
                "ssh://e.example/a?password=[removed]&secret=&page=2&keyword=shop&monkey=1",
            ),
            (
                "is it true? key = value; & done",
                "is it true? key = value; & done",
            ),
        ] {
            let kept = TriggerPayload::of(&json!({"url": text}), "");
            assert_eq!(kept.body["url"], wanted);
        }
    }

    #[test]
    fn of_a_large_one_the_beginnings_are_kept_and_of_a_huge_one_its_top() {
        let commits: Vec<_> = (0..200)
            .map(|n| json!({"id": n, "message": "m".repeat(500)}))
            .collect();
        let kept = TriggerPayload::of(&json!({"ref": "refs/heads/main", "commits": commits}), "");
        assert!(kept.is_cut);
        assert_eq!(kept.body["ref"], "refs/heads/main");
        assert_eq!(kept.body["commits"].as_array().unwrap().len(), 20);
        assert_eq!(
            kept.body["commits"][0]["message"]
                .as_str()
                .unwrap()
                .chars()
                .count(),
            301
        );
        let wide: Map<_, _> = (0..500)
            .map(|n| (format!("field-{n:03}"), json!(vec!["商".repeat(1_000); 30])))
            .chain([("aref".to_owned(), json!("main"))])
            .collect();
        let kept = TriggerPayload::of(&Value::Object(wide), "");
        assert!(kept.is_cut && kept.body.to_string().len() <= MOST_BYTES);
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(TriggerPayload::of(&deep, "").is_cut);
    }
}
