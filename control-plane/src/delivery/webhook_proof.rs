//! Whether a webhook call was signed, by whom and when.
//!
//! `X-Muster-Timestamp` holds the seconds since 1970; `X-Muster-Signature-256` is `sha256=` and the HMAC-SHA256, in
//! hexadecimal digits, of that text, a dot and the body as it is sent. It holds for five minutes before and after that
//! time. A signed call without an `Idempotency-Key` counts once: its signature is its key. What fails is kept as
//! [`WebhookRefused`], for people; who called is told nothing.

use aws_lc_rs::hmac;
use muster_base::{ExposeSecret, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const WINDOW_MS: i64 = 5 * UnixMs::MINUTE;

/// Why a call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WebhookRefused {
    /// Its token is nobody's, has ended, or the webhook is off.
    Token,
    /// It came from an address that may not call.
    Address,
    /// It is not signed.
    NoSignature,
    /// Its time is more than five minutes off.
    Timestamp,
    /// Its signature is of another secret, body or time.
    Signature,
}

impl WebhookRefused {
    const ALL: [Self; 5] = [
        Self::Token,
        Self::Address,
        Self::NoSignature,
        Self::Timestamp,
        Self::Signature,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Address => "address",
            Self::NoSignature => "noSignature",
            Self::Timestamp => "timestamp",
            Self::Signature => "signature",
        }
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// For the audit log.
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::Token => "credentials not valid",
            Self::Address => "the address is not among those that may call",
            Self::NoSignature => "the call is not signed",
            Self::Timestamp => "the signature's time is more than five minutes off",
            Self::Signature => "the signature does not hold",
        }
    }
}

/// What a call brings beside its token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof<'a> {
    pub timestamp: &'a str,
    pub signature: &'a str,
    pub body: &'a [u8],
}

impl Proof<'_> {
    /// The signature's own words, if there are any: of two signed calls with the same one, the second is the first.
    pub(super) fn key(&self) -> Option<String> {
        let digits = self.signature.strip_prefix("sha256=")?;
        Some(format!("signed:{}", digits.to_ascii_lowercase()))
    }

    /// Whether it was signed with this secret, about now.
    pub(super) fn check(&self, secret: &SecretString, now: UnixMs) -> Result<(), WebhookRefused> {
        if self.signature.is_empty() || self.timestamp.is_empty() {
            return Err(WebhookRefused::NoSignature);
        }
        let given = self
            .signature
            .strip_prefix("sha256=")
            .and_then(|digits| hex::decode(digits).ok())
            .unwrap_or_default();
        let said = [self.timestamp.as_bytes(), b".", self.body].concat();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        if secret.expose_secret().is_empty() || hmac::verify(&key, &said, &given).is_err() {
            return Err(WebhookRefused::Signature);
        }
        let time = self.timestamp.parse::<i64>().ok();
        let off = time
            .and_then(|s| s.checked_mul(UnixMs::SECOND))
            .map(|ms| now.0.saturating_sub(ms));
        if off.is_some_and(|off| off.saturating_abs() <= WINDOW_MS) {
            Ok(())
        } else {
            Err(WebhookRefused::Timestamp)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_time_and_the_body() {
        let secret = SecretString::from("whs_known");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"whs_known");
        let signed = |text: &str| format!("sha256={}", hex::encode(hmac::sign(&key, text.as_bytes())));
        let now = UnixMs(1_800_000_000_000);
        let check = |timestamp: &str, signature: &str, body: &str| {
            let proof = Proof {
                timestamp,
                signature,
                body: body.as_bytes(),
            };
            proof.check(&secret, now)
        };
        let right = signed("1800000000.{}");
        assert_eq!(check("1800000000", &right, "{}"), Ok(()));
        assert_eq!(check("1800000000", &right, "{ }"), Err(WebhookRefused::Signature));
        assert_eq!(check("1800000001", &right, "{}"), Err(WebhookRefused::Signature));
        assert_eq!(check("1800000000", "", "{}"), Err(WebhookRefused::NoSignature));
        assert_eq!(check("", &right, "{}"), Err(WebhookRefused::NoSignature));
        assert_eq!(
            check("1800000000", &right[7..], "{}"),
            Err(WebhookRefused::Signature)
        );
        for (time, holds) in [
            ("1799999700", true),
            ("1799999699", false),
            ("1800000300", true),
            ("1800000301", false),
            ("soon", false),
            ("9223372036854775807", false),
        ] {
            let expected = if holds {
                Ok(())
            } else {
                Err(WebhookRefused::Timestamp)
            };
            assert_eq!(
                check(time, &signed(&format!("{time}.{{}}")), "{}"),
                expected,
                "{time}"
            );
        }
        let empty = Proof {
            timestamp: "1800000000",
            signature: &right,
            body: b"{}",
        };
        assert!(empty.check(&SecretString::from(""), now).is_err());
    }
}
