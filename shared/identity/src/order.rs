//! The head of a work order: what is signed, in canonical bytes.
//!
//! ```text
//! "muster-order-v1\0"
//! order id 16 · org 16 · host 16 · kind u8 · SHA-256 of the payload 32 · SHA-256 of the sealed part 32
//! not before i64 · expires i64 · sequence u64
//! number of approvals u8, each: length u8 · who, UTF-8 · when i64
//! ```
//!
//! Integers are big-endian, times milliseconds since the epoch. There is exactly one encoding of a head; decoding
//! refuses every other. The payload and the sealed part travel beside the head and are bound by their digests.

use muster_base::{HostId, OrderId, OrgId, Sha256Digest, UnixMs, sha256};

use crate::keys::{KeyId, PinnedKeys, SigningKey};

const MAGIC: &[u8; 16] = b"muster-order-v1\0";
/// A host whose clock is behind by up to this much still takes an order that has just become valid.
pub const EARLY_TOLERANCE_MS: i64 = UnixMs::MINUTE;
/// Approvals that an order can carry.
pub const MAX_APPROVALS: usize = 32;

/// What kind of work is asked for. The payload must be of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// Replace a container.
    Deploy,
    /// Execute a release.
    Sql,
    /// Connect to a database server and say its version.
    TestServer,
    /// Start, stop or restart a container.
    Container,
    /// Put a file onto the host.
    File,
}

impl OrderKind {
    const fn code(self) -> u8 {
        match self {
            Self::Deploy => 1,
            Self::Sql => 2,
            Self::TestServer => 3,
            Self::Container => 4,
            Self::File => 5,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Deploy),
            2 => Some(Self::Sql),
            3 => Some(Self::TestServer),
            4 => Some(Self::Container),
            5 => Some(Self::File),
            _ => None,
        }
    }
}

/// Somebody said yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who, for instance `user:0199…`; at most 255 bytes.
    pub by: String,
    /// When.
    pub at: UnixMs,
}

/// Everything that the signature speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderHead {
    /// The order.
    pub order: OrderId,
    /// The org that asks.
    pub org: OrgId,
    /// The host that is asked.
    pub host: HostId,
    /// The kind of work.
    pub kind: OrderKind,
    /// SHA-256 of the payload.
    pub payload: Sha256Digest,
    /// SHA-256 of the sealed part (of nothing, if there is none).
    pub sealed: Sha256Digest,
    /// Not before this time.
    pub not_before: UnixMs,
    /// Not started after this time.
    pub expires: UnixMs,
    /// Counts up for each host.
    pub sequence: u64,
    /// Who approved, in order.
    pub approvals: Vec<Approval>,
}

/// Why an order is not to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The head can't be read, or is not in its one encoding.
    #[error("the order can't be read")]
    Unreadable,
    /// The signature does not hold, or its key is not pinned.
    #[error("the order's signature does not hold")]
    BadSignature,
    /// The payload or the sealed part is not what was signed.
    #[error("the order's payload is not what was signed")]
    BadDigest,
    /// It is for another host or org.
    #[error("the order is for another host")]
    WrongHost,
    /// Its time has passed.
    #[error("the order has expired")]
    Expired,
    /// Its time has not come.
    #[error("the order's time has not come")]
    NotYet,
}

/// A signature over a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The head's canonical bytes.
    pub body: Vec<u8>,
    /// The key.
    pub key_id: KeyId,
    /// Its Ed25519 signature over `body`.
    pub signature: Vec<u8>,
}

/// An order as it arrives, in parts.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The head's canonical bytes.
    pub body: &'a [u8],
    /// The key that signed them.
    pub key_id: KeyId,
    /// The signature.
    pub signature: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
    /// The sealed part.
    pub sealed: &'a [u8],
}

impl Signature {
    /// The same head under another key: the order stays the same order.
    pub fn of_body(body: Vec<u8>, key: &SigningKey) -> Self {
        Self {
            key_id: key.public_key().id(),
            signature: key.sign(&body),
            body,
        }
    }
}

