//! The body of a response: decompressed, measured, and held as far as it is to be searched.

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use vigie_pipeline::budget::{Reservation, Share};
use vigie_pipeline::file_path::FilePath;

use super::compression::{Compression, Decoder};
use super::metrics;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;

/// A body that is sent from a file may be this long, in bytes.
pub(super) const LONGEST_FILE: u64 = 16 << 20;

/// After so many pieces others get their turn, and the deadline is looked at: some bytes expand without end.
const TURN: usize = 32;

/// A body as far as it was held, with the memory that it takes.
#[derive(Debug, Default)]
pub(in crate::probes) struct Body {
    bytes: Vec<u8>,
    held: Vec<Reservation>,
}

impl Body {
    pub(in crate::probes) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Where a body goes piece by piece.
pub(super) struct Sink {
    decoder: Option<Decoder>,
    plain: Plain,
}

/// What comes out of the decoder.
struct Plain {
    length: u64,
    limit: u64,
    /// Where the memory comes from that it is held in; `None` if it is not.
    memory: Option<Share>,
    body: Body,
}

impl Sink {
    /// Of a body that may have `limit` bytes, 0 for no limit.
    pub(super) fn new(compression: Option<Compression>, limit: u64, memory: Option<Share>) -> Self {
        let limit = if limit == 0 { u64::MAX } else { limit };
        let plain = Plain { length: 0, limit, memory, body: Body::default() };
        Self { decoder: compression.and_then(Decoder::new), plain }
    }

    /// More of it, as it comes from the peer.
    pub(super) async fn feed(&mut self, data: &[u8], record: &mut Record) -> Result<(), Failure> {
        let Some(decoder) = &mut self.decoder else { return self.plain.take(data, record) };
        let mut rest = data;
        for turn in 1_usize.. {
            let piece = decoder.next(&mut rest)?;
            if piece.is_empty() {
                break;
            }
            self.plain.take(piece, record)?;
            if turn.is_multiple_of(TURN) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// There is no more of it.
    pub(super) fn finish(self) -> Result<Body, Failure> {
        if let Some(decoder) = self.decoder {
            decoder.finish()?;
        }
        Ok(self.plain.body)
    }
}

impl Plain {
    fn take(&mut self, piece: &[u8], record: &mut Record) -> Result<(), Failure> {
        let too_large = |what| Failure::new(Reason::BodyTooLarge, Phase::Transfer, what);
        self.length += piece.len() as u64;
        // Past the limit nothing counts as read, whatever came in one piece.
        metrics::body(self.length.min(self.limit), record);
        record.excerpt.add(piece);
        if self.length > self.limit {
            return Err(too_large("longer than body_size_limit"));
        }
        if let Some(memory) = &self.memory {
            let room = memory.try_reserve(piece.len());
            self.body.held.push(room.ok_or_else(|| too_large("no memory left to search it"))?);
            self.body.bytes.extend_from_slice(piece);
        }
        Ok(())
    }
}

/// The body that a file has now.
pub(super) async fn read_file(file: &FilePath) -> Result<Bytes, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        let detail = format!("open {}: {error}", file.display());
        Failure::new(Reason::Credentials, Phase::Processing, detail)
    };
    let opened = tokio::fs::File::open(file).await.map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    opened.take(LONGEST_FILE + 1).read_to_end(&mut bytes).await.map_err(|error| failed(&error))?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(failed(&"longer than 16 MiB"));
    }
    Ok(bytes.into())
}
