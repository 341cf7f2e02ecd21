#![allow(clippy::unwrap_used)]
use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

/// 4,000 times `a`, as Brotli's own tool compresses it.
const BROTLI: &[u8] = &[27, 159, 15, 248, 37, 194, 226, 177, 64, 32, 235, 0, 0];

/// What comes out if the bytes come in parts of this length.
fn decoded(compression: Compression, bytes: &[u8], part: usize) -> Result<Vec<u8>, Failure> {
    let mut decoder = Decoder::new(compression).unwrap();
    let mut whole = Vec::new();
    for mut part in bytes.chunks(part) {
        loop {
            let piece = decoder.next(&mut part)?;
            assert!(piece.len() <= PIECE);
            if piece.is_empty() {
                break;
            }
            whole.extend_from_slice(piece);
        }
        assert!(part.is_empty(), "no piece although there is more");
    }
    decoder.finish().map(|()| whole)
}

fn compressed(compression: Compression, text: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    match compression {
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        _ => unreachable!("there is no encoder"),
    }
}

#[test]
fn a_bomb_comes_out_in_pieces() {
    let bomb = compressed(Compression::Gzip, &vec![0; 1 << 20]);
    assert!(bomb.len() < 10 << 10);
    assert_eq!(decoded(Compression::Gzip, &bomb, usize::MAX).unwrap().len(), 1 << 20);
}

#[test]
fn brotli_is_understood() {
    for part in [1, 7, 1_000] {
        assert_eq!(decoded(Compression::Br, BROTLI, part).unwrap(), [b'a'; 4_000]);
    }
    assert!(decoded(Compression::Br, &BROTLI[..BROTLI.len() - 1], 7).is_err());
    assert!(decoded(Compression::Br, &[BROTLI, b"more"].concat(), 7).is_err());
    assert!(decoded(Compression::Br, b"<html>not compressed</html>", 7).is_err());
}

#[test]
fn deflate_may_be_bare() {
    let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"hello").unwrap();
    let bare = encoder.finish().unwrap();
    for part in [1, 2, 100] {
        assert_eq!(decoded(Compression::Deflate, &bare, part).unwrap(), b"hello");
    }
}

#[test]
fn gzip_may_have_several_members() {
    let both = [compressed(Compression::Gzip, b"one "), compressed(Compression::Gzip, b"two")].concat();
    assert_eq!(decoded(Compression::Gzip, &both, 3).unwrap(), b"one two");
}

#[test]
fn what_is_not_compressed_or_breaks_off_is_told() {
    for compression in [Compression::Gzip, Compression::Deflate] {
        let whole = compressed(compression, b"hello hello hello");
        assert!(decoded(compression, b"hello hello hello", 100).is_err());
        assert!(decoded(compression, &[], 1).is_err());
        for end in 0..whole.len() {
            let failure = decoded(compression, &whole[..end], 4).unwrap_err();
            assert_eq!(failure.reason, Reason::BodyCompression, "{end}");
        }
    }
}

#[test]
fn what_is_asked_for_may_be_expected() {
    use Compression::{Br, Gzip, Identity};
    for (accept, compression, is) in [
        ("br, gzip", Gzip, true),
        ("br;q=1.0, GZIP ; q=0.9", Gzip, true),
        ("br, identity", Gzip, false),
        ("gzip;q=0, *", Gzip, false),
        ("br;q=0.5, *;q=0.1", Gzip, true),
        ("*;q=0", Identity, false),
        ("", Br, true),
    ] {
        assert_eq!(compression.is_asked_for(accept), is, "{accept}");
    }
}

proptest! {
    #[test]
    fn what_was_compressed_comes_back(
        text in prop::collection::vec(any::<u8>(), 0..40_000),
        part in 1_usize..3_000,
        gzip: bool,
    ) {
        let compression = if gzip { Compression::Gzip } else { Compression::Deflate };
        prop_assert_eq!(decoded(compression, &compressed(compression, &text), part).unwrap(), text);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        part in 1_usize..500,
    ) {
        for compression in [Compression::Gzip, Compression::Deflate, Compression::Br] {
            let _ = decoded(compression, &bytes, part);
        }
    }
}
