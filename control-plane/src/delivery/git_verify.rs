//! Whether a webhook call is the Git host's: each proves itself in its own way.
//!
//! | host | proof | covers the body | replay |
//! |---|---|---|---|
//! | GitHub | `X-Hub-Signature-256`: HMAC-SHA256 of the body | yes | the same body is the same call |
//! | Gitee | `X-Gitee-Token`: the secret itself, or HMAC-SHA256 of `timestamp\nsecret` | no | an hour from `X-Gitee-Timestamp` |
//! | GitLab | `X-Gitlab-Token`: the secret itself | no | `Idempotency-Key` or `X-Gitlab-Event-UUID`, else the body |
//! | GitLab, signed | `webhook-signature`: HMAC-SHA256 of `id.timestamp.body` | yes | five minutes from `webhook-timestamp`; `webhook-id` |
//! | Codeup | `X-Codeup-Token`: the secret itself | no | the same body is the same call |
//!
//! GitLab's newer signature follows the Standard Webhooks specification; its key is the secret, or, of a secret that begins with
//! `whsec_`, the bytes that the rest stands for. A call that has a signature is believed by it alone: a wrong one is not saved by a
//! right token. What is acted on is checked of signed calls as of others: whoever was shown the token once can sign.
//!
//! Where the proof does not cover the body, what is acted on is checked before ([`super::git_hook`]). Hooks of projects
//! ([`crate::schema`]) are verified here too.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use muster_base::{ExposeSecret, SecretString, UnixMs, sha256};
use subtle::ConstantTimeEq;

use super::trigger_spec::GitProvider;

const GITEE_WINDOW_MS: i64 = UnixMs::HOUR;
/// As the Standard Webhooks specification has it.
const GITLAB_WINDOW_MS: i64 = 5 * UnixMs::MINUTE;
/// Signatures of one call: more than one while a key is replaced.
const MOST_SIGNATURES: usize = 8;

