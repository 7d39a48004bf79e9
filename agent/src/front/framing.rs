//! Where HTTP/1 messages end (RFC 9112, section 6).

use std::io;

/// Longest head of a message; a longer one is not interpreted.
const HEAD_BYTES: usize = 64 * 1024;
const HEADERS: usize = 128;

/// Where a message's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// So many bytes; none if 0.
    Length(u64),
    /// In chunks.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What a head says, as far as it matters here.
#[expect(clippy::struct_excessive_bools, reason = "what a head says")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the head.
    pub bytes: usize,
    /// Where the body ends.
    pub body: Body,
    /// Whether the connection ends after this message.
    pub closes: bool,
    /// Whether what follows is no HTTP any more.
    pub tunnel: bool,
    /// `HEAD`: the answer has no body.
    pub bodyless: bool,
    /// Whether it may be asked twice (RFC 9110, section 9.2.2).
    pub idempotent: bool,
    /// An answer that another one follows.
    pub interim: bool,
}

/// What can be said of the bytes so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The head is complete.
    Head(Head),
    /// More is needed.
    Partial,
    /// Not HTTP/1 as it is understood here.
    Opaque,
}

/// Reads the head of a request.
pub fn request(bytes: &[u8]) -> Read {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let size = match request.parse(bytes) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Read::Partial,
        Ok(httparse::Status::Partial) | Err(_) => return Read::Opaque,
    };
    let method = request.method.unwrap_or_default();
    if method == "CONNECT" {
        return Read::Opaque;
    }
    let Some(framing) = framing(request.headers, request.version) else {
        return Read::Opaque;
    };
    Read::Head(Head {
        bytes: size,
        body: framing.body.unwrap_or(Body::Length(0)),
        closes: framing.closes,
        tunnel: false,
        bodyless: method == "HEAD",
        idempotent: matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE"),
        interim: false,
    })
}

/// Reads the head of the answer to `request`.
pub fn response(bytes: &[u8], request: &Head) -> Read {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let size = match response.parse(bytes) {
        Ok(httparse::Status::Complete(size)) => size,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Read::Partial,
        Ok(httparse::Status::Partial) | Err(_) => return Read::Opaque,
    };
    let code = response.code.unwrap_or_default();
    let Some(framing) = framing(response.headers, response.version) else {
        return Read::Opaque;
    };
    let interim = (100..200).contains(&code) && code != 101;
    let without = request.bodyless || matches!(code, 100..=199 | 204 | 304);
    let body = if without {
        Body::Length(0)
    } else {
        framing.body.unwrap_or(Body::UntilClose)
    };
    Read::Head(Head {
        bytes: size,
        body,
        closes: framing.closes || body == Body::UntilClose,
        tunnel: code == 101,
        bodyless: request.bodyless,
        idempotent: request.idempotent,
        interim,
    })
}

struct Framing {
    body: Option<Body>,
    closes: bool,
}

/// `None` if the message says in two ways, or in none that is understood, where it ends.
fn framing(headers: &[httparse::Header<'_>], version: Option<u8>) -> Option<Framing> {
    let mut length: Option<u64> = None;
    let mut chunked = false;
    let mut closes = version == Some(0);
    for header in headers {
        let value = std::str::from_utf8(header.value).ok().map(str::trim);
        if header.name.eq_ignore_ascii_case("content-length") {
            let digits = value.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))?;
            let bytes = digits.parse().ok()?;
            if length.is_some_and(|known| known != bytes) {
                return None;
            }
            length = Some(bytes);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !value?.eq_ignore_ascii_case("chunked") {
                return None;
            }
            chunked = true;
        } else if header.name.eq_ignore_ascii_case("connection") {
            for word in value?.split(',').map(str::trim) {
                closes |= word.eq_ignore_ascii_case("close");
                if word.eq_ignore_ascii_case("keep-alive") && version == Some(0) {
                    closes = false;
                }
            }
        }
    }
    let body = match (length, chunked) {
        (Some(_), true) => return None,
        (None, true) if version == Some(0) => return None,
        (None, true) => Some(Body::Chunked),
        (Some(bytes), false) => Some(Body::Length(bytes)),
        (None, false) => None,
    };
    Some(Framing { body, closes })
}

/// How far a chunked body has been seen (RFC 9112, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunked {
    /// In a size, with what it is so far.
    Size(u64),
    /// In the rest of a size's line.
    Line(u64),
    /// In a chunk's data, so many bytes before its end, which two more follow.
    Data(u64),
    /// At a line after the last chunk; whether something is in it.
    Trailer(bool),
    /// Seen to the end.
    Done,
}

