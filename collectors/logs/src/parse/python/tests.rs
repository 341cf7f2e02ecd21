#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn the_usual_formats_say_the_same() {
    const TIME: &str = "time=2026-01-02T03:04:05.678Z";
    let logger = |name: &str| format!("log.logger={name}");
    for (line, more) in [
        ("WARNING:shop.cart:a message", vec![logger("shop.cart")]),
        ("2026-01-02 04:04:05,678 - shop.cart - WARNING - a message", vec![logger("shop.cart")]),
        ("2026-01-02 04:04:05,678 - WARNING - a message", vec![]),
        (
            "2026-01-02 04:04:05,678 - shop.cart - WARNING - cart.py:12 - a message",
            vec![logger("shop.cart"), "code.file.path=cart.py".into(), "code.line.number:=12".into()],
        ),
        ("2026-01-02 04:04:05,678 WARNING shop.cart: a message", vec![logger("shop.cart")]),
        ("2026-01-02 04:04:05,678 WARNING  shop.cart: a message", vec![logger("shop.cart")]),
        ("2026-01-02 04:04:05,678 WARNING a message", vec![]),
        ("2026-01-02 04:04:05,678 WARNING: a message", vec![]),
        ("2026-01-02 04:04:05,678 [WARNING] shop.cart: a message", vec![logger("shop.cart")]),
        ("2026-01-02 04:04:05,678 [WARNING] a message", vec![]),
        (
            "2026-01-02 04:04:05,678 [MainThread] WARNING shop.cart: a message",
            vec!["thread.name=MainThread".into(), logger("shop.cart")],
        ),
        ("[2026-01-02 04:04:05,678] WARNING in cart: a message", vec!["module=cart".into()]),
        ("[2026-01-02 04:04:05,678] [WARNING] shop.cart: a message", vec![logger("shop.cart")]),
        ("[2026-01-02 04:04:05,678: WARNING/MainProcess] a message", vec!["process.name=MainProcess".into()]),
        (
            "[2026-01-02T04:04:05.678+0100] {cart.py:12} WARNING - a message",
            vec!["code.file.path=cart.py".into(), "code.line.number:=12".into()],
        ),
        (
            "WARNING 2026-01-02 04:04:05,678 cart 12 140735 a message",
            vec!["module=cart".into(), "process.pid:=12".into(), "thread.id:=140735".into()],
        ),
        ("WARNING 2026-01-02 04:04:05,678 a message", vec![]),
        (
            "2026-01-02 04:04:05,678 WARNING [shop.cart] [cart.py:12] [trace_id=0 span_id=0 resource.service.name=shop] - a message",
            vec![
                logger("shop.cart"),
                "code.file.path=cart.py".into(),
                "code.line.number:=12".into(),
                "resource.service.name=shop".into(),
            ],
        ),
        ("2026-01-02 04:04:05,678 | WARNING | a message", vec![]),
    ] {
        let seen = seen(line).unwrap_or_else(|| panic!("{line}"));
        let mut expected: Vec<String> = vec!["severity=13 WARNING".into()];
        expected.extend(more);
        expected.push("~message=a message".into());
        if seen[0].starts_with("time=") {
            expected.insert(0, TIME.into());
        } else {
            assert!(line.starts_with("WARNING:"));
        }
        assert_eq!(seen, expected, "{line}");
    }
}

#[test]
fn a_message_may_look_like_what_stands_before_one() {
    let message = |line: &str| seen(line).unwrap().last().unwrap().clone();
    assert_eq!(message("2026-01-02 04:04:05,678 - a - INFO - b - c - d"), "~message=b - c - d");
    assert_eq!(message("2026-01-02 04:04:05,678 INFO GET /: 200"), "~message=GET /: 200");
    assert_eq!(message("2026-01-02 04:04:05,678 - a - INFO - [not a name] x"), "~message=[not a name] x");
    assert_eq!(message("2026-01-02 04:04:05,678 INFO [12] x"), "~message=[12] x");
    assert_eq!(message("INFO:a:b:c"), "~message=b:c");
    assert_eq!(
        message("ERROR:root:failed\nTraceback (most recent call last):\n  File"),
        "~message=failed\nTraceback (most recent call last):\n  File"
    );
    assert_eq!(message("2026-01-02 04:04:05,678 - a - ERROR - "), "~message=");
    assert_eq!(
        message("2026-01-02 04:04:05,678 INFO ERROR is no level here"),
        "~message=ERROR is no level here"
    );
}

#[test]
fn what_has_no_level_is_not_understood() {
    for line in [
        "",
        "a message",
        "WARNING",
        "WARNING: a message",
        "INFO:     127.0.0.1:5000 - \"GET / HTTP/1.1\" 200 OK",
        "2026-01-02 04:04:05,678 a message",
        "2026-01-02 04:04:05,678 - a message",
        "[2026-01-02 04:04:05,678] a message",
        "2026-01-02 04:04:05,678 [a] [b] [c] [d] [e] [f] [g] [h] [i] INFO x",
        "warning:root:x",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_logging_writes_comes_back(
        form in 0usize..4, milli in 0u32..1000, level in "DEBUG|INFO|WARNING|ERROR|CRITICAL", name in "[a-z_]{1,8}(\\.[a-z_]{1,8}){0,2}",
        message in "[A-Z][a-z ]{0,20}",
    ) {
        let time = format!("2026-01-02 04:04:05,{milli:03}");
        let line = match form {
            0 => format!("{level}:{name}:{message}"),
            1 => format!("{time} - {name} - {level} - {message}"),
            2 => format!("{time} {level} {name}: {message}"),
            _ => format!("{time} [{level}] {name}: {message}"),
        };
        let seen = seen(&line).unwrap();
        let has_level = seen.iter().any(|field| field.ends_with(&format!(" {level}")));
        prop_assert!(has_level, "{:?}", seen);
        prop_assert_eq!(&seen[seen.len() - 2..], [format!("log.logger={name}"), format!("~message={message}")]);
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(
        line in "\\PC{0,80}", alike in "\\[?2026-01-02 04:04:05,678[\\]:]?[ \\[\\]{}:=/a-zé.-]{0,20}( - | |\\[)(INFO|ERROR)[ \\[\\]{}:=/a-zé.-]{0,30}",
    ) {
        let _ = (seen(&line), seen(&alike));
    }
}
