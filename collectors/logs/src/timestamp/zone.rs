//! What the clocks on the wall show, and when that was.
//!
//! The changes of a zone are looked up once, when it is made: for each record there is a search among them, and
//! none where there are none. In spring the hour that no clock shows is read as if the clocks had not been
//! changed yet, so that it is an hour later by the clocks that were. In autumn an hour comes twice: it is that
//! of the two which is nearer to when the line was read.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Where times without an offset come from.
#[derive(Debug, Clone)]
pub(crate) enum Zone {
    /// Always so many seconds east of UTC.
    Fixed(i64),
    /// In order.
    Changing(Arc<[Period]>),
}

/// A time between two changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Period {
    /// What the clocks show when it begins, in seconds since 1970-01-01 00:00:00.
    local: i64,
    /// The same in seconds since the epoch.
    start: i64,
    /// Seconds east of UTC.
    offset: i64,
}

/// Earlier times are absurd, ...
const FIRST: i64 = super::FIRST as i64;

/// ... and later ones (2100-01-01) have the offset of this one.
pub(super) const LAST: i64 = 4_102_444_800;

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl Zone {
    pub(crate) const UTC: Self = Self::Fixed(0);

    /// `local` (the host's), `UTC`, or a name of the time zone database.
    ///
    /// # Errors
    /// Why it is not known.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        match name {
            "UTC" => Ok(Self::UTC),
            "local" => Ok(Self::of(&TimeZone::system())),
            _ => match TimeZone::get(name) {
                Ok(zone) => Ok(Self::of(&zone)),
                Err(_) => Err(format!(
                    "`{name}` is no time zone that this host knows: write for example `Europe/Paris`"
                )),
            },
        }
    }

    fn of(zone: &TimeZone) -> Self {
        if let Ok(offset) = zone.to_fixed_offset() {
            return Self::Fixed(i64::from(offset.seconds()));
        }
        let first = Timestamp::from_second(FIRST).unwrap_or(Timestamp::UNIX_EPOCH);
        let offset = i64::from(zone.to_offset(first).seconds());
        let mut periods = vec![Period { local: FIRST + offset, start: FIRST, offset }];
        for change in zone.following(first) {
            let (start, offset) = (change.timestamp().as_second(), i64::from(change.offset().seconds()));
            if start > LAST {
                break;
            }
            // Some only change their name.
            if periods.last().is_none_or(|last| last.offset != offset) {
                periods.push(Period { local: start + offset, start, offset });
            }
        }
        match &periods[..] {
            [only] => Self::Fixed(only.offset),
            _ => Self::Changing(periods.into()),
        }
    }

    /// When its clocks showed `local` (seconds since 1970-01-01 00:00:00), in seconds since the epoch; `observed` is
    /// when that was read.
    pub(super) fn when(&self, local: i64, observed: i64) -> i64 {
        let periods = match self {
            Self::Fixed(offset) => return local - offset,
            Self::Changing(periods) => periods,
        };
        let at = periods.partition_point(|period| period.local <= local).saturating_sub(1);
        let late = local - periods[at].offset;
        match at.checked_sub(1).map(|before| local - periods[before].offset) {
            Some(early) if early < periods[at].start => {
                if observed.abs_diff(early) <= observed.abs_diff(late) { early } else { late }
            }
            _ => late,
        }
    }
}

