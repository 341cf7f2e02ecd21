//! Turns a compressed body back into what it was, a bounded piece at a time.
//!
//! However much a few bytes of a peer's expand to, no more than one piece of it is held here, and who reads them can
//! stop at any piece. The decoder itself holds 32 KiB of what came before, that of Brotli up to 16 MiB.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probes::failure::{Failure, Phase, Reason};

/// As long is a piece, in bytes.
const PIECE: usize = 16 << 10;

/// How the body of a response has to be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// gzip, of one member or more.
    Gzip,
    /// DEFLATE, in zlib's format or bare.
    Deflate,
    /// Brotli.
    Br,
    /// Not at all.
    Identity,
}

impl Compression {
    /// As `Accept-Encoding` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Identity => "identity",
        }
    }

    /// Whether a server that is asked with this `Accept-Encoding` may answer so: it is named, or `*` is, and not
    /// with a quality of 0.
    pub(super) fn is_asked_for(self, accept: &str) -> bool {
        let named = |wanted: &str| {
            accept.split(',').find_map(|entry| {
                let mut parts = entry.split(';').map(str::trim);
                if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted)) {
                    return None;
                }
                let quality = parts.find_map(|parameter| parameter.strip_prefix("q="));
                Some(quality.map_or(1.0, |text| text.parse::<f32>().unwrap_or(0.0)) > 0.0)
            })
        };
        accept.trim().is_empty() || named(self.name()).or_else(|| named("*")).unwrap_or(false)
    }
}

type Brotli = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

enum State {
    Gzip(Decompress),
    /// Which of the two formats it is, its first two bytes tell.
    Deflate(Vec<u8>),
    Inflate(Decompress),
    Brotli(Box<Brotli>),
}

/// See the module.
pub(super) struct Decoder {
    state: State,
    piece: Box<[u8]>,
    whole: bool,
}

impl Decoder {
    /// `None` if there is nothing to decode.
    pub(super) fn new(compression: Compression) -> Option<Self> {
        let state = match compression {
            Compression::Identity => return None,
            Compression::Gzip => State::Gzip(Decompress::new_gzip(15)),
            Compression::Deflate => State::Deflate(Vec::new()),
            Compression::Br => {
                let memory = StandardAlloc::default;
                State::Brotli(Box::new(BrotliState::new_strict(memory(), memory(), memory())))
            }
        };
        Some(Self { state, piece: vec![0; PIECE].into_boxed_slice(), whole: false })
    }

    /// Takes bytes off the front of `input` and says what they mean. Nothing if there are no more.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<&[u8], Failure> {
        loop {
            if let State::Deflate(head) = &mut self.state {
                while head.len() < 2
                    && let Some((first, rest)) = input.split_first()
                {
                    head.push(*first);
                    *input = rest;
                }
                let &[first, second] = head.as_slice() else { return Ok(&[]) };
                let mut inflate = Decompress::new(is_zlib(first, second));
                let (filled, status) = inflated(&mut inflate, &mut head.as_slice(), &mut self.piece)?;
                self.whole = status == Status::StreamEnd;
                self.state = State::Inflate(inflate);
                if filled > 0 {
                    return Ok(&self.piece[..filled]);
                }
            }
            if input.is_empty() && self.whole {
                return Ok(&[]);
            }
            let filled = match &mut self.state {
                State::Deflate(_) => continue,
                // What follows the end of the stream is nobody's.
                State::Inflate(_) if self.whole => {
                    *input = &[];
                    return Ok(&[]);
                }
                State::Inflate(inflate) => {
                    let (filled, status) = inflated(inflate, input, &mut self.piece)?;
                    self.whole = status == Status::StreamEnd;
                    filled
                }
                State::Gzip(inflate) => {
                    if self.whole {
                        *inflate = Decompress::new_gzip(15);
                    }
                    let (filled, status) = inflated(inflate, input, &mut self.piece)?;
                    self.whole = status == Status::StreamEnd;
                    filled
                }
                State::Brotli(_) if self.whole => return Err(wrong("more than Brotli")),
                State::Brotli(brotli) => {
                    let (filled, whole) = unbrotlied(brotli, input, &mut self.piece)?;
                    self.whole = whole;
                    filled
                }
            };
            if filled > 0 {
                return Ok(&self.piece[..filled]);
            }
            if input.is_empty() {
                return Ok(&[]);
            }
        }
    }

    /// Says whether all of it has come.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        if self.whole { Ok(()) } else { Err(wrong("it ends too early")) }
    }
}

/// RFC 1950, 2.2: the method is DEFLATE with a window of at most 32 KiB, and the two bytes are a multiple of 31.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

/// Fills `piece` as far as `input` goes: how many bytes are in it now, and how it stands.
fn inflated(
    inflate: &mut Decompress,
    input: &mut &[u8],
    piece: &mut [u8],
) -> Result<(usize, Status), Failure> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, piece, FlushDecompress::None).map_err(wrong)?;
    let (read, written) = ((inflate.total_in() - read) as usize, (inflate.total_out() - written) as usize);
    if read == 0 && written == 0 && !input.is_empty() && status != Status::StreamEnd {
        return Err(wrong("it does not go on"));
    }
    *input = &input[read..];
    Ok((written, status))
}

/// The same, and whether it is whole.
fn unbrotlied(brotli: &mut Brotli, input: &mut &[u8], piece: &mut [u8]) -> Result<(usize, bool), Failure> {
    let (mut left, mut read) = (input.len(), 0);
    let (mut room, mut written, mut total) = (piece.len(), 0, 0);
    let result = BrotliDecompressStream(
        &mut left,
        &mut read,
        input,
        &mut room,
        &mut written,
        piece,
        &mut total,
        brotli,
    );
    if matches!(result, BrotliResult::ResultFailure) {
        return Err(wrong("it is not Brotli"));
    }
    *input = &input[read..];
    Ok((written, matches!(result, BrotliResult::ResultSuccess)))
}

fn wrong(what: impl std::fmt::Display) -> Failure {
    Failure::new(
        Reason::BodyCompression,
        Phase::Transfer,
        format_args!("the body is not compressed as it should be: {what}"),
    )
}

#[cfg(test)]
mod tests;
