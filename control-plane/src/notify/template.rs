//! The texts, in both languages. A template is a file: the subject, an empty line, the text. `{name}` stands for a
//! parameter and `{secret}` for the code or link.

use std::collections::BTreeMap;

use muster_base::{ExposeSecret, SecretString};

use super::{Language, letter::WORDING};

/// What a letter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// That mail arrives. `by`
    Test,
    /// An invitation into an org. `org`, `inviter`, `days`; the link
    Invitation,
    /// A link that sets a new password. `username`; the link
    PasswordReset,
    /// A link that verifies an address. `username`; the link
    EmailVerification,
    /// That a password was changed. `username`
    PasswordChanged,
    /// That another address is the user's now. `username`
    AddressChanged,
    /// A code that signs in. `username`, `device`; the code
    SignInCode,
    /// A code as a text message; the code
    SmsCode,
    /// That a deployment failed. `application`, `version`, `environment`, `error`, `address`
    DeploymentFailed,
    /// That somebody changed containers by hand. `application`, `environment`, `what`, `address`
    TargetsDrifted,
    /// That they are as they should be again. As [`Template::TargetsDrifted`] without `what`
    TargetsInStep,
    /// That a rule found something. `rule`, `severity`, `what`, `note`, `address`
    AlertFires,
    /// That nobody acknowledges what fires. As [`Template::AlertFires`]
    AlertEscalates,
    /// That the readings of what fires stopped. As [`Template::AlertFires`]
    AlertSilent,
    /// That it is all right again. As [`Template::AlertFires`]
    AlertOver,
    /// That somebody changed a database by hand. `database`, `server`, `environment`, `what`, `address`
    DatabaseDrifted,
    /// That nothing is different there any more. As [`Template::DatabaseDrifted`] without `what`
    DatabaseInStep,
    /// That somebody asks for an approval. `name`, `what`, `environment`, `address`
    ApprovalAsked,
    /// That the last approval was given. As [`Template::ApprovalAsked`]
    ApprovalGiven,
    /// That it was refused. As [`Template::ApprovalAsked`], `reason`
    ApprovalRefused,
    /// That nobody can give it. `what`, `environment`, `step`, `address`
    ApprovalStuck,
    /// That a release is not where it was to be. `version`, `environment`, `database`, `server`, `address`
    ReleaseFailed,
    /// That nobody knows what a release has done. As [`Template::ReleaseFailed`]
    ReleaseNeedsALook,
    /// That a release goes to no more servers. As [`Template::ReleaseFailed`] without `server`
    RolloutHalted,
    /// That a release waits after the first servers. As [`Template::RolloutHalted`]
    RolloutPaused,
    /// That something is set aside for longer than it was to be. As [`Template::DatabaseDrifted`]
    DatabaseAsidesExpired,
    /// That a receiver of alerts works. `receiver`, `by`
    AlertTest,
}

macro_rules! texts {
    ($($template:ident = $name:literal),* $(,)?) => {
        impl Template {
            /// All.
            pub const ALL: &'static [Self] = &[$(Self::$template),*];

            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$template => $name),* }
            }

            const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$template, Language::En) => include_str!(concat!("texts/en/", $name, ".txt")),
                        (Self::$template, Language::Zh) => include_str!(concat!("texts/zh/", $name, ".txt")),
                    )*
                }
            }
        }
    };
}

texts! {
    Test = "test",
    Invitation = "invitation",
    PasswordReset = "password-reset",
    EmailVerification = "email-verification",
    PasswordChanged = "password-changed",
    AddressChanged = "address-changed",
    SignInCode = "sign-in-code",
    SmsCode = "sms-code",
    DeploymentFailed = "deployment-failed",
    TargetsDrifted = "targets-drifted",
    TargetsInStep = "targets-in-step",
    AlertFires = "alert-fires",
    AlertEscalates = "alert-escalates",
    AlertSilent = "alert-silent",
    AlertOver = "alert-over",
    DatabaseDrifted = "database-drifted",
    DatabaseInStep = "database-in-step",
    ApprovalAsked = "approval-asked",
    ApprovalGiven = "approval-given",
    ApprovalRefused = "approval-refused",
    ApprovalStuck = "approval-stuck",
    ReleaseFailed = "release-failed",
    ReleaseNeedsALook = "release-needs-a-look",
    RolloutHalted = "rollout-halted",
    RolloutPaused = "rollout-paused",
    DatabaseAsidesExpired = "database-asides-expired",
    AlertTest = "alert-test",
}

