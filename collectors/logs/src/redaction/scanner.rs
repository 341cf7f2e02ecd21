//! Where in a text a rule may have something to do: one pass, about a cycle for each byte, whatever the rules.
//!
//! Each bucket has a fingerprint: for four bytes in a row the sets that they must be in. The pass is the algorithm
//! "shift-or" of Baeza-Yates and Gonnet, for sixteen buckets at once: a table has for each byte the buckets which it does
//! *not* fit at each of the four places, 16 bits for a place; what did not fit so far moves on by a place, and what
//! arrives at the last one without a bit fits. Few places of a line do; there the rule itself looks closely.

use super::bucket::Bucket;

/// So many bytes share a bit that says whether something fits.
const GROUP: usize = 4;
/// So many groups are passed over before what fits in them is looked at: half of them have a bit each.
const CHUNK: usize = 2 * u64::BITS as usize - 1;
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
        let (groups, rest) = text.as_chunks::<GROUP>();
        let mut at = 0;
        for chunk in groups.chunks(CHUNK) {
            // Both halves at once: each step has to wait for the one before it, and has nothing to do with the other half.
            let (first, second) = chunk.split_at(chunk.len() / 2);
            let (mut a, mut b) = (self.before(text, at), self.before(text, at + first.len() * GROUP));
            let (mut in_first, mut in_second) = (0, 0);
            for (first, second) in first.iter().zip(second) {
                in_first = in_first << 1 | u64::from(self.pass(first, &mut a));
                in_second = in_second << 1 | u64::from(self.pass(second, &mut b));
            }
            if let Some(odd) = second.get(first.len()) {
                in_second = in_second << 1 | u64::from(self.pass(odd, &mut b));
            }
            for (half, mut fits) in [(first, in_first), (second, in_second)] {
                while fits != 0 {
                    // The last group has the lowest bit.
                    let last = fits.ilog2() as usize;
                    fits ^= 1 << last;
                    self.tell(text, at + (half.len() - 1 - last) * GROUP, &mut look);
                }
                at += half.len() * GROUP;
            }
        }
        // The rest, and three places behind the end.
        let mut state = self.before(text, at);
        let behind = [END; GROUP - 1].map(|end| self.table[end]);
        let words = rest.iter().map(|byte| self.unfit(*byte)).chain(behind);
        for (last, word) in (at..).zip(words) {
            state = state << 16 | word;
            told(state, last, &mut look);
        }
    }

    /// Whether a fingerprint ends within a group. What fits is told later: nothing else is in the loop, and no branch but
    /// its end.
    #[inline]
    fn pass(&self, group: &[u8; GROUP], state: &mut u64) -> bool {
        // A bit that is missing once is missing in all.
        let mut all = NOTHING;
        for byte in group {
            *state = *state << 16 | self.unfit(*byte);
            all &= *state;
        }
        all < FITS
    }

    /// Tells what fits with each byte of the group that begins at `first`.
    #[inline]
    fn tell(&self, text: &[u8], first: usize, look: &mut impl FnMut(usize, u16)) {
        let mut state = self.before(text, first);
        for (last, byte) in (first..).zip(&text[first..first + GROUP]) {
            state = state << 16 | self.unfit(*byte);
            told(state, last, look);
        }
    }

    /// The state before the byte at `at`, which is the first one or has at least three before it. Before a text stands a
    /// blank.
    #[inline]
    fn before(&self, text: &[u8], at: usize) -> u64 {
        match text[..at].last_chunk() {
            Some([a, b, c]) => self.unfit(*a) << 32 | self.unfit(*b) << 16 | self.unfit(*c),
            None => NOTHING << 16 | self.unfit(b' '),
        }
    }

    /// The buckets that the byte does not fit at each of the places.
    #[inline]
    fn unfit(&self, byte: u8) -> u64 {
        self.table[usize::from(byte)]
    }
}

/// Tells what fits in `state`, which is that behind the byte at `last`.
#[inline]
fn told(state: u64, last: usize, look: &mut impl FnMut(usize, u16)) {
    if state < FITS {
        look(last.wrapping_sub(GROUP - 1), !(state >> 48) as u16);
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
