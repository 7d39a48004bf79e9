//! The script that installs the agent, with the packages' sums in it.

use std::fmt::Write as _;

use super::packages::Package;

/// Its name below `/install/`.
pub(super) const NAME: &str = "agent.sh";

const TEMPLATE: &str = include_str!("agent.sh");

/// The script for a control plane at `base`; `None` if there is no package to install.
pub(super) fn render(base: &str, packages: &[Package]) -> Option<String> {
    if packages.is_empty() {
        return None;
    }
    let mut cases = String::new();
    for package in packages {
        let Package {
            name,
            architecture,
            sha256,
            ..
        } = package;
        let written = writeln!(cases, "    {architecture}) file={name} sum={sha256} ;;");
        debug_assert!(written.is_ok(), "writing to a string");
    }
    let text = TEMPLATE.replace("@BASE@", &quoted(base));
    Some(text.replace("    @PACKAGES@\n", &cases))
}

/// As one word of a shell command.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_a_word() {
        assert_eq!(
            quoted("https://muster.example:8440"),
            "https://muster.example:8440"
        );
        assert_eq!(quoted("[::1]:8441"), "'[::1]:8441'");
        assert_eq!(quoted("a'; reboot #"), r"'a'\''; reboot #'");
        assert_eq!(quoted(""), "''");
    }
}
