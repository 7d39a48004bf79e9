//! A range of addresses, as an allow-list names it: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::{fmt, net::IpAddr, str::FromStr};

/// Addresses whose first bits are those of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address is in it. An IPv4 address that is written as IPv6 is the IPv4 address.
    pub(super) fn holds(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (ours.to_bits() ^ theirs.to_bits()) & mask == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (ours.to_bits() ^ theirs.to_bits()) & mask == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(drop)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().map_err(drop)?,
            Some(_) => return Err(()),
            None => most,
        };
        if prefix > most {
            return Err(());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_begins_as_it_does() {
        let holds = |network: &str, ip: &str| network.parse::<Network>().unwrap().holds(ip.parse().unwrap());
        for (network, ip) in [
            ("10.0.0.0/8", "10.255.1.2"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.99/24", "10.1.2.3"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("192.0.2.0/25", "192.0.2.127"),
            ("2001:db8::/32", "2001:db8:ffff::1"),
            ("::/0", "2001:db8::1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1"),
        ] {
            assert!(holds(network, ip), "{network} {ip}");
        }
        for (network, ip) in [
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.1.2.3", "10.1.2.4"),
            ("192.0.2.0/25", "192.0.2.128"),
            ("2001:db8::/32", "2001:db9::1"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("::/0", "192.0.2.1"),
        ] {
            assert!(!holds(network, ip), "{network} {ip}");
        }
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
            "example.com",
            "10.0.0.0/8/8",
        ] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
