//! Of members of one name the last counts: an earlier one is taken out where it is encoded.

use vigie_pipeline::otlp::edit;
use vigie_pipeline::otlp::view::Attributes;

/// The members of an object that is being written at the end of a buffer.
pub(super) struct Members {
    /// Where the first one begins.
    start: usize,
    /// The field number of each.
    number: u32,
    /// Which names there may have been: a bit for each, shared by several. Most objects have no name twice, which is
    /// known without a look at what was written.
    seen: [u64; 4],
}

impl Members {
    /// From the end of `out` on, each as field `number`.
    pub(super) fn new(out: &[u8], number: u32) -> Self {
        Self { start: out.len(), number, seen: [0; 4] }
    }

    /// The one called `key` was written from `last` on.
    #[inline]
    pub(super) fn written(&mut self, key: &str, last: usize, out: &mut Vec<u8>) {
        let mark = mark(key);
        let (word, bit) = ((mark >> 6) as usize & 3, 1 << (mark & 63));
        let may_be_again = self.seen[word] & bit != 0;
        self.seen[word] |= bit;
        if may_be_again {
            self.take_out_earlier(key, last, out);
        }
    }

    #[cold]
    fn take_out_earlier(&self, key: &str, last: usize, out: &mut Vec<u8>) {
        let members = Attributes::new(&out[self.start..last], self.number);
        let earlier = members.pairs().find(|pair| pair.key == key.as_bytes());
        if let Some(span) = earlier.map(|pair| self.start + pair.span.start..self.start + pair.span.end) {
            edit::cut(out, &[span]);
        }
    }
}

/// What a name is seen by: names of one object differ in their lengths and ends, mostly.
fn mark(key: &str) -> u32 {
    let bytes = key.as_bytes();
    let at = |at: usize| u32::from(bytes.get(at).copied().unwrap_or(0));
    let (len, last) = (bytes.len() as u32, at(bytes.len().wrapping_sub(1)));
    (at(0) ^ at(bytes.len() / 2).wrapping_mul(7) ^ last.wrapping_mul(31)).wrapping_add(len.wrapping_mul(59))
}
