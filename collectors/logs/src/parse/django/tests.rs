#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn a_request_of_the_development_server_becomes_attributes_of_http() {
    assert_eq!(
        seen(r#"[02/Jan/2026 04:04:05] "GET /a/b?c=d HTTP/1.1" 404 2314"#).unwrap(),
        [
            "time=2026-01-02T03:04:05Z",
            "severity=13",
            "http.request.method=GET",
            "url.path=/a/b",
            "url.query=c=d",
            "network.protocol.version=1.1",
            "http.response.status_code:=404",
            "http.response.body.size:=2314",
            "~request=GET /a/b?c=d HTTP/1.1",
            "~request_uri=/a/b?c=d",
        ]
    );
    assert_eq!(
        seen(r#"[02/Jan/2026 04:04:05] "\x16\x03 "x" y" 400 -"#).unwrap()[2..],
        [r#"url.original=\x16\x03 "x" y"#, "http.response.status_code:=400", r#"~request=\x16\x03 "x" y"#,]
    );
    assert_eq!(
        seen(r#"[02/Jan/2026 04:04:05] "BREW /pot HTTP/1.1" 405 -"#).unwrap()[2..5],
        ["http.request.method=_OTHER", "http.request.method_original=BREW", "url.path=/pot"]
    );
}

#[test]
fn what_else_the_server_says_has_a_time() {
    assert_eq!(
        seen("[02/Jan/2026 04:04:05] code 400, message Bad request syntax ('x')").unwrap(),
        [
            "time=2026-01-02T03:04:05Z",
            "severity=13",
            "http.response.status_code:=400",
            "~message=code 400, message Bad request syntax ('x')",
        ]
    );
    let broken = seen("[02/Jan/2026 04:04:05] - Broken pipe from ('127.0.0.1', 54321)").unwrap();
    assert_eq!(broken[1..], ["severity=9", "~message=- Broken pipe from ('127.0.0.1', 54321)"]);
}

#[test]
fn failures_have_the_status_that_they_are_called_by() {
    assert_eq!(
        seen("Internal Server Error: /pay\nTraceback (most recent call last):").unwrap(),
        ["severity=17", "url.path=/pay", "http.response.status_code:=500"]
    );
    for (line, status) in [
        ("Not Found: /favicon.ico", 404),
        ("Forbidden (CSRF cookie not set.): /pay", 403),
        ("Method Not Allowed (POST): /pay", 405),
        ("Bad Request: /", 400),
        ("Service Unavailable: /a: /b", 503),
    ] {
        let seen = seen(line).unwrap();
        assert_eq!(seen[2], format!("http.response.status_code:={status}"), "{line}");
        assert_eq!(seen[1], format!("url.path=/{}", line.split_once(": /").unwrap().1));
    }
}

#[test]
fn what_django_does_not_write_is_not_understood() {
    for line in [
        "",
        "Watching for file changes with StatReloader",
        "Not Found",
        "Not Found: x",
        "Lost: /pay",
        "[02/Jan/2026 04:04:05]",
        r#"[02/Jan/2026 04:04:05] "GET / HTTP/1.1" x 1"#,
        r#"[02/Jan/2026 04:04:05] "GET / HTTP/1.1" 200"#,
        "[yesterday] x",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_the_server_writes_comes_back(method in "GET|POST|HEAD", path in "/[a-z/\"é]{0,20}", status in 100u16..600, size in 0u32..9_999_999) {
        let seen = seen(&format!("[02/Jan/2026 04:04:05] \"{method} {path} HTTP/1.1\" {status} {size}")).unwrap();
        prop_assert_eq!(&seen[2..4], [format!("http.request.method={method}"), format!("url.path={path}")]);
        prop_assert_eq!(&seen[5..7], [format!("http.response.status_code:={status}"), format!("http.response.body.size:={size}")]);
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(
        line in "\\PC{0,80}", alike in "\\[02/Jan/2026 04:04:05\\] [\"a-z0-9/ ]{0,40}", failure in "(Not Found|Gone) ?[(a-z). :/é]{0,20}",
    ) {
        let _ = (seen(&line), seen(&alike), seen(&failure));
    }
}
