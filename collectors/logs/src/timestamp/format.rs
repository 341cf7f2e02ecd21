//! How the time of a field is written, as the configuration says it.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::civil::DAY;
use super::epoch::{by_magnitude, decimal};
use super::{Observer, Time, forms};

/// How a time is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Format {
    /// `2026-01-02T03:04:05.678Z`, with an offset; a blank may stand for the `T`, a comma for the point.
    #[default]
    Rfc3339,
    /// The same, where the offset may be missing.
    Iso8601,
    /// Seconds since the epoch, maybe with decimals.
    Unix,
    /// Milliseconds since the epoch, maybe with decimals.
    UnixMs,
    /// Microseconds since the epoch, maybe with decimals.
    UnixUs,
    /// Nanoseconds since the epoch.
    UnixNs,
    /// One of these: which one, the size of the number tells.
    UnixAuto,
    /// `Jan  2 03:04:05`.
    Syslog,
    /// `02/Jan/2026:03:04:05 +0000`.
    Apache,
    /// Any of these, and what else programs write by default.
    Auto,
    /// As strptime has it.
    Pattern(String),
}

/// Those with a name.
const NAMED: [(&str, Format); 10] = [
    ("rfc3339", Format::Rfc3339),
    ("iso8601", Format::Iso8601),
    ("unix", Format::Unix),
    ("unix_ms", Format::UnixMs),
    ("unix_us", Format::UnixUs),
    ("unix_ns", Format::UnixNs),
    ("unix_auto", Format::UnixAuto),
    ("syslog", Format::Syslog),
    ("apache", Format::Apache),
    ("auto", Format::Auto),
];

/// How nginx and Apache write the time of a request: what most patterns in configurations are for. It is read by hand
/// as long as it is written as they do, which is faster.
const ACCESS_LOG: &str = "%d/%b/%Y:%H:%M:%S %z";

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some((_, format)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(format.clone());
        }
        if text.contains('%') {
            return Ok(Self::Pattern(text));
        }
        let known = NAMED.map(|(name, _)| name).join(", ");
        Err(format!("unknown format `{text}`; known are {known}, and patterns such as `%Y-%m-%d %H:%M:%S`"))
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        let name = NAMED.iter().find(|(_, named)| *named == format).map(|(name, _)| (*name).to_owned());
        match format {
            Format::Pattern(pattern) => pattern,
            _ => name.unwrap_or_default(),
        }
    }
}

impl Format {
    /// The time that `text` says.
    pub(crate) fn read(&self, text: &str, observer: &Observer) -> Option<Time> {
        let whole =
            |read: Option<(Time, usize)>| read.filter(|(_, len)| *len == text.len()).map(|(time, _)| time);
        let bytes = text.as_bytes();
        match self {
            Self::Rfc3339 => forms::rfc3339(bytes),
            Self::Iso8601 => whole(forms::iso_named(bytes, observer)),
            Self::Unix => decimal(text, 9),
            Self::UnixMs => decimal(text, 6),
            Self::UnixUs => decimal(text, 3),
            Self::UnixNs => decimal(text, 0),
            Self::UnixAuto => by_magnitude(text),
            Self::Syslog => whole(forms::syslog(bytes, observer)),
            Self::Apache => whole(forms::apache(bytes, observer)),
            Self::Auto => whole(forms::iso_named(bytes, observer))
                .or_else(|| by_magnitude(text))
                .or_else(|| whole(forms::apache(bytes, observer)))
                .or_else(|| whole(forms::syslog(bytes, observer)))
                .or_else(|| whole(forms::ctime(bytes, observer)))
                .or_else(|| whole(forms::redis(bytes, observer))),
            Self::Pattern(pattern) => {
                let by_hand = if pattern == ACCESS_LOG { forms::access_log(bytes) } else { None };
                by_hand.or_else(|| strptime(pattern, text, observer))
            }
        }
    }
}

/// A pattern without a year is read as [`forms::syslog`] is.
fn strptime(pattern: &str, text: &str, observer: &Observer) -> Option<Time> {
    let broken = strtime::parse(pattern, text).ok()?;
    if let Ok(timestamp) = broken.to_timestamp() {
        return u64::try_from(timestamp.as_nanosecond()).ok();
    }
    if let Ok(local) = broken.to_datetime() {
        let shown = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
        return observer.time(shown.as_second(), shown.subsec_nanosecond().unsigned_abs(), None);
    }
    let (month, day) = (broken.month()?, broken.day()?);
    let clock = broken.to_time().ok()?;
    let seconds = clock.duration_since(jiff::civil::Time::midnight()).as_secs();
    let nanos = clock.subsec_nanosecond().unsigned_abs();
    (seconds < DAY).then(|| {
        observer.yearless(u32::from(month.unsigned_abs()), u32::from(day.unsigned_abs()), seconds, nanos)
    })?
}
