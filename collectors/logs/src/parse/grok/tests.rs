#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn of(text: &str, line: &str) -> Option<Vec<String>> {
    let mut fit = fit(text).unwrap();
    testing::seen(line, |line, _, fields| fit.parse(line, fields))
}

fn error(text: &str) -> String {
    fit(text).unwrap_err().to_string()
}

#[test]
fn every_pattern_of_the_library_compiles() {
    for (name, _) in library::PATTERNS {
        fit(&format!("^%{{{name}:it}}$")).unwrap();
    }
}

#[test]
fn patterns_match_what_they_are_for() {
    for (name, matches, others) in [
        (
            "IP",
            &[
                "1.2.3.4",
                "255.255.255.255",
                "::",
                "::1",
                "2001:db8::1",
                "fe80::1%eth0",
                "::ffff:1.2.3.4",
                "1:2:3:4:5:6:7:8",
            ][..],
            &["1.2.3", "1.2.3.256", "1:2", "g::1", ":::"][..],
        ),
        ("HOSTNAME", &["a", "a-b.example.com", "a.example."], &["-a", "a..b", ""]),
        ("HOSTPORT", &["a.example:80"], &["a.example", "a:x"]),
        ("NUMBER", &["1", "-1.5", ".5", "+0"], &["1.", "x", "", "1e5"]),
        ("POSINT", &["1", "10"], &["0", "-1"]),
        ("WORD", &["a_b1"], &["a b", "a-b", ""]),
        ("QS", &[r#""a \" b""#, "'x'", "``"], &["\"a", "a"]),
        ("UUID", &["123e4567-e89b-12d3-a456-426614174000"], &["123e4567-e89b-12d3-a456"]),
        ("MAC", &["aa:bb:cc:dd:ee:ff", "aabb.ccdd.eeff", "AA-BB-CC-DD-EE-FF"], &["aa:bb"]),
        ("EMAILADDRESS", &["a.b+c@d.example"], &["a@", "@b"]),
        ("URI", &["https://a.example:80/b/c?d=e&f", "ftp://u:p@1.2.3.4/"], &["/b", "a b://c"]),
        ("PATH", &["/", "/var/log/x.log", r"C:\x\y"], &["x"]),
        (
            "TIMESTAMP_ISO8601",
            &["2026-01-02T03:04:05.678Z", "2026-01-02 03:04:05,678+01:00", "2026-01-02T03:04"],
            &["2026-13-02T03:04", "03:04"],
        ),
        ("HTTPDATE", &["17/May/2015:10:05:03 +0000"], &["17/May/2015 10:05:03"]),
        ("SYSLOGTIMESTAMP", &["Jan  2 03:04:05", "Jan 12 03:04:05"], &["Jan 02"]),
        ("DATESTAMP", &["02/01/2026 03:04:05", "31-12-2026 23:59:60"], &["2026"]),
        ("LOGLEVEL", &["ERROR", "warn", "Information"], &["erroneous", "X"]),
        ("JAVACLASS", &["com.example.A$B"], &["1a"]),
    ] {
        let is_match = |text: &str| of(&format!("^%{{{name}:it}}$"), text).is_some();
        for text in matches {
            assert!(is_match(text), "{name} on {text:?}");
        }
        for text in others {
            assert!(!is_match(text), "{name} on {text:?}");
        }
    }
}

#[test]
fn an_access_log_is_taken_apart() {
    let line =
        r#"203.0.113.9 - bob [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/1.1" 200 5 "https://x/" "curl/8""#;
    assert_eq!(
        of("%{COMBINEDAPACHELOG}", line).unwrap(),
        [
            "clientip=203.0.113.9",
            "ident=-",
            "auth=bob",
            "timestamp=17/May/2015:10:05:03 +0000",
            "verb=GET",
            "request=/a?b=c",
            "httpversion=1.1",
            "response=200",
            "bytes=5",
            "referrer=\"https://x/\"",
            "agent=\"curl/8\"",
        ]
    );
    let scanner = line.replace("GET /a?b=c HTTP/1.1", "\\x16");
    assert!(of("%{COMBINEDAPACHELOG}", &scanner).unwrap().contains(&"rawrequest=\\x16".to_owned()));
    assert_eq!(of("%{COMBINEDAPACHELOG}", "bob"), None);
}

#[test]
fn fields_have_types_and_may_be_nested() {
    assert_eq!(
        of("%{IP:client} %{NUMBER:bytes:int} %{NUMBER:took:float} %{WORD:[http][request][method]} (?<rest>.*)", "::1 5 0.25 GET é").unwrap(),
        ["client=::1", "bytes:=5", "took:=0.25", "http.request.method=GET", "rest=é"]
    );
    // What is no number after all keeps what it is.
    assert_eq!(of("%{WORD:bytes:int}", "five").unwrap(), ["bytes=five"]);
    // Nothing is no field, and of several of one name the first one counts.
    assert_eq!(of("^(?:%{INT:a}|%{WORD:a})%{DATA:b}(?: %{INT:a})?$", "x 5").unwrap(), ["a=x"]);
}

#[test]
fn patterns_of_ones_own_stand_before_the_expression() {
    let text = "ORDER [A-Z]{3}-%{DIGITS}\nDIGITS [0-9]+\n\n^order %{ORDER:order} %{GREEDYDATA:message}$\n";
    assert_eq!(of(text, "order ABC-12 was paid").unwrap(), ["order=ABC-12", "message=was paid"]);
}

#[test]
fn what_is_wrong_is_told() {
    assert_eq!(error("%{NOPE:x}"), "unknown pattern `NOPE`");
    assert_eq!(error("%{IP:x:date}"), "unknown type `date`; known are int, long, float, double, string");
    assert_eq!(error("%{IP:x"), "unclosed `%{`");
    assert_eq!(error("%{IP} .*"), "nothing has a name: `%{IP:client}` makes a field");
    assert_eq!(error("A %{B}\nB %{A}\n%{A:x}"), "the pattern `A` is made of itself, or too deeply of others");
    assert!(error("x y z\n%{x:a}(").contains("unclosed group"));
    assert_eq!(
        error("what?\n%{IP:a}"),
        "`what?` is no definition: write `NAME expression`, and what is matched as the last line"
    );
    let doubling: String = (0..20).map(|n| format!("P{} %{{P{n}}}%{{P{n}}}\n", n + 1)).collect();
    assert_eq!(error(&format!("P0 xxxx\n{doubling}%{{P20:x}}")), "it becomes longer than 262144 bytes");
}

proptest! {
    #[test]
    fn any_expression_is_compiled_or_refused_never_a_panic(text in "(%\\{|\\}|IP|:|int|[a-z]|\\(|\\)|\n| ){0,12}", line in "\\PC{0,20}") {
        if let Ok(mut fit) = fit(&text) {
            let _ = testing::seen(&line, |line, _, fields| fit.parse(line, fields));
        }
    }
}
