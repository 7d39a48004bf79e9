//! Rules of a container's fields: what the engine would refuse only after the old container was stopped is refused here.

use std::net::IpAddr;

use super::{container::Port, fields::Fields};

impl Port {
    /// Whether both would listen at one place: without an address, or at that of all, a port is everywhere.
    pub(super) fn collides_with(&self, other: &Self) -> bool {
        let at = |port: &Self| port.host_ip.as_deref().map(|ip| ip.parse::<IpAddr>().ok());
        let same_place = match (at(self), at(other)) {
            (None, _) | (_, None) => true,
            (Some(Some(a)), Some(Some(b))) => {
                a == b || (a.is_ipv4() == b.is_ipv4() && (a.is_unspecified() || b.is_unspecified()))
            }
            // What is no address is told as that.
            (Some(_), Some(_)) => false,
        };
        same_place && (self.host, self.protocol) == (other.host, other.protocol)
    }
}

/// As the engine takes it: `user` or `user:group`, each a name or a number. Empty is the image's own.
pub(super) fn is_user(text: &str) -> bool {
    let mut parts = text.splitn(2, ':');
    let plain = |part: &str| {
        let number = part.bytes().all(|b| b.is_ascii_digit());
        part.len() <= 64
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'$'))
            && (!number || part.is_empty() || part.parse::<i32>().is_ok())
    };
    let user = parts.next().is_some_and(plain);
    let group = parts.next();
    user && group.is_none_or(|group| !group.is_empty() && plain(group))
}

pub(super) fn words(fields: &mut Fields, field: &str, words: Option<&[String]>) {
    let plain = words.is_none_or(|words| {
        words.len() <= 128
            && words
                .iter()
                .all(|word| word.len() <= 4_096 && !word.contains('\0'))
    });
    fields.check(
        plain,
        field,
        "at most 128 words of at most 4,096 bytes, without NUL",
    );
}

pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= 1_024
        && !path.contains(['\0', ':', '\n'])
        && path.split('/').all(|part| part != "." && part != "..")
}

pub(super) fn is_volume(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    first
        && name.len() <= 128
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use crate::delivery::container::tests::wrong;

    #[test]
    fn one_port_of_the_host_is_published_once() {
        let ports = |one: &str, two: &str| {
            let of = |ip: &str| match ip {
                "" => r#"{"host":80,"container":80}"#.to_owned(),
                ip => format!(r#"{{"host":80,"container":80,"hostIp":"{ip}"}}"#),
            };
            wrong(&format!(r#"{{"ports":[{},{}]}}"#, of(one), of(two))) == ["container.ports[1]"]
        };
        for (one, two) in [
            ("", ""),
            ("", "0.0.0.0"),
            ("127.0.0.1", ""),
            ("127.0.0.1", "0.0.0.0"),
            ("::1", "::"),
            ("::1", "0:0:0:0:0:0:0:1"),
        ] {
            assert!(ports(one, two), "{one} and {two}");
        }
        for (one, two) in [
            ("127.0.0.1", "127.0.0.2"),
            ("0.0.0.0", "::"),
            ("127.0.0.1", "::1"),
        ] {
            assert!(!ports(one, two), "{one} and {two}");
        }
    }

    #[test]
    fn a_user_is_one_that_the_engine_takes() {
        let right = |user: &str| wrong(&format!(r#"{{"user":{user:?}}}"#)).is_empty();
        for user in [
            "web",
            "1000",
            "1000:1000",
            "web:www-data",
            "www-data",
            "",
            "a.b_c$",
        ] {
            assert!(right(user), "{user}");
        }
        for user in [
            "web user",
            "web:",
            "a:b:c",
            "99999999999",
            "web\n",
            "@web",
            "w\u{e9}b",
        ] {
            assert!(!right(user), "{user}");
        }
    }
}
