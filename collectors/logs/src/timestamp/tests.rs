#![allow(clippy::unwrap_used)]
use super::*;
use jiff::tz::TimeZone;
use proptest::prelude::*;

/// 2026-01-02T03:04:05Z
const AT: u64 = 1_767_323_045_000_000_000;

fn utc(text: &str) -> u64 {
    text.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as u64
}

fn observer(zone: &str, observed: &str) -> Observer {
    Observer { zone: Zone::named(zone).unwrap(), at: utc(observed) }
}

fn read(format: &str, text: &str) -> Option<u64> {
    Format::try_from(format.to_owned()).unwrap().read(text, &observer("UTC", "2026-01-02T03:04:06Z"))
}

#[test]
fn each_format_reads_its_own() {
    assert_eq!(read("rfc3339", "2026-01-02T03:04:05Z"), Some(AT));
    assert_eq!(read("rfc3339", "2026-01-02 04:04:05,5+01:00"), Some(AT + 500_000_000));
    assert_eq!(read("rfc3339", "2026-01-01T19:04:05.123456789012-0800"), Some(AT + 123_456_789));
    for wrong in
        ["2026-02-30T03:04:05Z", "2026-01-02T03:04:05", "2026/01/02 03:04:05Z", "2026-01-02T03:04:05Zulu"]
    {
        assert_eq!(read("rfc3339", wrong), None, "{wrong}");
    }
    assert_eq!(read("unix", "1767323045.25"), Some(AT + 250_000_000));
    assert_eq!(read("unix_ms", "1767323045001"), Some(AT + 1_000_000));
    assert_eq!(read("unix_us", "1767323045000001.9999"), Some(AT + 1_999));
    assert_eq!(read("unix_ns", "99999999999999999999"), None);
    assert_eq!(read("unix", "-5"), None);
    assert_eq!(read("%Y-%m-%d %H:%M:%S", "2026-01-02 03:04:05"), Some(AT));
    assert_eq!(read("%d.%m.%Y %H:%M:%S %z", "02.01.2026 04:04:05 +0100"), Some(AT));
    assert_eq!(read("syslog", "Jan  2 03:04:05"), Some(AT));
    assert_eq!(read("apache", "02/Jan/2026:04:04:05 +0100"), Some(AT));
    assert_eq!(access_log(b"02/Jan/2026:04:04:05 +0100"), Some(AT));
    assert_eq!(access_log(b"02/Foo/2026:04:04:05 +0100"), None);
    assert_eq!(access_log(b"02/Jan/2026:04:04:05"), None);
}

