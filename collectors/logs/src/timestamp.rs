//! Times as lines write them, to nanoseconds since the Unix epoch.
//!
//! RFC 3339 and the access log form are read by hand: they are on the path of every record. Other forms go
//! through jiff's `strptime`. A time before 1970 or after 2554 does not fit and counts as not understood.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a time is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Format {
    /// `2026-01-02T03:04:05.678Z`, with an offset; a blank may stand for the `T`, a comma for the point.
    #[default]
    Rfc3339,
    /// Seconds since the epoch, maybe with decimals.
    Unix,
    /// Milliseconds since the epoch, maybe with decimals.
    UnixMs,
    /// Microseconds since the epoch.
    UnixUs,
    /// Nanoseconds since the epoch.
    UnixNs,
    /// As strptime has it; UTC if it has no offset.
    Pattern(String),
}

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(match text.as_str() {
            "rfc3339" => Self::Rfc3339,
            "unix" => Self::Unix,
            "unix_ms" => Self::UnixMs,
            "unix_us" => Self::UnixUs,
            "unix_ns" => Self::UnixNs,
            _ if text.contains('%') => Self::Pattern(text),
            _ => {
                return Err(format!(
                    "unknown format `{text}`; known are rfc3339, unix, unix_ms, unix_us, unix_ns, \
                     and patterns such as `%Y-%m-%d %H:%M:%S`"
                ));
            }
        })
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        match format {
            Format::Rfc3339 => "rfc3339".to_owned(),
            Format::Unix => "unix".to_owned(),
            Format::UnixMs => "unix_ms".to_owned(),
            Format::UnixUs => "unix_us".to_owned(),
            Format::UnixNs => "unix_ns".to_owned(),
            Format::Pattern(pattern) => pattern,
        }
    }
}

impl Format {
    /// The time that `text` says.
    pub(crate) fn read(&self, text: &str) -> Option<u64> {
        match self {
            Self::Rfc3339 => rfc3339(text.as_bytes()),
            Self::Unix => decimal(text, 9),
            Self::UnixMs => decimal(text, 6),
            Self::UnixUs => decimal(text, 3),
            Self::UnixNs => decimal(text, 0),
            Self::Pattern(pattern) => strptime(pattern, text),
        }
    }
}

/// A number with decimals in units of 10^`digits` nanoseconds.
fn decimal(text: &str, digits: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = whole.parse::<u64>().ok()?.checked_mul(10u64.pow(digits))?;
    let kept = &fraction[..fraction.len().min(digits as usize)];
    let rest =
        if kept.is_empty() { 0 } else { kept.parse::<u64>().ok()? * 10u64.pow(digits - kept.len() as u32) };
    nanos.checked_add(rest)
}

fn strptime(pattern: &str, text: &str) -> Option<u64> {
    let broken = strtime::parse(pattern, text).ok()?;
    let timestamp = match broken.to_timestamp() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let local: DateTime = broken.to_datetime().ok()?;
            local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    u64::try_from(timestamp.as_nanosecond()).ok()
}

/// `2026-01-02T03:04:05[.678][Z|+01:00|+0100]`
pub(crate) fn rfc3339(text: &[u8]) -> Option<u64> {
    let (date, rest) = text.split_at_checked(19)?;
    if date[4] != b'-' || date[7] != b'-' || !matches!(date[10], b'T' | b't' | b' ') {
        return None;
    }
    let days = days(number(&date[..4])?, number(&date[5..7])?, number(&date[8..10])?)?;
    let seconds = clock(&date[11..])?;
    let (nanos, zone) = match rest.first() {
        Some(b'.' | b',') => {
            let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            let kept = digits.min(9);
            let nanos = number(&rest[1..=kept])? * 10u32.pow(9 - kept as u32);
            (nanos, &rest[1 + digits..])
        }
        _ => (0, rest),
    };
    let offset = match zone {
        [b'Z' | b'z'] => 0,
        [sign, hours @ .., b':', m1, m2] | [sign, hours @ .., m1, m2] => offset(*sign, hours, &[*m1, *m2])?,
        _ => return None,
    };
    nanos_of(days, i64::from(seconds) - offset, nanos)
}

