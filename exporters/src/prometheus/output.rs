//! Where a page's text goes: into the answer as it is, or through gzip piece by piece, so that the text of very many
//! series is not in memory as a whole beside them.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// How much text is compressed at once, about.
const PIECE: usize = 64 << 10;

/// See the module.
pub(super) struct Output {
    text: String,
    gzip: Option<GzEncoder<Vec<u8>>>,
    /// How much text has gone through gzip.
    passed: usize,
}

impl Output {
    /// The text as it is. `expected` is how long it will be, as far as one knows.
    pub(super) fn plain(expected: usize) -> Self {
        Self { text: String::with_capacity(expected), gzip: None, passed: 0 }
    }

    /// The text compressed. `expected` is how long it is before that, as far as one knows.
    pub(super) fn gzip(expected: usize) -> Self {
        // Metrics shrink to less than a tenth.
        let gzip = GzEncoder::new(Vec::with_capacity(expected / 8), Compression::fast());
        // A row more than a piece fits without moving.
        let text = String::with_capacity(expected.min(PIECE + PIECE / 16));
        Self { text, gzip: Some(gzip), passed: 0 }
    }

    /// Where to write.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Passes on what was written, if that is a piece. To be called often.
    pub(super) fn relieve(&mut self) {
        if self.text.len() >= PIECE {
            self.pass();
        }
    }

    fn pass(&mut self) {
        if let Some(gzip) = &mut self.gzip {
            gzip.write_all(self.text.as_bytes()).expect("writing into memory does not fail");
            self.passed += self.text.len();
            self.text.clear();
        }
    }

    /// The answer's body, and how long the text was.
    pub(super) fn finish(mut self) -> (Bytes, usize) {
        self.pass();
        let length = self.passed + self.text.len();
        let body = match self.gzip {
            None => Bytes::from(self.text),
            Some(gzip) => Bytes::from(gzip.finish().expect("writing into memory does not fail")),
        };
        (body, length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_in_pieces_is_read_as_one(
            sizes in proptest::collection::vec(0..PIECE, 0..5), expected in 0usize..1 << 20,
        ) {
            let (mut plain, mut packed) = (Output::plain(expected), Output::gzip(expected));
            let mut whole = String::new();
            for (number, size) in sizes.iter().enumerate() {
                let row = format!("{number} {}\n", "x".repeat(*size));
                for output in [&mut plain, &mut packed] {
                    output.text().push_str(&row);
                    output.relieve();
                }
                prop_assert!(packed.text().len() < PIECE);
                whole.push_str(&row);
            }
            let ((plain, plain_length), (packed, packed_length)) = (plain.finish(), packed.finish());
            let mut unpacked = String::new();
            GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
            prop_assert!(plain == whole && unpacked == whole);
            prop_assert_eq!((plain_length, packed_length), (whole.len(), whole.len()));
        }
    }
}
