//! Codes by time (RFC 6238): SHA-1, six digits, thirty seconds, as every authenticator app has them.
//!
//! SHA-1 as HMAC is not what is broken about SHA-1, and apps know no other.

use aws_lc_rs::hmac;
use muster_base::{SecretString, UnixMs, random_array};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Length of a secret, as RFC 4226 recommends.
pub(super) const SECRET_BYTES: usize = 20;
const STEP_MS: i64 = 30 * UnixMs::SECOND;
/// Steps before and after the present one that count, for clocks that differ.
const SLACK: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret.
pub(super) fn generate() -> Zeroizing<[u8; SECRET_BYTES]> {
    Zeroizing::new(random_array())
}

/// The step whose code this is, around `now` and after the step that was used last.
pub(super) fn step_of(secret: &[u8], code: &str, now: UnixMs, last: i64) -> Option<i64> {
    let present = now.0.div_euclid(STEP_MS);
    let mut found = None;
    // Every step is looked at, so that the time tells nothing.
    for step in present - SLACK..=present + SLACK {
        let matches = bool::from(code_at(secret, step).as_bytes().ct_eq(code.as_bytes()));
        if matches && step > last {
            found = Some(step);
        }
    }
    found
}

/// The code of a step.
pub(super) fn code_at(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0xf);
    let word: [u8; 4] = std::array::from_fn(|at| bytes[offset + at]);
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

/// The step of a time, for tests.
#[cfg(test)]
pub(super) const fn step(now: UnixMs) -> i64 {
    now.0.div_euclid(STEP_MS)
}

/// Letters and digits that people can type, without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(BASE32[((bits >> held) & 31) as usize]));
        }
    }
    if held > 0 {
        text.push(char::from(BASE32[((bits << (5 - held)) & 31) as usize]));
    }
    text
}

/// What an authenticator app reads from a picture.
pub(super) fn uri(secret: &[u8], username: &str) -> SecretString {
    let label: String = username.bytes().map(escaped).collect();
    let secret = Zeroizing::new(base32(secret));
    format!(
        "otpauth://totp/Muster:{label}?secret={}&issuer=Muster",
        secret.as_str()
    )
    .into()
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use muster_base::ExposeSecret;

    use super::*;

    /// RFC 6238, appendix B; the last six of its eight digits.
    #[test]
    fn the_standard_s_own_examples() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = UnixMs(seconds * 1_000);
            assert_eq!(step_of(secret, code, now, 0), Some(step(now)), "{seconds}");
        }
    }

    #[test]
    fn a_code_counts_half_a_minute_early_and_late_and_once() {
        let secret = b"12345678901234567890";
        let now = UnixMs(1_700_000_000_000);
        let code = code_at(secret, step(now));
        for (ms, counts) in [(-30_000, true), (30_000, true), (-60_000, false), (60_000, false)] {
            assert_eq!(
                step_of(secret, &code, now.plus_ms(ms), 0).is_some(),
                counts,
                "{ms}"
            );
        }
        assert_eq!(step_of(secret, &code, now, step(now)), None, "it was used");
        for wrong in ["", "12345", "1234567", "abcdef"] {
            assert_eq!(step_of(secret, wrong, now, 0), None);
        }
    }

    /// RFC 4648, section 10, without padding.
    #[test]
    fn base32_as_in_its_standard() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
        }
        let uri = uri(b"foobar", "王 a");
        assert_eq!(
            uri.expose_secret(),
            "otpauth://totp/Muster:%E7%8E%8B%20a?secret=MZXW6YTBOI&issuer=Muster"
        );
    }
}
