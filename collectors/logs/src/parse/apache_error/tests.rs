#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn a_line_of_version_2_4_says_what_failed_and_for_whom() {
    let line = concat!(
        "[Fri Jan 02 03:04:05.123456 2026] [proxy:error] [pid 12:tid 140234] (111)Connection refused: ",
        "[client 203.0.113.9:5000] AH00957: HTTP: attempt to connect failed, referer: https://x/"
    );
    assert_eq!(
        seen(line).unwrap()[1..],
        [
            "severity=17 error",
            "log.logger=proxy",
            "process.pid:=12",
            "thread.id:=140234",
            "client.address=203.0.113.9",
            "client.port:=5000",
            r#"http.request.header.referer:=[Some(StringValue("https://x/"))]"#,
            "error.type=AH00957",
            concat!(
                "~message=(111)Connection refused: [client 203.0.113.9:5000] ",
                "AH00957: HTTP: attempt to connect failed"
            ),
        ]
    );
    let line =
        "[Fri Jan 02 03:04:05.123456 2026] [core:info] [pid 12] [client 2001:db8::1:5000] AH00128: [x] y";
    assert_eq!(
        seen(line).unwrap()[1..],
        [
            "severity=9 info",
            "log.logger=core",
            "process.pid:=12",
            "client.address=2001:db8::1",
            "client.port:=5000",
            "error.type=AH00128",
            "~message=AH00128: [x] y",
        ]
    );
}

#[test]
fn a_line_of_version_2_2_is_understood() {
    assert_eq!(
        seen("[Fri Jan  2 03:04:05 2026] [warn] [client ::1] File does not exist: /srv/x").unwrap()[1..],
        ["severity=13 warn", "client.address=::1", "~message=File does not exist: /srv/x"]
    );
    assert_eq!(
        seen("[Fri Jan 02 03:04:05 2026] [notice] caught SIGTERM, shutting down").unwrap()[2..],
        ["~message=caught SIGTERM, shutting down"]
    );
}

#[test]
fn what_modules_write_is_understood() {
    let line =
        "[Fri Jan 02 03:04:05.1 2026] [php:error] [pid 7] [client 1.2.3.4:5] PHP Fatal error:  x in [y] on";
    assert_eq!(seen(line).unwrap().last().unwrap(), "~message=PHP Fatal error:  x in [y] on");
    let line = "[Fri Jan 02 03:04:05.1 2026] [:trace3] [pid 7] [x] y";
    assert_eq!(seen(line).unwrap()[1..], ["severity=1 trace3", "process.pid:=7", "~message=[x] y"]);
}

#[test]
fn other_lines_are_refused() {
    for line in
        ["", "[", "[Fri Jan 02 03:04:05 2026]", "[Fri Jan 02 03:04:05 2026] [odd] x", "[02 Jan] [error] x"]
    {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_never_a_panic(rest in "(\\PC|\\[|\\] |client |pid |: |\\(1\\)|AH00001|, referer: ){0,30}") {
        let line = format!("[Fri Jan 02 03:04:05.123456 2026] [core:error] {rest}");
        prop_assert!(seen(&line).is_some());
        let _ = seen(&rest);
    }
}
