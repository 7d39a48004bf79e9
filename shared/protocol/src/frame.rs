//! Length-prefixed frames: a big-endian `u32` length, then that many bytes of one bincode value.
//!
//! The length is checked before anything is allocated, and the decoder has the same limit, so a hostile peer
//! can't make us allocate more than [`MAX_FRAME_BYTES`].

use bincode::config::{self, Configuration, Limit, LittleEndian, Varint};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest frame that is sent or accepted.
pub const MAX_FRAME_BYTES: usize = 1 << 20;

/// A frame could not be read, written or understood.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed or ended inside a frame.
    #[error("stream failed")]
    Io(#[from] std::io::Error),
    /// The peer announced, or we were asked to send, more than [`MAX_FRAME_BYTES`].
    #[error("frame of {0} bytes exceeds the limit of {MAX_FRAME_BYTES}")]
    TooLarge(usize),
    /// The bytes are not the message that belongs here.
    #[error("malformed frame: {0}")]
    Malformed(String),
}

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_FRAME_BYTES>> =
    config::standard().with_limit::<MAX_FRAME_BYTES>();

/// Encodes one message, without the length prefix.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let bytes =
        bincode::serde::encode_to_vec(message, CONFIG).map_err(|e| FrameError::Malformed(e.to_string()))?;
    if bytes.len() > MAX_FRAME_BYTES {
        Err(FrameError::TooLarge(bytes.len()))
    } else {
        Ok(bytes)
    }
}

/// Decodes one message that must fill `bytes` exactly.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FrameError> {
    if bytes.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge(bytes.len()));
    }
    let (message, used) =
        bincode::serde::decode_from_slice(bytes, CONFIG).map_err(|e| FrameError::Malformed(e.to_string()))?;
    if used == bytes.len() {
        Ok(message)
    } else {
        Err(FrameError::Malformed(format!(
            "{} bytes left over",
            bytes.len() - used
        )))
    }
}

/// Writes one frame. Does not flush.
pub async fn write_frame<T: Serialize>(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), FrameError> {
    let body = encode(message)?;
    let length = u32::try_from(body.len()).map_err(|_| FrameError::TooLarge(body.len()))?;
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    stream.write_all(&frame).await?;
    Ok(())
}

/// Reads one frame; `None` when the stream ended between frames. Not cancel-safe: give it a task of its own.
pub async fn read_frame<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut prefix = [0; 4];
    if stream.read(&mut prefix[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut prefix[1..]).await?;
    let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
    if length > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge(length));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    decode(&body).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn read_text(mut bytes: &[u8]) -> Result<Option<String>, FrameError> {
        read_frame(&mut bytes).await
    }

    #[tokio::test]
    async fn what_is_written_is_read_back() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &"hello".to_owned()).await.unwrap();
        assert_eq!(read_text(&wire).await.unwrap().as_deref(), Some("hello"));
    }

    #[tokio::test]
    async fn the_end_between_frames_is_no_error_but_inside_one_it_is() {
        assert!(read_text(&[]).await.unwrap().is_none());
        assert!(matches!(
            read_text(&[0, 0, 0, 9, 1]).await,
            Err(FrameError::Io(_))
        ));
    }

    #[tokio::test]
    async fn an_oversized_length_is_refused_before_the_body_is_read() {
        assert!(matches!(
            read_text(&[0xff; 4]).await,
            Err(FrameError::TooLarge(_))
        ));
    }

    #[test]
    fn a_huge_collection_length_is_refused_without_allocating() {
        // A vector that claims 2^60 elements in a ten-byte frame.
        let bytes = [253, 0, 0, 0, 0, 0, 0, 0, 16, 0];
        assert!(decode::<Vec<u64>>(&bytes).is_err());
    }

    #[test]
    fn leftovers_are_refused() {
        assert!(matches!(decode::<u8>(&[1, 2]), Err(FrameError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            drop(decode::<crate::latest::AgentControl>(&bytes));
            drop(decode::<crate::latest::ServerStream>(&bytes));
            drop(decode::<crate::latest::OrderReply>(&bytes));
        }
    }
}
