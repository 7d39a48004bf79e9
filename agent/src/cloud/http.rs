//! One request and its answer, of a metadata service. Whoever answers may be hostile: an answer has a time and a size beyond
//! which it is given up, and only `200` says anything.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// One request, from the connection to the last byte.
const PATIENCE: Duration = Duration::from_secs(3);
const MOST_HEAD_BYTES: usize = 8 * 1024;
const MOST_HEADERS: usize = 64;
/// Azure's whole answer is about 4 KiB.
const MOST_BODY_BYTES: usize = 64 * 1024;
/// What a body in chunks may take besides: their sizes and ends.
const MOST_BYTES: usize = MOST_HEAD_BYTES + 2 * MOST_BODY_BYTES;
/// A token that is longer is none.
const MOST_TOKEN_BYTES: usize = 1_024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody is there, or hung up.
    #[error("no connection")]
    Io(#[from] std::io::Error),
    /// It took too long.
    #[error("no answer in time")]
    Slow,
    /// More than any honest answer.
    #[error("the answer is too long")]
    TooLong,
    /// Not HTTP, or not what this cloud says.
    #[error("the answer can't be understood")]
    NotUnderstood,
    /// An answer other than `200`.
    #[error("it answered with status {0}")]
    Status(u16),
}

/// A metadata service.
pub(super) struct Service {
    address: SocketAddr,
    host: &'static str,
}

/// An answer of status `200`.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: String,
    /// `Metadata-Flavor`, by which Google's service shows that it is that.
    pub(super) flavor: String,
}

impl Service {
    /// The one at `other`, else at its own address. `host` is what it is called in requests.
    pub(super) fn new(other: Option<SocketAddr>, own: SocketAddr, host: &'static str) -> Self {
        Self {
            address: other.unwrap_or(own),
            host,
        }
    }

    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, AskError> {
        self.ask("GET", path, headers).await
    }

    /// The same, where it is no fault that there is nothing there: then it is an empty text.
    pub(super) async fn find(&self, path: &str, headers: &[(&str, &str)]) -> Result<String, AskError> {
        match self.get(path, headers).await {
            Ok(answer) => Ok(answer.body),
            Err(AskError::Status(404)) => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    /// A token for the requests that follow.
    pub(super) async fn token(&self, path: &str, lifetime: (&str, &str)) -> Result<String, AskError> {
        let token = self.ask("PUT", path, &[lifetime]).await?.body;
        let token = token.trim();
        // It goes into a header: what is no token must not become another one.
        if token.is_empty()
            || token.len() > MOST_TOKEN_BYTES
            || !token.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(AskError::NotUnderstood);
        }
        Ok(token.to_owned())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer, AskError> {
        timeout(PATIENCE, self.exchange(method, path, headers))
            .await
            .map_err(|_| AskError::Slow)?
    }

    async fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<Answer, AskError> {
        let host = self.host;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: muster-agent\r\nAccept: */*\r\nConnection: close\r\n"
        );
        for (name, value) in headers {
            request.extend([*name, ": ", *value, "\r\n"]);
        }
        if method == "PUT" {
            request.push_str("Content-Length: 0\r\n");
        }
        request.push_str("\r\n");
        let mut connection = TcpStream::connect(self.address).await?;
        connection.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::with_capacity(2_048);
        let mut piece = [0; 2_048];
        loop {
            let read = connection.read(&mut piece).await?;
            let ended = read == 0;
            bytes.extend_from_slice(&piece[..read]);
            if let Some(answer) = understand(&bytes, ended)? {
                return Ok(answer);
            }
            if ended {
                return Err(AskError::NotUnderstood);
            }
            if bytes.len() > MOST_BYTES {
                return Err(AskError::TooLong);
            }
        }
    }
}

/// The answer, once it is whole.
fn understand(bytes: &[u8], ended: bool) -> Result<Option<Answer>, AskError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let start = match response.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) if bytes.len() <= MOST_HEAD_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) => return Err(AskError::TooLong),
        Err(_) => return Err(AskError::NotUnderstood),
    };
    let status = response.code.unwrap_or_default();
    if status != 200 {
        return Err(AskError::Status(status));
    }
    let said = |wanted: &str| {
        let found = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(wanted));
        found
            .and_then(|header| std::str::from_utf8(header.value).ok())
            .unwrap_or_default()
            .trim()
    };
    let rest = &bytes[start..];
    let body = if said("transfer-encoding").is_empty() {
        match said("content-length") {
            "" if ended => rest.to_vec(),
            "" => {
                let fits = rest.len() <= MOST_BODY_BYTES;
                return if fits { Ok(None) } else { Err(AskError::TooLong) };
            }
            length => {
                let length: usize = length.parse().map_err(|_| AskError::NotUnderstood)?;
                if length > MOST_BODY_BYTES {
                    return Err(AskError::TooLong);
                }
                match rest.get(..length) {
                    Some(body) => body.to_vec(),
                    None => return Ok(None),
                }
            }
        }
    } else if said("transfer-encoding").eq_ignore_ascii_case("chunked") {
        match chunks(rest)? {
            Some(body) => body,
            None => return Ok(None),
        }
    } else {
        return Err(AskError::NotUnderstood);
    };
    if body.len() > MOST_BODY_BYTES {
        return Err(AskError::TooLong);
    }
    Ok(Some(Answer {
        body: String::from_utf8(body).map_err(|_| AskError::NotUnderstood)?,
        flavor: said("metadata-flavor").to_owned(),
    }))
}

/// A body in chunks, once its last one is there.
fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, AskError> {
    let mut body = Vec::new();
    loop {
        let (head, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(AskError::NotUnderstood),
        };
        if size == 0 {
            return Ok(Some(body));
        }
        let size = usize::try_from(size)
            .ok()
            .filter(|size| body.len().saturating_add(*size) <= MOST_BODY_BYTES)
            .ok_or(AskError::TooLong)?;
        let Some(chunk) = rest.get(head..head + size) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        match rest.get(head + size..head + size + 2) {
            Some(b"\r\n") => rest = &rest[head + size + 2..],
            Some(_) => return Err(AskError::NotUnderstood),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &str, ended: bool) -> Result<Option<String>, AskError> {
        Ok(understand(bytes.as_bytes(), ended)?.map(|answer| answer.body))
    }

    #[test]
    fn bodies_end_where_the_head_says() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more";
        assert_eq!(body(whole, false).unwrap().unwrap(), "hello");
        assert_eq!(body(&whole[..40], false).unwrap(), None);
        assert_eq!(body("HTTP/1.1 200 OK\r\n\r\nhello", false).unwrap(), None);
        assert_eq!(
            body("HTTP/1.1 200 OK\r\n\r\nhello", true).unwrap().unwrap(),
            "hello"
        );
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
        assert_eq!(body(chunked, false).unwrap().unwrap(), "hello!");
        assert_eq!(body(&chunked[..chunked.len() - 8], false).unwrap(), None);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in [
            "\0\0\0\0\0\0\0\0",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        ] {
            assert!(
                matches!(body(wrong, false), Err(AskError::NotUnderstood)),
                "{wrong}"
            );
        }
        for long in [
            "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
            &format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(9_000)),
        ] {
            assert!(matches!(body(long, false), Err(AskError::TooLong)));
        }
        let away = "HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\n\r\n";
        assert!(
            matches!(body(away, false), Err(AskError::Status(302))),
            "no redirect is followed"
        );
    }
}