impl Arrived<'_> {
    /// Everything that can be checked of an order by itself: signature by a pinned key, digests, addressee, time.
    /// Whether it was seen before is the journal's to say.
    pub fn verify(
        &self,
        keys: &PinnedKeys,
        org: OrgId,
        host: HostId,
        now: UnixMs,
    ) -> Result<OrderHead, OrderError> {
        if keys.is_retired(self.key_id) {
            return Err(OrderError::BadSignature);
        }
        let head = self.verify_origin(keys)?;
        if head.org != org || head.host != host {
            return Err(OrderError::WrongHost);
        }
        head.check_time(now).map(|()| head)
    }

    /// Signature and digests only: for an order whose answer is known already, whatever the time.
    ///
    /// A key that was retired since ([`PinnedKeys::is_retired`]) passes here: an order that was begun while it counted
    /// is to be finished. Whoever begins an order must look.
    pub fn verify_origin(&self, keys: &PinnedKeys) -> Result<OrderHead, OrderError> {
        let key = keys
            .find(self.key_id)
            .or_else(|| keys.find_retired(self.key_id))
            .ok_or(OrderError::BadSignature)?;
        if !key.verifies(self.body, self.signature) {
            return Err(OrderError::BadSignature);
        }
        let head = OrderHead::from_bytes(self.body)?;
        if head.payload != sha256(self.payload) || head.sealed != sha256(self.sealed) {
            return Err(OrderError::BadDigest);
        }
        Ok(head)
    }
}

impl OrderHead {
    /// Signs this head.
    pub fn sign(&self, key: &SigningKey) -> Result<Signature, OrderError> {
        Ok(Signature::of_body(self.to_bytes()?, key))
    }

    /// Whether the order may start now.
    pub fn check_time(&self, now: UnixMs) -> Result<(), OrderError> {
        if now >= self.expires {
            Err(OrderError::Expired)
        } else if now.plus_ms(EARLY_TOLERANCE_MS) < self.not_before {
            Err(OrderError::NotYet)
        } else {
            Ok(())
        }
    }

    /// The canonical bytes. Fails only if there are more or longer approvals than fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OrderError> {
        if self.approvals.len() > MAX_APPROVALS {
            return Err(OrderError::Unreadable);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.order.as_uuid().as_bytes());
        bytes.extend(self.org.as_uuid().as_bytes());
        bytes.extend(self.host.as_uuid().as_bytes());
        bytes.push(self.kind.code());
        bytes.extend(self.payload.0);
        bytes.extend(self.sealed.0);
        bytes.extend(self.not_before.0.to_be_bytes());
        bytes.extend(self.expires.0.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.push(u8::try_from(self.approvals.len()).map_err(|_| OrderError::Unreadable)?);
        for approval in &self.approvals {
            bytes.push(u8::try_from(approval.by.len()).map_err(|_| OrderError::Unreadable)?);
            bytes.extend(approval.by.as_bytes());
            bytes.extend(approval.at.0.to_be_bytes());
        }
        Ok(bytes)
    }

    /// Reads canonical bytes. Says nothing about who wrote them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OrderError> {
        let mut reader = Reader(bytes);
        if reader.array::<16>()? != *MAGIC {
            return Err(OrderError::Unreadable);
        }
        let head = Self {
            order: reader.id()?,
            org: reader.id()?,
            host: reader.id()?,
            kind: OrderKind::from_code(reader.byte()?).ok_or(OrderError::Unreadable)?,
            payload: Sha256Digest(reader.array()?),
            sealed: Sha256Digest(reader.array()?),
            not_before: reader.time()?,
            expires: reader.time()?,
            sequence: u64::from_be_bytes(reader.array()?),
            approvals: reader.approvals()?,
        };
        if reader.0.is_empty() {
            Ok(head)
        } else {
            Err(OrderError::Unreadable)
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], OrderError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(OrderError::Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], OrderError> {
        self.take(N)?.try_into().map_err(|_| OrderError::Unreadable)
    }

    fn byte(&mut self) -> Result<u8, OrderError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn time(&mut self) -> Result<UnixMs, OrderError> {
        self.array().map(i64::from_be_bytes).map(UnixMs)
    }

    fn id<T: From<uuid::Uuid>>(&mut self) -> Result<T, OrderError> {
        self.array().map(uuid::Uuid::from_bytes).map(T::from)
    }

    fn approvals(&mut self) -> Result<Vec<Approval>, OrderError> {
        let count = usize::from(self.byte()?);
        if count > MAX_APPROVALS {
            return Err(OrderError::Unreadable);
        }
        (0..count)
            .map(|_| {
                let length = usize::from(self.byte()?);
                let by = std::str::from_utf8(self.take(length)?).map_err(|_| OrderError::Unreadable)?;
                Ok(Approval {
                    by: by.to_owned(),
                    at: self.time()?,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