#[test]
fn an_offset_may_be_missing_where_the_format_says_so() {
    let paris = observer("Europe/Paris", "2026-01-02T03:04:06Z");
    let read = |text: &str| Format::Iso8601.read(text, &paris);
    for text in [
        "2026-01-02T04:04:05",
        "2026-01-02 04:04:05",
        "2026-01-02 04:04:05 CET",
        "2026-01-02 03:04:05 UTC",
        "2026/01/02 04:04:05",
        "2026-01-02T03:04:05Z",
        "2026-01-02 05:04:05 +02",
        "2026-01-02 05:04:05+02",
        // In use for several zones: that of the configuration counts.
        "2026-01-02 04:04:05 IST",
    ] {
        assert_eq!(read(text), Some(AT), "{text}");
    }
    assert_eq!(read("2026-01-02 04:04:05,678"), Some(AT + 678_000_000));
    for wrong in [
        "2026-01-02",
        "2026-01-02 04:04",
        "2026-01-02 04:04:05 cet",
        "2026-01-02 25:04:05",
        "2026-01/02 04:04:05",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

#[test]
fn numbers_are_in_the_unit_that_their_size_tells() {
    for text in ["1767323045", "1767323045000", "1767323045000000", "1767323045000000000", "1767323045.0"] {
        assert_eq!(read("unix_auto", text), Some(AT), "{text}");
    }
    assert_eq!(read("unix_auto", "1767323045678.9"), Some(AT + 678_900_000));
    assert_eq!(read("unix_auto", "now"), None);
    assert_eq!(read("unix_auto", ""), None);
}

#[test]
fn any_known_form_is_read_where_none_is_named() {
    for text in [
        "2026-01-02T03:04:05Z",
        "2026-01-02 03:04:05.000",
        "2026/01/02 03:04:05",
        "1767323045",
        "1767323045000",
        "02/Jan/2026:03:04:05 +0000",
        "Jan  2 03:04:05",
        "Jan 02 2026 03:04:05",
        "Fri Jan 02 03:04:05 2026",
        "Fri Jan  2 03:04:05.000000 2026",
        "02 Jan 2026 03:04:05.000",
    ] {
        assert_eq!(read("auto", text), Some(AT), "{text}");
    }
    assert_eq!(read("auto", "yesterday"), None);
}

#[test]
fn at_new_year_a_time_without_a_year_is_of_the_year_that_is_near() {
    let read = |text: &str, observed: &str| {
        syslog(text.as_bytes(), &observer("UTC", observed)).map(|(time, _)| time)
    };
    assert_eq!(read("Dec 31 23:59:59", "2026-01-01T00:00:01Z"), Some(utc("2025-12-31T23:59:59Z")));
    assert_eq!(read("Jan  1 00:00:01", "2025-12-31T23:59:59Z"), Some(utc("2026-01-01T00:00:01Z")));
    assert_eq!(read("Jan  1 00:00:01", "2026-12-31T23:59:59Z"), Some(utc("2027-01-01T00:00:01Z")));
    assert_eq!(read("Feb 29 12:00:00", "2026-03-01T00:00:00Z"), Some(utc("2024-02-29T12:00:00Z")));
    // A file of the year before: no line is of a day to come.
    assert_eq!(read("Dec 24 12:00:00", "2026-11-22T00:00:00Z"), Some(utc("2025-12-24T12:00:00Z")));
    // Midnight is that of the zone.
    let auckland = observer("Pacific/Auckland", "2025-12-31T11:00:01Z");
    let (time, _) = syslog(b"Jan  1 00:00:00", &auckland).unwrap();
    assert_eq!(time, utc("2025-12-31T11:00:00Z"));
    assert_eq!(klog(b"0101 00:00:00.000001 rest", &auckland), Some((utc("2025-12-31T11:00:00.000001Z"), 20)));
    assert_eq!(read("Feb 30 12:00:00", "2026-03-01T00:00:00Z"), None);
    // Where nobody knows when it was read, it is a time all the same.
    assert!(syslog(b"Jan  2 03:04:05", &Observer::default()).is_some());
}

#[test]
fn patterns_without_year_or_offset_are_of_the_zone_and_the_year_that_is_near() {
    let paris = observer("Europe/Paris", "2026-01-02T03:04:06Z");
    let read = |pattern: &str, text: &str| Format::Pattern(pattern.into()).read(text, &paris);
    assert_eq!(read("%d.%m.%Y %H:%M:%S", "02.01.2026 04:04:05"), Some(AT));
    assert_eq!(read("%d.%m. %H:%M:%S%.f", "02.01. 04:04:05.25"), Some(AT + 250_000_000));
    assert_eq!(read("%d.%m. %H:%M:%S", "31.12. 04:04:05"), Some(utc("2025-12-31T03:04:05Z")));
    assert_eq!(read("%H:%M:%S", "04:04:05"), None);
    assert_eq!(read("%s", "1767323045"), Some(AT));
}

#[test]
fn a_form_ends_where_something_else_begins() {
    let utc = observer("UTC", "2026-01-02T03:04:06Z");
    let len = |read: Option<(Time, usize)>| read.map(|(_, len)| len);
    assert_eq!(len(iso(b"2026-01-02 03:04:05,678 - root", &utc)), Some(23));
    assert_eq!(len(iso(b"2026-01-02T03:04:05.678901+01:00 host", &utc)), Some(32));
    assert_eq!(len(iso(b"2026-01-02 03:04:05.", &utc)), Some(19));
    assert_eq!(len(iso(b"2026-01-02 03:04:05-x", &utc)), Some(19));
    assert_eq!(len(iso(b"2026-01-02 03:04:05 CET [7]", &utc)), Some(19));
    assert_eq!(len(iso_named(b"2026-01-02 03:04:05 CET [7]", &utc)), Some(23));
    assert_eq!(len(iso_named(b"2026-01-02 03:04:05.678 [7]", &utc)), Some(23));
    assert_eq!(len(apache(b"02/Jan/2026 03:04:05] x", &utc)), Some(20));
    assert_eq!(len(redis(b"02 Jan 2026 03:04:05.678 * x", &utc)), Some(24));
    assert_eq!(len(syslog(b"Jan  2 03:04:05 host", &utc)), Some(15));
}

#[test]
fn what_no_clock_shows_is_absurd() {
    let observer = observer("UTC", "2026-01-02T03:04:05Z");
    for (time, is_absurd) in [
        ("1970-01-01T00:00:00Z", true),
        ("1989-12-31T23:59:59Z", true),
        ("1990-01-01T00:00:00Z", false),
        ("2026-01-03T03:04:05Z", false),
        ("2026-01-03T03:04:05.000000001Z", true),
    ] {
        assert_eq!(observer.finds_absurd(utc(time)), is_absurd, "{time}");
    }
    assert!(!Observer::default().finds_absurd(u64::MAX));
}

#[test]
fn an_unknown_format_is_told_what_is_known() {
    let error = Format::try_from("iso".to_owned()).unwrap_err();
    assert!(error.starts_with("unknown format `iso`; known are rfc3339, iso8601, unix, "), "{error}");
    for name in ["rfc3339", "iso8601", "unix_auto", "syslog", "apache", "auto", "%Y"] {
        assert_eq!(String::from(Format::try_from(name.to_owned()).unwrap()), name);
    }
}

proptest! {
    #[test]
    fn the_calendar_is_jiffs(seconds in 0i64..9_000_000_000, nanos in 0i32..1_000_000_000) {
        let time = jiff::Timestamp::new(seconds, nanos).unwrap();
        let whole = seconds as u64 * 1_000_000_000;
        prop_assert_eq!(rfc3339(time.to_string().as_bytes()), u64::try_from(time.as_nanosecond()).ok());
        let apache = time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        prop_assert_eq!(access_log(apache.as_bytes()), Some(whole));
        let observer = Observer { at: whole, ..Observer::default() };
        let shown = |pattern: &str| time.strftime(pattern).to_string();
        for (format, text) in [
            (Format::Iso8601, shown("%Y-%m-%d %H:%M:%S")),
            (Format::Auto, shown("%d %b %Y %H:%M:%S")),
            (Format::Auto, shown("%a %b %e %H:%M:%S %Y")),
            (Format::Auto, shown("%a %b %d %H:%M:%S.000 %Y")),
            (Format::Auto, shown("%b %d %Y %H:%M:%S")),
            (Format::Syslog, shown("%b %e %H:%M:%S")),
        ] {
            prop_assert_eq!(format.read(&text, &observer), Some(whole), "{}", text);
        }
        prop_assert_eq!(klog(shown("%m%d %H:%M:%S").as_bytes(), &observer), Some((whole, 13)));
    }

    #[test]
    fn the_pattern_of_access_logs_is_read_by_hand_as_strptime_reads_it(
        seconds in 0i64..9_000_000_000, offset in -720i32..720, spoilt in 0usize..60, with in "[ 0-9a-zA-Z:/+-]",
    ) {
        const PATTERN: &str = "%d/%b/%Y:%H:%M:%S %z";
        let zone = TimeZone::fixed(jiff::tz::Offset::from_seconds(offset * 60).unwrap());
        let shown = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(zone);
        let mut text = shown.strftime(PATTERN).to_string();
        if spoilt < text.len() {
            text.replace_range(spoilt..=spoilt, &with);
        }
        // A blank in front makes it a pattern like any.
        let any = Format::Pattern(format!(" {PATTERN}")).read(&format!(" {text}"), &Observer::default());
        if let Some(time) = access_log(text.as_bytes()) {
            let is_leap_second = text.contains(":60 ");
            prop_assert!(is_leap_second || any == Some(time), "{text}: {time} {any:?}");
        }
        prop_assert!(any.is_none() || read(PATTERN, &text).is_some(), "{text}");
    }

    #[test]
    fn a_time_without_a_year_that_was_read_within_months_is_found(
        seconds in 700_000_000i64..4_000_000_000, later in -86_400i64..20_000_000,
    ) {
        let text = jiff::Timestamp::from_second(seconds).unwrap().strftime("%b %e %H:%M:%S").to_string();
        let observed = (seconds + later) as u64 * 1_000_000_000;
        let found = Format::Syslog.read(&text, &Observer { at: observed, ..Observer::default() });
        prop_assert_eq!(found, Some(seconds as u64 * 1_000_000_000));
    }

    #[test]
    fn the_year_is_jiffs(seconds in 0i64..30_000_000_000) {
        let year = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(TimeZone::UTC).year();
        prop_assert_eq!(super::civil::year(seconds), year as u32);
    }

    #[test]
    fn any_text_is_read_or_not_never_a_panic(
        text in "[-0-9T:.,+Z/ A-Za-z]{0,40}", bytes in any::<Vec<u8>>(), observed in any::<u64>(),
    ) {
        let observer = Observer { zone: Zone::named("Europe/Paris").unwrap(), at: observed };
        for format in ["rfc3339", "iso8601", "unix", "unix_ms", "unix_us", "unix_ns", "unix_auto", "auto", "%b %d %H:%M:%S"] {
            let _ = Format::try_from(format.to_owned()).unwrap().read(&text, &observer);
        }
        for bytes in [&bytes[..], text.as_bytes()] {
            for form in [iso, iso_named, apache, klog, redis, syslog] {
                if let Some((_, len)) = form(bytes, &observer) {
                    prop_assert!(len <= bytes.len() && bytes[..len].is_ascii());
                }
            }
            let _ = (access_log(bytes), rfc3339(bytes));
        }
    }
}
