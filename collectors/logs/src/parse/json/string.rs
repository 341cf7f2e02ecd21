//! The strings of JSON: where one ends, and what its escapes stand for.

use crate::fields::Reason;

/// Where the first quote or backslash stands. Most names and values are so short that they are passed before a search
/// made for long texts has begun.
#[inline]
pub(super) fn quote_or_escape(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const QUOTES: u64 = b'"' as u64 * ONES;
    const BACKSLASHES: u64 = b'\\' as u64 * ONES;
    /// The highest bit of each byte that is 0, and of none before the first such.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & (0x80 * ONES)
    }
    const SHORT: usize = 48;
    let (words, _) = bytes[..bytes.len().min(SHORT)].as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if found != 0 {
            return Some(8 * number + found.trailing_zeros() as usize / 8);
        }
    }
    let passed = 8 * words.len();
    memchr::memchr2(b'"', b'\\', &bytes[passed..]).map(|at| passed + at)
}

/// Writes the string of `line` that begins at `start`, behind its quote, over `out`, with its escapes resolved. Returns
/// where it ends, behind the other quote.
pub(super) fn unescape(line: &str, start: usize, out: &mut String) -> Result<usize, Reason> {
    let bytes = line.as_bytes();
    out.clear();
    let mut from = start;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', &bytes[from..]).ok_or(Reason::Format)?;
        out.push_str(&line[from..at]);
        if bytes[at] == b'"' {
            return Ok(at + 1);
        }
        let (character, end) = escape(bytes, at + 1).ok_or(Reason::Format)?;
        out.push(character);
        from = end;
    }
}

/// What the escape stands for whose letter is at `at`, and where it ends. A lone surrogate becomes U+FFFD.
fn escape(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let character = match bytes.get(at)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = unit(bytes, at + 1)?;
            let low = || {
                let is_escape = bytes.get(at + 5..at + 7) == Some(b"\\u");
                self::unit(bytes, at + 7).filter(|low| is_escape && (0xdc00..0xe000).contains(low))
            };
            let (code, end) = match unit {
                0xd800..0xdc00 => match low() {
                    Some(low) => (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), at + 11),
                    None => (0xfffd, at + 5),
                },
                _ => (unit, at + 5),
            };
            return Some((char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), end));
        }
        _ => return None,
    };
    Some((character, at + 1))
}

/// Four hexadecimal digits.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}