/// The offset behind an abbreviation that means one zone alone, in seconds east of UTC: `EST`, `CST`, `IST`, `BST`
/// and others are used for several.
pub(super) fn abbreviation(name: &[u8]) -> Option<i64> {
    let hours = match name {
        b"UTC" | b"GMT" | b"Z" | b"WET" => 0,
        b"CET" | b"WEST" | b"MET" => 1,
        b"CEST" | b"MEST" | b"EET" | b"SAST" => 2,
        b"EEST" | b"MSK" => 3,
        b"JST" | b"KST" => 9,
        b"AEST" => 10,
        b"AEDT" => 11,
        b"NZST" => 12,
        b"NZDT" => 13,
        b"EDT" => -4,
        b"CDT" => -5,
        b"MDT" => -6,
        b"PDT" => -7,
        b"AKDT" => -8,
        b"AKST" => -9,
        b"HST" => -10,
        _ => return None,
    };
    Some(hours * 3600)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::civil::DateTime;
    use proptest::prelude::*;

    const NAMES: [&str; 7] = [
        "Europe/Paris",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Asia/Kolkata",
        "Pacific/Apia",
        "America/Sao_Paulo",
    ];

    /// What a clock shows, as seconds.
    fn local(text: &str) -> i64 {
        text.parse::<DateTime>().unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp().as_second()
    }

    fn utc(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn zones_are_known_by_name_and_others_are_not() {
        assert!(matches!(Zone::named("UTC"), Ok(Zone::Fixed(0))));
        assert!(matches!(Zone::named("Etc/GMT-3"), Ok(Zone::Fixed(10_800))));
        assert!(matches!(Zone::named("Asia/Kolkata"), Ok(Zone::Fixed(19_800))));
        assert!(Zone::named("local").is_ok());
        let error = Zone::named("Europe/Pariss").unwrap_err();
        assert!(error.starts_with("`Europe/Pariss` is no time zone"), "{error}");
    }

    #[test]
    fn the_hour_that_is_left_out_is_read_by_the_clocks_before_the_change() {
        let paris = Zone::named("Europe/Paris").unwrap();
        let at = |text: &str| paris.when(local(text), 0);
        assert_eq!(at("2026-03-29T01:59:59"), utc("2026-03-29T00:59:59Z"));
        assert_eq!(at("2026-03-29T02:30:00"), utc("2026-03-29T01:30:00Z"));
        assert_eq!(at("2026-03-29T03:00:00"), utc("2026-03-29T01:00:00Z"));
    }

    #[test]
    fn the_hour_that_comes_twice_is_the_one_nearer_to_when_it_was_read() {
        let paris = Zone::named("Europe/Paris").unwrap();
        let at = |text: &str, read: &str| paris.when(local(text), utc(read));
        let (first, second) = (utc("2026-10-25T00:30:00Z"), utc("2026-10-25T01:30:00Z"));
        assert_eq!(at("2026-10-25T02:30:00", "2026-10-25T00:30:02Z"), first);
        assert_eq!(at("2026-10-25T02:30:00", "2026-10-25T01:30:02Z"), second);
        assert_eq!(at("2026-10-25T02:30:00", "2027-01-01T00:00:00Z"), second);
        assert_eq!(at("2026-10-25T01:59:59", "2027-01-01T00:00:00Z"), utc("2026-10-24T23:59:59Z"));
        assert_eq!(at("2026-10-25T03:00:00", "2026-10-25T00:30:02Z"), utc("2026-10-25T02:00:00Z"));
    }

    proptest! {
        #[test]
        fn a_zone_is_jiffs(name in prop::sample::select(&NAMES[..]), seconds in FIRST + 86_400..LAST, ahead in -7200i64..7200) {
            let theirs = TimeZone::get(name).unwrap();
            let ours = Zone::named(name).unwrap();
            let instant = Timestamp::from_second(seconds).unwrap();
            let shown = theirs.to_datetime(instant);
            let shown_seconds = shown.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
            // Whichever of two it was, when it is read at once it is found.
            prop_assert_eq!(ours.when(shown_seconds, seconds), seconds);
            // Near changes too there is always an answer, and it is one of jiff's.
            let change = theirs.following(instant).next().map(|change| change.timestamp().as_second());
            let near = change.filter(|change| *change < LAST).unwrap_or(seconds);
            let shown = theirs.to_datetime(Timestamp::from_second(near).unwrap());
            let shown = shown.checked_add(jiff::SignedDuration::from_secs(ahead)).unwrap();
            let shown_seconds = shown.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
            let ambiguous = theirs.to_ambiguous_timestamp(shown);
            let [early, late] = [ambiguous.earlier(), ambiguous.compatible()].map(|t| t.unwrap().as_second());
            let answer = ours.when(shown_seconds, near);
            let latest = theirs.to_ambiguous_timestamp(shown).later().unwrap().as_second();
            prop_assert!([early, late, latest].contains(&answer), "{} {} {} {}", early, late, latest, answer);
        }
    }
}
