//! Values that a server writes otherwise than people do.

/// Micro-seconds of each unit of time below a day.
const MICROS: &[(&str, i64)] = &[("hour", 3_600_000_000), ("min", 60_000_000), ("sec", 1_000_000)];

/// An interval as months, days and microseconds; `field` is the one that a number alone is of.
///
/// Nothing if it is in a form that isn't read (ISO 8601, fractions of days, `ago`): such values are compared as text.
pub(super) fn interval(text: &str, field: Option<&str>) -> Option<String> {
    if text.split('/').count() == 3 {
        // Its own form.
        return Some(text.to_owned());
    }
    let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i64);
    let lower = text.to_ascii_lowercase();
    let mut words = lower.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word.contains(':') {
            micros = micros.checked_add(clock(word)?)?;
            continue;
        }
        let digits = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, unit) = word.split_at(digits);
        let alone = unit.is_empty() && words.peek().is_none();
        let unit = match (unit, field) {
            ("", Some(field)) if alone => field,
            ("", None) if alone => "second",
            ("", _) => words.next()?,
            (unit, _) => unit,
        };
        // The server cuts off what is smaller than the field that was asked for.
        let whole: i64 = match number.split_once('.') {
            Some((whole, _)) if alone && field.is_some_and(|field| field != "second") => {
                whole.parse().ok()?
            }
            _ if number.contains('.') => {
                let value = fraction(number, scale(unit)?)?;
                micros = micros.checked_add(value)?;
                continue;
            }
            _ => number.parse().ok()?,
        };
        let unit = unit.trim_end_matches('s');
        match unit {
            "year" | "y" | "yr" => months = months.checked_add(whole.checked_mul(12)?)?,
            "mon" | "month" => months = months.checked_add(whole)?,
            "week" | "w" => days = days.checked_add(whole.checked_mul(7)?)?,
            "day" | "d" => days = days.checked_add(whole)?,
            other => micros = micros.checked_add(whole.checked_mul(scale(other)?)?)?,
        }
    }
    Some(format!("{months} {days} {micros}").replace(' ', "/"))
}

fn scale(unit: &str) -> Option<i64> {
    let unit = unit.trim_end_matches('s');
    match unit {
        "hour" | "h" | "hr" => Some(MICROS[0].1),
        "minute" | "min" | "m" => Some(MICROS[1].1),
        "second" | "sec" => Some(MICROS[2].1),
        _ => None,
    }
}

/// `01:02:03.4`
fn clock(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |text| (-1, text));
    let mut total = 0_i64;
    for (part, (_, scale)) in text.split(':').zip(MICROS) {
        total = total.checked_add(fraction(part, *scale)?)?;
    }
    Some(sign * total)
}

/// A decimal number of units, in microseconds.
fn fraction(text: &str, scale: i64) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = u32::try_from(part.len()).ok()?;
    let below = if part.is_empty() {
        0
    } else {
        part.parse::<i64>().ok()?.checked_mul(scale)? / 10_i64.checked_pow(digits)?
    };
    whole.parse::<i64>().ok()?.checked_mul(scale)?.checked_add(below)
}

/// An amount of money in hundredths, rounded as the server does.
pub(super) fn cents(text: &str) -> Option<i64> {
    let plain: String = text.chars().filter(|c| !matches!(c, '$' | ',')).collect();
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let thousandths: String = part.chars().chain("000".chars()).take(3).collect();
    let below = (thousandths.parse::<i64>().ok()? + 5) / 10;
    whole
        .parse::<i64>()
        .ok()?
        .checked_mul(100)?
        .checked_add(sign * below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_what_they_are_however_written() {
        for (a, b) in [
            ("1 day", "1 days"),
            ("24 hours", "24:00:00"),
            ("1 year 2 mons", "14 months"),
            ("1.5 hours", "01:30:00"),
            ("2 weeks", "14 days"),
            ("90 min", "01:30:00"),
        ] {
            assert_eq!(interval(a, None), interval(b, None), "{a}");
        }
        assert_ne!(interval("1 day", None), interval("24 hours", None));
        assert_eq!(interval("1", Some("year")), interval("1 year", None));
        assert_eq!(interval("1.5", Some("year")), interval("1 year", None));
        assert_eq!(interval("P1D", None), None);
    }

    #[test]
    fn money_has_cents() {
        assert_eq!(cents("$1,234.50"), Some(123_450));
        assert_eq!(cents("1.999"), Some(200));
        assert_eq!(cents("x"), None);
    }
}