/// `17/May/2015:10:05:03 +0000`
pub(crate) fn access_log(text: &[u8]) -> Option<u64> {
    let text: &[u8; 26] = text.try_into().ok()?;
    if text[2] != b'/' || text[6] != b'/' || text[11] != b':' || text[20] != b' ' {
        return None;
    }
    let month = match &text[3..6] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    let days = days(number(&text[7..11])?, month, number(&text[..2])?)?;
    let offset = offset(text[21], &text[22..24], &text[24..26])?;
    nanos_of(days, i64::from(clock(&text[12..20])?) - offset, 0)
}

fn nanos_of(days: i64, seconds: i64, nanos: u32) -> Option<u64> {
    let seconds = u64::try_from(days * 86_400 + seconds).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(u64::from(nanos))
}

/// Of at most nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(number * 10 + u32::from(digit))
    })
}

/// `03:04:05`; a leap second is the second after it.
fn clock(text: &[u8]) -> Option<u32> {
    if text[2] != b':' || text[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&text[..2])?, number(&text[3..5])?, number(&text[6..8])?);
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// In seconds east of UTC.
fn offset(sign: u8, hours: &[u8], minutes: &[u8]) -> Option<i64> {
    if hours.len() != 2 {
        return None;
    }
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let seconds = i64::from(hours * 3600 + minutes * 60);
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Days from 1970-01-01, in the Gregorian calendar: whole eras of 400 years, years that begin in March.
fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_format_reads_its_own() {
        let read = |format: &str, text: &str| Format::try_from(format.to_owned()).unwrap().read(text);
        let at = 1_767_323_045_000_000_000; // 2026-01-02T03:04:05Z
        assert_eq!(read("rfc3339", "2026-01-02T03:04:05Z"), Some(at));
        assert_eq!(read("rfc3339", "2026-01-02 04:04:05,5+01:00"), Some(at + 500_000_000));
        assert_eq!(read("rfc3339", "2026-01-01T19:04:05.123456789012-0800"), Some(at + 123_456_789));
        assert_eq!(read("rfc3339", "2026-02-30T03:04:05Z"), None);
        assert_eq!(read("rfc3339", "2026-01-02T03:04:05"), None);
        assert_eq!(read("unix", "1767323045.25"), Some(at + 250_000_000));
        assert_eq!(read("unix_ms", "1767323045001"), Some(at + 1_000_000));
        assert_eq!(read("unix_us", "1767323045000001.9999"), Some(at + 1_999));
        assert_eq!(read("unix_ns", "99999999999999999999"), None);
        assert_eq!(read("unix", "-5"), None);
        assert_eq!(read("%Y-%m-%d %H:%M:%S", "2026-01-02 03:04:05"), Some(at));
        assert_eq!(read("%d.%m.%Y %H:%M:%S %z", "02.01.2026 04:04:05 +0100"), Some(at));
        assert_eq!(access_log(b"02/Jan/2026:04:04:05 +0100"), Some(at));
        assert_eq!(access_log(b"02/Foo/2026:04:04:05 +0100"), None);
    }

    #[test]
    fn an_unknown_format_is_told_what_is_known() {
        let error = Format::try_from("iso".to_owned()).unwrap_err();
        assert!(error.starts_with("unknown format `iso`; known are rfc3339, unix, "), "{error}");
    }

    proptest! {
        #[test]
        fn the_calendar_is_jiffs(seconds in 0i64..9_000_000_000, nanos in 0i32..1_000_000_000) {
            let time = jiff::Timestamp::new(seconds, nanos).unwrap();
            prop_assert_eq!(rfc3339(time.to_string().as_bytes()), u64::try_from(time.as_nanosecond()).ok());
            let apache = time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            prop_assert_eq!(access_log(apache.as_bytes()), Some(seconds as u64 * 1_000_000_000));
        }

        #[test]
        fn any_text_is_read_or_not_never_a_panic(text in "[-0-9T:.,+Z/ A-Za-z]{0,40}", bytes in any::<Vec<u8>>()) {
            for format in [Format::Rfc3339, Format::Unix, Format::UnixMs, Format::UnixUs, Format::UnixNs] {
                let _ = format.read(&text);
            }
            let _ = access_log(&bytes);
            let _ = rfc3339(&bytes);
        }
    }
}
