#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::format::LineFormat;
use super::super::testing::understood;
use super::*;
use crate::config::Config;

fn of(pattern: &str, line: &str) -> Option<Vec<String>> {
    let config = Config { parse: LineFormat::Regex(pattern.to_owned()).into(), ..Config::default() };
    Some(understood(&config, line).ok()?.shown())
}

const NINE: &str = concat!(
    r#"^(?P<client>\S+) \S+ (?P<user>\S+) \[(?P<at>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>[^"]*?) (?P<version>\S+)" "#,
    r#"(?P<status>\d{3}) (?P<size>\d+) "(?P<referer>[^"]*)"(?: "(?P<agent>.*)")?$"#
);

#[test]
fn named_groups_become_fields() {
    let line = r#"::1 - bob [17/May/2015:10:05:03 +0000] "GET /a b HTTP/1.1" 200 5 "-" "curl "8"""#;
    assert_eq!(
        of(NINE, line).unwrap(),
        [
            "client=::1",
            "user=bob",
            "at=17/May/2015:10:05:03 +0000",
            "method=GET",
            "path=/a b",
            "version=HTTP/1.1",
            "status=200",
            "size=5",
            "referer=-",
            "agent=curl \"8\""
        ]
    );
    assert_eq!(of(NINE, "::1"), None);
    assert_eq!(of("(?P<a>é+)|(?P<b>x)", "zéé").unwrap(), ["a=éé"]);
}

#[test]
fn a_line_that_is_too_long_is_not_looked_at() {
    let mut fit = Fit::new("^(?P<a>x*)$").unwrap();
    assert_eq!(fit.parse(&"x".repeat(LONGEST), &mut Fields::default()), Ok(()));
    assert_eq!(fit.parse(&"x".repeat(LONGEST + 1), &mut Fields::default()), Err(Reason::TooLong));
}

#[test]
fn an_expression_that_takes_too_much_memory_is_refused() {
    assert!(Fit::new(r"(?P<a>\w{1,500}){1,500}").unwrap_err().to_string().contains("size limit"));
}

#[test]
fn no_expression_takes_long_for_any_line() {
    // Each is a line for which to try all ways would take longer than the world exists.
    for (pattern, line) in [
        ("^(?P<a>(?:a+)+)$", format!("{}b", "a".repeat(40_000))),
        ("(?P<a>(?:a|aa)+)$", format!("{}b", "a".repeat(40_000))),
        ("^(?P<a>.*?,){11}P", "1,".repeat(20_000)),
        ("(?P<a>.*)(?P<b>.*)(?P<c>.*)(?P<d>.*)x$", "y".repeat(4_000)),
    ] {
        let begin = std::time::Instant::now();
        assert_eq!(Fit::new(pattern).unwrap().parse(&line, &mut Fields::default()), Err(Reason::Format));
        assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{pattern}: {:?}", begin.elapsed());
    }
}

/// Whether both engines find the same.
fn agrees(pattern: &str, line: &str) -> Result<Outcome, TestCaseError> {
    let Some(program) = Program::new(pattern) else { return Ok(Outcome::Unknown) };
    let regex = compiled(pattern).unwrap();
    let mut places = regex.capture_locations();
    let found = regex.captures_read(&mut places, line).is_some();
    let mut quick = Quick::new(program);
    let outcome = quick.run(line);
    match outcome {
        Outcome::Unknown => {}
        Outcome::NoMatch => prop_assert!(!found, "{pattern} on {line:?}"),
        Outcome::Match => {
            prop_assert!(found, "{} on {:?}", pattern, line);
            for group in 0..places.len() {
                prop_assert_eq!(
                    quick.group(group),
                    places.get(group),
                    "group {} of {} on {:?}",
                    group,
                    pattern,
                    line
                );
            }
        }
    }
    Ok(outcome)
}

#[test]
fn expressions_for_logs_are_matched_quickly() {
    let line = r#"::1 - bob [17/May/2015:10:05:03 +0000] "GET /a b HTTP/1.1" 200 5 "-" "curl "8"""#;
    assert_eq!(agrees(NINE, line).unwrap(), Outcome::Match);
    assert_eq!(agrees(NINE, "bob").unwrap(), Outcome::NoMatch);
    assert_eq!(agrees(r"(?i)\bERROR\b.*?(?P<code>\d+)", "an error, 5: 6").unwrap(), Outcome::Match);
}

fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &["a", "b", "ab", ".", "[ab]", "[^a]", r"\w", r"\d", " ", r"\b", "^", "$", "", "é", r"\S"][..],
    );
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        let times = prop::sample::select(
            &["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{1,3}?", "{2,}", "{0,2}"][..],
        );
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|ways| format!("(?:{})", ways.join("|"))),
            inner.clone().prop_map(|inner| format!("({inner})")),
            (inner, times).prop_map(|(inner, times)| format!("(?:{inner}){times}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn both_engines_find_the_same(pattern in pattern(), line in "[ab 1]{0,12}", other in "(a|b| |1|é|\\PC){0,8}") {
        agrees(&pattern, &line)?;
        agrees(&pattern, &other)?;
    }
}

const TRACEBACK: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1, in pay\nKeyError: 7";

/// The body of a record that is read by `parse`, with `message` as its body.
fn body(parse: LineFormat, record: &str) -> Option<String> {
    let config = Config { parse: parse.into(), body: Some("message".to_owned()), ..Config::default() };
    understood(&config, record).ok()?.fields.body
}

#[test]
fn the_first_line_of_a_record_is_matched_and_the_others_stay_with_the_body() {
    let record = format!("ERROR paying failed\n{TRACEBACK}");
    let whole = Some(format!("paying failed\n{TRACEBACK}"));
    for pattern in [
        r"^(?P<level>\w+) (?P<message>.*)$",
        r"(?P<message>paying \w+)",
        r"(?s)^(?P<level>\w+) (?P<message>.*)",
    ] {
        assert_eq!(body(LineFormat::Regex(pattern.to_owned()), &record), whole, "{pattern}");
    }
    let grok = "%{LOGLEVEL:level} %{GREEDYDATA:message}".to_owned();
    assert_eq!(body(LineFormat::Grok(grok), &record), whole);
    // What stands in the other lines is no match.
    assert_eq!(of("^(?P<name>KeyError)", &record), None);
    assert_eq!(body(LineFormat::Regex("(?P<message>.*)".to_owned()), "a"), Some("a".to_owned()));
}

#[test]
fn an_expression_for_several_lines_is_matched_with_all_of_them_and_those_behind_stay_with_the_body() {
    let record = "Started GET /carts\nProcessing by CartsController#show\nCompleted 200 OK\nin 5ms";
    let pattern = r"^Started (?P<message>.*)\nProcessing by (?P<controller>\S+)";
    assert_eq!(of(pattern, record).unwrap(), ["message=GET /carts", "controller=CartsController#show"]);
    let whole = Some("GET /carts\nCompleted 200 OK\nin 5ms".to_owned());
    assert_eq!(body(LineFormat::Regex(pattern.to_owned()), record), whole);
}

#[test]
fn only_the_line_that_is_looked_at_may_not_be_too_long() {
    let record = format!("a b\n{}", "x".repeat(2 * LONGEST));
    assert_eq!(
        body(LineFormat::Regex(r"^a (?P<message>\w)$".to_owned()), &record).unwrap().len(),
        record.len() - 2
    );
}
