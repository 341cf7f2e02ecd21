//! Compressing a request's body.
//!
//! One body of a signal at a time, so that the first is on its way while the next is compressed, and in
//! slices between which others may run: it is the one thing here that takes the processor for long.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzEncoder;
use tokio::sync::Mutex;
use tokio::task::yield_now;
use vigie_pipeline::budget::{Held, Part};
use zstd::stream::raw;
use zstd::stream::raw::Operation;
use zstd::stream::zio;

use super::config::Compression;

/// Between two slices, others may run.
const SLICE: usize = 64 << 10;

/// What a body that does not get smaller gains in headers and block lengths, and more.
const SLACK: usize = 4 << 10;

/// The fastest level that still finds what is worth finding in logs.
const ZSTD_LEVEL: i32 = 1;

/// Compresses bodies the same way, one after the other.
///
/// What it holds is the exporter's own part of the memory for sending: bodies that wait for an answer that
/// never comes do not keep another exporter from sending.
pub(super) struct Compressor {
    way: Way,
    part: Part,
}

enum Way {
    None,
    Gzip(Mutex<()>),
    /// Its tables are large and are used again.
    Zstd(Mutex<Option<raw::Encoder<'static>>>),
}

impl Compressor {
    /// Compressed bodies are held in `part`.
    pub(super) fn new(compression: Compression, part: Part) -> Self {
        let way = match compression {
            Compression::None => Way::None,
            Compression::Gzip => Way::Gzip(Mutex::default()),
            Compression::Zstd => Way::Zstd(Mutex::default()),
        };
        Self { way, part }
    }

    /// As `content-encoding` and `grpc-encoding` say it.
    pub(super) fn encoding(&self) -> Option<&'static str> {
        match self.way {
            Way::None => None,
            Way::Gzip(_) => Some("gzip"),
            Way::Zstd(_) => Some("zstd"),
        }
    }

    /// The body as it is sent, and the room that it takes besides what it was made from.
    pub(super) async fn compress(&self, chunks: Vec<Bytes>) -> io::Result<(Vec<Bytes>, Option<Held>)> {
        match &self.way {
            Way::None => Ok((chunks, None)),
            Way::Gzip(turn) => {
                let _turn = turn.lock().await;
                let held = self.room_for(&chunks).await;
                let mut out = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                write_slices(&mut out, &chunks).await?;
                Ok(made(out.finish()?, held))
            }
            Way::Zstd(tables) => {
                let mut tables = tables.lock().await;
                let held = self.room_for(&chunks).await;
                let encoder = match tables.take() {
                    Some(encoder) => encoder,
                    None => raw::Encoder::new(ZSTD_LEVEL)?,
                };
                let mut out = zio::Writer::new(Vec::new(), encoder);
                write_slices(&mut out, &chunks).await?;
                out.finish()?;
                let (body, mut encoder) = out.into_inner();
                encoder.reinit()?;
                *tables = Some(encoder);
                Ok(made(body, held))
            }
        }
    }

    async fn room_for(&self, chunks: &[Bytes]) -> Held {
        self.part.reserve(chunks.iter().map(Bytes::len).sum::<usize>() + SLACK).await
    }
}

async fn write_slices(out: &mut impl Write, chunks: &[Bytes]) -> io::Result<()> {
    let mut since_yield = 0;
    for slice in chunks.iter().flat_map(|chunk| chunk.chunks(SLICE)) {
        out.write_all(slice)?;
        since_yield += slice.len();
        if since_yield >= SLICE {
            since_yield = 0;
            yield_now().await;
        }
    }
    Ok(())
}

fn made(body: Vec<u8>, mut held: Held) -> (Vec<Bytes>, Option<Held>) {
    let body = body.into_boxed_slice();
    held.shrink(body.len());
    (vec![body.into()], Some(held))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;
    use vigie_pipeline::budget::Share;

    fn run<F: Future>(work: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn expand(compression: Compression, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match compression {
            Compression::None => out.extend_from_slice(body),
            Compression::Gzip => {
                flate2::read::GzDecoder::new(body).read_to_end(&mut out).map(drop).unwrap();
            }
            Compression::Zstd => out = zstd::decode_all(body).unwrap(),
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_body_expands_to_what_it_was_made_from(
            bodies in proptest::collection::vec(
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5_000), 0..5), 1..4),
            repeat in 1usize..40,
        ) {
            for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
                let compressor = Compressor::new(compression, Share::new("test", 1 << 24).part());
                for chunks in &bodies {
                    let chunks: Vec<Bytes> = chunks.iter().map(|chunk| chunk.repeat(repeat).into()).collect();
                    let (body, held) = run(compressor.compress(chunks.clone())).unwrap();
                    let body = body.concat();
                    prop_assert_eq!(held.map(|held| held.bytes()), compressor.encoding().map(|_| body.len()));
                    prop_assert_eq!(expand(compression, &body), chunks.concat());
                }
            }
        }
    }

    #[test]
    fn a_body_waits_for_its_share_of_the_memory() {
        run(async {
            let share = Share::new("test", 10_000);
            let compressor = Compressor::new(Compression::Zstd, share.part());
            let all = share.reserve(10_000).await;
            let mut work = Box::pin(compressor.compress(vec![Bytes::from(vec![7; 2_000])]));
            assert!(futures_util::poll!(work.as_mut()).is_pending());
            drop(all);
            let (body, held) = work.await.unwrap();
            assert_eq!((share.held(), held.unwrap().bytes()), (body[0].len(), body[0].len()));
            assert_eq!(share.held(), 0);
        });
    }
}
