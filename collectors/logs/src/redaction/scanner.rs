//! Where in a text a rule may have something to do: one pass, about two cycles for each byte, whatever the rules.
//!
//! Each bucket has a fingerprint: for four bytes in a row the sets that they must be in. The pass is the algorithm
//! "shift-or" of Baeza-Yates and Gonnet, for sixteen buckets at once: a table has for each byte the buckets which it does
//! *not* fit at each of the four places, 16 bits for a place; what did not fit so far moves on by a place, and what
//! arrives at the last one without a bit fits. Few places of a line do; there the rule itself looks closely.

use super::bucket::Bucket;

/// So many bytes share a bit that says whether something fits.
const GROUP: usize = 4;
/// So many bytes are passed over before what fits in them is looked at.
const CHUNK: usize = GROUP * u64::BITS as usize;
/// Behind the end of a text.
const END: usize = 256;

/// What none fits.
const NOTHING: u64 = u64::MAX;
/// Less has a bucket that fits at all four places.
const FITS: u64 = 0xffff << 48;

/// The table for some of the buckets.
#[derive(Debug, Clone)]
pub(super) struct Scanner {
    table: Box<[u64; 257]>,
}

impl Scanner {
    pub(super) fn new(buckets: impl Fn(Bucket) -> bool) -> Self {
        let mut table = Box::new([NOTHING; 257]);
        for bucket in Bucket::ALL.into_iter().filter(|bucket| buckets(*bucket)) {
            for place in 0..4 {
                let bit = 1 << (16 * place + bucket as usize);
                for byte in 0..=255 {
                    table[usize::from(byte)] &=
                        if bucket.fits(place, byte).unwrap_or(true) { !bit } else { NOTHING };
                }
                table[END] &= if bucket.fits(place, 0).is_none() { !bit } else { NOTHING };
            }
        }
        Self { table }
    }

    /// Calls `look` with each place where a fingerprint fits, and the set of their buckets. Where one begins with what
    /// stands before the text the place is -1, wrapped around.
    #[inline]
    pub(super) fn scan(&self, text: &[u8], mut look: impl FnMut(usize, u16)) {
        let mut state = NOTHING << 16 | self.table[usize::from(b' ')];
        for (number, chunk) in text.chunks(CHUNK).enumerate() {
            let fits;
            (fits, state) = self.pass(chunk, state);
            // The first of the chunk in the highest bit.
            let mut fits = fits << (u64::BITS as usize - chunk.len().div_ceil(GROUP));
            while fits != 0 {
                let group = fits.leading_zeros() as usize;
                fits &= !(1 << (u64::BITS - 1) >> group);
                let first = number * CHUNK + group * GROUP;
                for last in first..text.len().min(first + GROUP) {
                    let buckets = self.buckets(text, last);
                    if buckets != 0 {
                        look(last.wrapping_sub(3), buckets);
                    }
                }
            }
        }
        for last in text.len()..text.len() + 3 {
            state = state << 16 | self.table[END];
            if state < FITS {
                look(last.wrapping_sub(3), !(state >> 48) as u16);
            }
        }
    }

    /// Goes on from `state` over a chunk. Returns a bit for each group of bytes with one of which a fingerprint ends, the
    /// last one lowest, and the state behind. What fits is noted, not called for: nothing else is in the loop, and no
    /// branch but its end.
    #[inline]
    fn pass(&self, chunk: &[u8], mut state: u64) -> (u64, u64) {
        let mut fits = 0;
        let mut step = |group: &[u8]| {
            // A bit that is missing once is missing in all.
            let mut all = NOTHING;
            for byte in group {
                state = state << 16 | self.table[usize::from(*byte)];
                all &= state;
            }
            fits = fits << 1 | u64::from(all < FITS);
        };
        let (groups, rest) = chunk.as_chunks::<GROUP>();
        groups.iter().for_each(|group| step(group));
        if !rest.is_empty() {
            step(rest);
        }
        (fits, state)
    }

    /// The buckets whose fingerprint ends with the byte at `last`.
    fn buckets(&self, text: &[u8], last: usize) -> u16 {
        // Not even with the blank before the text.
        if last < 2 {
            return 0;
        }
        let first = last.checked_sub(3).map_or(b' ', |first| text[first]);
        let unfit = |byte: u8, place: usize| (self.table[usize::from(byte)] >> (16 * place)) as u16;
        !(unfit(first, 0) | unfit(text[last - 2], 1) | unfit(text[last - 1], 2) | unfit(text[last], 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_is_told_just_where_its_fingerprint_fits(text in "[a-eA-Z0-9@.:_=\\- /\"']{0,600}") {
            let mut told = Vec::new();
            Scanner::new(|_| true).scan(text.as_bytes(), |at, buckets| told.push((at, buckets)));
            let text = [b" ", text.as_bytes()].concat();
            let fits = |bucket: Bucket, at: usize| (0..4).all(|place| match text.get(at + place) {
                Some(byte) => bucket.fits(place, *byte).unwrap_or(true),
                None => bucket.fits(place, 0).is_none(),
            });
            let expected: Vec<(usize, u16)> = (0..text.len())
                .map(|at| (at.wrapping_sub(1), Bucket::ALL.iter().filter(|b| fits(**b, at)).fold(0, |set, b| set | 1 << *b as u16)))
                .filter(|(_, set)| *set != 0)
                .collect();
            prop_assert_eq!(told, expected);
        }
    }
}