/// What the header of a name says; nothing if it is missing or no text.
pub(crate) type Header<'a> = &'a (dyn Fn(&str) -> &'a str + Sync);

/// A call that is to be believed, or not.
pub(crate) struct Call<'h, 'b> {
    pub(crate) header: Header<'h>,
    pub(crate) body: &'b [u8],
    pub(crate) now: UnixMs,
}

impl Call<'_, '_> {
    /// Whether whoever calls knows the secret. An empty one is nobody's.
    pub(crate) fn is_from(&self, provider: GitProvider, secret: &SecretString) -> bool {
        let secret = secret.expose_secret();
        if secret.is_empty() {
            return false;
        }
        match provider {
            GitProvider::Github => self.is_signed(secret),
            GitProvider::Gitee => {
                let token = (self.header)("x-gitee-token");
                let (said, stamped) = (same(token, secret), self.is_stamped(token, secret));
                said || stamped
            }
            GitProvider::Gitlab if self.has_signature() => self.is_standard_signed(secret),
            GitProvider::Gitlab => same((self.header)("x-gitlab-token"), secret),
            GitProvider::Codeup => same((self.header)("x-codeup-token"), secret),
        }
    }

    fn is_signed(&self, secret: &str) -> bool {
        let header = (self.header)("x-hub-signature-256");
        let given = header
            .strip_prefix("sha256=")
            .and_then(|digits| hex::decode(digits).ok());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, self.body, &given.unwrap_or_default()).is_ok()
    }

    fn has_signature(&self) -> bool {
        !(self.header)("webhook-signature").is_empty()
    }

    /// GitLab's newer signature, of the id, the time and the body.
    fn is_standard_signed(&self, secret: &str) -> bool {
        let (id, stamp) = ((self.header)("webhook-id"), (self.header)("webhook-timestamp"));
        let seconds = stamp.parse::<i64>().ok();
        let fresh = seconds.is_some_and(|seconds| {
            let told = UnixMs(seconds.saturating_mul(UnixMs::SECOND));
            self.now.ms_since(told).abs() <= GITLAB_WINDOW_MS
        });
        let bytes = secret
            .strip_prefix("whsec_")
            .and_then(|rest| STANDARD.decode(rest).ok());
        let key = hmac::Key::new(hmac::HMAC_SHA256, bytes.as_deref().unwrap_or(secret.as_bytes()));
        let mut signed = hmac::Context::with_key(&key);
        signed.update(format!("{id}.{stamp}.").as_bytes());
        signed.update(self.body);
        let wanted = signed.sign();
        let given = (self.header)("webhook-signature")
            .split(' ')
            .take(MOST_SIGNATURES);
        let holds = given
            .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
            .any(|one| bool::from(one.as_slice().ct_eq(wanted.as_ref())));
        // Without an id a repeated call could not be told from another one.
        fresh && holds && !id.is_empty()
    }

    /// Gitee's signature, which covers the time and nothing else.
    fn is_stamped(&self, token: &str, secret: &str) -> bool {
        let stamp = (self.header)("x-gitee-timestamp");
        let fresh = stamp
            .parse::<i64>()
            .is_ok_and(|ms| self.now.ms_since(UnixMs(ms)).abs() <= GITEE_WINDOW_MS);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let given = STANDARD.decode(token).unwrap_or_default();
        let holds = hmac::verify(&key, format!("{stamp}\n{secret}").as_bytes(), &given).is_ok();
        fresh && holds
    }

    /// What makes two calls the same one. Of a host that signs the body nothing but the body counts: whoever repeats a
    /// call could write anything else.
    pub(crate) fn key(&self, provider: GitProvider) -> String {
        let given = match provider {
            GitProvider::Gitlab if self.has_signature() => (self.header)("webhook-id"),
            GitProvider::Gitlab => {
                let key = (self.header)("idempotency-key");
                if key.is_empty() {
                    (self.header)("x-gitlab-event-uuid")
                } else {
                    key
                }
            }
            GitProvider::Github | GitProvider::Gitee | GitProvider::Codeup => "",
        };
        let digest = if given.is_empty() {
            sha256(self.body)
        } else {
            sha256(given.as_bytes())
        };
        digest.to_string()
    }
}

impl GitProvider {
    /// Whether its proof covers what it says.
    pub(super) const fn signs_the_body(self) -> bool {
        match self {
            Self::Github => true,
            Self::Gitee | Self::Gitlab | Self::Codeup => false,
        }
    }
}

