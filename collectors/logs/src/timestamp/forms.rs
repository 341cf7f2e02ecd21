//! The forms in which programs write times. Each stands at the beginning of a text, of which something may follow:
//! the time comes with its length.

use super::civil::{DAY, clock, days, fraction, month, number, offset, padded, year};
use super::zone::{LAST, abbreviation};
use super::{Observer, Time};

/// `2026-01-02T03:04:05.678Z`: a blank may stand for the `T`, slashes for the dashes, a comma for the point; decimals
/// and the offset (`Z`, `+01:00`, `+0100`, `+01`) may be missing.
pub(crate) fn iso(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let (seconds, nanos, len) = date_time(text)?;
    let (known, zone_len) = attached(&text[len..]);
    Some((observer.time(seconds, nanos, known)?, len + zone_len))
}

/// As [`iso`], and behind a blank there may be an abbreviation of a zone or an offset, as PostgreSQL writes it:
/// `2026-01-02 03:04:05.678 CET`. One that is used for several zones is that of the observer.
pub(crate) fn iso_named(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let (seconds, nanos, len) = date_time(text)?;
    let (known, zone_len) = match attached(&text[len..]) {
        (None, 0) => behind_blank(&text[len..]),
        attached => attached,
    };
    Some((observer.time(seconds, nanos, known)?, len + zone_len))
}

/// As [`iso`], with an offset and nothing behind it.
pub(crate) fn rfc3339(text: &[u8]) -> Option<Time> {
    let (seconds, nanos, len) = date_time(text)?;
    let is_dashed = text[4] == b'-';
    match attached(&text[len..]) {
        (Some(offset), zone_len) if is_dashed && len + zone_len == text.len() => {
            nanos_of(seconds - offset, nanos)
        }
        _ => None,
    }
}

/// `17/May/2015:10:05:03 +0000`, as Apache and nginx write it; a blank may stand for the first colon (Django), and
/// decimals may follow the seconds. The offset may be missing.
pub(crate) fn apache(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let front = text.get(..20)?;
    if front[2] != b'/' || front[6] != b'/' || !matches!(front[11], b':' | b' ') {
        return None;
    }
    let day = days(number(&front[7..11])?, month(&front[3..6])?, number(&front[..2])?)?;
    let seconds = day * DAY + clock(&front[12..])?;
    let (nanos, more) = fraction(&text[20..]);
    let len = 20 + more;
    let (known, zone_len) = match &text[len..] {
        [b' ', zone @ ..] => offset(zone).map_or((None, 0), |(offset, len)| (Some(offset), 1 + len)),
        _ => (None, 0),
    };
    Some((observer.time(seconds, nanos, known)?, len + zone_len))
}

/// How long the time of an access log line is.
pub(crate) const ACCESS_LOG: usize = 26;

/// The time of an access log line and nothing else, with its offset.
pub(crate) fn access_log(text: &[u8]) -> Option<Time> {
    let is_whole = text.len() == ACCESS_LOG && text[11] == b':' && matches!(text[21], b'+' | b'-');
    let (time, len) = apache(text, &Observer::default())?;
    (is_whole && len == ACCESS_LOG).then_some(time)
}

/// `Jan  2 03:04:05`, as syslog daemons write it, maybe with decimals, or with the year behind the day. Without one it
/// is the last time that this was, or will have been within a day of when it was read: so it is at New Year,
/// whichever clock is ahead.
pub(crate) fn syslog(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let front = text.get(..15)?;
    if front[3] != b' ' || front[6] != b' ' {
        return None;
    }
    let (month, day) = (month(&front[..3])?, padded(&front[4..6])?);
    if let Some(seconds) = clock(&front[7..]) {
        let (nanos, more) = fraction(&text[15..]);
        return Some((observer.yearless(month, day, seconds, nanos)?, 15 + more));
    }
    let front = text.get(..20)?;
    if front[11] != b' ' {
        return None;
    }
    let seconds = days(number(&front[7..11])?, month, day)? * DAY + clock(&front[12..])?;
    let (nanos, more) = fraction(&text[20..]);
    Some((observer.time(seconds, nanos, None)?, 20 + more))
}

/// `Fri Jan 02 03:04:05.678 2026`, as C's `ctime` and Apache's error log have it; the decimals may be missing.
pub(crate) fn ctime(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let front = text.get(..19)?;
    if front[3] != b' '
        || front[7] != b' '
        || front[10] != b' '
        || !front[..3].iter().all(u8::is_ascii_alphabetic)
    {
        return None;
    }
    let (month, day, seconds) = (month(&front[4..7])?, padded(&front[8..10])?, clock(&front[11..])?);
    let (nanos, more) = fraction(&text[19..]);
    let len = 19 + more;
    let [b' ', digits @ ..] = text.get(len..len + 5)? else { return None };
    let seconds = days(number(digits)?, month, day)? * DAY + seconds;
    Some((observer.time(seconds, nanos, None)?, len + 5))
}

