//! Rules of a form's fields: `required|length:1,20`, the part of FormKit's that can be held on both sides.

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    Required,
    Accepted,
    /// Least and most characters.
    Length(usize, usize),
    Min(f64),
    Max(f64),
    Between(f64, f64),
    Number,
    Alpha,
    Alphanumeric,
    Email,
    Url,
    Is(Vec<String>),
    Not(Vec<String>),
    StartsWith(Vec<String>),
    EndsWith(Vec<String>),
}

const KNOWN: &str = "required, accepted, length, min, max, between, number, alpha, alphanumeric, email, url, is, not, \
                     starts_with, ends_with";

/// Reads rules, or says which one is not known: a rule that nobody checks is worse than none.
pub(crate) fn read(text: &str) -> Result<Vec<Rule>, String> {
    let parts = text.split('|').map(str::trim).filter(|part| !part.is_empty());
    parts.map(one).collect()
}

fn one(text: &str) -> Result<Rule, String> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    let arguments: Vec<String> = rest
        .split(',')
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let number = |nth: usize| -> Result<f64, String> {
        let argument = arguments.get(nth).and_then(|text| text.parse().ok());
        argument.ok_or_else(|| format!("the rule {text} needs a number"))
    };
    let count = |nth: usize, otherwise: usize| -> Result<usize, String> {
        match arguments.get(nth) {
            None => Ok(otherwise),
            Some(text) => text
                .parse()
                .map_err(|_| format!("the rule {name} needs whole numbers")),
        }
    };
    Ok(match name {
        "required" => Rule::Required,
        "accepted" => Rule::Accepted,
        "length" => Rule::Length(count(0, 0)?, count(1, usize::MAX)?),
        "min" => Rule::Min(number(0)?),
        "max" => Rule::Max(number(0)?),
        "between" => Rule::Between(number(0)?, number(1)?),
        "number" => Rule::Number,
        "alpha" => Rule::Alpha,
        "alphanumeric" => Rule::Alphanumeric,
        "email" => Rule::Email,
        "url" => Rule::Url,
        "is" => Rule::Is(arguments),
        "not" => Rule::Not(arguments),
        "starts_with" => Rule::StartsWith(arguments),
        "ends_with" => Rule::EndsWith(arguments),
        _ => return Err(format!("there is no rule {name}: use {KNOWN}")),
    })
}

impl Rule {
    /// Why the values don't keep it. A field that is left empty keeps all rules but those that want a value.
    pub(crate) fn flaw(&self, values: &[String]) -> Option<String> {
        let empty = values.iter().all(|value| value.trim().is_empty());
        if empty {
            return matches!(self, Self::Required | Self::Accepted).then(|| "is required".to_owned());
        }
        values.iter().find_map(|value| self.of(value))
    }

    fn of(&self, value: &str) -> Option<String> {
        let number = value.trim().parse::<f64>().ok();
        let (kept, why) = match self {
            Self::Required => (true, String::new()),
            Self::Accepted => (
                matches!(value, "true" | "yes" | "on" | "1"),
                "must be accepted".into(),
            ),
            Self::Length(least, most) => {
                let length = value.chars().count();
                let why = if *most == usize::MAX {
                    format!("must have at least {least} characters")
                } else {
                    format!("must have {least} to {most} characters")
                };
                ((*least..=*most).contains(&length), why)
            }
            Self::Min(least) => (
                number.is_some_and(|n| n >= *least),
                format!("must be at least {least}"),
            ),
            Self::Max(most) => (
                number.is_some_and(|n| n <= *most),
                format!("must be at most {most}"),
            ),
            Self::Between(least, most) => {
                let within = number.is_some_and(|n| (*least..=*most).contains(&n));
                (within, format!("must be {least} to {most}"))
            }
            Self::Number => (number.is_some(), "must be a number".into()),
            Self::Alpha => (value.chars().all(char::is_alphabetic), "must be letters".into()),
            Self::Alphanumeric => (
                value.chars().all(char::is_alphanumeric),
                "must be letters and digits".into(),
            ),
            Self::Email => {
                let good = value
                    .split_once('@')
                    .is_some_and(|(who, at)| !who.is_empty() && at.contains('.'));
                (good, "must be an e-mail address".into())
            }
            Self::Url => {
                let good = value.starts_with("https://") || value.starts_with("http://");
                (good, "must be a web address".into())
            }
            Self::Is(words) => (
                words.iter().any(|word| word == value),
                format!("must be {}", words.join(" or ")),
            ),
            Self::Not(words) => (
                words.iter().all(|word| word != value),
                format!("must not be {}", words.join(" or ")),
            ),
            Self::StartsWith(words) => {
                let good = words.iter().any(|word| value.starts_with(word.as_str()));
                (good, format!("must start with {}", words.join(" or ")))
            }
            Self::EndsWith(words) => {
                let good = words.iter().any(|word| value.ends_with(word.as_str()));
                (good, format!("must end with {}", words.join(" or ")))
            }
        };
        (!kept).then_some(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(rules: &str, value: &str) -> Option<String> {
        let values: Vec<String> = [value.to_owned()].into_iter().filter(|v| !v.is_empty()).collect();
        read(rules).unwrap().iter().find_map(|rule| rule.flaw(&values))
    }

    #[test]
    fn rules_say_why() {
        assert_eq!(flaw("required", "").as_deref(), Some("is required"));
        assert_eq!(
            flaw("required|length:2,4", "abcde").as_deref(),
            Some("must have 2 to 4 characters")
        );
        assert_eq!(
            flaw("number|between:1,65535", "70000").as_deref(),
            Some("must be 1 to 65535")
        );
        assert_eq!(
            flaw("starts_with:t_", "users").as_deref(),
            Some("must start with t_")
        );
        assert_eq!(flaw("starts_with:t_", "t_users"), None);
    }

    #[test]
    fn an_empty_field_keeps_what_does_not_want_a_value() {
        assert_eq!(flaw("email|length:5", ""), None);
    }

    #[test]
    fn an_unknown_rule_is_refused() {
        assert!(
            read("required|date_after:today")
                .unwrap_err()
                .starts_with("there is no rule date_after")
        );
        assert!(read("min:x").is_err());
    }
}
