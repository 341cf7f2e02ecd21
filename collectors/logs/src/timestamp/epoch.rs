//! Times as numbers: since the epoch, in some unit.

use super::Time;

/// A number with decimals in units of 10^`digits` nanoseconds.
pub(super) fn decimal(text: &str, digits: u32) -> Option<Time> {
    let (whole, fraction) = parts(text)?;
    let nanos = whole.checked_mul(10u64.pow(digits))?;
    let kept = &fraction[..fraction.len().min(digits as usize)];
    let rest =
        if kept.is_empty() { 0 } else { kept.parse::<u64>().ok()? * 10u64.pow(digits - kept.len() as u32) };
    nanos.checked_add(rest)
}

/// A number in seconds, milliseconds, microseconds or nanoseconds: which one, its size tells. Seconds are those
/// before the year 5138, and none of the others is then before 1973.
pub(super) fn by_magnitude(text: &str) -> Option<Time> {
    let (whole, _) = parts(text)?;
    let digits = match whole {
        0..100_000_000_000 => 9,
        100_000_000_000..100_000_000_000_000 => 6,
        100_000_000_000_000..100_000_000_000_000_000 => 3,
        _ => 0,
    };
    decimal(text, digits)
}

/// What stands before the point and behind it.
fn parts(text: &str) -> Option<(u64, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number =
        !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    Some((whole.parse().ok().filter(|_| is_number)?, fraction))
}