/// A letter's words.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) subject: String,
    /// May hold a code or a link.
    pub(super) text: SecretString,
}

impl Template {
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|template| template.as_str() == text)
    }

    /// Fills a template in; nothing if a parameter is missing.
    pub(super) fn words(
        self,
        language: Language,
        parameters: &BTreeMap<String, String>,
        secret: Option<&SecretString>,
    ) -> Option<Words> {
        let (subject, text) = self.text(language).split_once("\n\n")?;
        let subject = filled(subject, parameters, None)?;
        let text = match parameters.get(WORDING) {
            Some(own) => {
                let mut blanks = parameters.clone();
                blanks.insert(TITLE.to_owned(), subject.clone());
                filled(own, &blanks, None)?
            }
            None => filled(text, parameters, secret)?,
        };
        Some(Words {
            subject,
            text: text.into(),
        })
    }
}

/// The blank for the template's own subject.
const TITLE: &str = "title";
/// What a message in somebody's own words can have filled in.
const BLANKS: [&str; 7] = [TITLE, "rule", "severity", "what", "note", "count", "address"];

/// Whether braces stand around blanks only.
pub fn are_blanks_known(message: &str) -> bool {
    let mut parts = message.split('{');
    let before = parts.next().unwrap_or_default();
    !before.contains('}')
        && parts.all(|part| {
            part.split_once('}')
                .is_some_and(|(name, after)| BLANKS.contains(&name) && !after.contains('}'))
        })
}

fn filled(
    text: &str,
    parameters: &BTreeMap<String, String>,
    secret: Option<&SecretString>,
) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 128);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        out.push_str(before);
        match name {
            "secret" => out.push_str(secret?.expose_secret()),
            // One line each: a name must not look like a paragraph of ours.
            name => out.extend(
                parameters
                    .get(name)?
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(256),
            ),
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        let names = text.split('{').skip(1);
        names
            .map(|rest| rest.split_once('}').expect("a closed brace").0)
            .collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        for template in Template::ALL {
            let [en, zh] = Language::ALL.map(|language| template.text(language));
            assert_eq!(placeholders(en), placeholders(zh), "{template:?}");
            for text in [en, zh] {
                let (subject, body) = text.split_once("\n\n").expect("a subject and a text");
                assert!(
                    !subject.contains('\n') && !subject.contains("{secret}"),
                    "{subject}"
                );
                assert!(body.ends_with('\n') && !body.starts_with('\n'), "{template:?}");
            }
            assert!(
                zh.chars().any(|c| ('一'..='鿿').contains(&c)),
                "{template:?} is Chinese"
            );
            assert_eq!(Template::read(template.as_str()), Some(*template));
        }
    }

    #[test]
    fn own_words_have_the_blanks_of_alerts() {
        assert!(are_blanks_known("{title}\n{what} ({count})"));
        for wrong in ["{secret}", "{", "}", "{title", "title}", "{{title}}", "{wording}"] {
            assert!(!are_blanks_known(wrong), "{wrong}");
        }
        let parameters = BTreeMap::from([
            ("wording".to_owned(), "{title}: call {note}".to_owned()),
            ("receiver".to_owned(), "ops {note}".to_owned()),
            ("note".to_owned(), "7\n7".to_owned()),
        ]);
        let words = Template::AlertTest
            .words(Language::En, &parameters, None)
            .unwrap();
        let text = words.text.expose_secret();
        assert_eq!(text, format!("{}: call 77", words.subject));
    }

    #[test]
    fn a_parameter_is_one_line_and_no_template() {
        let parameters = BTreeMap::from([("by".to_owned(), "a\r\nBcc: {secret}".to_owned())]);
        let words = Template::Test.words(Language::En, &parameters, None).unwrap();
        assert!(words.text.expose_secret().contains("aBcc: {secret}"));
        let nothing = BTreeMap::new();
        assert!(Template::Test.words(Language::En, &nothing, None).is_none());
    }
}
