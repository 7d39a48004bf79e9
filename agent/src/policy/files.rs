//! The rules for files that people send.

use super::{Policy, PolicyRefusal};

const RULE: &str = "files.allow";
/// What a kernel takes.
const MAX_PATH: usize = 4_096;
const MAX_NAME: usize = 255;
/// Whose files the kernel makes.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Where Muster's own things are, whose names begin with its own.
const OWN: [&str; 11] = [
    "/etc/muster",
    "/etc/default/muster",
    "/etc/systemd/system/muster",
    "/etc/systemd/system/sockets.target.wants/muster",
    "/usr/lib/systemd/system/muster",
    "/lib/systemd/system/muster",
    "/var/lib/muster",
    "/run/muster",
    "/usr/libexec/muster",
    "/usr/bin/muster",
    "/usr/lib/muster",
];

impl Policy {
    /// Whether a file may be written to this path: as it was asked for, and again as it is without links.
    pub fn check_file(&self, path: &str) -> Result<(), PolicyRefusal> {
        let shown: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
        let never = |why: &str| {
            Err(PolicyRefusal {
                rule: RULE,
                message: format!("files may never be written to {shown}: {why}"),
            })
        };
        if !is_plain(path) {
            return never("it is no absolute path of a file, or has empty parts, `.` or `..` in it");
        }
        let below = |folder: &&str| {
            path.strip_prefix(*folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        if KERNELS.iter().any(below) {
            return never("it is the kernel's");
        }
        if OWN.iter().any(|own| path.starts_with(own)) {
            return never("it is Muster's own");
        }
        if self.file.files.allow.iter().any(|pattern| pattern.matches(path)) {
            return Ok(());
        }
        let what = format!("files may not be written to {shown}");
        let folder = shown.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.refuse(RULE, &what, &format!("allow = [\"{folder}/**\"] under [files]"))
    }
}

/// Whether it is an absolute path that means what it says.
fn is_plain(path: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && part.len() <= MAX_NAME;
    path.len() < MAX_PATH
        && !path.chars().any(char::is_control)
        && path
            .strip_prefix('/')
            .is_some_and(|rest| rest.split('/').all(plain))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn refused(allow: &str, path: &str) -> Option<String> {
        let text = format!("[files]\nallow = {allow}");
        let policy = Policy::parse(&text, Path::new("/etc/muster/agent-policy.toml")).unwrap();
        policy.check_file(path).err().map(|refusal| {
            assert_eq!(refusal.rule, RULE);
            refusal.message
        })
    }

    #[test]
    fn nothing_is_written_unless_it_is_listed() {
        let message = refused("[]", "/srv/app/x").unwrap();
        assert!(message.contains("allow = [\"/srv/app/**\"]"), "{message}");
        for path in ["/srv/app/x", "/srv/app/a/b"] {
            assert_eq!(refused("[\"/srv/app/**\"]", path), None);
        }
        for path in ["/srv/app", "/srv/apple/x", "/srv/x", "/x/srv/app/y"] {
            assert!(refused("[\"/srv/app/**\"]", path).is_some(), "{path}");
        }
        assert_eq!(refused("[\"/etc/nginx/*.conf\"]", "/etc/nginx/a.conf"), None);
        assert!(refused("[\"/etc/nginx/*.conf\"]", "/etc/nginx/a/b.conf").is_some());
    }

    #[test]
    fn a_path_that_does_not_mean_what_it_says_is_never_allowed() {
        let long = format!("/srv/{}", "a/".repeat(3_000));
        let name = format!("/srv/{}", "a".repeat(256));
        for path in [
            "",
            "/",
            "srv/x",
            "/srv/",
            "/srv//x",
            "/srv/./x",
            "/srv/../etc/passwd",
            "/srv/..",
            "/srv/a\0b",
            "/srv/a\nb",
            &long,
            &name,
        ] {
            assert!(refused("[\"/**\"]", path).is_some(), "{path:?}");
        }
        assert_eq!(refused("[\"/**\"]", &format!("/srv/{}", "a".repeat(255))), None);
    }

    #[test]
    fn muster_s_own_and_the_kernel_s_folders_are_never_written() {
        for path in [
            "/etc/muster/agent-policy.toml",
            "/etc/muster",
            "/etc/default/muster-agent",
            "/etc/systemd/system/muster-worker@.service.d/files.conf",
            "/var/lib/muster-agent/worker/seal.key",
            "/usr/bin/muster-agent",
            "/usr/libexec/muster-agent/muster-worker",
            "/proc/sys/kernel/core_pattern",
            "/sys/x",
            "/dev/sda",
        ] {
            assert!(refused("[\"/**\"]", path).is_some(), "{path}");
        }
        assert_eq!(refused("[\"/**\"]", "/device/x"), None);
    }

    #[test]
    fn a_pattern_is_absolute_and_plain() {
        for pattern in ["", "srv/**", "/srv/../**", "/srv/./x"] {
            let text = format!("[files]\nallow = [\"{pattern}\"]");
            assert!(Policy::parse(&text, Path::new("p")).is_err(), "{pattern}");
        }
    }
}
