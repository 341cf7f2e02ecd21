#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn a_line_says_its_place() {
    assert_eq!(
        seen("2026-01-02 04:04:05.678 | WARNING  | shop.cart:pay:12 - no stock - at all").unwrap(),
        [
            "time=2026-01-02T03:04:05.678Z",
            "severity=13 WARNING",
            "log.logger=shop.cart",
            "code.function.name=pay",
            "code.line.number:=12",
            "~message=no stock - at all",
        ]
    );
    let success = seen("2026-01-02 04:04:05.678 | SUCCESS  | __main__:<module>:3 - done").unwrap();
    assert_eq!(success[1..4], ["severity=10 SUCCESS", "log.logger=__main__", "code.function.name=<module>"]);
    let own = seen("2026-01-02 04:04:05.678 | SNAKY | a:b:3 - ").unwrap();
    assert_eq!(own[1..3], ["severity=0 SNAKY", "!severity"]);
    let several =
        seen("2026-01-02 04:04:05.678 | ERROR    | a:b:3 - failed\nTraceback (most recent call last):")
            .unwrap();
    assert_eq!(several.last().unwrap(), "~message=failed\nTraceback (most recent call last):");
}

#[test]
fn what_is_no_line_of_loguru_is_not_understood() {
    for line in [
        "",
        "2026-01-02 04:04:05.678 | INFO     | a message",
        "2026-01-02 04:04:05.678 | INFO     | a:b:c - x",
        "2026-01-02 04:04:05.678 - INFO - a:b:3 - x",
        "04:04:05.678 | INFO     | a:b:3 - x",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_loguru_writes_comes_back(
        milli in 0u32..1000, level in "TRACE|DEBUG|INFO|SUCCESS|WARNING|ERROR|CRITICAL", module in "[a-z_.]{1,20}",
        function in "[a-z_]{1,10}|<lambda>|<module>", number in 1u32..99_999, message in "\\PC{0,40}",
    ) {
        let line = format!("2026-01-02 04:04:05.{milli:03} | {level: <8} | {module}:{function}:{number} - {message}");
        let seen = seen(&line).unwrap();
        prop_assert_eq!(&seen[2..], [
            format!("log.logger={module}"), format!("code.function.name={function}"),
            format!("code.line.number:={number}"), format!("~message={message}"),
        ]);
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(line in "\\PC{0,80}", alike in "2026-01-02 04:04:05[.|a-zA-Z: -]{0,40}") {
        let _ = (seen(&line), seen(&alike));
    }
}