/// `02 Jan 2026 03:04:05.678`, as redis writes it; the decimals may be missing.
pub(crate) fn redis(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let front = text.get(..20)?;
    if front[2] != b' ' || front[6] != b' ' || front[11] != b' ' {
        return None;
    }
    let day = days(number(&front[7..11])?, month(&front[3..6])?, padded(&front[..2])?)?;
    let (nanos, more) = fraction(&text[20..]);
    Some((observer.time(day * DAY + clock(&front[12..])?, nanos, None)?, 20 + more))
}

/// `0102 03:04:05.678901`, as klog writes it; the year is found as that of [`syslog`]. Newer versions of glog write it:
/// `20260102 03:04:05.678901`.
pub(crate) fn klog(text: &[u8], observer: &Observer) -> Option<(Time, usize)> {
    let year_len = if text.get(4) == Some(&b' ') { 0 } else { 4 };
    let (year, rest) = text.split_at_checked(year_len)?;
    let front = rest.get(..13)?;
    if front[4] != b' ' {
        return None;
    }
    let (month, day, seconds) = (number(&front[..2])?, number(&front[2..4])?, clock(&front[5..])?);
    let (nanos, more) = fraction(&rest[13..]);
    let time = match year {
        [] => observer.yearless(month, day, seconds, nanos)?,
        year => observer.time(days(number(year)?, month, day)? * DAY + seconds, nanos, None)?,
    };
    Some((time, year_len + 13 + more))
}

/// Date, time and decimals: seconds by the clock on the wall, nanoseconds, length.
fn date_time(text: &[u8]) -> Option<(i64, u32, usize)> {
    let front = text.get(..19)?;
    if !matches!(
        (front[4], front[7], front[10]),
        (b'-', b'-', b'T' | b't' | b' ') | (b'/', b'/', b'T' | b' ')
    ) {
        return None;
    }
    let day = days(number(&front[..4])?, number(&front[5..7])?, number(&front[8..10])?)?;
    let seconds = clock(&front[11..])?;
    let (nanos, more) = fraction(&text[19..]);
    Some((day * DAY + seconds, nanos, 19 + more))
}

/// An offset at the very beginning, and its length.
fn attached(text: &[u8]) -> (Option<i64>, usize) {
    match text {
        [b'Z' | b'z', rest @ ..] if rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric()) => {
            (Some(0), 1)
        }
        _ => offset(text).map_or((None, 0), |(offset, len)| (Some(offset), len)),
    }
}

/// A zone behind a blank, and the length of both.
fn behind_blank(text: &[u8]) -> (Option<i64>, usize) {
    let [b' ', zone @ ..] = text else { return (None, 0) };
    if let Some((offset, len)) = offset(zone) {
        return (Some(offset), 1 + len);
    }
    let len = zone.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let is_over = zone.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if (2..=5).contains(&len) && is_over { (abbreviation(&zone[..len]), 1 + len) } else { (None, 0) }
}

pub(super) fn nanos_of(seconds: i64, nanos: u32) -> Option<Time> {
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(u64::from(nanos))
}

impl Observer {
    /// When a clock on the wall showed this; in the zone of the observer, if no offset is known.
    pub(super) fn time(&self, local: i64, nanos: u32, offset: Option<i64>) -> Option<Time> {
        let seconds = match offset {
            Some(offset) => local - offset,
            None => self.zone.when(local, self.observed_seconds()),
        };
        nanos_of(seconds, nanos)
    }

    /// The same for a date without a year.
    pub(super) fn yearless(&self, month: u32, day: u32, clock: i64, nanos: u32) -> Option<Time> {
        let latest = self.observed_seconds() + DAY;
        let this = year(latest);
        // The 29th of February was up to eight years ago.
        (0..=8).find_map(|ago| {
            let local = days(this.checked_sub(ago)?, month, day)? * DAY + clock;
            let seconds = self.zone.when(local, self.observed_seconds());
            (seconds <= latest).then(|| nanos_of(seconds, nanos))?
        })
    }

    /// Where it is not known, later than any line.
    fn observed_seconds(&self) -> i64 {
        if self.at == 0 { LAST } else { (self.at / 1_000_000_000) as i64 }
    }
}
