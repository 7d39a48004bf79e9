//! Where other machines find a listener.

use std::net::SocketAddr;

/// `HOST:PORT` for other machines: the listener's address, or this machine's name where it listens on all of them.
pub fn as_seen_from_outside(listen: SocketAddr) -> String {
    if !listen.ip().is_unspecified() {
        return listen.to_string();
    }
    // Not from /proc/sys, which the packaged service does not see.
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    let name = name.filter(|name| !name.is_empty());
    format!("{}:{}", name.as_deref().unwrap_or("localhost"), listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_found_by_name() {
        assert_eq!(
            as_seen_from_outside("192.0.2.1:8441".parse().unwrap()),
            "192.0.2.1:8441"
        );
        let named = as_seen_from_outside("[::]:8441".parse().unwrap());
        assert!(named.ends_with(":8441") && !named.starts_with('['), "{named}");
    }
}
