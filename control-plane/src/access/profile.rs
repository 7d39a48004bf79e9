//! What a user's profile may hold, and changing one's own.
//!
//! Address and number sign their user in and prove who they are: another one takes the password again, so that nobody
//! who finds a console unlocked makes the account theirs. The address of before is told.

use muster_base::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AccessError, Identity, User, confirm, platform::check_image, proof, store, user};
use crate::{
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
    notify::Language,
};

/// What may be changed of a profile; empty text takes a value away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfilePatch {
    /// E-mail address, unique in the platform.
    pub email: Option<String>,
    /// Mobile number, unique in the platform.
    pub mobile: Option<String>,
    /// Name for others to see, up to 128 characters.
    pub nick_name: Option<String>,
    /// An https address, or a data URI of an image of at most 512 KiB.
    pub portrait: Option<String>,
    /// 1 male, 2 female, 3 unknown.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3)]
    pub gender: Option<Gender>,
    /// `YYYY-MM-DD`.
    pub birthday: Option<String>,
    /// Whether messages about failures come by mail, too; only to an address that was verified.
    pub mail_messages: Option<bool>,
    /// In which language.
    pub mail_language: Option<MailLanguage>,
    /// One's own password, once more; needed for another address or number.
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretString>,
}

/// The language of mails that one didn't ask for; those that one did come in the request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailLanguage {
    /// The one that one last signed in with.
    Auto,
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl MailLanguage {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

/// The seed's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum Gender {
    /// 1
    Male,
    /// 2
    Female,
    /// 3
    Unknown,
}

impl From<Gender> for i64 {
    fn from(gender: Gender) -> Self {
        match gender {
            Gender::Male => 1,
            Gender::Female => 2,
            Gender::Unknown => 3,
        }
    }
}

impl TryFrom<i64> for Gender {
    type Error = &'static str;

    fn try_from(code: i64) -> Result<Self, Self::Error> {
        match code {
            1 => Ok(Self::Male),
            2 => Ok(Self::Female),
            3 => Ok(Self::Unknown),
            _ => Err("must be 1 (male), 2 (female) or 3 (unknown)"),
        }
    }
}

impl ProfilePatch {
    /// With the changes, checked.
    pub(super) fn applied_to(self, mut user: User) -> Result<User, AccessError> {
        if let Some(email) = self.email {
            user.email = optional("email", email, is_email, Flaw::Email)?;
        }
        if let Some(mobile) = self.mobile {
            user.mobile = optional("mobile", mobile, is_mobile, Flaw::Mobile)?;
        }
        if let Some(nick_name) = self.nick_name {
            if nick_name.chars().count() > 128 {
                return Err(AccessError::invalid("nickName", Flaw::TooLong(128)));
            }
            user.nick_name = nick_name;
        }
        if let Some(portrait) = self.portrait {
            user.portrait = check_image("portrait", portrait)?;
        }
        if let Some(gender) = self.gender {
            user.gender = gender.into();
        }
        if let Some(birthday) = self.birthday {
            user.birthday = optional("birthday", birthday, is_date, Flaw::Day)?;
        }
        user.mail_messages = self.mail_messages.unwrap_or(user.mail_messages);
        if let Some(language) = self.mail_language {
            language.as_str().clone_into(&mut user.mail_language);
        }
        Ok(user)
    }
}

/// Changes one's own profile. A new address gets a mail that verifies it, and the old one a mail that says so.
pub(super) async fn update(
    app: &App,
    who: &Identity,
    mut patch: ProfilePatch,
    language: Language,
) -> Result<User, AccessError> {
    let id = who.require_user()?;
    let before = user::get(app, id).await?;
    let password = patch.password.take();
    let after = patch.clone().applied_to(before.clone())?;
    let moves = |before: &User, after: &User| after.email != before.email || after.mobile != before.mobile;
    let confirmed = moves(&before, &after);
    if confirmed {
        let password = password.ok_or_else(|| AccessError::invalid("password", Flaw::Needed))?;
        confirm::confirm_password(app, who, password).await?;
    }
    // One that was only typed may be a stranger's.
    let was_known = store::user::may_reset(&app.db, id).await?;
    let now = app.clock.now();
    let write = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            // As it is by now: what an administrator changed meanwhile stays.
            store::user::lock(tx, &app.db, id).await?;
            let before = store::user::find_in(tx, id).await?.ok_or(AccessError::NoUser)?;
            let after = patch.clone().applied_to(before.clone())?;
            if moves(&before, &after) && !confirmed {
                return Err(AccessError::invalid("password", Flaw::Needed));
            }
            store::user::update(tx, &after, (None, true), now).await?;
            if after.email != before.email {
                if was_known {
                    proof::tell_address_changed(app, tx, &before, language).await?;
                }
                proof::send(app, tx, &after, proof::Purpose::EmailVerification, language).await?;
            }
            let entry = Entry::done("user:updateProfile", "user", id)
                .before(&user::audited(&before))
                .after(&user::audited(&after));
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    write().await.map_err(user::taken)?;
    app.notify.wake();
    user::get(app, id).await
}

/// One's own profile.
pub(super) async fn get(app: &App, who: &Identity) -> Result<User, AccessError> {
    user::get(app, who.require_user()?).await
}

fn optional(
    field: &'static str,
    text: String,
    good: impl Fn(&str) -> bool,
    flaw: Flaw,
) -> Result<Option<String>, AccessError> {
    match text.trim() {
        "" => Ok(None),
        text if good(text) => Ok(Some(text.to_owned())),
        _ => Err(AccessError::invalid(field, flaw)),
    }
}

pub(super) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn is_mobile(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (5..=20).contains(&text.len()) && digits.chars().all(|c| c.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let number =
        |text: &str, length: usize| (text.len() == length).then(|| text.parse::<u32>().ok()).flatten();
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    };
    (1900..=2100).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birthdays_are_days_that_there_are() {
        for good in ["2000-02-29", "1999-12-31"] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "2001-02-29",
            "1900-02-29",
            "2000-13-01",
            "2000-04-31",
            "2000-4-1",
            "yesterday",
            "2000-00-10",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_and_numbers_look_like_ones() {
        assert!(is_email("a@b.c") && !is_email("a b@c") && !is_email("a@b@c") && !is_email("@b"));
        assert!(is_mobile("+8613800000000") && !is_mobile("138-0000") && !is_mobile("1"));
    }
}
