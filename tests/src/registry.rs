//! A registry of names: it lists repositories and tags, page by page, and has a digest for each; nothing can be pulled.
//! For whoever only asks what a registry has.

use anyhow::Result;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Repositories, and tags of each.
const NAMES: usize = 2_000;
/// Names in an answer, whatever is asked for.
const PAGE: usize = 1_000;
const DIGEST: &str = "sha256:c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff";
/// A connection that says nothing for so long is closed.
const SILENCE: Duration = Duration::from_mins(5);

/// Starts one that is there as long as the process; its URL.
pub fn start() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::Builder::new()
        .name("registry".to_owned())
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever leaves in the middle of an answer is no news.
                thread::spawn(move || serve(&stream).ok());
            }
        })?;
    Ok(url)
}

fn serve(stream: &TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let mut parts = request.split(' ');
        let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let body = answer(target);
        let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
        let body = body.unwrap_or_default();
        let sent = if method == "HEAD" { "" } else { &body };
        let kind = if target.contains("/manifests/") {
            "application/vnd.oci.image.manifest.v1+json"
        } else {
            "application/json"
        };
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nDocker-Content-Digest: {DIGEST}\r\n\r\n{sent}",
            body.len()
        )?;
    }
}

/// The answer to a path with its query.
fn answer(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let quoted = |prefix: &str| {
        let names = names(prefix, query);
        let quoted: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
        quoted.join(",")
    };
    match path {
        "/v2/" => Some("{}".to_owned()),
        "/v2/_catalog" => Some(format!("{{\"repositories\":[{}]}}", quoted("team/app-"))),
        _ if path.ends_with("/tags/list") => Some(format!("{{\"name\":\"x\",\"tags\":[{}]}}", quoted("v"))),
        _ if path.contains("/manifests/") => Some("{}".to_owned()),
        _ => None,
    }
}

/// The names after `last`, at most `n` of them.
fn names(prefix: &str, query: &str) -> impl Iterator<Item = String> {
    let field = |name: &str| {
        let fields = query.split('&').filter_map(|field| field.split_once('='));
        let mut found = fields.filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.replace("%2F", "/"))
    };
    let after = field("last").unwrap_or_default();
    let count = field("n").and_then(|n| n.parse().ok()).unwrap_or(PAGE).min(PAGE);
    (0..NAMES)
        .map(move |number| format!("{prefix}{number:04}"))
        .filter(move |name| *name > after)
        .take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_page_by_page() {
        let page: Vec<_> = names("v", "n=2&last=v0003").collect();
        assert_eq!(page, ["v0004", "v0005"]);
        let page: Vec<_> = names("team/app-", "last=team%2Fapp-1998").collect();
        assert_eq!(page, ["team/app-1999"]);
        assert_eq!(names("v", "").count(), PAGE);
    }

    #[test]
    fn what_is_no_list_is_not_there() {
        assert_eq!(answer("/v2/").as_deref(), Some("{}"));
        assert!(answer("/v2/team/app/tags/list?n=1").is_some_and(|tags| tags.contains("[\"v0000\"]")));
        assert_eq!(answer("/metrics"), None);
    }
}
