//! Any text as a time, in several zones: what jiff takes for a date and a time is the same here, and what is read again
//! at the time that it says is the same once more.

#![cfg_attr(fuzzing, no_main)]

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;
use vigie_fuzz::byte;
use vigie_logs::fuzz::time;

const ZONES: [&str; 4] = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"];

const FORMATS: [&str; 9] = [
    "auto",
    "iso8601",
    "rfc3339",
    "unix_auto",
    "unix",
    "syslog",
    "apache",
    "%b %d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f %z",
];

/// 2026-01-02T03:04:05Z
const NOW: u64 = 1_767_323_045_000_000_000;

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let (zone, observed) = (ZONES[usize::from(byte(&mut data)) % ZONES.len()], byte(&mut data));
    let observed = NOW + u64::from(observed) * 86_400_000_000_000;
    let Ok(text) = std::str::from_utf8(data) else { return };
    for format in FORMATS {
        let Some(read) = time(format, zone, text, observed) else { continue };
        assert_eq!(time(format, zone, text, observed), Some(read));
        if matches!(format, "syslog" | "%b %d %H:%M:%S") && text.len() == 15 {
            assert!(read <= observed + 86_400_000_000_000, "{text} is of a day to come");
        }
    }
    // Of 19 characters, as programs write it; for jiff a leap second is the last one of its minute.
    let is_usual = text.is_ascii()
        && text.len() == 19
        && text[4..].starts_with('-')
        && text[13..].starts_with(':')
        && !text.ends_with(":60");
    let Some(local) = text.parse::<DateTime>().ok().filter(|_| is_usual) else { return };
    let theirs = TimeZone::get(zone).expect("a zone").to_ambiguous_timestamp(local);
    let (Ok(early), Ok(late)) = (theirs.earlier(), theirs.later()) else { return };
    let near = [early, late].map(|time| u64::try_from(time.as_nanosecond()).ok());
    // Only there are the changes of a zone known.
    if (1990..2100).contains(&local.year()) {
        let ours = time("iso8601", zone, text, observed);
        assert!(near.contains(&ours), "{text} in {zone} is {ours:?}, not {near:?}");
    }
});