fn same(given: &str, secret: &str) -> bool {
    // Of the same length whatever is given, so that comparing says nothing of the secret's.
    sha256(given.as_bytes())
        .0
        .ct_eq(&sha256(secret.as_bytes()).0)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(
        headers: &[(&'static str, &str)],
        body: &str,
        now: i64,
        provider: GitProvider,
        secret: &str,
    ) -> bool {
        let said = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| *name == wanted);
            found.map_or("", |(_, value)| *value)
        };
        let call = Call {
            header: &said,
            body: body.as_bytes(),
            now: UnixMs(now),
        };
        call.is_from(provider, &SecretString::from(secret))
    }

    #[test]
    fn github_s_own_example_holds_and_a_changed_one_does_not() {
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secret = "It's a Secret to Everybody";
        let holds = |signature: &str, body: &str| {
            call(
                &[("x-hub-signature-256", signature)],
                body,
                0,
                GitProvider::Github,
                secret,
            )
        };
        assert!(holds(signature, "Hello, World!"));
        assert!(!holds(signature, "Hello, World?"));
        for wrong in [
            "",
            "sha256=",
            "757107ea",
            &signature.replace("sha256", "sha1"),
            &signature.replace("757", "857"),
        ] {
            assert!(!holds(wrong, "Hello, World!"), "{wrong}");
        }
        assert!(!call(&[], "Hello, World!", 0, GitProvider::Github, secret));
    }

    #[test]
    fn gitee_may_say_the_secret_or_sign_the_time_for_an_hour() {
        let stamp = 1_780_000_000_000_i64;
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
        let signature = STANDARD.encode(hmac::sign(&key, format!("{stamp}\ns3cret").as_bytes()));
        let at = stamp.to_string();
        let holds = |token: &str, stamp: &str, now: i64| {
            let headers = [("x-gitee-token", token), ("x-gitee-timestamp", stamp)];
            call(&headers, "{}", now, GitProvider::Gitee, "s3cret")
        };
        assert!(holds("s3cret", "", stamp));
        assert!(holds(&signature, &at, stamp + 3_599_000));
        assert!(!holds(&signature, &at, stamp + 3_601_000));
        assert!(!holds(&signature, &(stamp + 1).to_string(), stamp));
        assert!(!holds("", &at, stamp));
    }

    #[test]
    fn gitlab_may_sign_what_it_says_for_five_minutes() {
        let seconds = 1_780_000_000_i64;
        let (stamp, now) = (seconds.to_string(), seconds * 1_000);
        let sign = |key: &[u8], id: &str, body: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key);
            let signature = hmac::sign(&key, format!("{id}.{stamp}.{body}").as_bytes());
            format!("v1,{}", STANDARD.encode(signature))
        };
        let holds = |signature: &str, id: &str, body: &str, now: i64, secret: &str| {
            // The right token beside it changes nothing.
            let headers = [
                ("webhook-signature", signature),
                ("webhook-id", id),
                ("webhook-timestamp", stamp.as_str()),
                ("x-gitlab-token", secret),
            ];
            call(&headers, body, now, GitProvider::Gitlab, secret)
        };
        let good = sign(b"s3cret", "id-1", "{}");
        assert!(holds(&good, "id-1", "{}", now, "s3cret"));
        assert!(holds(
            &format!("v1,AAAA {good}"),
            "id-1",
            "{}",
            now + 299_000,
            "s3cret"
        ));
        for (signature, id, body, now) in [
            (good.as_str(), "id-1", "{ }", now),
            (good.as_str(), "id-2", "{}", now),
            (good.as_str(), "id-1", "{}", now + 301_000),
            (good.as_str(), "id-1", "{}", now - 301_000),
            (&good.replace("v1,", "v2,"), "id-1", "{}", now),
            ("v1,", "id-1", "{}", now),
            ("garbage", "id-1", "{}", now),
        ] {
            assert!(
                !holds(signature, id, body, now, "s3cret"),
                "{signature} {id} {body} {now}"
            );
        }
        assert!(!holds(&sign(b"s3cret", "", "{}"), "", "{}", now, "s3cret"));
        let coded = format!("whsec_{}", STANDARD.encode(b"bytes of a key"));
        assert!(holds(
            &sign(b"bytes of a key", "id-1", "{}"),
            "id-1",
            "{}",
            now,
            &coded
        ));
        // The vector of the Standard Webhooks specification's own libraries.
        let headers = [
            (
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
        ];
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = r#"{"test": 2432232314}"#;
        assert!(call(
            &headers,
            body,
            1_614_265_330_000,
            GitProvider::Gitlab,
            secret
        ));
    }

    #[test]
    fn missing_empty_and_wrong_tokens_are_nobody_s() {
        for (provider, header) in [
            (GitProvider::Gitlab, "x-gitlab-token"),
            (GitProvider::Codeup, "x-codeup-token"),
            (GitProvider::Gitee, "x-gitee-token"),
        ] {
            assert!(call(&[(header, "s3cret")], "{}", 0, provider, "s3cret"));
            for wrong in ["", "s3cre", "s3cret2"] {
                assert!(!call(&[(header, wrong)], "{}", 0, provider, "s3cret"), "{wrong}");
            }
            assert!(!call(&[], "{}", 0, provider, "s3cret"));
            assert!(!call(&[(header, "")], "{}", 0, provider, ""));
        }
    }
}
