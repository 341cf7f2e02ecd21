#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::format::LineFormat;
use super::super::testing::{self, understood};
use super::*;
use crate::config::Config;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, |line, context, fields| parse(line, context, fields, &mut String::new()))
}

#[test]
fn a_line_says_its_place() {
    assert_eq!(
        seen("W0102 04:04:05.678901   12345 reflector.go:324] watch of *v1.Pod ended: a]b").unwrap(),
        [
            "time=2026-01-02T03:04:05.678901Z",
            "severity=13 W",
            "thread.id:=12345",
            "code.file.path=reflector.go",
            "code.line.number:=324",
            "~message=watch of *v1.Pod ended: a]b",
        ]
    );
    // glog since 0.6, of a file in a folder.
    assert_eq!(
        seen("I20260102 04:04:05.678901 7 base/main.cc:12] x").unwrap()[0],
        "time=2026-01-02T03:04:05.678901Z"
    );
    assert_eq!(seen("F1231 23:04:05.000000 1 a.go:1] ").unwrap()[0], "time=2025-12-31T22:04:05Z");
}

#[test]
fn pairs_behind_a_message_in_quotes_are_attributes() {
    assert_eq!(
        seen(
            r#"E0102 04:04:05.678901       1 status.go:71] "Pod \"x\" failed" pod="kube-system/dns" tries=3"#
        )
        .unwrap()[2..],
        [
            "thread.id:=1",
            "code.file.path=status.go",
            "code.line.number:=71",
            "pod=kube-system/dns",
            "tries:=3",
            "~message=Pod \"x\" failed",
        ]
    );
    // Only a message that begins with a quote.
    assert_eq!(
        seen(r#"I0102 04:04:05.0 1 a.go:1] "x" is "y""#).unwrap().last().unwrap(),
        "~message=\"x\" is \"y\""
    );
    assert_eq!(seen(r#"I0102 04:04:05.0 1 a.go:1] "open"#).unwrap().last().unwrap(), "~message=\"open");
}

#[test]
fn what_is_no_klog_is_not_understood() {
    for line in [
        "",
        "I",
        "Info about something",
        "X0102 04:04:05.678901 1 a.go:1] x",
        "I1302 04:04:05.678901 1 a.go:1] x",
        "I0102 04:04:05.678901 1 a.go] x",
        "I0102 04:04:05.678901 x a.go:1] x",
        "I0102 04:04:05.678901 1 a.go:1 x",
        "é0102 04:04:05.678901 1 a.go:1] x",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_klog_writes_comes_back(
        letter in "[IWEF]", micros in 0u32..1_000_000, thread in 0u32..9_999_999, file in "[a-z_]{1,20}", number in 1u32..99_999,
        message in "[^\"\\n\\r]\\PC{0,40}",
    ) {
        let line = format!("{letter}0102 04:04:05.{micros:06} {thread:7} {file}.go:{number}] {message}");
        let seen = seen(&line).unwrap();
        prop_assert_eq!(&seen[1][seen[1].len() - 1..], letter);
        prop_assert_eq!(&seen[2..5], [
            format!("thread.id:={thread}"), format!("code.file.path={file}.go"), format!("code.line.number:={number}"),
        ]);
        prop_assert_eq!(seen.last().unwrap(), &format!("~message={message}"));
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(line in "\\PC{0,80}", alike in "[IWEF][0-9 :.]{0,30}[a-z.:\\]\" =]{0,30}") {
        let _ = (seen(&line), seen(&alike));
    }
}

#[test]
fn lines_below_a_message_stay_with_the_body() {
    let config =
        Config { parse: LineFormat::Klog.into(), body: Some("message".to_owned()), ..Config::default() };
    for (message, shown) in [("sync failed", 3), ("\"sync failed\" pod=\"a\"", 4)] {
        let record =
            format!("E0102 04:04:05.678901 1 status.go:71] {message}\ngoroutine 1 [running]:\nmain.main()");
        let found = understood(&config, &record).unwrap();
        assert_eq!(found.shown().len(), shown, "{message}");
        assert_eq!(found.fields.body.as_deref(), Some("sync failed\ngoroutine 1 [running]:\nmain.main()"));
    }
}
