//! Versions of servers, and which cases they are for.

use crate::cases::Body;

/// The numbers of a version, such as `15.18 (Debian 15.18-0)` or `10.11.14-MariaDB`.
pub fn of(text: &str) -> Vec<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text[..end]
        .split('.')
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// Why a case is not for a server of this version, if it isn't.
pub fn outside(version: &[u32], case: &Body) -> Option<String> {
    if let Some(least) = &case.min_version
        && version < of(least).as_slice()
    {
        return Some(format!("for versions from {least}"));
    }
    if let Some(most) = &case.max_version {
        let last = of(most);
        // 5.7 means every 5.7.
        if version.iter().take(last.len()).copied().collect::<Vec<_>>() > last {
            return Some(format!("for versions up to {most}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let case = |min: Option<&str>, max: Option<&str>| Body {
            min_version: min.map(str::to_owned),
            max_version: max.map(str::to_owned),
            ..Body::default()
        };
        let mariadb = of("10.11.14-MariaDB-0+deb12u2");
        assert_eq!(mariadb, [10, 11, 14]);
        assert_eq!(outside(&mariadb, &case(Some("8.0.17"), None)), None);
        assert!(outside(&mariadb, &case(None, Some("5.7"))).is_some());
        assert_eq!(outside(&of("5.7.44"), &case(None, Some("5.7"))), None);
        assert!(outside(&of("15.18 (Debian)"), &case(Some("18.0"), None)).is_some());
    }
}
