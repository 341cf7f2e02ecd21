#![allow(clippy::unwrap_used)]
use super::*;
use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

const HOUR: Duration = Duration::from_secs(3600);

fn table(expression: &str) -> Table {
    Table::new(expression, TimeZone::get("Europe/Paris").unwrap()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first `count` times after `from`, in UTC.
fn times(expression: &str, from: &str, count: usize) -> Vec<String> {
    let table = table(expression);
    let mut now = at(from);
    let mut next = || {
        now = table.after(now)?;
        Some(now.to_string())
    };
    (0..count).map_while(|_| next()).collect()
}

#[test]
fn a_time_is_that_of_the_zone() {
    assert_eq!(
        times("0 3 * * *", "2026-01-10T12:00:00Z", 2),
        ["2026-01-11T02:00:00Z", "2026-01-12T02:00:00Z"]
    );
    assert_eq!(times("0 3 * * *", "2026-07-10T12:00:00Z", 1), ["2026-07-11T01:00:00Z"]);
    assert_eq!(times("@daily", "2026-01-10T12:00:00Z", 1), ["2026-01-10T23:00:00Z"]);
    assert_eq!(
        times("30 4 1,15 * 5", "2026-05-01T12:00:00Z", 2),
        ["2026-05-08T02:30:00Z", "2026-05-15T02:30:00Z"]
    );
}

#[test]
fn a_fixed_time_in_the_skipped_hour_is_expected_right_after_it() {
    // On 29 March 2026 the clocks go from 02:00 to 03:00, at 01:00 UTC.
    assert_eq!(
        times("30 2 * * *", "2026-03-28T12:00:00Z", 2),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
}

#[test]
fn a_fixed_time_in_the_repeated_hour_is_expected_when_it_comes_first() {
    // On 25 October 2026 the clocks go from 03:00 back to 02:00, at 01:00 UTC.
    assert_eq!(
        times("30 2 * * *", "2026-10-24T12:00:00Z", 2),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
}

#[test]
fn what_runs_every_so_often_is_expected_at_the_times_that_there_are() {
    assert_eq!(
        times("*/30 * * * *", "2026-03-29T00:15:00Z", 3),
        ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]
    );
    assert_eq!(
        times("*/30 * * * *", "2026-10-25T00:15:00Z", 4),
        ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"]
    );
}

#[test]
fn what_is_no_expression_is_told_with_an_example() {
    let wrong = |text: &str| Table::new(text, TimeZone::UTC).unwrap_err();
    assert!(wrong("3 o'clock").starts_with("2 fields where five are needed: write for example `0 3 * * *`"));
    assert!(wrong("* * * * * *").starts_with("6 fields"));
    assert!(wrong("").starts_with("0 fields"));
    assert!(wrong("@fortnightly").starts_with("not a cron expression ("));
    assert!(wrong("61 * * * *").starts_with("not a cron expression ("));
    assert_eq!(wrong("0 0 30 2 *"), "never comes");
}

#[test]
fn a_success_is_due_by_the_earliest_of_what_is_expected() {
    let last = at("2026-01-10T02:00:10Z");
    let mut expected = Expected { grace: HOUR, ..Expected::default() };
    assert_eq!(expected.deadline(last), None);
    expected.max_age = Some(26 * HOUR);
    assert_eq!(expected.deadline(last), Some(at("2026-01-11T04:00:10Z")), "without grace");
    expected.table = Some(table("0 3 * * *"));
    assert_eq!(expected.deadline(last), Some(at("2026-01-11T03:00:00Z")));
    expected.every = Some(HOUR);
    assert_eq!(expected.deadline(last), Some(at("2026-01-10T04:00:10Z")));
    expected.every = Some(Duration::MAX);
    assert_eq!(expected.deadline(last), Some(at("2026-01-11T03:00:00Z")), "beyond our time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against every minute of the days around, one after the other.
    #[test]
    fn the_next_time_is_the_first_minute_that_matches(
        minute in 0i8..60, hour in 0i8..24, day in 0i64..730, second in 0i64..86_400
    ) {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let start = date(2025, 1, 1).to_zoned(zone.clone()).unwrap().timestamp();
        let from = start + (day * 86_400 + second).seconds();
        let next = table(&format!("{minute} {hour} * * *")).after(from).unwrap();
        prop_assert!(next > from);
        // A day of 25 hours, and one that waits for a time in the gap.
        prop_assert!(next.duration_since(from) <= jiff::SignedDuration::from_hours(25));
        let mut earlier = from + 1.second();
        while earlier < next {
            let local = earlier.to_zoned(zone.clone());
            let is_due = local.hour() == hour && local.minute() == minute && local.second() == 0;
            // The second pass through a repeated hour is the one that is passed over.
            let before = (earlier - 1.hour()).to_zoned(zone.clone());
            prop_assert!(!is_due || before.datetime() == local.datetime(), "{earlier} before {next}");
            earlier += 1.second() * (60 - i64::from(local.second()));
        }
    }

    #[test]
    fn any_text_is_an_expression_or_a_mistake(text in "[-*/,@0-9A-Za-z# ]{0,20}|\\PC{0,20}") {
        if let Ok(table) = Table::new(&text, TimeZone::UTC) {
            let now = at("2026-01-10T02:00:10Z");
            prop_assert!(table.after(now).is_none_or(|next| next > now));
        }
    }
}
