#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    let mut gunicorn = Gunicorn::new().unwrap();
    testing::seen(line, |line, context, fields| gunicorn.parse(line, context, fields))
}

#[test]
fn a_line_of_the_error_log_says_who_writes() {
    assert_eq!(
        seen("[2026-01-02 03:04:05 +0000] [12] [CRITICAL] WORKER TIMEOUT (pid:12)").unwrap(),
        [
            "time=2026-01-02T03:04:05Z",
            "severity=18 CRITICAL",
            "process.pid:=12",
            "~message=WORKER TIMEOUT (pid:12)"
        ]
    );
}

#[test]
fn a_line_of_the_access_log_may_end_in_how_long_it_took() {
    let access = r#"203.0.113.9 - bob [02/Jan/2026:03:04:05 +0000] "GET /a HTTP/1.1" 404 12 "-" "curl/8""#;
    let without = seen(access).unwrap();
    assert!(without.contains(&"user_agent.original=curl/8".to_owned()), "{without:?}");
    assert!(without.contains(&"http.response.status_code:=404".to_owned()), "{without:?}");
    for (behind, field) in [(" 0.012345", "0.012345"), (" 12345", "0.012345"), (" 0", "0.0")] {
        let with = seen(&format!("{access}{behind}")).unwrap();
        assert!(with.contains(&format!("{DURATION}:={field}")), "{with:?}");
        assert_eq!(with.len(), without.len() + 1);
    }
    // Behind a socket in the file system there is no address.
    assert!(seen(&access.replace("203.0.113.9", "")).is_some());
}

#[test]
fn other_lines_are_refused() {
    for line in [
        "",
        "[",
        "[2026-01-02 03:04:05 +0000] [x] [INFO] y",
        "[2026-01-02 03:04:05 +0000] [1] [ODD] y",
        "x \"y\" 5",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_never_a_panic(rest in "(\\PC|\"| 5|\\]| \\[){0,20}") {
        let _ = seen(&format!("[2026-01-02 03:04:05 +0000] {rest}"));
        let _ = seen(&format!("::1 - - [02/Jan/2026:03:04:05 +0000] \"{rest}"));
        let _ = seen(&rest);
    }
}
