#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn a_line_says_who_writes_and_how_bad_it_is() {
    assert_eq!(
        seen("12:M 02 Jan 2026 04:04:05.678 * Ready to accept connections tcp").unwrap(),
        [
            "time=2026-01-02T03:04:05.678Z",
            "severity=9 notice",
            "process.pid:=12",
            "redis.role=master",
            "~message=Ready to accept connections tcp",
        ]
    );
    for (line, severity, role) in [
        (
            "1:C 02 Jan 2026 04:04:05.678 # WARNING Memory overcommit must be enabled!",
            "severity=13 warning",
            "redis.role=child",
        ),
        ("1:S 02 Jan 2026 04:04:05.678 - DB 0: 1 keys", "severity=7 verbose", "redis.role=replica"),
        ("1:X 02 Jan 2026 04:04:05.678 . x", "severity=5 debug", "redis.role=sentinel"),
    ] {
        let seen = seen(line).unwrap();
        assert_eq!((seen[1].as_str(), seen[3].as_str()), (severity, role));
    }
}

#[test]
fn what_is_no_line_of_redis_is_not_understood() {
    for line in [
        "",
        "                _._",
        "12:M 02 Jan 2026 04:04:05.678 ? x",
        "12:Q 02 Jan 2026 04:04:05.678 * x",
        "M 02 Jan 2026 04:04:05.678 * x",
        "12:M 02 Foo 2026 04:04:05.678 * x",
        "12:M 02 Jan 2026 04:04:05.678 *",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_redis_writes_comes_back(pid in 1u32..4_000_000, role in "[MSCX]", milli in 0u32..1000, sign in "[.*#-]", message in "\\PC{0,40}") {
        let seen = seen(&format!("{pid}:{role} 02 Jan 2026 04:04:05.{milli:03} {sign} {message}")).unwrap();
        prop_assert_eq!(&seen[2], &format!("process.pid:={pid}"));
        prop_assert_eq!(seen.last().unwrap(), &format!("~message={message}"));
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(line in "\\PC{0,80}", alike in "[0-9]{0,3}:[MX] [0-9]{2} Jan [0-9:. *#]{0,30}") {
        let _ = (seen(&line), seen(&alike));
    }
}
