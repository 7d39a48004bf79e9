//! What a container writes, as the engine kept it.

use std::time::Duration;

use bollard::{container::LogOutput, query_parameters::LogsOptionsBuilder};
use futures_util::{Stream, StreamExt as _, stream::BoxStream};
use muster_base::SecretString;
use muster_protocol::latest::LogStream;

use super::{DockerError, Engine, body};

/// The engine may say nothing, not even that it will, until a silent container says something.
const SILENCE: Duration = Duration::from_mins(20);

/// A container whose log can be read.
#[derive(Debug)]
pub struct Readable {
    /// The engine's id.
    pub id: String,
    /// Whether Muster deployed it.
    pub managed: bool,
    /// Whether its process runs.
    pub running: bool,
    /// When it last started, in the engine's words.
    pub started: String,
    /// The values of the secrets that Muster put into its environment.
    pub secrets: Vec<SecretString>,
}

/// Which part of a log.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// The last so many; `None`: all.
    pub tail: Option<u32>,
    /// Not older than this second.
    pub since_s: i32,
    /// Go on with what comes.
    pub follow: bool,
}

/// A piece of a log. Most are whole lines with their ends; longer ones come in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it was written to.
    pub stream: LogStream,
    /// Whether the container writes to a terminal, whose pieces are always whole lines.
    pub terminal: bool,
    /// The engine's time stamp, a space, and what was written.
    pub bytes: Vec<u8>,
}

impl Engine {
    /// The container of that name, if there is one.
    pub async fn find_readable(&self, name: &str) -> Result<Option<Readable>, DockerError> {
        let about = match self
            .docker
            .inspect_container(name, None)
            .await
            .map_err(DockerError::from)
        {
            Ok(about) => about,
            Err(e) if e.is_not_found() => return Ok(None),
            Err(e) => return Err(e),
        };
        // The engine also takes ids for names.
        if about.name.as_deref().map(|named| named.trim_start_matches('/')) != Some(name) {
            return Ok(None);
        }
        let config = about.config.unwrap_or_default();
        let labels = config.labels.unwrap_or_default();
        let names: Vec<&str> = labels
            .get(body::LABEL_SECRETS)
            .map(|names| names.split(',').collect())
            .unwrap_or_default();
        let variables = config.env.unwrap_or_default();
        let secrets = variables
            .iter()
            .filter_map(|variable| variable.split_once('='))
            .filter(|(name, _)| names.contains(name))
            .map(|(_, value)| value.into())
            .collect();
        let state = about.state.unwrap_or_default();
        Ok(Some(Readable {
            id: about.id.unwrap_or_default(),
            managed: labels.contains_key(body::LABEL_APPLICATION),
            running: state.running.unwrap_or(false),
            started: state.started_at.unwrap_or_default(),
            secrets,
        }))
    }

    /// What the container wrote, oldest first, and what it writes if that is asked for: it ends when the container does.
    pub fn log(&self, id: &str, lines: Lines) -> BoxStream<'static, Result<Piece, DockerError>> {
        let tail = lines
            .tail
            .map_or_else(|| "all".to_owned(), |tail| tail.to_string());
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .follow(lines.follow)
            .since(lines.since_s)
            .tail(&tail)
            .build();
        let docker = if lines.follow {
            self.docker.clone().with_timeout(SILENCE)
        } else {
            self.docker.clone()
        };
        pieces(docker.logs(id, Some(options))).boxed()
    }
}

fn pieces(
    outputs: impl Stream<Item = Result<LogOutput, bollard::errors::Error>>,
) -> impl Stream<Item = Result<Piece, DockerError>> {
    outputs.filter_map(async |output| {
        let piece = |stream, terminal, message: &[u8]| Piece {
            stream,
            terminal,
            bytes: message.to_vec(),
        };
        match output {
            Ok(LogOutput::StdOut { message }) => Some(Ok(piece(LogStream::Stdout, false, &message))),
            Ok(LogOutput::StdErr { message }) => Some(Ok(piece(LogStream::Stderr, false, &message))),
            Ok(LogOutput::Console { message }) => Some(Ok(piece(LogStream::Stdout, true, &message))),
            Ok(LogOutput::StdIn { .. }) => None,
            Err(e) => Some(Err(e.into())),
        }
    })
}
