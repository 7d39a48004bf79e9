//! How hard a password is to guess: zxcvbn's score, with the user's own words as what is tried first, and a list of
//! passwords that became known.
//!
//! | score | guesses | may be used |
//! |---|---|---|
//! | 0 to 2 | fewer than 10^8 | no |
//! | 3 | fewer than 10^10 | yes |
//! | 4 | more | yes |
//!
//! Both take time, so they are done off the async threads and in the turns of the hashing. The first 100 characters
//! are scored; a password may be longer.

use muster_base::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AccessError, Identity, User, breach, password,
    turns::{Line, in_turn},
    user,
};
use crate::app::App;
use crate::flaw::Flaw;

/// What a new password must have at least.
const LEAST: i64 = 3;
/// Longest word of the user's own that is tried.
const WORD: usize = 100;

/// A password that may be used, as it is kept.
pub(super) struct Accepted {
    /// argon2id in PHC form.
    pub(super) hash: SecretString,
    /// zxcvbn's score, 0 to 4.
    pub(super) strength: i64,
}

/// A password that somebody thinks of taking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Candidate {
    /// As it is so far.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// How hard it would be to guess.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// 0 to 4.
    #[schema(minimum = 0, maximum = 4)]
    pub strength: i64,
    /// Whether it is long and strong enough to be taken.
    pub enough: bool,
}

/// Scores what the caller thinks of taking, as it would be scored if they took it. Kept nowhere.
pub(super) async fn judge(app: &App, who: &Identity, candidate: Candidate) -> Result<Judged, AccessError> {
    let id = who.require_user()?;
    app.throttle.score(id)?;
    let row = user::get(app, id).await?;
    let fits = password::check(&candidate.password).is_ok();
    let strength = score(candidate.password, words(&row), Line::Known).await?;
    Ok(Judged {
        strength,
        enough: fits && strength >= LEAST,
    })
}

/// Checks and hashes a new password of somebody whose own words these are.
pub(super) async fn accept(
    app: &App,
    password: SecretString,
    words: Vec<String>,
    line: Line,
) -> Result<Accepted, AccessError> {
    let strength = check(password.clone(), words, line).await?;
    if let Some(path) = &app.config.sign_in.breach_list {
        let known = breach::contains(path, password.clone()).await;
        let known = known.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the list of breached passwords can't be read"
            );
            AccessError::Refused(crate::error::Error::internal(error))
        })?;
        if known {
            return Err(AccessError::invalid("password", Flaw::Known));
        }
    }
    let hash = password::hash(password, line).await?;
    Ok(Accepted { hash, strength })
}

/// The score of a password that may be used.
pub(super) async fn check(
    password: SecretString,
    words: Vec<String>,
    line: Line,
) -> Result<i64, AccessError> {
    password::check(&password)?;
    let score = score(password, words, line).await?;
    if score >= LEAST {
        return Ok(score);
    }
    Err(AccessError::invalid("password", Flaw::Guessable(score, LEAST)))
}

/// The score of any password.
pub(super) async fn score(
    password: SecretString,
    words: Vec<String>,
    line: Line,
) -> Result<i64, AccessError> {
    in_turn(line, move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let entropy = zxcvbn::zxcvbn(password.expose_secret(), &words);
        Ok(i64::from(u8::from(entropy.score())))
    })
    .await
}

/// What somebody would try first for this user.
pub(super) fn words(user: &User) -> Vec<String> {
    let email = user.email.iter().flat_map(|email| email.split(['@', '.']));
    let plain = [
        user.username.as_str(),
        user.account.as_str(),
        user.nick_name.as_str(),
    ];
    let birthday = user.birthday.as_ref().map(|day| day.replace('-', ""));
    let all = plain
        .into_iter()
        .chain(email)
        .chain(user.email.as_deref())
        .chain(user.mobile.as_deref());
    let all = all.chain(birthday.as_deref()).chain(["muster"]);
    let known = all.filter(|word| !word.is_empty() && word.len() <= WORD);
    known.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn easy_passwords_and_one_s_own_words_are_refused() {
        let words = vec!["brelmontig".to_owned(), "zyxoquavel".to_owned()];
        for weak in [
            "password123",
            "aaaaaaaaaaaaaaa",
            "qwertyuiop12",
            "brelmontigzyxoquavel",
            "short",
        ] {
            assert!(
                check(weak.into(), words.clone(), Line::Known).await.is_err(),
                "{weak}"
            );
        }
        assert!(
            check("four quiet words here".into(), words.clone(), Line::Known)
                .await
                .unwrap()
                >= LEAST
        );
        let alone = check("brelmontigzyxoquavel".into(), Vec::new(), Line::Known).await;
        assert!(alone.is_ok(), "somebody else may have it");
        let long = "x1Y".repeat(341);
        assert!(
            check(long.into(), words, Line::Known).await.is_err(),
            "length alone is no strength"
        );
    }
}