impl Chunked {
    /// Looks at more bytes; how many of them belong to the body, or `None` if it is none.
    pub fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() && *self != Self::Done {
            let byte = bytes[at];
            match *self {
                Self::Data(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    at += here;
                    let left = left - here as u64;
                    *self = if left == 0 {
                        Self::Size(0)
                    } else {
                        Self::Data(left)
                    };
                    continue;
                }
                Self::Size(size) => match char::from(byte).to_digit(16) {
                    Some(digit) => {
                        let size = size.checked_mul(16)?.checked_add(digit.into())?;
                        *self = Self::Size(size);
                    }
                    None if byte == b'\n' => *self = Self::after_line(size),
                    None if matches!(byte, b'\r' | b';' | b' ' | b'\t') => *self = Self::Line(size),
                    None => return None,
                },
                Self::Line(size) => {
                    if byte == b'\n' {
                        *self = Self::after_line(size);
                    }
                }
                Self::Trailer(filled) => match byte {
                    b'\n' if !filled => *self = Self::Done,
                    b'\n' => *self = Self::Trailer(false),
                    b'\r' => {}
                    _ => *self = Self::Trailer(true),
                },
                Self::Done => {}
            }
            at += 1;
        }
        Some(at)
    }

    /// A chunk's data is followed by a line end, which belongs to it here.
    const fn after_line(size: u64) -> Self {
        if size == 0 {
            Self::Trailer(false)
        } else {
            Self::Data(size.saturating_add(2))
        }
    }
}

/// How much of a body has been seen.
pub(super) enum Progress {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

impl Progress {
    pub(super) const fn of(body: Body) -> Self {
        match body {
            Body::Length(bytes) => Self::Length(bytes),
            Body::Chunked => Self::Chunked(Chunked::Size(0)),
            Body::UntilClose => Self::UntilClose,
        }
    }

    /// How many of these bytes belong to the body.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                Ok(here)
            }
            Self::Chunked(state) => state
                .advance(bytes)
                .ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Self::UntilClose => Ok(bytes.len()),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(state) => *state == Chunked::Done,
            Self::UntilClose => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(read: Read) -> Head {
        match read {
            Read::Head(head) => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_end_where_their_heads_say() {
        let get = head(request(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!((get.body, get.closes), (Body::Length(0), false));
        let post = head(request(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"));
        assert_eq!((post.body, post.bytes), (Body::Length(5), 38));
        assert!(head(request(b"GET / HTTP/1.0\r\n\r\n")).closes);
        assert!(!head(request(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).closes);
        assert!(head(request(b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n")).closes);

        let ok = head(response(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            &get,
        ));
        assert_eq!((ok.body, ok.closes), (Body::Chunked, false));
        let until = head(response(b"HTTP/1.1 200 OK\r\n\r\n", &get));
        assert_eq!((until.body, until.closes), (Body::UntilClose, true));
        let none = head(response(b"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", &get));
        assert_eq!(none.body, Body::Length(0));
        let asked = head(request(b"HEAD / HTTP/1.1\r\n\r\n"));
        let answered = head(response(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", &asked));
        assert_eq!(answered.body, Body::Length(0));
        assert!(head(response(b"HTTP/1.1 100 Continue\r\n\r\n", &get)).interim);
        assert!(head(response(b"HTTP/1.1 101 Switching\r\n\r\n", &get)).tunnel);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_read() {
        for wrong in [
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "CONNECT x:1 HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        ] {
            assert_eq!(request(wrong.as_bytes()), Read::Opaque, "{wrong:?}");
        }
        assert_eq!(request(b"GET / HT"), Read::Partial);
        assert_eq!(request(&vec![b'a'; HEAD_BYTES]), Read::Opaque);
    }

    /// A chunked body, and where it ends.
    fn chunked() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..5).prop_map(|chunks| {
            let mut body = Vec::new();
            for chunk in chunks {
                body.extend(format!("{:x};a=b\r\n", chunk.len()).bytes());
                body.extend(&chunk);
                body.extend(b"\r\n");
            }
            body.extend(b"0\r\nTrailer: x\r\n\r\n");
            body
        })
    }

    proptest! {
        #[test]
        fn a_chunked_body_ends_where_it_ends_however_it_is_cut(body in chunked(), cut in 1_usize..20, after in any::<[u8; 5]>()) {
            let mut bytes = body.clone();
            bytes.extend(after);
            let mut state = Chunked::Size(0);
            let mut seen = 0;
            for piece in bytes.chunks(cut) {
                let here = state.advance(piece).unwrap();
                seen += here;
                if here < piece.len() || state == Chunked::Done {
                    break;
                }
            }
            prop_assert_eq!(state, Chunked::Done);
            prop_assert_eq!(seen, body.len());
        }

        #[test]
        fn garbage_is_never_more_than_was_given(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut state = Chunked::Size(0);
            if let Some(here) = state.advance(&bytes) {
                prop_assert!(here <= bytes.len());
            }
            prop_assert!(!matches!(request(&bytes), Read::Head(head) if head.bytes > bytes.len()));
        }
    }
}
